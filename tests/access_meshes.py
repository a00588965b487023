"""A small real mesh whose reads are governed: sales with columns of every classification."""

from __future__ import annotations

from pathlib import Path

from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.product.container import run_product

URL = "mesh://shop/sales"
PORT = 'Port::"shop/sales/sales"'
PEOPLE = """
people:
  ada@shop.example: {roles: [reader], domain: shop}
  guest@shop.example: {domain: office}
services:
  reports: {roles: [reader, auditor], domain: office}
agents:
  helper: {roles: [reader]}
"""
WORKSPACE = "load_from:\n" + "".join(
    f"- python_module:\n    module_name: mesh_defs.locations\n    attribute: {name}\n"
    f"    location_name: {name}\n"
    for name in ("office", "shop")
)
COLUMNS = """
- {name: id, logicalType: integer, classification: public, primaryKey: true, required: true}
- {name: origin, logicalType: string, classification: internal}
- {name: price, logicalType: number, physicalType: DOUBLE, classification: confidential}
- {name: email, logicalType: string, classification: personal}
- {name: phone, logicalType: string, classification: personal}
- {name: born, logicalType: date, classification: personal}
- {name: meal, logicalType: string, classification: sensitive}
"""
ROWS = """
select i as id, ['JFK', 'LGA', 'EWR'][i % 3 + 1] as origin, 100.5::double + i as price,
  'person' || i || '@mail.example' as email, '+1-212-555-01' || (10 + i) as phone,
  date '1980-06-15' + i::integer as born, ['kosher', 'vegan'][i % 2 + 1] as meal
from range(12) t(i)
"""
READERS = f"""
@id("readers")
permit (principal in Role::"reader", action == Action::"read", resource == {PORT});
"""


def sales_files(access: str = READERS, **more: str) -> dict[str, str]:
    """The files of the mesh; ``access`` are the rules of the domain ``shop``."""
    files = {
        "workspace.yaml": WORKSPACE,
        "principals.yaml": PEOPLE,
        "domains/office/__init__.py": "",
        "domains/shop/access.cedar": access,
        "domains/shop/sales/defs.yaml": manifest(
            "inputs: {sales: files://sales}\npurposes: [analytics, care]"
        ),
        "domains/shop/sales/contract.yaml": contract("sales", COLUMNS),
        "domains/shop/sales/sales.sql": "select * from sales",
    }
    return {**files, **more}


def sales_mesh(root: Path, access: str = READERS, **more: str) -> Path:
    """The mesh with one published version of 12 rows."""
    write_mesh(root, sales_files(access, **more))
    write_parquet(root, "sales", ROWS)
    publish(root, URL)
    return root


def publish(root: Path, *urls: str) -> None:
    """Run the products at ``urls``, each of which must publish."""
    for url in urls:
        mesh = load(root)
        report = run_product(mesh, mesh.product(url))
        assert report.outcome == "published", report.explanation()


def column(name: str) -> str:
    """A column of the sales as Cedar names it."""
    return f'Column::"shop/sales/sales#{name}"'


def permit(condition: str = "", *, annotations: str = "", resource: str = "resource") -> str:
    """A rule that lets readers read ``resource``."""
    when = f"when {{ {condition} }}" if condition else ""
    head = f"{annotations}\n" if annotations else ""
    return (
        f'{head}permit (principal in Role::"reader", action == Action::"read", '
        f"{resource}) {when};\n"
    )
