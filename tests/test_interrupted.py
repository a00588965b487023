"""Ctrl-C and SIGTERM end a command wherever it is, and are no fault of what it was doing."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from commands import AIRCRAFT_SQL, aircraft_files, mesh
from dbt_meshes import dbt_mesh
from governed_meshes import shop
from meshes import contract, manifest, write, write_mesh
from stopping import BEGUN, SLOW, stopped

from mesh_defs.interrupts import is_interrupt, listening, received

URL = "mesh://fleet/aircraft"
SLOW_SQL = f"SELECT n::VARCHAR AS tail_number, 4 AS seats FROM ({SLOW})"
PYTHON = f'''
from pathlib import Path

import pyarrow as pa

SLOW = """{SLOW_SQL}"""


def begun():
    Path("{BEGUN}").touch()

'''
ARROW = """
def transform(context):
    begun()
    return context.connection.execute(SLOW).arrow()
"""
RELATION = """
def transform(context):
    begun()
    return context.connection.sql(SLOW)
"""
CAUGHT = """
def transform(context):
    try:
        begun()
        context.connection.execute(SLOW).fetchall()
    except Exception as error:
        raise ValueError("it is slow") from error
"""
STREAM = """
def transform(context):
    batch = pa.RecordBatch.from_pylist([{"tail_number": "N1", "seats": 4}])
    yield batch
    begun()
    while True:
        yield batch
"""
SLOW_POLICY = f'''
from __future__ import annotations

from pathlib import Path

from mesh_defs import DataPolicy


class Slow(DataPolicy):
    """It asks the engine something long."""

    def findings(self, port):
        Path("{BEGUN}").touch()
        port.connection.execute("{SLOW}").fetchall()
        return []
'''

pytestmark = pytest.mark.timeout(180)


def ports(root: Path, product: str) -> list[Path]:
    """Files of the product's ports: one stands there as soon as its query runs."""
    return list((root / ".mesh/storage" / product / "ports").rglob("*.parquet"))


def no_crash(root: Path, errors: str) -> None:
    assert errors.splitlines()[-1] == "mesh: stopped"
    assert "Traceback" not in errors
    assert "something broke" not in errors
    assert not list((root / ".mesh/logs").glob("crash-*"))


def last_run(root: Path, product: str = "fleet/aircraft") -> tuple[str, str | None]:
    answer = json.loads(mesh(root, "status", f"mesh://{product}", "--json").stdout)
    assert answer["version"] is None
    return answer["last_run"]["result"], answer["last_run"]["message"]


@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_inside_sql(tmp_path: Path, number: int, word: str) -> None:
    root = write_mesh(tmp_path, aircraft_files(**{"aircraft.sql": SLOW_SQL}))
    code, _, errors = stopped(
        root, "run", URL, seen=lambda: ports(root, "fleet/aircraft"), number=number
    )
    assert code == 130
    no_crash(root, errors)
    assert last_run(root) == ("error", f"stopped by {word}")
    assert ports(root, "fleet/aircraft") == []
    write(root, {"domains/fleet/aircraft/aircraft.sql": AIRCRAFT_SQL})
    assert mesh(root, "run", URL).returncode == 0


@pytest.mark.parametrize("code", [ARROW, RELATION, CAUGHT, STREAM])
def test_inside_python(tmp_path: Path, code: str) -> None:
    files = aircraft_files(**{"transform.py": PYTHON + code})
    del files["domains/fleet/aircraft/aircraft.sql"]
    root = write_mesh(tmp_path, files)
    ended, _, errors = stopped(root, "run", URL, seen=(root / BEGUN).exists)
    assert ended == 130, errors
    no_crash(root, errors)
    assert last_run(root) == ("error", "stopped by Ctrl-C")


def test_inside_a_view_of_dbt(tmp_path: Path) -> None:
    """dbt only names the query: it runs when its rows are staged."""
    view = "{{ config(materialized='view') }} select n as id, n as doubled from (" + SLOW + ")"
    root = dbt_mesh(tmp_path, {"models/orders.sql": view})
    code, _, errors = stopped(
        root, "run", "mesh://shop/orders", seen=lambda: ports(root, "shop/orders")
    )
    assert code == 130, errors
    no_crash(root, errors)
    assert last_run(root, "shop/orders") == ("error", "stopped by Ctrl-C")


