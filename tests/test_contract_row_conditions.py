"""Conditions that the loader writes as SQL mean what the option says, on real DuckDB values."""

import pytest
from contract_documents import rules, violating

from mesh_defs.contract.rules import Metric, RowCondition

NOTHING = "NULL"


def condition(tmp_path, properties: str, name: str) -> str:
    rule = rules(tmp_path, properties + "- {name: id, primaryKey: true}\n", version="v3.2.0")[name]
    assert isinstance(rule, RowCondition)
    assert rule.expected
    return rule.violation


def check(tmp_path, properties, name, kind, good, bad):
    violation = condition(tmp_path, properties, name)
    for value in [*good, NOTHING]:
        assert not violating(violation, "a", kind, value), (value, violation)
    for value in bad:
        assert violating(violation, "a", kind, value), (value, violation)


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("yyyy-MM-dd", ["2024-02-29"], ["2023-02-29", "2024-2-29", "2024-02-29 ", "x", ""]),
        ("dd/MM/yyyy", ["31/12/2023"], ["12/31/2023"]),
        ("yyyyMMdd", ["20240131"], ["20241331", "2024013"]),
        ("d MMM yyyy", ["1 Jan 2024"], ["1 Foo 2024", "01 January 2024"]),
        ("EEE, d MMM yyyy", ["Mon, 1 Jan 2024"], ["1 Jan 2024"]),
        ("'day' dd.MM.yy", ["day 31.01.24"], ["31.01.24"]),
    ],
)
def test_dates_as_text(tmp_path, form, good, bad):
    properties = (
        "- name: a\n  logicalType: date\n  physicalType: VARCHAR\n"
        f'  logicalTypeOptions: {{format: "{form}"}}\n'
    )
    quoted = [[f"'{text}'" for text in texts] for texts in (good, bad)]
    check(tmp_path, properties, "a.format", "VARCHAR", *quoted)


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (
            "yyyy-MM-ddTHH:mm:ssZ",
            ["2024-03-10T14:22:35Z", "2024-03-10T14:22:35+10:00", "2024-03-10T14:22:35+1000"],
            ["2024-03-10T14:22:35", "2024-03-10T25:22:35Z", "2024-03-10 14:22:35Z"],
        ),
        ("yyyy-MM-dd HH:mm:ss.SSS", ["2024-03-10 14:22:35.123"], ["2024-03-10 14:22:35"]),
        ("yyyy-MM-dd HH:mm VV", ["2024-03-10 14:22 Europe/Berlin"], ["2024-03-10 14:22 Mars/X"]),
    ],
)
def test_timestamps_as_text(tmp_path, form, good, bad):
    properties = (
        "- name: a\n  logicalType: timestamp\n  physicalType: string\n"
        f'  logicalTypeOptions: {{format: "{form}"}}\n'
    )
    quoted = [[f"'{text}'" for text in texts] for texts in (good, bad)]
    check(tmp_path, properties, "a.format", "VARCHAR", *quoted)


def test_dates_as_text_without_a_format_are_iso(tmp_path):
    properties = "- {name: a, logicalType: date, physicalType: text}\n"
    check(tmp_path, properties, "a.format", "VARCHAR", ["'2024-02-29'"], ["'2023-02-29'", "'x'"])


def test_bounds_on_dates_as_text_compare_dates(tmp_path):
    properties = (
        "- name: a\n  logicalType: date\n  physicalType: VARCHAR\n"
        "  logicalTypeOptions: {format: dd/MM/yyyy, minimum: '2023-02-01', "
        "exclusiveMaximum: '2024-01-01'}\n"
    )
    check(
        tmp_path,
        properties,
        "a.minimum_exclusiveMaximum",
        "VARCHAR",
        ["'01/02/2023'", "'31/12/2023'"],
        ["'31/01/2023'", "'01/01/2024'"],
    )


def test_bounds_on_zoned_text_compare_moments(tmp_path):
    properties = (
        "- name: a\n  logicalType: timestamp\n  physicalType: VARCHAR\n"
        '  logicalTypeOptions: {format: "yyyy-MM-ddTHH:mm:ssZ", minimum: "2024-01-01T00:00:00"}\n'
    )
    good = ["'2024-01-01T00:00:00Z'", "'2024-01-01T01:00:00+01:00'"]
    check(tmp_path, properties, "a.minimum", "VARCHAR", good, ["'2024-01-01T00:00:00+01:00'"])


