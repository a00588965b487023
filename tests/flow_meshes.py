"""A mesh in which personal data goes from product to product, for the tests of what follows it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from governed_meshes import mesh_yaml
from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.contract.verdicts import Verdict
from mesh_defs.product.container import run_product
from mesh_defs.product.model import Mesh
from mesh_defs.product.report import RunReport

BOOKINGS = """
- {name: id, logicalType: integer, required: true}
- {name: email, logicalType: string, classification: personal}
- {name: meal, logicalType: string, classification: sensitive}
- {name: fare, logicalType: number, classification: confidential}
- {name: born, logicalType: date, classification: personal}
- {name: origin, logicalType: string, classification: public}
"""

ROWS = (
    "select i as id, 'p' || i || '@passengers.example' as email, "
    "case when i % 7 = 0 then 'halal' else 'standard' end as meal, "
    "cast(50 + i as double) as fare, date '1950-01-01' + i::integer as born, "
    "case when i < 60 then 'JFK' when i < 97 then 'LGA' else 'EWR' end as origin "
    "from range(100) t(i)"
)
HASH_KEY = "a key of a test that nobody else has"


def column(name: str, classification: str | None = None, **more: object) -> str:
    """A property as one line of a YAML list. ``more`` are keys of its ``reducedBy``, or
    ``purposes`` and ``sources``."""
    text = f"- {{name: {name}"
    text += f", classification: {classification}" if classification else ""
    sources, purposes = more.pop("sources", None), more.pop("purposes", None)
    if isinstance(sources, list):
        text += f", transformSourceObjects: [{', '.join(sources)}]"
    custom = []
    if more:
        listed = ", ".join(f"{key}: {value}" for key, value in more.items())
        custom.append(f"{{property: reducedBy, value: {{{listed}}}}}")
    if isinstance(purposes, list):
        custom.append(f"{{property: permittedPurposes, value: [{', '.join(purposes)}]}}")
    text += f", customProperties: [{', '.join(custom)}]" if custom else ""
    return text + "}\n"


def flow_mesh(
    root: Path,
    query: str,
    properties: str,
    *,
    policies: str = "- SensitivityFollows",
    middle: tuple[str, str] | None = None,
    bookings: str = BOOKINGS,
    rows: str = ROWS,
    care: str = "",
    upstream: str = "",
    files: dict[str, str] | None = None,
) -> Path:
    """``passengers/bookings`` from files; ``care/contacts`` by ``query`` over it (input
    ``bookings``), or over ``desk/middle`` (input ``middle``; its query and properties)."""
    source = "middle: mesh://desk/middle" if middle else "bookings: mesh://passengers/bookings"
    text = mesh_yaml(policies)
    text = text.replace("  local:\n", '  local:\n    hash_key: "${MESH_HASH_KEY}"\n', 1)
    made = {
        "mesh.yaml": text,
        "domains/passengers/bookings/defs.yaml": manifest(
            "inputs: {raw: files://bookings}\n" + textwrap.dedent(upstream)
        ),
        "domains/passengers/bookings/contract.yaml": contract("bookings", bookings),
        "domains/passengers/bookings/bookings.sql": "select * from raw",
        "domains/care/contacts/defs.yaml": manifest(
            f"inputs: {{{source}}}\n" + textwrap.dedent(care), archetype="consumer-aligned"
        ),
        "domains/care/contacts/contract.yaml": contract(
            "contacts", properties, quality="- {metric: rowCount, mustBeGreaterThan: 0}"
        ),
        "domains/care/contacts/contacts.sql": query,
    }
    if middle is not None:
        made |= {
            "domains/desk/middle/defs.yaml": manifest(
                "inputs: {bookings: mesh://passengers/bookings}", archetype="aggregate"
            ),
            "domains/desk/middle/contract.yaml": contract(
                "middle", middle[1], quality="- {metric: rowCount, mustBeGreaterThan: 0}"
            ),
            "domains/desk/middle/middle.sql": middle[0],
        }
    write_mesh(root, {**made, **(files or {})})
    write_parquet(root, "bookings", rows)
    return root


def python_contacts(root: Path, code: str) -> Path:
    """The mesh with ``care/contacts`` made by a Python transform instead of SQL."""
    (root / "domains/care/contacts/contacts.sql").unlink()
    (root / "domains/care/contacts/transform.py").write_text(textwrap.dedent(code))
    return root


def publish(root: Path, *identities: str) -> Mesh:
    """Run these products; each must publish."""
    mesh = load(root)
    for identity in identities:
        report = run_product(mesh, mesh.product(f"mesh://{identity}"))
        assert report.outcome == "published", report.explanation()
    return mesh


def contacts(root: Path) -> RunReport:
    """Publish what is upstream, and run ``care/contacts``."""
    mesh = load(root)
    before = ["passengers/bookings"]
    before += ["desk/middle"] if "desk/middle" in mesh.products else []
    publish(root, *before)
    return run_product(mesh, mesh.product("mesh://care/contacts"))


def verdict(report: RunReport, policy: str = "SensitivityFollows") -> Verdict:
    """The verdict of ``policy`` on the port."""
    found = [v for v in report.verdicts if v.stage == "policy" and v.rule == policy]
    assert len(found) == 1, [v.rule for v in report.verdicts]
    return found[0]
