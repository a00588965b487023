"""Every version has its discovery document: what is in it, for versions of now and of before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from meshes import contract, load, manifest, write, write_mesh, write_parquet

from mesh_defs.discovery.documents import discovery_document
from mesh_defs.errors import CorruptRecord, InvalidMesh, UnknownAddress
from mesh_defs.product.container import run_product
from mesh_defs.product.described.document import document_name
from mesh_defs.product.described.keys import discovery_schema, document_faults
from mesh_defs.product.stores import product_store

HOSTILE = "<script>alert('1')</script>\u202e\x07\n[bold]{{7*7}}"
THINGS = "shop/things"
COLUMNS = (
    "- {name: id, logicalType: integer, required: true, primaryKey: true, businessName: Number}\n"
    "- {name: kind, logicalType: string, classification: public,"
    " description: Which kind it is.}\n"
    "- {name: price, logicalType: number, physicalType: DOUBLE, customProperties:"
    " [{property: unit, value: EUR}]}\n"
    "- {name: moment, logicalType: timestamp, physicalType: TIMESTAMP}\n"
)
SLA = "slaProperties:\n- {property: latency, value: 100, unit: y, element: things.moment}\n"


def things(root: Path) -> Path:
    """A mesh with one product of two versions, between which a column came and rows were added."""
    files = {
        "domains/shop/things/defs.yaml": manifest(
            "inputs: {things: files://things}\nusage: Count them.\ntags: [a, b]\n"
            "outputs: {things: {actual_time: moment}}"
        ),
        "domains/shop/things/contract.yaml": contract("things", COLUMNS) + SLA,
        "domains/shop/things/things.sql": "select id, kind, price, moment from things",
    }
    write_mesh(root, files)
    publish(root, 10)
    return root


def publish(root: Path, rows: int, product: str = THINGS) -> None:
    write_parquet(
        root,
        "things",
        "select i as id, ['x', 'y'][i % 2 + 1] as kind, i / 2 as price,"
        f" timestamp '2023-01-01' + interval (i) day as moment, 1 as more from range({rows}) t(i)",
    )
    mesh = load(root)
    report = run_product(mesh, mesh.product(f"mesh://{product}"))
    assert report.outcome == "published", report.explanation()


def document(root: Path, version: int | None = None, product: str = THINGS) -> dict[str, Any]:
    found = discovery_document(load(root).settings, product, version)
    assert document_faults(found) == []
    Draft202012Validator(discovery_schema()).validate(found)
    return found


def test_a_version_describes_itself(tmp_path: Path) -> None:
    found = document(things(tmp_path))
    assert found["url"] == "mesh://shop/things"
    assert (found["mesh"], found["version"], found["product_version"]) == ("test", 0, "1.0.0")
    assert (found["owner"], found["archetype"]) == ("team:test", "source-aligned")
    assert (found["tags"], found["status"]) == (["a", "b"], "active")
    assert found["transform"]["kind"] == "sql"
    assert found["inputs"] == [{"name": "things", "source": "files://things", "version": None}]
    assert found["lineage"]["sources"] == ["files://things"]
    assert found["lineage"]["columns"]["things"]["price"] == ["files://things#price"]
    assert found["examples"][0]["text"] == "Count them."
    (port,) = found["ports"]
    assert (port["port"], port["rows"], port["profile_rows"]) == ("things", 10, 10)
    assert port["freshness"]["actual_from"] == "2023-01-01 00:00:00"
    assert port["tally"]["failed"] == 0
    assert {v["outcome"] for v in port["verdicts"]} == {"passed"}
    (level,) = port["service_levels"]
    assert (level["property"], level["promised"], level["unit"]) == ("latency", "100", "y")
    assert level["kept"] is True
    number, kind, price, _ = port["columns"]
    assert (number["title"], number["key"], number["profile"]["distinct"]) == ("Number", 1, 10)
    assert kind["profile"]["top"] == [{"value": "x", "share": 0.5}, {"value": "y", "share": 0.5}]
    assert (price["unit"], price["profile"]["greatest"]) == ("EUR", "4.5")
    assert len(port["sample"]) == 5
    assert port["sample"][0]["kind"] == "x"


def test_its_queries_run_as_they_stand(tmp_path: Path) -> None:
    import duckdb

    found = document(things(tmp_path))
    queries = [each["sql"] for each in found["examples"] if "sql" in each]
    assert len(queries) == 2
    files = product_store(load(tmp_path).settings, "shop", "things").port_folder("things")
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS shop; CREATE SCHEMA shop.things")
        connection.execute(
            f"CREATE TABLE shop.things.things AS FROM read_parquet('{files}/*.parquet')"
        )
        assert [len(connection.execute(query).fetchall()) for query in queries] == [10, 2]


def test_two_versions_tell_what_changed(tmp_path: Path) -> None:
    root = things(tmp_path)
    more = COLUMNS + "- {name: more, logicalType: integer}\n"
    write(
        root,
        {
            "domains/shop/things/defs.yaml": manifest(
                "inputs: {things: files://things}\noutputs: {things: {actual_time: moment}}",
                version="1.1.0",
            ),
            "domains/shop/things/contract.yaml": contract("things", more, version="1.1.0") + SLA,
            "domains/shop/things/things.sql": "select id, kind, price, moment, more from things",
        },
    )
    publish(root, 12)
    newest, first = document(root), document(root, 0)
    assert (newest["version"], first["version"]) == (1, 0)
    assert [entry["version"] for entry in newest["history"]] == [1, 0]
    changes = {change["kind"]: change for change in newest["history"][0]["changes"]}
    assert changes["column added"]["column"] == "more"
    assert changes["column added"]["level"] == "compatible"
    rows = changes["rows"]
    assert (rows["before"], rows["after"], rows["text"]) == ("10", "12", "2 rows more")
    assert newest["history"][1]["changes"] == []
    assert [entry["version"] for entry in first["history"]] == [0]
    assert "more" not in {column["name"] for column in first["ports"][0]["columns"]}


def test_a_version_of_before_has_one_without_a_profile(tmp_path: Path) -> None:
    root = things(tmp_path)
    publish(root, 11)
    stored = document(root)
    store = product_store(load(root).settings, "shop", "things")
    store.remove(document_name(1))
    composed = document(root)
    for port, now in zip(stored["ports"], composed["ports"], strict=True):
        for column in port["columns"]:
            column["profile"] = None
        port |= {"sample": None, "profile_rows": None}
        for one, other in zip(port["columns"], now["columns"], strict=True):
            one["type"] = other["type"]
    stored["transform"]["kind"] = None
    stored["examples"] = [e for e in stored["examples"] if e["title"] != "price by kind"]
    assert composed == stored


def test_a_draft_has_one_too(tmp_path: Path) -> None:
    root = things(tmp_path)
    write(
        root,
        {
            "domains/shop/plan/defs.yaml": manifest("inputs: {t: files://things}\nstatus: draft"),
            "domains/shop/plan/contract.yaml": contract("plan", "[{name: id, required: true}]"),
            "domains/shop/plan/plan.sql": "select id from t",
        },
    )
    found = document(root, product="shop/plan")
    assert (found["version"], found["published_at"], found["history"]) == (None, None, [])
    assert (found["status"], found["product_version"]) == ("draft", "1.0.0")
    (port,) = found["ports"]
    assert (port["rows"], port["sample"], port["tally"]) == (None, None, None)
    assert port["columns"][0]["profile"] is None
    with pytest.raises(UnknownAddress, match="no version 3"):
        document(root, 3)
    with pytest.raises(UnknownAddress, match="no product mesh://shop/none"):
        document(root, product="shop/none")
    write(root, {"domains/shop/plan/contract.yaml": "nothing"})
    with pytest.raises(InvalidMesh):
        discovery_document(load_anyhow(root).settings, "shop/plan")


def load_anyhow(root: Path) -> Any:
    from mesh_defs.product.load import load_mesh

    return load_mesh(root)


def test_a_product_whose_files_are_gone_still_has_one(tmp_path: Path) -> None:
    root = things(tmp_path)
    for file in (root / "domains/shop/things").iterdir():
        file.unlink()
    assert document(root)["owner"] == "team:test"
    product_store(load(root).settings, "shop", "things").remove(document_name(0))
    assert document(root)["owner"] is None


@pytest.mark.parametrize(
    "change",
    [
        b"no json",
        b"[]",
        b'{"format": "1"}',
        b'{"format": 1}',
        {"version": 7},
        {"url": "mesh://shop/other"},
        {"ports": [{}]},
        {"tags": [1]},
    ],
)
def test_a_document_that_was_tampered_with_is_told(
    tmp_path: Path, change: bytes | dict[str, object]
) -> None:
    root = things(tmp_path)
    content = change
    if isinstance(change, dict):
        content = json.dumps({**document(root), **change}).encode()
    store = product_store(load(root).settings, "shop", "things")
    store.replace(document_name(0), bytes(content))
    with pytest.raises(CorruptRecord, match="no discovery document of version 0"):
        document(root)
    store.replace(document_name(0), b'{"format": 2}')
    assert document(root)["ports"][0]["sample"] is None


def test_hostile_texts_and_values_stay_text(tmp_path: Path) -> None:
    import yaml

    described = {"name": "text", "logicalType": "string", "description": HOSTILE}
    described |= {"businessName": HOSTILE, "tags": [HOSTILE], "required": True}
    files = {
        "domains/shop/evil/defs.yaml": manifest(
            f"inputs: {{things: files://things}}\nusage: {json.dumps(HOSTILE)}"
        ),
        "domains/shop/evil/contract.yaml": contract("evil", yaml.safe_dump([described])),
        "domains/shop/evil/evil.sql": "select text from things",
    }
    write_mesh(tmp_path, files)
    quoted = HOSTILE.replace("'", "''")
    write_parquet(tmp_path, "things", f"select '{quoted}' as text from range(3)")
    mesh = load(tmp_path)
    assert run_product(mesh, mesh.product("mesh://shop/evil")).outcome == "published"
    found = document(tmp_path, product="shop/evil")
    (column,) = found["ports"][0]["columns"]
    assert (column["title"], column["description"]) == (HOSTILE, HOSTILE)
    assert column["profile"]["top"] == [{"value": HOSTILE, "share": 1.0}]
    assert found["ports"][0]["sample"][0] == {"text": HOSTILE}
    assert found["usage"] == HOSTILE


def test_an_empty_port_has_one(tmp_path: Path) -> None:
    root = things(tmp_path)
    write(root, {"domains/shop/things/contract.yaml": contract("things", COLUMNS)})
    limited = "select id, kind, price, moment from things limit 0"
    write(root, {"domains/shop/things/things.sql": limited})
    publish(root, 3)
    (port,) = document(root)["ports"]
    assert (port["rows"], port["profile_rows"], port["sample"]) == (0, 0, [])
    assert port["columns"][0]["profile"] == {
        "nulls": 0.0,
        "distinct": 0,
        "least": None,
        "greatest": None,
        "top": [],
        "histogram": None,
    }


def test_what_a_lost_contract_said_is_not_made_up(tmp_path: Path) -> None:
    root = things(tmp_path)
    for file in (root / ".mesh/storage/shop/things/contracts").iterdir():
        file.unlink()
    text = contract("things", COLUMNS, version="1.0.1") + SLA
    write(root, {"domains/shop/things/contract.yaml": text})
    publish(root, 10)
    found = document(root)["history"][0]["changes"]
    (change,) = [each for each in found if each["kind"] != "code"]
    assert (change["kind"], change["level"]) == ("contract", None)
    assert "cannot be read any more" in change["text"]


def test_a_picture_that_fails_is_told_and_stops_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    from mesh_defs.product.described import describe

    def fails(*_: object) -> None:
        raise duckdb.OutOfMemoryException("could not allocate 'jane.roe'")

    monkeypatch.setattr(describe, "port_picture", fails)
    (port,) = document(things(tmp_path))["ports"]
    assert port["not_profiled"] == "it could not be looked at (OutOfMemoryException)"
    assert (port["sample"], port["columns"][0]["profile"]) == (None, None)
