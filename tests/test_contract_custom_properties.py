"""Custom properties that the operating system reads: what they say, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshes import load, write_mesh

from mesh_defs.contract.load import load_contract
from mesh_defs.policy.annotations import Annotations, Reduction, annotations_of

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: x
version: 1.0.0
status: active
schema:
  - name: things
    customProperties: [{objects}]
    properties:
      - {{name: id, required: true, primaryKey: true}}
      - {{name: year, physicalName: birth_year, logicalType: integer}}
      - {{name: zip, logicalType: string}}
      - name: fare
        logicalType: number
        transformSourceObjects: [bookings.fare, bookings.tax]
        customProperties: [{properties}]
      - {{name: flights, logicalType: integer}}
"""
MANIFEST = """
type: mesh_defs.DataProduct
attributes:
  archetype: source-aligned
  version: 1.0.0
  owner: team:test
  purpose: A product of a test.
  inputs: {raw: {from: "files://raw"}}
"""


def read(root: Path, objects: str = "", properties: str = "") -> Annotations:
    text = CONTRACT.format(objects=objects, properties=properties)
    write_mesh(
        root,
        {
            "domains/shop/things/defs.yaml": MANIFEST,
            "domains/shop/things/contract.yaml": text,
            "domains/shop/things/things.sql": "select * from raw\n",
        },
    )
    return annotations_of(load(root).product("mesh://shop/things").outputs[0])


def faults(root: Path, objects: str = "", properties: str = "") -> list[str]:
    file = root / "contract.yaml"
    file.write_text(CONTRACT.format(objects=objects, properties=properties).lstrip())
    contract, found = load_contract(file, root)
    assert (contract is None) == bool(found)
    return [str(fault) for fault in found]


def test_what_they_say(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "{property: quasiIdentifiers, value: [year, zip]}, {property: groupSize, value: flights},"
        "{property: permittedPurposes, value: [operations]}, {property: mine, value: {a: 1}}",
        "{property: reducedBy, value: {method: aggregated, k: 20, countedIn: flights}},"
        "{property: permittedPurposes, value: [analytics, ops-2]}",
    )
    assert found.quasi_identifiers == ("birth_year", "zip"), "as the data calls them"
    assert found.group_size == "flights"
    assert found.reduced_by("fare") == Reduction("aggregated", 20, "flights")
    assert found.reduced_by("zip") is None
    assert found.permitted_purposes("fare") == ("analytics", "ops-2")
    assert found.permitted_purposes("zip") == ("operations",)
    assert found.source_objects("fare") == ("bookings.fare", "bookings.tax")
    assert found.source_objects("zip") == ()
    assert found.port("mine") == {"a": 1}
    assert found.column("fare", "mine") is None


def test_nothing_said(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.quasi_identifiers == ()
    assert found.group_size is None
    assert found.permitted_purposes("fare") is None


@pytest.mark.parametrize(
    ("objects", "properties", "said"),
    [
        ("{property: quasiIdentifiers, value: [year, zipp]}", "", "write 'zip' instead of 'zipp'"),
        ("{property: quasiIdentifiers, value: year}", "", "a list of columns, at least one"),
        ("{property: quasiIdentifiers, value: []}", "", "a list of columns, at least one"),
        ("{property: quasiIdentifiers, value: [zip, zip]}", "", "a column twice"),
        ("{property: quasiIdentifiers, value: [1]}", "", "a column of this object"),
        ("{property: quasi_identifier, value: [zip]}", "", "write 'quasiIdentifiers'"),
        ("", "{property: quasiIdentifiers, value: [zip]}", "of the schema object"),
        ("{property: reducedBy, value: {method: hashed}}", "", "of a property"),
        ("{property: groupSize, value: none}", "", "allowed: id, year, zip, fare, flights"),
        ("{property: groupSize, value: zip}", "", "a column of whole numbers"),
        ("{property: groupSize}", "", "the column that counts"),
        ("", "{property: reducedBy, value: hashed}", "write {method: hashed}"),
        ("", "{property: reducedBy, value: {method: hash}}", "write 'hashed' instead of 'hash'"),
        ("", "{property: reducedBy, value: {}}", "aggregated, hashed, masked, dropped"),
        ("", "{property: reducedBy, value: {method: aggregated}}", "'aggregated' without k"),
        ("", "{property: reducedBy, value: {method: aggregated, k: 0}}", "a whole number from 1"),
        ("", "{property: reducedBy, value: {method: aggregated, k: true}}", "from 1"),
        ("", "{property: reducedBy, value: {method: masked, kk: 3}}", "write 'k' instead of 'kk'"),
        ("", "{property: reducedBy, value: {method: masked, countedIn: x}}", "allowed: id, year"),
        ("", "{property: permittedPurposes, value: operations}", "a list of purposes"),
        ("", "{property: permittedPurposes, value: [two words]}", "each one word"),
        ("{property: groupSize, value: flights}, {property: groupSize, value: year}", "", "once"),
    ],
)  # fmt: skip
def test_what_is_wrong(tmp_path: Path, objects: str, properties: str, said: str) -> None:
    (found,) = faults(tmp_path, objects, properties)
    assert said in found
    assert found.startswith("contract.yaml:8:" if objects else "contract.yaml:16:")


def test_others_are_their_authors_own(tmp_path: Path) -> None:
    assert faults(tmp_path, "{property: anything, value: [1, {a: 2}]}", "{property: x}") == []


def test_purposes_may_be_none_at_all(tmp_path: Path) -> None:
    assert read(tmp_path, "", "{property: permittedPurposes, value: []}").permitted_purposes(
        "fare"
    ) == ()  # fmt: skip