@pytest.mark.parametrize(
    ("logical", "kind", "form", "good", "bad"),
    [
        (
            "timestamp",
            "TIMESTAMP",
            "yyyy-MM-dd HH:mm:ss",
            ["'2024-01-01 10:00:01'"],
            ["'2024-01-01 10:00:01.5'"],
        ),
        ("timestamp", "TIMESTAMPTZ", "HH:mm", ["'2024-01-01 10:01'"], ["'2024-01-01 10:01:01'"]),
        ("time", "TIME", "HH:mm", ["'10:01'"], ["'10:01:01'"]),
        ("date", "DATE", "yyyy-MM", ["'2024-01-01'"], ["'2024-01-02'"]),
    ],
)
def test_native_times_are_no_finer_than_their_format(tmp_path, logical, kind, form, good, bad):
    properties = (
        f'- {{name: a, logicalType: {logical}, logicalTypeOptions: {{format: "{form}"}}}}\n'
    )
    check(tmp_path, properties, "a.format", kind, good, bad)


def test_a_date_format_with_a_time_of_day_means_a_timestamp(tmp_path):
    found = rules(
        tmp_path,
        "- name: a\n  logicalType: date\n  required: true\n"
        '  logicalTypeOptions: {format: "yyyy-MM-dd HH:mm:ss"}\n',
        version="v3.0.2",
    )
    assert found["a.type"].logical == "timestamp"


@pytest.mark.parametrize("form", ["qqqq", "hello world", "''", "yyyy'"])
def test_a_date_format_that_nobody_knows_is_unrunnable(tmp_path, form):
    found = rules(
        tmp_path,
        "- name: a\n  unique: true\n  logicalType: date\n"
        f'  logicalTypeOptions: {{format: "{form}"}}\n',
    )
    assert "cannot be checked" in found["a.format"].reason


@pytest.mark.parametrize(
    ("wanted", "good", "bad"),
    [("true", "TIMESTAMPTZ", "TIMESTAMP"), ("false", "TIMESTAMP", "TIMESTAMPTZ")],
)
def test_time_zones_of_native_timestamps(tmp_path, wanted, good, bad):
    properties = (
        f"- {{name: a, logicalType: timestamp, logicalTypeOptions: {{timezone: {wanted}}}}}\n"
    )
    violation = condition(tmp_path, properties, "a.timezone")
    assert not violating(violation, "a", good, "'2024-01-01'")
    assert violating(violation, "a", bad, "'2024-01-01'")


def test_32_bit_floats(tmp_path):
    properties = "- {name: a, logicalType: number, logicalTypeOptions: {format: f32}}\n"
    check(tmp_path, properties, "a.format", "DOUBLE", ["1e38", "'inf'", "'nan'"], ["1e39", "-1e39"])


JSON_KINDS = ["JSON", "VARCHAR"]


@pytest.mark.parametrize("kind", ["INTEGER[]", *JSON_KINDS])
def test_unique_items(tmp_path, kind):
    physical = "array" if kind == "INTEGER[]" else kind
    properties = (
        f"- {{name: a, logicalType: array, physicalType: {physical},"
        " logicalTypeOptions: {uniqueItems: true}}\n"
    )
    good, bad = ["'[1, 2]'", "'[]'"], ["'[1, 1]'"]
    check(tmp_path, properties, "a.uniqueItems", kind, good, bad)


def test_sizes_of_json_arrays(tmp_path):
    properties = (
        "- {name: a, logicalType: array, physicalType: json,"
        " logicalTypeOptions: {minItems: 1, maxItems: 2}}\n"
    )
    good, bad = ["'[1]'", "'[1, 2]'"], ["'[]'", "'[1, 2, 3]'"]
    check(tmp_path, properties, "a.minItems_maxItems", "JSON", good, bad)


def test_json_text_that_is_none(tmp_path):
    properties = "- {name: a, logicalType: object, physicalType: VARCHAR}\n"
    check(tmp_path, properties, "a.json", "VARCHAR", ["'{}'"], ["'[]'", "'{'", "'1'", "''"])


