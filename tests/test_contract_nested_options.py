"""Options and enumerations inside objects and arrays run, on JSON and on native values."""

import pytest
from contract_documents import only_fault, rules, violating

from mesh_defs.contract.rules import RowCondition, Unrunnable

KEY = "- {name: id, primaryKey: true}\n"


def nested(tmp_path, inside):
    text = (
        "- name: a\n  logicalType: object\n  properties:\n"
        f"    - {{name: x, {inside}}}\n"
        f"    - {{name: list, logicalType: array, items: {{{inside}}}}}\n"
    )
    return rules(tmp_path, text + KEY, version="v3.2.0")


@pytest.mark.parametrize(
    ("inside", "name", "good", "bad"),
    [
        ("logicalType: integer, logicalTypeOptions: {minimum: 1, maximum: 5}", "minimum_maximum",
         ["1", "5"], ["0", "6"]),
        ("logicalType: integer, logicalTypeOptions: {exclusiveMinimum: 9007199254740992}",
         "exclusiveMinimum", ["9007199254740993"], ["9007199254740992"]),
        ("logicalType: number, logicalTypeOptions: {exclusiveMaximum: 2.5}", "exclusiveMaximum",
         ["2.4", "-7"], ["2.5"]),
        ("logicalType: number, logicalTypeOptions: {multipleOf: 0.01}", "multipleOf",
         ["0.29", "3"], ["0.005"]),
        ("logicalType: integer, logicalTypeOptions: {multipleOf: 5}", "multipleOf", ["10"], ["11"]),
        ("logicalType: integer, logicalTypeOptions: {format: u8}", "format", ["255"], ["256"]),
        ("logicalType: string, logicalTypeOptions: {minLength: 2}", "minLength", ['"ab"'], ['"a"']),
        ("logicalType: string, logicalTypeOptions: {maxLength: 2}", "maxLength", ['"ä€"'],
         ['"abc"']),
        ("logicalType: string, logicalTypeOptions: {pattern: '^[A-Z]+$'}", "pattern", ['"AB"'],
         ['"aB"', '""']),
        ("logicalType: string, logicalTypeOptions: {format: email}", "format", ['"a@b.org"'],
         ['"a"']),
        ("logicalType: date, logicalTypeOptions: {minimum: '2023-01-01'}", "minimum",
         ['"2023-01-01"'], ['"2022-12-31"']),
        ("logicalType: time, logicalTypeOptions: {maximum: '12:00:00'}", "maximum",
         ['"12:00:00"'], ['"12:00:01"']),
        ("logicalType: timestamp, logicalTypeOptions: {minimum: '2023-01-01T00:00:00Z'}", "minimum",
         ['"2023-01-01T00:00:00"', '"2023-01-01T01:00:00+01:00"'],
         ['"2023-01-01T00:00:00+01:00"', '"2022-12-31 23:59:59"']),
        ("logicalType: array, logicalTypeOptions: {minItems: 1}", "minItems", ["[1]"], ["[]"]),
        ("logicalType: array, logicalTypeOptions: {maxItems: 1}", "maxItems", ["[]"], ["[1, 2]"]),
        ("logicalType: array, logicalTypeOptions: {uniqueItems: true}", "uniqueItems", ["[1, 2]"],
         ["[1, 1]"]),
        ("logicalType: object, logicalTypeOptions: {minProperties: 1}", "minProperties",
         ['{"y": 1}'], ["{}"]),
        ("logicalType: object, logicalTypeOptions: {required: [y]}", "required_properties",
         ['{"y": 1}'], ["{}"]),
        ("logicalType: string, enum: [{value: it''s}, {value: b}]".replace("it''s", '"it\'s"'),
         "enum", ['"b"'], ['"c"', '""']),
        ("logicalType: integer, enum: [{value: 1}, {value: 2}]", "enum", ["1"], ["3"]),
        ("logicalType: number, enum: [{value: 1.5}]", "enum", ["1.5", "1.50"], ["1"]),
    ],
)  # fmt: skip
def test_inside_objects_and_arrays(tmp_path, inside, name, good, bad):
    found = nested(tmp_path, inside)
    assert not [rule for rule in found.values() if isinstance(rule, Unrunnable)]
    for place, around in (("a.x", '{{"x": {}}}'), ("a.list.items", '{{"list": [{}, {}]}}')):
        rule = found[f"{place}.{name}"]
        assert isinstance(rule, RowCondition)
        assert (rule.column, rule.dimension) == ("a", "conformity")
        assert place in rule.expected
        for values, breaks in ((good, False), (["null"], False), (bad, True)):
            for value in values:
                text = around.format(good[0], value) if "list" in around else around.format(value)
                violates = violating(rule.violation, "a", "JSON", f"'{text}'")
                assert violates is breaks, (text, rule.violation)
        for nothing in ("NULL", "'{}'", "'null'"):
            assert not violating(rule.violation, "a", "JSON", nothing)


