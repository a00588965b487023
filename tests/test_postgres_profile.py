"""``MESH_PROFILE=postgres mesh up --once``: a real PostgreSQL server from PyPI, made and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import WORKSPACE, mesh
from meshes import contract, manifest, write, write_mesh

import mesh_defs

pytestmark = [pytest.mark.xdist_group("postgres"), pytest.mark.timeout(240)]

URL = "mesh://shop/orders"
SERVER = ".mesh/operational/postgres"
SETTINGS = f"""
name: shop
profile: local
profiles:
  local:
    services:
      ops: {{driver: files, path: data}}
  postgres:
    services:
      ops:
        driver: postgres
        embedded: {SERVER}
        database: shop
        prepare: "till:prepare"
"""
TILL = """
import duckdb

from mesh_defs.drivers.duckdb_extensions import load_extension
from mesh_defs.drivers.source.embedded_postgres import ensure
from mesh_defs.sql import literal


def prepare(settings, root, report):
    uri = ensure(root / settings["embedded"], settings["database"])
    wanted = int((root / "orders.txt").read_text())
    with duckdb.connect() as connection:
        load_extension(connection, "postgres_scanner")
        connection.execute(f"ATTACH {literal(uri)} AS till (TYPE postgres)")
        create = "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, amount NUMERIC(10, 2))"
        insert = f"INSERT INTO orders SELECT i, i * 1.5 FROM generate_series(0, {wanted - 1}) i"
        # PostgreSQL counts changes when it is idle; without the last statement a little later.
        flush = "SELECT pg_stat_force_next_flush()"
        statements = f"{create}; {insert} ON CONFLICT DO NOTHING; {flush}"
        connection.execute(f"CALL postgres_execute('till', {literal(statements)})")
    report(f"{wanted} orders")
"""
COLUMNS = """
- {name: id, logicalType: integer, required: true, primaryKey: true}
- {name: amount, logicalType: number, physicalType: "DECIMAL(10,2)", required: true}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_mesh(
        tmp_path,
        {
            "mesh.yaml": SETTINGS,
            "workspace.yaml": WORKSPACE.replace("fleet", "shop"),
            "till.py": TILL,
            "orders.txt": "3",
            "domains/shop/orders/defs.yaml": manifest("inputs: {orders: 'ops://orders'}"),
            "domains/shop/orders/contract.yaml": contract("orders", COLUMNS),
            "domains/shop/orders/orders.sql": "SELECT id, amount FROM orders",
        },
    )


def test_a_mesh_is_built_from_a_server_that_it_starts_itself(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a container or under cron, where nobody has logged in.
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    first = built(root)
    assert (first["outcome"], first["version"], first["rows"]) == ("published", 0, 3)
    assert not (root / SERVER / "postmaster.pid").exists(), "the server outlived its command"
    published = mesh_defs.open(URL, root=root, profile="postgres")
    assert [str(v) for v in published.arrow(where="id = 2")["amount"]] == ["3.00"]

    again = mesh(root, "up", "--once", MESH_PROFILE="postgres")
    assert again.returncode == 0, again.stderr
    assert "up to date" in next(r for r in again.stdout.splitlines() if "shop/orders" in r)
    assert "ops: 3 orders" in again.stderr
    assert "Warning" not in again.stderr

    write(root, {"orders.txt": "5"})
    third = built(root)
    assert (third["outcome"], third["version"], third["rows"]) == ("published", 1, 5)


def built(root: Path) -> dict[str, Any]:
    done = mesh(root, "up", "--once", "--json", MESH_PROFILE="postgres")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert [service["error"] for service in answer["prepared"]] == [None]
    (product,) = answer["products"]
    return dict(product)
