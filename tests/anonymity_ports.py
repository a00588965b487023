"""One port with quasi-identifiers and counts, for tests of policies on small groups."""

from __future__ import annotations

from pathlib import Path

from drift_meshes import publish, versions

from mesh_defs.product.report import RunReport

PROPERTIES = """
- {name: year, logicalType: integer}
- {name: zip, logicalType: string}
- {name: meal, logicalType: string, classification: sensitive}
- name: fare
  logicalType: number
REDUCED
- {name: flights, logicalType: integer}
"""


def ran(root: Path, policy: str, query: str, custom: str = "", reduced: str = "") -> RunReport:
    """Publish the rows of ``query`` (year, zip, meal, fare, flights) under ``policy``; ``custom``
    are custom properties of the schema object, ``reduced`` the value of ``reducedBy`` of fare."""
    by = f"  customProperties: [{{property: reducedBy, value: {reduced}}}]" if reduced else ""
    versions(root, policy, PROPERTIES.replace("REDUCED", by))
    file = root / "domains/shop/things/contract.yaml"
    head = "  - name: things\n"
    text = file.read_text().replace(head, f"{head}    customProperties: [{custom}]\n")
    file.write_text(text)
    return publish(root, f"SELECT row_number() OVER () AS id, * FROM ({query})")


def row(
    year: str = "1980", zip_: str = "'1'", meal: str = "'a'", flights: str = "9", count: int = 1
) -> str:
    """``count`` rows of these values (SQL, over ``i``)."""
    return (
        f"SELECT {year} AS year, {zip_} AS zip, {meal} AS meal, 1.5::DOUBLE AS fare,"
        f" {flights} AS flights FROM range({count}) t(i)"
    )
