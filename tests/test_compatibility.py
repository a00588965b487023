"""Every kind of change of a contract has the level that its readers would give it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from contract_documents import document, read

from mesh_defs.policy.compatibility.compare import compare, compare_interfaces
from mesh_defs.policy.compatibility.model import Change, Interface, PortInterface

COLUMNS = """
- {name: id, logicalType: integer, physicalType: INTEGER, required: true, primaryKey: true}
- name: seats
  logicalType: integer
  physicalType: INTEGER
  description: How many sit in it.
  businessName: Seats
  logicalTypeOptions: {minimum: 1, maximum: 9}
- name: code
  logicalType: string
  required: true
  unique: true
  logicalTypeOptions: {minLength: 2, maxLength: 4, pattern: "^[A-Z]+$"}
- {name: price, logicalType: number, physicalType: "DECIMAL(8,2)"}
- {name: at, logicalType: timestamp, classification: confidential}
"""
BELOW = """
quality:
  - {name: enough, metric: rowCount, mustBeGreaterOrEqualTo: 10}
  - {name: few nulls, type: sql, query: "select count(*) from {object}", mustBeLessThan: 9,
     severity: warning}
"""
AFTER = """
slaProperties:
  - {property: latency, value: 2, unit: d, element: flights.at}
  - {property: retention, value: 1, unit: y, element: flights.at}
  - {property: availability, value: 99.5, unit: percent}