@pytest.mark.parametrize(
    ("options", "name", "good", "bad"),
    [
        ("minProperties: 2", "a.minProperties", ['{"x": 1, "y": 2}'], ["{}", '{"x": 1}']),
        ("maxProperties: 1", "a.maxProperties", ["{}", '{"x": 1}'], ['{"x": 1, "y": 2}']),
        (
            "required: [x, 'y/~z']",
            "a.required_properties",
            ['{"x": null, "y/~z": 1}'],
            ["{}", '{"x": 1}'],
        ),
    ],
)
def test_options_of_objects(tmp_path, options, name, good, bad):
    properties = (
        "- {name: a, logicalType: object, physicalType: json,"
        f" logicalTypeOptions: {{{options}}}}}\n"
    )
    quoted = [[f"'{text}'" for text in texts] for texts in (good, bad)]
    check(tmp_path, properties, name, "JSON", *quoted)


NESTED = """
- name: a
  logicalType: object
  properties:
    - {name: street, logicalType: string, required: true}
    - {name: zip, logicalType: integer}
    - {name: built, logicalType: date}
    - name: "it's"
      logicalType: array
      items:
        logicalType: object
        properties:
          - {name: id, logicalType: number, required: true}
"""
STRUCT = 'STRUCT(street VARCHAR, zip INTEGER, built DATE, "it\'s" STRUCT(id DOUBLE)[])'


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("a.street.required", ['{"street": "x"}'], ["{}", '{"street": null}']),
        ("a.street.type", ['{"street": "x"}', "{}"], ['{"street": 1}']),
        (
            "a.zip.type",
            ['{"zip": 1}', '{"zip": -1}', '{"zip": null}'],
            ['{"zip": 1.5}', '{"zip": "1"}'],
        ),
        ("a.built.type", ['{"built": "2024-02-29"}'], ['{"built": "2023-02-29"}', '{"built": 1}']),
        ("a.it_s.type", ["{\"it''s\": []}"], ["{\"it''s\": {}}"]),
        (
            "a.it_s.items.id.required",
            ['{"it\'\'s": [{"id": 1}, {"id": 2.5}]}', "{\"it''s\": []}"],
            ['{"it\'\'s": [{"id": 1}, {}]}'],
        ),
        ("a.it_s.items.id.type", ['{"it\'\'s": [{"id": 1}]}'], ['{"it\'\'s": [{"id": "1"}]}']),
    ],
)
def test_nested_types_and_required_in_json(tmp_path, name, good, bad):
    quoted = [[f"'{text}'" for text in texts] for texts in (good, bad)]
    check(tmp_path, NESTED, name, "JSON", *quoted)


def test_nested_rules_on_native_structs(tmp_path):
    good = "{'street': 'x', 'zip': 1, 'built': '2024-01-01', 'it''s': [{'id': 1.5}]}"
    bad = "{'street': NULL, 'zip': 1, 'built': '2024-01-01', 'it''s': [{'id': NULL}]}"
    found = rules(tmp_path, NESTED + "- {name: id, primaryKey: true}\n")
    conditions = {n: r for n, r in found.items() if isinstance(r, RowCondition)}
    assert len(conditions) == 8
    for rule in conditions.values():
        assert not violating(rule.violation, "a", STRUCT, good)
        assert not violating(rule.violation, "a", STRUCT, "NULL")
    broken = {n for n, r in conditions.items() if violating(r.violation, "a", STRUCT, bad)}
    assert broken == {"a.street.required", "a.it_s.items.id.required"}


def test_rules_inside_lists_that_are_not_run_say_so(tmp_path):
    found = rules(
        tmp_path,
        """
        - name: a
          logicalType: array
          required: true
          items:
            logicalType: object
            properties:
              - name: x
                logicalType: string
                unique: true
                primaryKey: true
                relationships: [{to: flights.a}]
                quality:
                  - {metric: nullValues, mustBe: 0}
                  - {metric: duplicateValues, mustBe: 0}
                  - {type: sql, query: 'SELECT count({property}) FROM {object}', mustBe: 0}
        """,
    )
    reasons = {name: rule.reason for name, rule in found.items() if hasattr(rule, "reason")}
    inside = ("unique", "primaryKey", "relationships", "quality", "quality_2")
    assert set(reasons) == {f"a.items.x.{name}" for name in inside}
    assert all("inside a list is not run" in reason for reason in reasons.values())
    assert isinstance(found["a.items.x.nullValues"], Metric)


MAP = """
- name: a
  logicalType: map
  map:
    key: {logicalType: integer}
    value: {logicalType: string}
"""