def test_on_native_structs(tmp_path):
    found = nested(tmp_path, "logicalType: integer, logicalTypeOptions: {minimum: 1}")
    kind = "STRUCT(x INTEGER, list INTEGER[])"
    for value, broken in (
        ("{'x': 1, 'list': [1, 2]}", set()),
        ("{'x': 0, 'list': [1]}", {"a.x.minimum"}),
        ("{'x': 1, 'list': [1, 0, NULL]}", {"a.list.items.minimum"}),
        ("{'x': NULL, 'list': NULL}", set()),
    ):
        conditions = [r for r in found.values() if isinstance(r, RowCondition)]
        assert {r.id for r in conditions if violating(r.violation, "a", kind, value)} == broken


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ("{minimum: x}", "minimum"),
        ("{minimum: 5, maximum: 1}", "minimum"),
        ("{maxLenght: 5}", "maxLenght"),
        ("{maxLength: 5}", "maxLength"),
    ],
)
def test_malformed_options_inside_are_faults(tmp_path, options, key):
    fault = only_fault(
        tmp_path,
        KEY + "- name: a\n  logicalType: object\n  properties:\n"
        f"    - {{name: x, logicalType: integer, logicalTypeOptions: {options}}}\n",
    )
    assert fault.key == f"schema[0].properties[1].properties[0].logicalTypeOptions.{key}"


@pytest.mark.parametrize(
    ("inside", "name"),
    [
        ("logicalType: string, logicalTypeOptions: {pattern: '(?=a)'}", "pattern"),
        ("logicalType: string, logicalTypeOptions: {format: postcode}", "format"),
        ("logicalType: date, logicalTypeOptions: {format: qqq}", "format"),
        (
            "logicalType: vector, logicalTypeOptions: {dimensions: 2, elementType: int8}",
            "elementType",
        ),
    ],
)
def test_what_does_not_run_inside_says_so(tmp_path, inside, name):
    found = nested(tmp_path, inside)
    for place in ("a.x", "a.list.items"):
        rule = found[f"{place}.{name}"]
        assert isinstance(rule, Unrunnable)
        assert rule.reason
        assert rule.key.startswith("schema[0].properties[0].properties[")


DATES = """
- name: a
  logicalType: object
  {physical}
  properties:
    - {{name: x, logicalType: {logical}, logicalTypeOptions: {options}}}
    - name: list
      logicalType: array
      items: {{logicalType: {logical}, logicalTypeOptions: {options}}}
"""