"""


def interface(
    folder: Path, columns: str, below: str = BELOW, after: str = AFTER, continues: str = "snapshot"
) -> PortInterface:
    contract, faults = read(folder, document(columns, below=below, after=after))
    assert contract is not None, "\n".join(map(str, faults))
    return PortInterface(contract, contract.ports[0], continues)


def changes(folder: Path, old: str, new: str) -> tuple[Change, ...]:
    """The changes when the text ``old`` becomes ``new``, wherever in the contract it stands."""
    texts = (COLUMNS, BELOW, AFTER)
    assert sum(text.count(old) for text in texts) == 1, old
    before = interface(folder, *texts)
    return compare(before, interface(folder, *(text.replace(old, new) for text in texts)))


LINE_OF_PRICE = '- {name: price, logicalType: number, physicalType: "DECIMAL(8,2)"}\n'

# What is written, what it becomes, and the kind, column and level of the one change that it is.
BREAKING = [
    ("name: price", "name: fare", "column renamed", "price"),
    (LINE_OF_PRICE, "", "column removed", "price"),
    ("physicalType: INTEGER\n", "physicalType: SMALLINT\n", "type", "seats"),
    ("physicalType: INTEGER\n", "physicalType: HUGEINT\n", "type", "seats"),
    ("DECIMAL(8,2)", "DECIMAL(8,4)", "type", "price"),
    ("DECIMAL(8,2)", "DOUBLE", "type", "price"),
    ("logicalType: timestamp", "logicalType: timestamp, physicalType: VARCHAR", "type", "at"),
    ("minimum: 1", "minimum: 2", "values", "seats"),
    ("minimum: 1", "minimum: 0", "values", "seats"),
    ("minimum: 1", "exclusiveMinimum: 1", "values", "seats"),
    ("maximum: 9", "maximum: 8", "values", "seats"),
    ("minimum: 1, ", "", "values", "seats"),
    ("maxLength: 4", "maxLength: 5", "values", "code"),
    ("minLength: 2, ", "", "values", "code"),
    ("[A-Z]", "[A-Z0-9]", "values", "code"),
    ("required: true\n", "required: false\n", "required", "code"),
    ("name: price,", "name: price, required: true,", "required", "price"),
    ("unique: true\n", "unique: false\n", "unique", "code"),
    ("businessName: Seats", "businessName: Rows", "meaning", "seats"),
    ("classification: confidential", "classification: personal", "classification", "at"),
    ("GreaterOrEqualTo: 10", "GreaterOrEqualTo: 9", "rule", None),
    ("OrEqualTo: 10}", "OrEqualTo: 10, severity: warning}", "rule", None),
    ("  - {name: enough, metric: rowCount, mustBeGreaterOrEqualTo: 10}\n", "", "rule", None),
    ("value: 2, unit: d", "value: 3, unit: d", "service level", None),
    ("value: 1, unit: y", "value: 2, unit: y", "service level", None),
    ("value: 1, unit: y", "value: 6, unit: months", "service level", None),
    ("value: 99.5", "value: 99", "service level", None),
    ("  - {property: availability, value: 99.5, unit: percent}\n", "", "service level", None),
]
COMPATIBLE = [
    (
        LINE_OF_PRICE,
        LINE_OF_PRICE + "- {name: note, logicalType: string}\n",
        "column added",
        "note",
    ),
    ("physicalType: INTEGER\n", "physicalType: BIGINT\n", "type", "seats"),
    ("DECIMAL(8,2)", "DECIMAL(10,2)", "type", "price"),
    ("DECIMAL(8,2)", "DECIMAL(10,4)", "type", "price"),
    ("name: price,", "name: price, unique: true,", "unique", "price"),
    ("classification: confidential", "classification: internal", "classification", "at"),
    ("name: price,", "name: price, deprecated: true,", "status", "price"),
    ("GreaterOrEqualTo: 10", "GreaterThan: 10", "rule", None),
    ("severity: warning}", "severity: error}", "rule", None),
    ("mustBeLessThan: 9", "mustBeLessThan: 99", "rule", None),
    ("value: 2, unit: d", "value: 2, unit: h", "service level", None),
    ("value: 99.5", "value: 99.9", "service level", None),
    ("How many sit in it.", "How many may sit in it.", "meaning", "seats"),
    ("How many sit in it.", "In euros.", "meaning", "seats"),
    ("  description: How many sit in it.\n", "", "meaning", "seats"),
]
WORDS = [
    ("How many sit in it.", "how many  sit in it", "text", "seats"),
    ("name: price,", "name: price, examples: [1.5],", "text", "price"),
    ("metric: rowCount,", "metric: rowCount, description: not too few,", "text", None),
]


@pytest.mark.parametrize(("old", "new", "kind", "column"), BREAKING)
def test_what_breaks_readers(
    tmp_path: Path, old: str, new: str, kind: str, column: str | None
) -> None:
    (change,) = changes(tmp_path, old, new)
    assert (change.kind, change.column, change.level) == (kind, column, "breaking")
    assert change.reason


@pytest.mark.parametrize(("old", "new", "kind", "column"), COMPATIBLE)
def test_what_readers_need_not_care_about(
    tmp_path: Path, old: str, new: str, kind: str, column: str | None
) -> None:
    (change,) = changes(tmp_path, old, new)
    assert (change.kind, change.column, change.level) == (kind, column, "compatible")


@pytest.mark.parametrize(("old", "new", "kind", "column"), WORDS)
def test_words_alone_break_nothing_and_are_shown(
    tmp_path: Path, old: str, new: str, kind: str, column: str | None
) -> None:
    (change,) = changes(tmp_path, old, new)
    assert (change.kind, change.column, change.level) == (kind, column, "none")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("physicalType: INTEGER\n", "physicalType: int4\n"),
        ("DECIMAL(8,2)", "NUMERIC(8, 2)"),
        ("value: 2, unit: d", "value: 48, unit: h"),
        ("{name: at, logicalType: timestamp", "{name: at,   logicalType: timestamp"),
        ("logicalType: timestamp", "logicalType: timestamp, physicalType: TIMESTAMP"),
    ],
)
def test_another_spelling_is_no_change(tmp_path: Path, old: str, new: str) -> None:
    assert changes(tmp_path, old, new) == ()


def test_the_direction_of_a_range_is_told(tmp_path: Path) -> None:
    (narrow,) = changes(tmp_path, "maximum: 9", "maximum: 8")
    (wide,) = changes(tmp_path, "maximum: 9", "maximum: 10.5")
    assert (narrow.before, narrow.after) == ("at most 9", "at most 8")
    assert narrow.reason.startswith("narrowed")
    assert wide.reason.startswith("widened")


def test_a_rename_takes_type_and_a_shared_trait(tmp_path: Path) -> None:
    (renamed,) = changes(tmp_path, "name: price", "name: fare")
    assert (renamed.before, renamed.after) == ("price", "fare")
    found = changes(
        tmp_path,
        'name: price, logicalType: number, physicalType: "DECIMAL(8,2)"',
        "name: fare, logicalType: string",
    )
    assert {c.kind for c in found} == {"column removed", "column added"}


def test_rules_and_levels_follow_a_renamed_column(tmp_path: Path) -> None:
    below = """
    quality:
      - {name: cheap, type: sql, query: "select max(price) from {object}", mustBeLessThan: 9}
      - {name: once, metric: duplicateValues, arguments: {properties: [price, at]}, mustBe: 0}
    """
    before = interface(tmp_path, COLUMNS, below)
    names = {"price": "fare", ".at}": ".since}", "name: at": "name: since", " at]": " since]"}
    texts = [COLUMNS, below, AFTER]
    for old, new in names.items():
        texts = [text.replace(old, new) for text in texts]
    after = interface(tmp_path, texts[0], texts[1].replace("max(price)", "max(fare)"), texts[2])
    found = compare(before, after)
    assert [(c.kind, c.before, c.after) for c in found] == [
        ("column renamed", "price", "fare"),
        ("column renamed", "at", "since"),
    ]


def test_two_candidates_for_a_rename_are_not_guessed(tmp_path: Path) -> None:
    before = interface(
        tmp_path, "- {name: a, logicalType: string, required: true, description: Same.}\n", "", ""
    )
    after = interface(
        tmp_path,
        "- {name: z, logicalType: integer, required: true}\n"
        "- {name: b, logicalType: string, description: Same.}\n"
        "- {name: c, logicalType: string, description: Same.}\n",
        "",
        "",
    )
    assert [c.kind for c in compare(before, after)].count("column removed") == 1


def test_a_renamed_key_is_one_change_and_another_key_is_one(tmp_path: Path) -> None:
    (renamed,) = changes(tmp_path, "name: id", "name: number")
    assert renamed.kind == "column renamed"
    found = changes(
        tmp_path,
        "name: id, logicalType: integer, physicalType: INTEGER, required: true, primaryKey: true",
        "name: id, logicalType: integer, physicalType: INTEGER, required: true",
    )
    assert {(c.kind, c.level) for c in found} == {("key", "breaking"), ("unique", "breaking")}


def test_a_retention_that_is_promised_for_the_first_time_takes_nothing(tmp_path: Path) -> None:
    line = "  - {property: retention, value: 1, unit: y, element: flights.at}\n"
    before = interface(tmp_path, COLUMNS, after=AFTER.replace(line, ""))
    after = interface(tmp_path, COLUMNS)
    assert [(c.kind, c.level) for c in compare(before, after)] == [("service level", "compatible")]
    assert [(c.kind, c.level) for c in compare(after, before)] == [("service level", "breaking")]


def test_the_order_of_columns_is_no_promise(tmp_path: Path) -> None:
    lines = "- {name: a, logicalType: string, required: true}\n", "- {name: b, logicalType: date}\n"
    before, after = (interface(tmp_path, "".join(each), "", "") for each in (lines, lines[::-1]))
    (change,) = compare(before, after)
    assert (change.kind, change.level, change.after) == ("order", "none", "b, a")


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        ("snapshot", "append by id", "breaking"),
        ("append by id", "upsert by id", "breaking"),
        ("append by id", "append by at", "compatible"),
    ],
)
def test_the_mode_is_a_promise(tmp_path: Path, old: str, new: str, level: str) -> None:
    port = interface(tmp_path, COLUMNS)
    (change,) = compare(replace(port, continues=old), replace(port, continues=new))
    assert (change.kind, change.level) == ("mode", level)
    assert compare(replace(port, continues=""), port) == ()


NESTED = """
- {name: id, logicalType: integer, required: true}
- name: place
  logicalType: object
  properties:
    - {name: street, logicalType: string, required: true}
    - {name: number, logicalType: integer}