def test_inside_a_policy(tmp_path: Path) -> None:
    root = shop(tmp_path, "- Slow", files={"policies/slow.py": SLOW_POLICY})
    code, _, errors = stopped(root, "run", "mesh://sales/orders", seen=(root / BEGUN).exists)
    assert code == 130, errors
    no_crash(root, errors)
    assert last_run(root, "sales/orders") == ("error", "stopped by Ctrl-C")
    assert not list((root / ".mesh/storage").glob("**/quarantine/*"))


def test_inside_a_rule_of_a_contract(tmp_path: Path) -> None:
    file = "domains/fleet/aircraft/contract.yaml"
    query = f"SELECT n FROM ({SLOW})"
    rule = f'    quality:\n      - {{type: sql, query: "{query}", mustBe: 0}}\n'
    root = write_mesh(tmp_path, {**aircraft_files(), file: aircraft_files()[file] + rule})
    code, _, errors = stopped(root, "run", URL, seen=lambda: ports(root, "fleet/aircraft"))
    assert code == 130, errors
    no_crash(root, errors)
    assert last_run(root) == ("error", "stopped by Ctrl-C")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_mesh_that_is_built_stops_with_the_product(tmp_path: Path, number: int) -> None:
    """`shop/things` is built after `fleet/aircraft`, of which it knows nothing."""
    root = write_mesh(
        tmp_path,
        {
            **aircraft_files(**{"aircraft.sql": SLOW_SQL}),
            "domains/shop/things/defs.yaml": manifest(),
            "domains/shop/things/contract.yaml": contract("things", "- {name: id, required: true}"),
            "domains/shop/things/things.sql": "SELECT 'a' AS id",
        },
    )
    code, out, errors = stopped(
        root, "up", "--once", seen=lambda: ports(root, "fleet/aircraft"), number=number
    )
    assert code == 130, errors
    no_crash(root, errors)
    assert "things" not in out + errors
    things = json.loads(mesh(root, "status", "mesh://shop/things", "--json").stdout)
    assert (things["version"], things["last_run"]) == (None, None)
    assert last_run(root)[0] == "error"


def chained(outer: BaseException, inner: BaseException, *, hidden: bool) -> BaseException:
    try:
        try:
            raise inner
        except BaseException:  # noqa: BLE001  whichever the test gives
            if hidden:
                raise outer from None
            raise outer  # noqa: B904  its context is what is looked at
    except BaseException as error:  # noqa: BLE001  whichever the test gives
        return error


@pytest.mark.parametrize("hidden", [False, True])
def test_what_an_interrupt_became_is_an_interrupt(hidden: bool) -> None:
    once = chained(RuntimeError("Query interrupted"), KeyboardInterrupt(), hidden=hidden)
    assert is_interrupt(once)
    assert is_interrupt(chained(ValueError(), once, hidden=hidden))
    assert is_interrupt(KeyboardInterrupt())
    for other in (RuntimeError("Query interrupted"), SystemExit(), GeneratorExit()):
        assert not is_interrupt(chained(ValueError(), other, hidden=hidden))


def test_a_chain_that_bites_its_tail_ends() -> None:
    one, two = ValueError(), KeyError()
    one.__cause__, two.__cause__ = two, one
    assert not is_interrupt(one)


def test_a_signal_is_remembered_until_the_outermost_listener_is_done() -> None:
    before = signal.getsignal(signal.SIGINT)
    with listening():
        with pytest.raises(KeyboardInterrupt), listening():
            signal.raise_signal(signal.SIGINT)
        assert is_interrupt(ValueError("made of it"))
        assert received() == "Ctrl-C"
    assert not is_interrupt(ValueError("of its own"))
    assert received() is None
    assert signal.getsignal(signal.SIGINT) is before
