"""Rules about places inside columns run as those about columns do, and show no more."""

from __future__ import annotations

import pytest
from contract_documents import document, port, read
from verification import NOW, locked, written

from mesh_defs.contract.data import Staged, Surroundings
from mesh_defs.contract.verify import verify

KEY = "- {name: id, logicalType: integer, primaryKey: true}\n"


def verdicts(folder, promise, query, relations=(), engines=None):
    """Verdicts by rule of the rows of ``query``; ``relations`` are queries by name."""
    rows = written(folder, query)
    others = {name: written(folder, other, name) for name, other in dict(relations).items()}
    connection = locked(folder)
    surroundings = Surroundings(relations=others, engines=engines or {}, now=NOW)
    found = verify(connection, promise, Staged.only(rows), surroundings)
    connection.close()
    return {verdict.rule: verdict for verdict in found}


def inside(text):
    """The properties of an object ``a``, with more of the object above them."""
    return KEY + "- name: a\n  logicalType: object\n" + text


UNIQUE = inside("  properties: [{name: k, logicalType: string, unique: true%s}]\n")
TWICE = "SELECT i AS id, {'k': 'same'} AS a FROM range(3) t(i)"


def test_values_of_a_place_are_as_protected_as_the_place(tmp_path):
    for more, shown in (("", "{'k': same}"), (", classification: personal", "***")):
        found = verdicts(tmp_path, port(tmp_path, UNIQUE % more), TWICE)["a.k.unique"]
        assert (found.outcome, found.failing_rows) == ("failed", 3)
        assert [row["a"] for row in found.samples] == [shown] * 3
        assert all(set(row) == {"id", "a"} for row in found.samples)


def test_items_of_a_personal_column_are_masked(tmp_path):
    text = KEY + (
        "- name: a\n  logicalType: array\n  %s\n  items:\n    logicalType: integer\n"
        "    quality: [{id: valid, metric: invalidValues, mustBe: 0,"
        " arguments: {validValues: [1]}}]\n"
    )
    query = "SELECT 1 AS id, [1, 7, NULL] AS a UNION ALL SELECT 2, NULL"
    for more, shown in (("", 7), ("classification: personal", "***")):
        found = verdicts(tmp_path, port(tmp_path, text % more), query)["valid"]
        assert (found.outcome, found.failing_rows, found.rows) == ("failed", 1, 3)
        assert [list(row.values()) for row in found.samples] == [[shown]]


def test_a_place_that_the_data_lacks_passes_nothing(tmp_path):
    promise = port(tmp_path, UNIQUE % ", physicalType: VARCHAR")
    found = verdicts(tmp_path, promise, "SELECT 1 AS id, {'other': 'x'} AS a")
    assert found["a.k.unique"].outcome == "error"
    assert "no column 'a.k'" in str(found["a.k.unique"].reason)
    assert found["a.k.physicalType"].outcome == "failed"


def test_a_column_of_a_places_name_is_not_taken_for_it(tmp_path):
    declared = "- {name: a.k, logicalType: string}\n"
    query = TWICE.replace(" AS a", ' AS a, i::VARCHAR AS "a.k"')
    found = verdicts(tmp_path, port(tmp_path, declared + UNIQUE % ""), query)
    assert {v.outcome for n, v in found.items() if n.endswith("unique")} == {"failed"}
    assert found["no_other_columns"].outcome == "passed"
    # One that the contract does not know hides the place, and then nothing passes.
    found = verdicts(tmp_path, port(tmp_path, UNIQUE % ""), query)
    assert found["a.k.unique"].outcome == "error"
    assert found["no_other_columns"].outcome == "failed"


