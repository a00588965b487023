"""No value of a personal column stands in a discovery document: declared, inherited, found out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from meshes import MESH_YAML, contract, load, manifest, write_mesh

from mesh_defs.product.container import run_product
from mesh_defs.product.described.document import document_name
from mesh_defs.product.stores import product_store

PEOPLE = """
- {name: id, logicalType: integer, required: true, primaryKey: true, classification: public}
- {name: declared, logicalType: string, classification: personal}
- {name: sensitive, logicalType: string, classification: sensitive}
- {name: day, logicalType: date, classification: personal}
- {name: size, logicalType: number, physicalType: DOUBLE, classification: personal}
- {name: open, logicalType: string, classification: public}
- {name: closed, logicalType: string, classification: confidential}
"""
COPIES = """
- {name: id, logicalType: integer, required: true, primaryKey: true, classification: public}
- {name: copied, logicalType: string, classification: public}
- {name: part, logicalType: string, classification: internal}
- {name: open, logicalType: string, classification: public}
"""
SQL = "select id, declared || '!' as copied, upper(sensitive) as part, open from people"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {
        "domains/shop/people/defs.yaml": manifest(
            "inputs: {people: files://people}\noutputs: {people: {actual_time: day}}"
        ),
        "domains/shop/people/contract.yaml": contract("people", PEOPLE),
        "domains/shop/people/people.sql": "select * from people",
        "domains/shop/copies/defs.yaml": manifest(
            "inputs: {people: mesh://shop/people}", archetype="aggregate"
        ),
        "domains/shop/copies/contract.yaml": contract("copies", COPIES),
        "domains/shop/copies/copies.sql": SQL,
    }
    return write_mesh(tmp_path_factory.mktemp("mesh"), files)


def written(root: Path, rows: list[dict[str, Any]]) -> None:
    path = root / "data" / "people.parquet"
    path.parent.mkdir(exist_ok=True)
    file = root / "rows.json"
    file.write_text(json.dumps(rows))
    kinds = "{id: 'BIGINT', declared: 'VARCHAR', sensitive: 'VARCHAR', day: 'DATE',"
    kinds += " size: 'DOUBLE', open: 'VARCHAR', closed: 'VARCHAR'}"
    duckdb.sql(f"COPY (FROM read_json('{file}', columns = {kinds})) TO '{path}' (FORMAT parquet)")


def text(root: Path, product: str) -> str:
    """The stored text of the newest version that a run of ``product`` publishes now."""
    mesh = load(root)
    report = run_product(mesh, mesh.product(f"mesh://shop/{product}"))
    assert report.version is not None, report.explanation()
    store = product_store(mesh.settings, "shop", product)
    content = store.read(document_name(report.version))
    assert content is not None
    return content.decode()


SECRET = st.text("abcdefghijklmnopqrstuvwxyz", min_size=6, max_size=12).map("zq{}".format)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    secrets=st.lists(st.tuples(SECRET, SECRET), min_size=1, max_size=8, unique=True),
    size=st.floats(1e6, 1e9).map(lambda x: round(x) + 0.123),
    again=st.integers(1, 3),
)
def test_no_value_of_a_personal_column_is_in_the_document(
    secrets: list[tuple[str, str]], size: float, again: int, root: Path
) -> None:
    rows = [
        {
            "id": place,
            "declared": f"{declared}1",
            "sensitive": f"{sensitive}2",
            "day": "1871-02-03",
            "size": size,
            "open": "seen",
            "closed": "hushed",
        }
        for place, (declared, sensitive) in enumerate(secrets * again)
    ]
    written(root, rows)
    told = text(root, "people")
    copied = text(root, "copies")
    for declared, sensitive in secrets:
        for found in (told.lower(), copied.lower()):
            assert f"{declared}1" not in found
            assert f"{sensitive}2" not in found
    assert "1871" not in told
    assert str(size) not in told
    assert '"least":"seen"' in told
    columns = {c["name"]: c for c in json.loads(copied)["ports"][0]["columns"]}
    words = {name: column["classification"] for name, column in columns.items()}
    assert words == {"id": "public", "copied": "personal", "part": "sensitive", "open": "public"}
    assert columns["copied"]["profile"]["nulls"] == 0.0
    assert columns["copied"]["values_told"] is False
    (port,) = json.loads(told)["ports"]
    assert {row["declared"] for row in port["sample"]} == {None}
    # Who may read it in clear sees it in the profile; not everybody may, so it is in no sample.
    closed = next(c for c in port["columns"] if c["name"] == "closed")
    assert closed["profile"]["least"] == "hushed"
    assert {row["closed"] for row in port["sample"]} == {None}


def test_of_what_turns_out_to_be_personal_nothing_is_told(tmp_path: Path) -> None:
    policy = "policies:\n- {policy: UndeclaredPersonalData, consequence: warn}\n"
    rows = "- {name: id, logicalType: integer, required: true, primaryKey: true}\n"
    rows += "- {name: note, logicalType: string, classification: public}\n"
    files = {
        "mesh.yaml": MESH_YAML + policy,
        "domains/shop/notes/defs.yaml": manifest("inputs: {notes: files://notes}"),
        "domains/shop/notes/contract.yaml": contract("notes", rows),
        "domains/shop/notes/notes.sql": "select * from notes",
    }
    root = write_mesh(tmp_path, files)
    (root / "data").mkdir()
    query = "SELECT i AS id, 'ask jane.roe' || i || '@example.org' AS note FROM range(50) t(i)"
    duckdb.sql(f"COPY ({query}) TO '{root}/data/notes.parquet' (FORMAT parquet)")
    told = text(root, "notes")
    assert "jane" not in told
    (port,) = json.loads(told)["ports"]
    assert port["columns"][1]["classification"] == "personal"
    assert (port["classification"], port["columns"][1]["values_told"]) == ("personal", False)


def test_what_together_singles_somebody_out_is_in_no_sample(tmp_path: Path) -> None:
    properties = "- {name: id, logicalType: integer, required: true, primaryKey: true}\n"
    properties += "- {name: place, logicalType: string}\n- {name: seat, logicalType: string}\n"
    marked = "customProperties: [{property: quasiIdentifiers, value: [place]}]\n"
    text_of = contract("desks", properties) + "    " + marked
    files = {
        "domains/shop/desks/defs.yaml": manifest("inputs: {desks: files://desks}"),
        "domains/shop/desks/contract.yaml": text_of,
        "domains/shop/desks/desks.sql": "select * from desks",
    }
    root = write_mesh(tmp_path, files)
    (root / "data").mkdir()
    query = "SELECT i AS id, 'north' AS place, 'front' AS seat FROM range(5) t(i)"
    duckdb.sql(f"COPY ({query}) TO '{root}/data/desks.parquet' (FORMAT parquet)")
    (port,) = json.loads(text(root, "desks"))["ports"]
    assert {(row["place"], row["seat"]) for row in port["sample"]} == {(None, "front")}