@pytest.mark.parametrize(
    ("logical", "options", "name", "good", "bad"),
    [
        ("date", "{format: dd/MM/yyyy}", "format", ["31/12/2023"], ["2023-12-31", "31/13/2023"]),
        ("date", "{format: dd.MM.yyyy HH:mm}", "format", ["31.12.2023 23:59"], ["31.12.2023"]),
        ("date", "{format: dd/MM/yyyy, minimum: '2023-02-01'}", "minimum",
         ["01/02/2023"], ["31/01/2023"]),
        ("timestamp", "{timezone: true}", "timezone", ["2023-01-01T00:00:00Z"],
         ["2023-01-01T00:00:00"]),
        ("timestamp", "{timezone: false}", "timezone", ["2023-01-01T00:00:00"],
         ["2023-01-01T00:00:00+02:00"]),
        ("timestamp", "{minimum: '2023-07-01T00:00:00', defaultTimezone: Europe/Berlin}", "minimum",
         ["2023-07-01T00:00:00", "2023-06-30T22:00:00Z"],
         ["2023-06-30T23:59:59", "2023-06-30T21:59:59Z"]),
        ("time", "{format: 'HH:mm'}", "format", ["23:59"], ["23:59:00", "24:00"]),
    ],
)  # fmt: skip
def test_dates_inside_json_text(tmp_path, logical, options, name, good, bad):
    text = DATES.format(physical="physicalType: VARCHAR", logical=logical, options=options)
    found = rules(tmp_path, text + KEY)
    assert not [rule for rule in found.values() if isinstance(rule, Unrunnable)]
    for place, around in (("a.x", '{{"x": "{}"}}'), ("a.list.items", '{{"list": [null, "{}"]}}')):
        conditions = [r for n, r in found.items() if n.startswith(place)]
        for values, breaks in ((good, False), (bad, True)):
            for value in values:
                shown = f"'{around.format(value)}'"
                assert (
                    violating(found[f"{place}.{name}"].violation, "a", "VARCHAR", shown) is breaks
                )
                if not breaks:  # nor is it of a wrong type because it is no ISO 8601
                    assert not any(
                        violating(r.violation, "a", "VARCHAR", shown) for r in conditions
                    )


@pytest.mark.parametrize(
    ("logical", "kind", "options", "name", "good", "bad"),
    [
        ("date", "DATE", "{format: yyyy-MM}", "format", "2023-02-01", "2023-02-02"),
        ("timestamp", "TIMESTAMP", "{format: 'yyyy-MM-dd HH:mm'}", "format",
         "2023-02-01 10:11:00", "2023-02-01 10:11:01"),
        ("time", "TIME", "{format: HH}", "format", "10:00:00", "10:01:00"),
        ("date", "TIMESTAMP", "{format: 'yyyy-MM-dd HH'}", "format",
         "2023-02-01 10:00:00", "2023-02-01 10:01:00"),
    ],
)  # fmt: skip
def test_native_dates_inside_are_no_finer_than_their_format(
    tmp_path, logical, kind, options, name, good, bad
):
    found = rules(tmp_path, DATES.format(physical="", logical=logical, options=options) + KEY)
    struct = f"STRUCT(x {kind}, list {kind}[])"
    for value, broken in ((good, set()), (bad, {f"a.x.{name}", f"a.list.items.{name}"})):
        shown = f"{{'x': '{value}', 'list': ['{value}']}}"
        conditions = [r for r in found.values() if isinstance(r, RowCondition)]
        assert {r.id for r in conditions if violating(r.violation, "a", struct, shown)} == broken


@pytest.mark.parametrize(("value", "wanted"), [("TIMESTAMPTZ", True), ("TIMESTAMP", False)])
def test_time_zones_of_native_timestamps_inside(tmp_path, value, wanted):
    options = "{timezone: true}"
    found = rules(tmp_path, DATES.format(physical="", logical="timestamp", options=options) + KEY)
    shown = "{'x': '2023-01-01 00:00:00', 'list': NULL}"
    kind = f"STRUCT(x {value}, list {value}[])"
    assert violating(found["a.x.timezone"].violation, "a", kind, shown) is not wanted


def test_vectors_inside(tmp_path):
    options = "{dimensions: 2, normalized: true, distanceMetric: cosine, embeddingModel: m}"
    found = nested(tmp_path, f"logicalType: vector, logicalTypeOptions: {options}")
    assert not [rule for rule in found.values() if isinstance(rule, Unrunnable)]
    for value, broken in (
        ("[0.6, 0.8]", set()),
        ("[1.0]", {"a.x.dimensions"}),
        ("[1.0, 1.0]", {"a.x.normalized"}),
        ("null", set()),
    ):
        conditions = [r for r in found.values() if isinstance(r, RowCondition)]
        shown = f"'{{\"x\": {value}}}'"
        assert {r.id for r in conditions if violating(r.violation, "a", "JSON", shown)} == broken
