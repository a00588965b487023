"""Every kind of rule that the loader writes is run by the verifier, and means what it says."""

import duckdb
import pytest
from contract_documents import port

from mesh_defs.contract.data import Rows, Staged, Surroundings
from mesh_defs.contract.verify import verify

PROPERTIES = """
- name: id
  logicalType: integer
  primaryKey: true
  logicalTypeOptions: {format: u8, minimum: 1}
- name: mail
  logicalType: string
  physicalType: VARCHAR
  required: true
  logicalTypeOptions: {minLength: 2, maxLength: 20, format: email, pattern: "@"}
  enum: [{value: a@b.c}]
- {name: day, logicalType: date, logicalTypeOptions: {minimum: '2020-01-01', format: yyyy-MM}}
- name: moment
  logicalType: timestamp
  logicalTypeOptions: {timezone: true, minimum: '2020-01-01 00:00:00', format: "yyyy-MM-dd HH:mm"}
- {name: clock, logicalType: time, logicalTypeOptions: {minimum: '10:00:00', format: "HH:mm"}}
- name: amount
  logicalType: number
  unique: true
  logicalTypeOptions: {format: f32, multipleOf: 0.5}
  quality:
    - {metric: missingValues, arguments: {missingValues: [null, -1]}, mustBe: 0}
    - {metric: nullValues, mustBeLessThan: 50, unit: percent}
    - {type: sql, query: 'SELECT max({property}) FROM ${table}', mustBeLessThan: 100}
- name: thing
  logicalType: object
  logicalTypeOptions: {required: [x], maxProperties: 2}
  properties:
    - {name: x, logicalType: integer, required: true}
    - {name: tags, logicalType: array, items: {logicalType: string, required: true}}
- {name: list, logicalType: array, logicalTypeOptions: {minItems: 1, uniqueItems: true}}
- name: vector
  logicalType: vector
  logicalTypeOptions: {dimensions: 2, elementType: float32, normalized: true}
- {name: counts, logicalType: map, map: {key: {logicalType: string}, value: {logicalType: integer}}}
- name: written
  logicalType: timestamp
  physicalType: VARCHAR
  logicalTypeOptions: {format: "yyyy-MM-dd'T'HH:mm:ssX", maximum: '2025-01-01T00:00:00Z'}
- {name: parent, logicalType: integer, relationships: [{to: flights.id}]}
"""
QUALITY = """
quality:
  - {metric: rowCount, mustBeBetween: [1, 5]}
  - {metric: duplicateValues, mustBe: 0, arguments: {properties: [mail, day]}}
"""
LEVELS = """
slaProperties:
  - {property: latency, value: 100, unit: y, element: moment}
  - {property: retention, value: 100, unit: y, element: day}
"""
GOOD = """
SELECT 1::UTINYINT AS id, 'a@b.c' AS mail, DATE '2024-01-01' AS day,
  TIMESTAMPTZ '2024-01-01 10:00:00+00' AS moment, TIME '10:00:00' AS clock, 1.5::DOUBLE AS amount,
  {'x': 1, 'tags': ['a']} AS thing, [1, 2] AS list, [0.6, 0.8]::FLOAT[2] AS vector,
  MAP {'a': 1} AS counts, '2024-01-01T00:00:00Z' AS written, 1 AS parent
"""
BAD = """
SELECT 0::BIGINT AS id, 'x' AS mail, DATE '2019-01-02' AS day,
  TIMESTAMPTZ '2019-01-01 10:00:30+00' AS moment, TIME '09:00:30' AS clock, 1e39::DOUBLE AS amount,
  {'x': NULL::INTEGER, 'tags': [NULL]::VARCHAR[]} AS thing, [2, 2] AS list,
  [1, 1]::FLOAT[2] AS vector, MAP {'a': 1} AS counts, '2025-01-01T01:00:00+00' AS written,
  7 AS parent
"""
BROKEN = {
    "id.minimum",
    "mail.minLength_maxLength",
    "mail.pattern",
    "mail.format",
    "mail.enum",
    "day.minimum",
    "day.format",
    "moment.minimum",
    "moment.format",
    "clock.minimum",
    "clock.format",
    "amount.format",
    "amount.sql",
    "thing.x.required",
    "thing.tags.items.required",
    "list.uniqueItems",
    "vector.normalized",
    "written.maximum",
    "fk.parent",
}


@pytest.fixture
def contract(tmp_path):
    return port(tmp_path, PROPERTIES, below=QUALITY, after=LEVELS, version="v3.2.0")


def outcomes(contract, query):
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE staged AS {query}")
        verdicts = verify(connection, contract, Staged.only(Rows("staged")), Surroundings())
    assert [verdict.rule for verdict in verdicts] == [rule.id for rule in contract.rules]
    return {verdict.rule: (verdict.outcome, verdict.reason) for verdict in verdicts}


def test_good_rows_pass_every_rule(contract):
    found = outcomes(contract, GOOD)
    assert {name: told for name, told in found.items() if told[0] != "passed"} == {}


def test_bad_rows_break_exactly_the_rules_they_break(contract):
    found = outcomes(contract, BAD)
    assert {name for name, (outcome, _) in found.items() if outcome == "failed"} == BROKEN
    assert {outcome for outcome, _ in found.values()} == {"passed", "failed"}
