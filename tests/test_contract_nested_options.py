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


def test_what_does_not_run_inside_says_so(tmp_path):
    found = nested(tmp_path, "logicalType: timestamp, logicalTypeOptions: {timezone: true}")
    assert isinstance(found["a.x.timezone"], Unrunnable)
    found = nested(tmp_path, "logicalType: string, logicalTypeOptions: {pattern: '(?=a)'}")
    assert isinstance(found["a.x.pattern"], Unrunnable)
    found = nested(tmp_path, "logicalType: date, logicalTypeOptions: {format: dd/MM/yyyy}")
    assert isinstance(found["a.x.format"], Unrunnable)
