"""A mesh with a history, served: stock (a snapshot with a key), log (append), people (masked)."""

from __future__ import annotations

import json
from pathlib import Path

from gateway_http import Served
from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.gateway.sharing.profile import profile
from mesh_defs.product.container import run_product

PRINCIPALS = """
people:
  ada@shop.example: {roles: [reader], domain: office}
  bob@shop.example: {roles: [jfk], domain: office}
  carl@shop.example: {domain: office}
  dora@shop.example: {roles: [doctor], domain: office}
"""
ADA, BOB, CARL, DORA = (f"person:{n}@shop.example" for n in ("ada", "bob", "carl", "dora"))
_READ = 'action in [Action::"read", Action::"subscribe"]'
# Ada sees all but what is personal, of which she sees the domain; Bob the rows of one airport;
# Dora everything; Carl nothing.
ACCESS = f"""
@id("readers")
permit (principal in Role::"reader", {_READ}, resource is Port);
@id("hosts") @mask("partial")
permit (principal in Role::"reader", {_READ}, resource is Column)
when {{ resource.classification == "personal" }};
@id("jfk") @rows("origin = 'JFK'")
permit (principal in Role::"jfk", {_READ}, resource is Port);
@id("doctors")
permit (principal in Role::"doctor", {_READ}, resource);
"""
STOCK = """
- {name: id, logicalType: integer, classification: internal, primaryKey: true, required: true}
- {name: origin, logicalType: string, classification: internal, description: Where it lies.}
- {name: price, logicalType: number, physicalType: DOUBLE, classification: internal}
- {name: seen, logicalType: timestamp, classification: internal}
"""
PEOPLE = """
- {name: id, logicalType: integer, classification: internal, primaryKey: true, required: true}
- {name: origin, logicalType: string, classification: internal}
- {name: email, logicalType: string, classification: personal}
"""
LOG = """
- {name: id, logicalType: integer, classification: internal, required: true}
- {name: origin, logicalType: string, classification: internal}
"""
PRODUCTS = {
    "stock": (STOCK, "{}"),
    "people": (PEOPLE, "{}"),
    "log": (LOG, "{mode: append, cursor: id}"),
    "bag": (LOG, "{}"),
}
ORIGIN = "['JFK', 'LGA', 'EWR'][i % 3 + 1] as origin"


def stock(ids: str, price: str = "i * 1.5") -> str:
    """The source of a version of ``stock``; ``ids`` is a relation with a column ``i``."""
    return (
        f"select i as id, {ORIGIN}, ({price})::double as price, "
        f"timestamptz '2026-01-01 00:00:00+00' + to_hours(i::int) as seen from {ids}"
    )


def people(ids: str, host: str = "mail.example") -> str:
    """The source of a version of ``people``."""
    return f"select i as id, {ORIGIN}, 'p' || i || '@{host}' as email from {ids}"


def plain(ids: str) -> str:
    """The source of a version of ``log`` or ``bag``."""
    return f"select i as id, {ORIGIN} from {ids}"


def shop(root: Path) -> Path:
    """The mesh, with nothing published."""
    files = {"principals.yaml": PRINCIPALS, "domains/shop/access.cedar": ACCESS}
    for name, (columns, output) in PRODUCTS.items():
        body = (
            f"inputs: {{rows: files://{name}}}\noutputs: {{{name}: {output}}}\npurposes: [testing]"
        )
        files[f"domains/shop/{name}/defs.yaml"] = manifest(body)
        files[f"domains/shop/{name}/contract.yaml"] = contract(name, columns)
        files[f"domains/shop/{name}/{name}.sql"] = "select * from rows"
    return write_mesh(root, files)


def publish(root: Path, product: str, query: str) -> int:
    """Publish the rows of ``query`` as the next version; its number."""
    write_parquet(root, product, query)
    mesh = load(root)
    report = run_product(mesh, mesh.product(f"mesh://shop/{product}"))
    assert report.outcome == "published", report.explanation()
    assert report.version is not None
    return report.version


def published_shop(root: Path) -> Path:
    """The mesh with three versions of ``stock`` and two of the others."""
    shop(root)
    publish(root, "stock", stock("range(12) t(i)"))
    publish(root, "stock", stock("range(2, 14) t(i)", "case when i = 5 then 99.5 else i * 1.5 end"))
    publish(root, "stock", stock("range(2, 15) t(i)", "case when i = 5 then 99.5 else i * 1.5 end"))
    publish(root, "people", people("range(6) t(i)"))
    publish(root, "people", people("range(1, 7) t(i)", "other.example"))
    publish(root, "log", plain("range(10) t(i)"))
    publish(root, "log", plain("range(25) t(i)"))
    publish(root, "bag", plain("(values (1), (1), (2)) t(i)"))
    publish(root, "bag", plain("(values (1), (2), (2), (3)) t(i)"))
    return root


def profile_file(mesh: Served, folder: Path, principal: str) -> Path:
    """A profile file of ``principal``."""
    path = folder / f"{principal.partition(':')[2]}.share"
    path.write_text(json.dumps(profile(mesh.base, mesh.token(principal), None)))
    return path
