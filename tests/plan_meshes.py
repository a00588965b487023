"""A small real mesh for plans: a producer, its consumers, and a consumer of a consumer."""

from __future__ import annotations

from pathlib import Path

from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.product.container import run_product
from mesh_defs.product.graph import build_order
from mesh_defs.product.plan.make import make_plan
from mesh_defs.product.plan.model import Plan, ProductPlan, Touched

SALES = """
- {name: sale, logicalType: integer, physicalType: INTEGER, required: true, primaryKey: true}
- {name: day, logicalType: date, required: true}
- {name: amount, logicalType: number, physicalType: DOUBLE, logicalTypeOptions: {minimum: 0}}
- {name: place, logicalType: string}
- {name: note, logicalType: string}
"""
SALES_SQL = "SELECT sale::INTEGER AS sale, day, amount, place, note FROM sales\n"

FILES = {
    "domains/shop/sales/defs.yaml": manifest("inputs: {sales: files://sales}"),
    "domains/shop/sales/contract.yaml": contract("sales", SALES),
    "domains/shop/sales/sales.sql": SALES_SQL,
    # Reads amount and day; decides by place which rows there are.
    "domains/shop/daily/defs.yaml": manifest(
        """
        inputs:
          sales:
            from: mesh://shop/sales
            expect:
              properties:
                - {name: amount, logicalType: number, logicalTypeOptions: {maximum: 100}}
        """,
        archetype="aggregate",
    ),
    "domains/shop/daily/contract.yaml": contract(
        "daily",
        "- {name: day, logicalType: date, primaryKey: true}\n"
        "- {name: takings, logicalType: number}",
    ),
    "domains/shop/daily/daily.sql": "SELECT day, sum(amount) AS takings\nFROM sales\n"
    "WHERE place <> 'till 9'\nGROUP BY day\n",
    # Reads what daily makes, and keeps to its version 1.
    "domains/office/best/defs.yaml": manifest(
        "inputs: {daily: 'mesh://shop/daily@1'}", archetype="consumer-aligned"
    ),
    "domains/office/best/contract.yaml": contract(
        "best", "- {name: most, logicalType: number, required: true}"
    ),
    "domains/office/best/best.sql": "SELECT max(takings) AS most FROM daily\n",
    # Made in Python: what it reads is not known.
    "domains/office/places/defs.yaml": manifest(
        "inputs: {sales: 'mesh://shop/sales@1'}", archetype="consumer-aligned"
    ),
    "domains/office/places/contract.yaml": contract(
        "places", "- {name: shops, logicalType: integer, required: true}"
    ),
    "domains/office/places/transform.py": "def transform(sales):\n"
    "    return sales.duckdb().aggregate('count(distinct #4) AS shops')\n",
}


def shop(root: Path, *, run: bool = True) -> Path:
    """The mesh below ``root``, its products published in their order."""
    write_mesh(root, FILES)
    rows(root, "5.0")
    if run:
        publish(root)
    return root


def rows(root: Path, amount: str) -> None:
    """Two sales, one of ``amount``, in the operational system."""
    write_parquet(
        root,
        "sales",
        f"SELECT 1 AS sale, DATE '2026-01-02' AS day, {amount}::DOUBLE AS amount, 'a' AS place, "
        "'x' AS note UNION ALL SELECT 2, DATE '2026-01-03', 7.0, 'b', NULL",
    )


def publish(root: Path) -> None:
    """Run every product of the mesh below ``root``."""
    mesh = load(root)
    for product in build_order(mesh.products.values()):
        assert run_product(mesh, product).outcome == "published", product.identity


def replace(root: Path, name: str, old: str, new: str) -> None:
    """Change the text of one file, which has ``old`` once."""
    path = root / name
    text = path.read_text()
    assert text.count(old) == 1, (name, old)
    path.write_text(text.replace(old, new))


def without_column(root: Path, column: str) -> None:
    """Take a column out of what ``shop/sales`` promises and makes."""
    path = root / "domains/shop/sales/contract.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if f"name: {column}," not in line))
    replace(root, "domains/shop/sales/sales.sql", f", {column}", "")


def plan(root: Path, *only: str, against: str | None = None, build: bool = True) -> Plan:
    """The plan for the working tree below ``root``, which may have broken products."""
    from mesh_defs.product.load import load_mesh

    return make_plan(
        load_mesh(root),
        only=only,
        against=against,
        build=build,
        tell=lambda _: None,
        observer=lambda _: None,
    )


def product(found: Plan, identity: str) -> ProductPlan:
    """The plan of one product that changed."""
    return next(p for p in found.products if p.identity == identity)


def consumer(found: ProductPlan, identity: str) -> Touched:
    """One of the consumers that it touches."""
    return next(t for t in found.touched if t.product == identity)
