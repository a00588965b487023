"""A contract is read into columns, rules, texts and service levels, each with its line."""

import hashlib

from contract_documents import HEAD, document, port, read

from mesh_defs.contract.describe import expected
from mesh_defs.contract.rules import (
    Bounds,
    ColumnType,
    ForeignKey,
    Freshness,
    Metric,
    NoOtherColumns,
    NotNull,
    Query,
    Unique,
)

FLIGHTS = """
- name: carrier
  logicalType: string
  physicalType: VARCHAR
  required: true
  description: Two letter code
  businessName: Airline
  tags: [code]
- name: flight
  logicalType: integer
  primaryKey: true
  primaryKeyPosition: 2
- name: time_hour
  logicalType: timestamp
  primaryKey: true
  primaryKeyPosition: 1
- name: dep_delay
  logicalType: number
  logicalTypeOptions: {minimum: -60, maximum: 2000}
  quality:
    - metric: nullValues
      mustBeLessThan: 3
      unit: percent
    - id: mostly_late
      type: sql
      query: SELECT avg({property}) FROM {object}
      mustBeBetween: [5, 20]
      severity: warning
      dimension: accuracy
- name: dest
  logicalType: string
  classification: personal
  relationships:
    - to: mesh://network/airports/airports#faa
"""


def test_every_part_becomes_a_rule_with_a_readable_id(tmp_path):
    found = port(
        tmp_path,
        FLIGHTS,
        after="slaProperties: [{property: latency, value: 1, unit: d, "
        "element: flights.time_hour}]\n",
    )
    assert [(rule.id, type(rule)) for rule in found.rules] == [
        ("carrier.type", ColumnType),
        ("carrier.required", NotNull),
        ("flight.type", ColumnType),
        ("time_hour.type", ColumnType),
        ("dep_delay.type", ColumnType),
        ("dep_delay.minimum_maximum", Bounds),
        ("dep_delay.nullValues", Metric),
        ("mostly_late", Query),
        ("dest.type", ColumnType),
        ("fk.dest", ForeignKey),
        ("no_other_columns", NoOtherColumns),
        ("primary_key", Unique),
        ("time_hour.freshness", Freshness),
    ]


def test_columns_carry_what_a_reader_needs(tmp_path):
    found = port(tmp_path, FLIGHTS)
    carrier = found.column("carrier")
    assert carrier is not None
    assert (carrier.logical_type, carrier.physical_type) == ("string", "VARCHAR")
    assert (carrier.required, carrier.unique, carrier.classification) == (True, False, "internal")
    assert (carrier.description, carrier.business_name) == ("Two letter code", "Airline")
    assert carrier.tags == ("code",)
    assert found.primary_key == ("time_hour", "flight")
    assert found.personal_columns == {"dest"}


def test_a_rule_knows_its_line(tmp_path):
    text = document(FLIGHTS)
    lines = text.splitlines()
    contract, _ = read(tmp_path, text)
    assert contract is not None
    by_id = {rule.id: rule for rule in contract.ports[0].rules}
    for name, start in {
        "carrier.required": "        required: true",
        "dep_delay.minimum_maximum": "        logicalTypeOptions:",
        "dep_delay.nullValues": "          - metric: nullValues",
        "mostly_late": "          - id: mostly_late",
        "fk.dest": "          - to: mesh://",
    }.items():
        assert lines[by_id[name].line - 1].startswith(start), name


def test_the_contract_names_its_document(tmp_path):
    text = document(FLIGHTS)
    contract, faults = read(tmp_path, text)
    assert contract is not None
    assert faults == []
    assert contract.digest == hashlib.sha256(text.encode()).hexdigest()
    assert (contract.api_version, contract.id, contract.version) == (
        "v3.1.0",
        "flights-contract",
        "1.0.0",
    )
    assert contract.document.schema_ is not None
    assert contract.document.schema_[0].name == "flights"


def test_several_objects_are_several_ports(tmp_path):
    text = HEAD.format(version="v3.1.0") + (
        "schema:\n"
        "  - {name: a, properties: [{name: x, required: true}]}\n"
        "  - {name: b, properties: [{name: y, required: true}]}\n"
    )
    contract, _ = read(tmp_path, text)
    assert contract is not None
    assert [p.name for p in contract.ports] == ["a", "b"]
    assert contract.for_port("b") is contract.ports[1]
    assert contract.for_port("c") is None


def test_the_physical_name_is_the_column(tmp_path):
    found = port(
        tmp_path,
        """
        - {name: departure_delay, physicalName: dep_delay, required: true}
        - name: id
          primaryKey: true
        """,
        below="""
        quality:
          - {metric: duplicateValues, mustBe: 0, arguments: {properties: [departure_delay, id]}}
        """,
    )
    by_id = {rule.id: rule for rule in found.rules}
    assert found.columns[0].name == "dep_delay"
    assert by_id["departure_delay.required"].column == "dep_delay"
    duplicates = by_id["duplicateValues.dep_delay_id"]
    assert isinstance(duplicates, Metric)
    assert duplicates.arguments == {"properties": ["dep_delay", "id"]}


def test_the_key_is_not_checked_twice(tmp_path):
    found = port(tmp_path, "- {name: id, primaryKey: true, unique: true, logicalType: integer}\n")
    assert [rule.id for rule in found.rules] == ["id.type", "no_other_columns", "primary_key"]


def test_names_that_somebody_wrote_are_kept_and_derived_ones_give_way(tmp_path):
    found = port(
        tmp_path,
        """
        - name: a
          primaryKey: true
          quality:
            - {id: no_nulls, metric: nullValues, mustBe: 0}
            - {name: "No doubles, please", metric: duplicateValues, mustBe: 0}
            - {metric: nullValues, mustBeLessThan: 5, unit: percent}
            - {metric: nullValues, mustBeLessThan: 9}
        - name: b
          quality:
            - {id: no_nulls, metric: nullValues, mustBe: 0}
        """,
        below="quality: [{id: primary_key, metric: rowCount, mustBeGreaterThan: 0}]\n",
    )
    names = [rule.id for rule in found.rules]
    assert names == [
        "a.type",
        "a.no_nulls",
        "No_doubles_please",
        "a.nullValues",
        "a.nullValues_2",
        "b.type",
        "b.no_nulls",
        "no_other_columns",
        "primary_key_2",
        "primary_key",
    ]
    assert len(set(names)) == len(names)


def test_every_rule_has_words(tmp_path):
    found = port(tmp_path, FLIGHTS)
    for rule in found.rules:
        assert expected(rule)
        assert rule.line > 0