def test_foreign_keys_from_and_into_places(tmp_path):
    text = inside("  properties: [{name: k, logicalType: integer, %s}]\n")
    more = """
  - name: other
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: b, logicalType: object, properties: [{name: n, logicalType: integer}]}
"""
    relation = "relationships: [{id: refers, to: other.b.n}]"
    contract, faults = read(tmp_path, document(text % relation) + more)
    assert contract is not None, faults
    query = "SELECT i AS id, CASE WHEN i > 0 THEN {'k': i} END AS a FROM range(4) t(i)"
    other = {"other": "SELECT 1 AS id, {'n': i} AS b FROM range(3) t(i)"}
    found = verdicts(tmp_path, contract.ports[0], query, other)["refers"]
    assert (found.outcome, found.failing_rows, found.decided_by) == ("failed", 1, "join")
    assert [row["id"] for row in found.samples] == [3]
    below = "relationships: [{id: refers, from: flights.id, to: flights.a.k}]\n"
    promise = port(tmp_path, text % "required: true", below=below)
    assert verdicts(tmp_path, promise, query)["refers"].failing_rows == 1


@pytest.mark.parametrize(
    ("physical", "value", "broken"),
    [
        ("STRUCT(k VARCHAR(2), d DECIMAL(10,2))", "{'k': 'abc', 'd': 1::DECIMAL(10,2)}", "a.k"),
        ("STRUCT(k VARCHAR(2), d DECIMAL(10,2))", "{'k': 'ab', 'd': 1::DECIMAL(9,2)}", "a.type"),
        ("VARCHAR(2)[]", "['ab', 'abc', NULL]", "a.items"),
        ("STRUCT(k VARCHAR(2)[])", "{'k': ['ab', 'abc']}", "a.k.items"),
        ("MAP(VARCHAR(2), ENUM('x', 'y'))", "MAP {'abc': 'x'}", "a.keys"),
        ("MAP(VARCHAR(2), ENUM('x', 'y'))", "MAP {'ab': 'z'}", "a.values"),
        ("STRUCT(k BLOB(2))", "{'k': '\\x00\\xFFz'::BLOB}", "a.k"),
        ("STRUCT(k BLOB(3))", "{'k': '\\x00\\xFFz'::BLOB}", None),
    ],
)
def test_what_a_physical_type_says_in_its_brackets(tmp_path, physical, value, broken):
    text = KEY + f'- {{name: a, physicalType: "{physical}"}}\n'
    found = verdicts(tmp_path, port(tmp_path, text), f"SELECT 1 AS id, {value} AS a")
    failed = [name for name, verdict in found.items() if verdict.outcome != "passed"]
    if broken is None:
        assert failed == []
    else:
        (name,) = failed
        assert name.rpartition(".physicalType")[0] == broken or name == broken


def test_physical_types_of_places(tmp_path):
    text = inside(
        "  properties:\n"
        "    - {name: d, logicalType: number, physicalType: 'DECIMAL(10,2)'}\n"
        "    - {name: l, logicalType: array, items: {logicalType: string, physicalType: CHAR(2)}}\n"
    )
    promise = port(tmp_path, text)
    good = "SELECT 1 AS id, {'d': 1::DECIMAL(10,2), 'l': ['ab']} AS a"
    assert {v.outcome for v in verdicts(tmp_path, promise, good).values()} == {"passed"}
    bad = "SELECT 1 AS id, {'d': 1::DOUBLE, 'l': ['abc']} AS a"
    failed = {n for n, v in verdicts(tmp_path, promise, bad).items() if v.outcome != "passed"}
    assert failed == {"a.d.physicalType", "a.l.items.physicalType_length"}


def test_another_engine_sees_the_place(tmp_path):
    from mesh_defs.contract.engines.great_expectations import GreatExpectations

    rule = (
        "quality: [{id: gx, type: custom, engine: greatExpectations,"
        " implementation: {type: expect_column_values_to_be_between, maxValue: 1}}]"
    )
    text = inside(f"  properties: [{{name: k, logicalType: integer, {rule}}}]\n")
    below = (
        "quality: [{id: columns, type: custom, engine: greatExpectations,"
        " implementation: {type: expect_table_columns_to_match_set, columnSet: [id, a]}}]\n"
    )
    engines = {"greatExpectations": GreatExpectations()}
    query = "SELECT i AS id, {'k': i} AS a FROM range(3) t(i)"
    found = verdicts(tmp_path, port(tmp_path, text, below=below), query, engines=engines)
    assert (found["gx"].outcome, found["gx"].failing_rows) == ("failed", 1)
    assert found["columns"].outcome == "passed"
