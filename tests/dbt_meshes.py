"""Small meshes whose products are made by dbt."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.product.container import run_product
from mesh_defs.product.report import RunReport

if TYPE_CHECKING:
    import jinja2.nodes
    from dbt_common.clients.jinja import MacroFuzzEnvironment

PROJECT = """
name: shop
version: 1.0.0
profile: shop
models:
  shop:
    +materialized: table
"""
SOURCES = """
sources:
  - name: inputs
    tables:
      - name: things
"""
ORDERS = "select id, v * 2 as doubled from {{ source('inputs', 'things') }}"
COLUMNS = """
- {name: id, logicalType: integer, required: true, primaryKey: true}
- {name: doubled, logicalType: integer}
"""


def dbt_mesh(root: Path, project: dict[str, str], *, quality: str = "", body: str = "") -> Path:
    """``mesh://shop/orders``, made by the dbt project ``shop`` of ``project``'s files, which are
    relative to it and replace the defaults; its input has the ids 0 to 99."""
    write_parquet(
        root, "things", "select i as id, i % 10 as v, 'name ' || i as name from range(100) t(i)"
    )
    files = {
        "dbt_project.yml": PROJECT,
        "models/sources.yml": SOURCES,
        "models/orders.sql": ORDERS,
        **project,
    }
    body = body or "inputs: {things: files://things}\ntransform: {dbt: shop}"
    return write_mesh(
        root,
        {
            "domains/shop/orders/defs.yaml": manifest(body),
            "domains/shop/orders/contract.yaml": contract("orders", COLUMNS, quality=quality),
            **{f"dbt_projects/shop/{name}": text for name, text in files.items()},
        },
    )


def run(root: Path, product: str = "shop/orders") -> RunReport:
    """Run one product as it stands on disk now."""
    share_macros()
    mesh = load(root)
    return run_product(mesh, mesh.product(f"mesh://{product}"))


@cache
def share_macros() -> None:
    """Have this process take the 500 macros of dbt's own apart once: dbt does it anew for every
    project, which is most of what a test of a small one costs. Nobody changes the trees."""
    from dbt_common.clients.jinja import MacroFuzzEnvironment

    parse = MacroFuzzEnvironment._parse
    parsed: dict[tuple[object, ...], jinja2.nodes.Template] = {}

    def once(
        self: MacroFuzzEnvironment, source: str, name: str | None, filename: str | None
    ) -> jinja2.nodes.Template:
        key = (type(self), *self.extensions, source, name, filename)
        if key not in parsed:
            parsed[key] = parse(self, source, name, filename)
        return parsed[key]

    MacroFuzzEnvironment._parse = once  # type: ignore[method-assign]
