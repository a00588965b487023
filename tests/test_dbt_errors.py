"""What goes wrong in a dbt project is said once, with its file, and leaves nothing behind."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest
from dbt_meshes import ORDERS, PROJECT, dbt_mesh, run
from meshes import write

from mesh_defs.errors import TransformFailed

pytestmark = pytest.mark.xdist_group("dbt")

SOURCE = "{{ source('inputs', 'things') }}"
MODEL = "dbt_projects/shop/models/orders.sql: "

FAULTS = {
    "unknown column": (
        {"models/orders.sql": f"select nope from {SOURCE}"},
        MODEL + "model 'orders': Binder Error: Referenced column \"nope\" not found",
    ),
    "broken jinja": (
        {"models/orders.sql": "select {{ id from x"},
        MODEL + "expected token 'end of print statement', got 'from'",
    ),
    "unknown model": (
        {"models/orders.sql": "select id from {{ ref('nope') }}"},
        MODEL + "Model 'model.shop.orders' (models/orders.sql) depends on a node named 'nope'",
    ),
    "unknown source": (
        {"models/orders.sql": "select id from {{ source('inputs', 'thinks') }}"},
        "named 'inputs.thinks' which was not found; the product's inputs: things. Fix: ",
    ),
    "undeclared input": (
        {
            "models/sources.yml": "sources: [{name: inputs, tables: [{name: thing}]}]",
            "models/orders.sql": "select id from {{ source('inputs', 'thing') }}",
        },
        MODEL + "source('inputs', 'thing') is no input of mesh://shop/orders; its inputs: things. "
        "Fix: read 'things' instead",
    ),
    "another source": (
        {
            "models/sources.yml": "sources: [{name: inputs, tables: [{name: things}]}, "
            "{name: files, config: {meta: {external_location: '/etc/{name}'}}, "
            "tables: [{name: passwd}]}]",
            "models/orders.sql": "select id from {{ source('files', 'passwd') }}",
        },
        MODEL + "source('files', 'passwd') is no input of mesh://shop/orders",
    ),
    "a file that is no input": (
        {"models/orders.sql": f"select * from read_text('/etc/passwd') -- {SOURCE}"},
        MODEL + "model 'orders': Permission Error: Cannot access file \"/etc/passwd\"",
    ),
    "a snapshot": (
        {
            "models/orders.sql": "select id from {{ ref('history') }}",
            "snapshots/history.sql": "{% snapshot history %}{{ config(unique_key='id', "
            "strategy='check', check_cols='all', target_schema='main') }}"
            f"select * from {SOURCE}{{% endsnapshot %}}",
        },
        "dbt_projects/shop/snapshots/history.sql: a snapshot keeps its history in the database",
    ),
    "a disabled model": (
        {"models/orders.sql": "{{ config(enabled=false) }}" + ORDERS},
        "dbt_projects/shop: model 'orders' is disabled",
    ),
    "a broken project file": (
        {"dbt_project.yml": PROJECT + "nope: 1\n  x"},
        "dbt_projects/shop/dbt_project.yml: at path []: Additional properties are not allowed",
    ),
    "a package that is not installed": (
        {"packages.yml": "packages: [{package: dbt-labs/dbt_utils, version: 1.3.0}]"},
        "Fix: run 'dbt deps --project-dir dbt_projects/shop'",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_names_its_file_and_what_dbt_says(tmp_path: Path, name: str) -> None:
    files, message = FAULTS[name]
    dbt_mesh(tmp_path, files)
    with pytest.raises(TransformFailed) as caught:
        run(tmp_path)
    text = str(caught.value)
    assert message in text
    for noise in (
        "Traceback",
        "Encountered an error",
        "compiled code at",
        "Error in model",
        "\x1b",
    ):
        assert noise not in text
    assert str(tmp_path) not in text


def test_every_model_that_fails_is_named(tmp_path: Path) -> None:
    files = {
        "models/one.sql": f"select nope from {SOURCE}",
        "models/two.sql": f"select neither from {SOURCE}",
        "models/orders.sql": "select id from {{ ref('one') }} join {{ ref('two') }} using (id)",
    }
    dbt_mesh(tmp_path, files)
    with pytest.raises(TransformFailed) as caught:
        run(tmp_path)
    text = str(caught.value)
    assert "models/one.sql: model 'one': " in text
    assert "models/two.sql: model 'two': " in text
    assert "model 'orders'" not in text  # It was skipped because of the two.


def test_an_error_in_a_python_model_shows_its_own_line(tmp_path: Path) -> None:
    code = "def model(dbt, connection):\n    dbt.source('inputs', 'things')\n    return 1 / 0\n"
    dbt_mesh(tmp_path, {"models/orders.py": code})
    (tmp_path / "dbt_projects/shop/models/orders.sql").unlink()
    with pytest.raises(TransformFailed) as caught:
        run(tmp_path)
    assert str(caught.value) == (
        "dbt_projects/shop/models/orders.py: model 'orders': ZeroDivisionError: division by zero\n"
        "  line 3, in model: return 1 / 0"
    )


def state() -> dict[str, object]:
    root = logging.getLogger()
    return {
        "handlers": list(root.handlers),
        "level": root.level,
        "disabled": root.manager.disable,
        "levels": {name: logging.getLogger(name).level for name in ("dagster", "mesh", "duckdb")},
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "threads": {thread.name for thread in threading.enumerate()},
        "dbt handlers": [logging.getLogger(n).handlers for n in ("file_log", "stdout_log")],
        "files": open_files(),
    }


def open_files() -> set[str]:
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue  # The descriptor with which the folder itself was listed.
    return {name for name in found if name.startswith("/") and ".mesh" in name}


@pytest.mark.parametrize("query", [ORDERS, f"select nope from {SOURCE}", "select {{ nope() }}"])
def test_the_process_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], query: str
) -> None:
    # A person's own settings of dbt must neither change a product nor get lost.
    for name, value in {
        "DBT_TARGET": "nowhere",
        "DBT_PROFILES_DIR": "/nowhere",
        "DBT_WARN_ERROR": "true",
        "DBT_DEBUG": "true",
        "DBT_ENGINE_LOG_LEVEL": "debug",
        "DBT_RECORDER_MODE": "record",
    }.items():
        monkeypatch.setenv(name, value)
    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    try:
        dbt_mesh(tmp_path, {"models/orders.sql": query})
        before = state()
        if query == ORDERS:
            run(tmp_path)
        else:
            with pytest.raises(TransformFailed):
                run(tmp_path)
        assert state() == before
    finally:
        logging.getLogger().removeHandler(handler)
    assert capfd.readouterr() == ("", "")


def test_a_run_after_a_failed_one_is_not_disturbed_by_it(tmp_path: Path) -> None:
    dbt_mesh(tmp_path, {"models/orders.sql": f"select nope from {SOURCE}"})
    for _ in range(2):
        with pytest.raises(TransformFailed, match="nope"):
            run(tmp_path)
    write(tmp_path, {"dbt_projects/shop/models/orders.sql": ORDERS})
    assert run(tmp_path).outcome == "published"


def test_a_projects_own_variables_of_the_environment_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_ENV_CUSTOM_ENV_FACTOR", "1")
    monkeypatch.setenv("SHOP_COLUMN", "v")
    query = f"select id, {{{{ env_var('SHOP_COLUMN') }}}} as doubled from {SOURCE}"
    dbt_mesh(tmp_path, {"models/orders.sql": query})
    assert run(tmp_path).outcome == "published"