- name: tags
  logicalType: array
  items: {logicalType: string, logicalTypeOptions: {maxLength: 5}}
"""


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("name: street", "name: road", ("column renamed", "place.street", "breaking")),
        (
            "number, logicalType: integer",
            "number, logicalType: number",
            ("type", "place.number", "breaking"),
        ),
        ("maxLength: 5", "maxLength: 6", ("values", "tags[]", "breaking")),
        (
            "logicalType: integer}\n- name: tags",
            "logicalType: integer}\n    - {name: zip, logicalType: string}\n- name: tags",
            ("column added", "place.zip", "compatible"),
        ),
    ],
)
def test_what_lies_inside_a_column(
    tmp_path: Path, old: str, new: str, found: tuple[str, str, str]
) -> None:
    before = interface(tmp_path, NESTED, "", "")
    (change,) = compare(before, interface(tmp_path, NESTED.replace(old, new), "", ""))
    assert (change.kind, change.column, change.level) == found
    assert change.top in ("place", "tags")


MEANT = "- {name: a, logicalType: number, required: true, %s}\n"
UNIT = "customProperties: [{property: unit, value: %s}]"
PURPOSES = "customProperties: [{property: permittedPurposes, value: [%s]}]"
DEFINED = "authoritativeDefinitions: [{type: term, url: 'https://example.org/%s'}]"


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (UNIT % "miles", UNIT % "km", ("meaning", "breaking")),
        ("tags: []", UNIT % "km", ("meaning", "compatible")),
        (UNIT % "km", "tags: []", ("meaning", "breaking")),
        (DEFINED % "fare", DEFINED % "price", ("meaning", "breaking")),
        (PURPOSES % "operations, training", PURPOSES % "operations", ("purposes", "breaking")),
        (PURPOSES % "operations", PURPOSES % "operations, training", ("purposes", "compatible")),
        ("relationships: [{to: b.b}]", "tags: []", ("reference", "breaking")),
        ("enum: [{value: 1}, {value: 2}]", "enum: [{value: 1}]", ("values", "breaking")),
        ("enum: [{value: 1}]", "enum: [{value: 1}, {value: 2}]", ("values", "breaking")),
    ],
)
def test_what_fixes_the_meaning(tmp_path: Path, old: str, new: str, found: tuple[str, str]) -> None:
    second = "- {name: b, logicalType: number, primaryKey: true, required: true}\n"
    sides = []
    for text in (old, new):
        shown = (MEANT % text + second).replace("b.b", "flights.b")
        contract, faults = read(tmp_path, document(shown, version="v3.2.0"))
        assert contract is not None, faults
        sides.append(PortInterface(contract, contract.ports[0]))
    levels = [(c.kind, c.level) for c in compare(*sides) if c.kind != "text"]
    assert levels == [found]


def test_ports_and_products_that_come_and_go(tmp_path: Path) -> None:
    port = interface(tmp_path, COLUMNS)
    one, two = Interface("1.0.0", {"a": port}), Interface("1.1.0", {"a": port, "b": port})
    added, removed = compare_interfaces(one, two), compare_interfaces(two, one)
    assert [(p.port, p.level) for p in added.ports] == [("b", "compatible")]
    assert [(p.port, p.level) for p in removed.ports] == [("b", "breaking")]
    assert compare_interfaces(None, one).level == "compatible"
    assert compare_interfaces(one, None).level == "breaking"
    assert compare_interfaces(one, one).ports == ()