def test_maps(tmp_path):
    for name, bad in (("a.keys.type", "MAP {'x': 'y'}"), ("a.values.type", "MAP {'1': 1}")):
        kind = "MAP(VARCHAR, VARCHAR)" if name == "a.keys.type" else "MAP(VARCHAR, INTEGER)"
        violation = condition(tmp_path, MAP, name)
        assert violating(violation, "a", kind, bad)
        assert not violating(violation, "a", "MAP(INTEGER, VARCHAR)", "MAP {1: 'y'}")
        assert not violating(violation, "a", "MAP(INTEGER, VARCHAR)", "NULL")


@pytest.mark.parametrize("kind", ["FLOAT[2]", "FLOAT[]"])
def test_vectors(tmp_path, kind):
    properties = (
        "- {name: a, logicalType: vector, logicalTypeOptions:"
        " {dimensions: 2, elementType: float32, normalized: true}}\n"
    )
    for name in ("a.dimensions", "a.elementType", "a.normalized"):
        check(tmp_path, properties, name, kind, ["[0.6, 0.8]"], [])
    assert violating(condition(tmp_path, properties, "a.dimensions"), "a", "FLOAT[3]", "[1, 0, 0]")
    assert violating(condition(tmp_path, properties, "a.elementType"), "a", "DOUBLE[2]", "[1, 0]")
    assert violating(condition(tmp_path, properties, "a.normalized"), "a", kind, "[1, 1]")


def test_a_hostile_name_stays_a_name(tmp_path):
    name = "x' OR 1=1 --\\\"; DROP TABLE t"
    found = rules(
        tmp_path,
        f'- name: "{name}"\n  logicalType: object\n  required: true\n'
        f'  properties: [{{name: "{name}", required: true}}]\n',
    )
    (rule,) = [r for r in found.values() if isinstance(r, RowCondition)]
    column = name.replace('\\"', '"').replace('"', '""')
    member = name.replace("\\", "").replace("'", "''").replace('"', '\\"')
    assert not violating(rule.violation, column, "JSON", f"'{{\"{member}\": 1}}'")
    assert violating(rule.violation, column, "JSON", "'{}'")


ISO = {
    "date": (
        ["2024-02-29", "0001-01-01", "9999-12-31"],
        ["infinity", "-infinity", "epoch", " 2023-1-1 ", "2023-1-1", "2023-01-01 25:99", "",
         "today", "2023/01/01", "0044-01-01 (BC)", "2023-02-29", "2023-01-01 00:00:00",
         "2023-01-01\n"],
    ),
    "time": (
        ["10:00", "10:00:59", "23:59:59.999999", "10:00:00Z", "10:00:00+02:00"],
        ["1:2:3", "24:01:00", "10:60", "10", "10:00:00 ", "", "10:00:00.", "infinity"],
    ),
    "timestamp": (
        ["2024-02-29T10:00:00", "2024-02-29 10:00", "2024-02-29T10:00:00.123Z",
         "2024-02-29T10:00:00+02:00", "2024-02-29T10:00:00-0530", "2024-02-29 10:00:00+00"],
        ["infinity", "epoch", "2024-2-29 10:00:00", "2024/02/29 10:00:00", "2024-02-30T10:00:00",
         "2024-02-29T25:00:00", "0044-01-01 (BC) 10:00:00", "2024-02-29 10:00:00 Europe/Berlin"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("logical", ISO)
def test_iso_8601_is_a_form_and_not_whatever_an_engine_reads(tmp_path, logical):
    properties = f"- {{name: a, logicalType: {logical}, physicalType: VARCHAR}}\n"
    quoted = [[f"'{text}'" for text in texts] for texts in ISO[logical]]
    check(tmp_path, properties, "a.format", "VARCHAR", *quoted)


@pytest.mark.parametrize("logical", ISO)
def test_iso_8601_inside_of_objects(tmp_path, logical):
    properties = (
        "- name: a\n  logicalType: object\n  properties:\n"
        f"    - {{name: x, logicalType: {logical}}}\n"
    )
    quoted = [
        ["'" + '{"x": "' + text.replace("\n", "\\n") + '"}' + "'" for text in texts]
        for texts in ISO[logical]
    ]
    check(tmp_path, properties, "a.x.type", "JSON", *quoted)
