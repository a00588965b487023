"""Relationships become foreign keys, in every notation of ODCS and by global URL."""

import pytest
from contract_documents import HEAD, only_fault, read, rules

from mesh_defs.contract.describe import expected
from mesh_defs.contract.rules import ForeignKey, Unrunnable
from mesh_defs.urls import MeshUrl

AIRPORTS = MeshUrl("network", "airports", "airports")


def to(reference: str) -> str:
    return (
        "- {name: id, id: id_prop, primaryKey: true}\n"
        "- name: dest\n  id: dest_prop\n"
        f"  relationships: [{{to: '{reference}'}}]\n"
    )


@pytest.mark.parametrize(
    ("reference", "target", "column"),
    [
        ("flights.id", None, "id"),
        ("schema/flights_obj/properties/id_prop", None, "id"),
        ("/schema/flights_obj/properties/id_prop", None, "id"),
        ("#/schema/flights/properties/id", None, "id"),
        ("airports.faa", "airports", "faa"),
        ("mesh://network/airports/airports#faa", AIRPORTS, "faa"),
        ("mesh://network/airports#faa", MeshUrl("network", "airports"), "faa"),
        (
            "mesh://network/airports/airports@2#faa",
            MeshUrl("network", "airports", "airports", 2),
            "faa",
        ),
    ],
)
def test_notations(tmp_path, reference, target, column):
    rule = rules(tmp_path, to(reference))["fk.dest"]
    assert isinstance(rule, ForeignKey)
    assert (rule.columns, rule.target, rule.target_columns) == (("dest",), target, (column,))
    assert rule.dimension == "consistency"
    assert column in expected(rule)


TWO = HEAD.format(version="v3.1.0") + (
    "schema:\n"
    "  - name: flights\n"
    "    id: f\n"
    "    properties:\n"
    "      - {name: id, primaryKey: true}\n"
    "      - name: origin\n"
    "        relationships: [{to: REFERENCE}]\n"
    "  - name: airports\n"
    "    id: a\n"
    "    properties:\n"
    "      - {name: code, id: code_prop, physicalName: faa, primaryKey: true}\n"
    "      - {name: place, logicalType: object, properties: [{name: city}]}\n"
)


@pytest.mark.parametrize("reference", ["airports.code", "schema/a/properties/code_prop"])
def test_another_object_of_the_contract_is_another_port(tmp_path, reference):
    contract, faults = read(tmp_path, TWO.replace("REFERENCE", reference))
    assert faults == []
    assert contract is not None
    rule = next(rule for rule in contract.ports[0].rules if rule.id == "fk.origin")
    assert isinstance(rule, ForeignKey)
    assert (rule.target, rule.target_columns) == ("airports", ("faa",))


@pytest.mark.parametrize(
    ("reference", "allowed"),
    [
        ("airports.cod", "airports.code"),
        ("schema/a/properties/cod_prop", "code_prop"),
        ("schema/b/properties/code_prop", "schema/a"),
        ("flights.nope", "flights.origin"),
    ],
)
def test_unknown_columns_are_faults(tmp_path, reference, allowed):
    contract, (fault,) = read(tmp_path, TWO.replace("REFERENCE", reference))
    assert contract is None
    assert fault.key == "schema[0].properties[1].relationships[0].to"
    assert fault.line == 12
    assert allowed in fault.allowed


@pytest.mark.parametrize(
    "reference",
    [
        "other_port.place.city",
        "other-contract.yaml#/schema/a/properties/b",
        "https://example.com/c.yaml#profiles.user_id",
    ],
)
def test_what_cannot_be_joined_is_unrunnable(tmp_path, reference):
    contract, faults = read(tmp_path, TWO.replace("REFERENCE", f"'{reference}'"))
    assert faults == []
    assert contract is not None
    rule = next(rule for rule in contract.ports[0].rules if rule.id == "fk.origin")
    assert isinstance(rule, Unrunnable)
    assert rule.reason


@pytest.mark.parametrize(
    ("relationship", "key", "found"),
    [
        ("{to: dest}", ".to", "'dest'"),
        ("{to: a/b}", ".to", "'a/b'"),
        ("{to: mesh://network}", ".to", "needs a domain and a product"),
        ("{to: mesh://network/airports/airports}", ".to", "names no column"),
        ("{to: 'mesh://Network/airports#faa'}", ".to", "not a name"),
        ("{to: a.b, from: flights.dest}", ".from", "'from'"),
        ("{to: [a.b, a.c]}", ".to", "2 targets"),
        ("{type: foreignKey}", ".to", "0 targets"),
        ("{to: a.b, type: sibling}", ".type", "'sibling'"),
    ],
)
def test_malformed_relationships_of_a_property(tmp_path, relationship, key, found):
    fault = only_fault(
        tmp_path,
        f"- {{name: id, primaryKey: true}}\n- name: dest\n  relationships:\n    - {relationship}\n",
    )
    assert fault.key == f"schema[0].properties[1].relationships[0]{key}"
    assert found in fault.found


COLUMNS = "- {name: a, primaryKey: true}\n- {name: b, physicalName: bb}\n"


def test_composite_keys(tmp_path):
    found = rules(
        tmp_path,
        COLUMNS,
        below="""
        relationships:
          - from: [flights.a, flights.b]
            to: ["mesh://x/y/z#c", "mesh://x/y/z#d"]
            description: Both together
          - {id: again, from: flights.a, to: others.c, type: foreignKey}
          - {from: flights.a, to: others.d}
          - {from: flights.a, to: more.d}
        """,
    )
    composite = found["fk.a_bb"]
    assert isinstance(composite, ForeignKey)
    assert composite.columns == ("a", "bb")
    assert composite.target == MeshUrl("x", "y", "z")
    assert composite.target_columns == ("c", "d")
    assert (composite.column, composite.description) == (None, "Both together")
    assert [name for name in found if name not in ("a.type", "b.type")][2:] == [
        "fk.a_bb",
        "again",
        "fk.a",
        "fk.a.more",
    ]


@pytest.mark.parametrize(
    ("relationship", "key", "found"),
    [
        ("{to: others.c}", "", "without 'from'"),
        ("{from: flights.a}", "", "without 'to'"),
        ("{from: flights.a, to: [others.c]}", "", "1 in 'from' and 1 in 'to'"),
        ("{from: [flights.a, flights.b], to: [others.c]}", "", "2 in 'from' and 1 in 'to'"),
        ("{from: [flights.a, flights.b], to: [x.c, y.c]}", ".to", "2 different targets"),
        ("{from: others.c, to: flights.a}", ".from", "others.c"),
        ("{from: flights.z, to: others.c}", ".from", "flights.z"),
    ],
)
def test_malformed_relationships_of_an_object(tmp_path, relationship, key, found):
    fault = only_fault(tmp_path, COLUMNS, below=f"relationships:\n  - {relationship}\n")
    assert fault.key == f"schema[0].relationships[0]{key}"
    assert found in fault.found
