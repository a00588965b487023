"""logicalTypeOptions become rules; what does not fit the type is a fault."""

import pytest
from contract_documents import only_fault, rules

from mesh_defs.contract.model import TextRule
from mesh_defs.contract.rules import Bounds, Length, Metric, Pattern, RowCondition, Unrunnable


def one(tmp_path, options: str, logical: str = "integer", more: str = "", version: str = "v3.1.0"):
    found = rules(
        tmp_path,
        f"- {{name: a, logicalType: {logical}, required: true, {more}"
        f" logicalTypeOptions: {{{options}}}}}\n",
        version=version,
    )
    own = [
        rule
        for name, rule in found.items()
        if name not in ("a.type", "a.required", "no_other_columns")
    ]
    assert len(own) == 1
    return own[0]


@pytest.mark.parametrize(
    ("options", "name", "bounds"),
    [
        ("minimum: 1, maximum: 5", "a.minimum_maximum", (1, 5, None, None, None)),
        ("exclusiveMinimum: 1", "a.exclusiveMinimum", (None, None, 1, None, None)),
        (
            "minimum: 1, exclusiveMinimum: true",
            "a.minimum_exclusiveMinimum",
            (None, None, 1, None, None),
        ),
        (
            "maximum: 5, exclusiveMaximum: false",
            "a.maximum_exclusiveMaximum",
            (None, 5, None, None, None),
        ),
        (
            "maximum: 9, exclusiveMaximum: true",
            "a.maximum_exclusiveMaximum",
            (None, None, None, 9, None),
        ),
        ("multipleOf: 5", "a.multipleOf", (None, None, None, None, 5)),
        ("format: u8", "a.format", (0, 255, None, None, None)),
        ("format: i64", "a.format", (-(2**63), 2**63 - 1, None, None, None)),
        ("format: u128", "a.format", (0, None, None, None, None)),
    ],
)
def test_bounds_of_numbers(tmp_path, options, name, bounds):
    rule = one(tmp_path, options)
    assert isinstance(rule, Bounds)
    assert rule.id == name
    assert bounds == (
        rule.minimum,
        rule.maximum,
        rule.exclusive_minimum,
        rule.exclusive_maximum,
        rule.multiple_of,
    )


@pytest.mark.parametrize(
    ("options", "logical", "bounds"),
    [
        ("minLength: 2, maxLength: 3", "string", (2, 3)),
        ("maxLength: 0", "string", (None, 0)),
        ("minItems: 1", "array", (1, None)),
        ("minItems: 0, maxItems: 3", "array", (0, 3)),
    ],
)
def test_lengths(tmp_path, options, logical, bounds):
    rule = one(tmp_path, options, logical)
    assert isinstance(rule, Length)
    assert (rule.minimum, rule.maximum) == bounds


def test_a_pattern_is_kept_as_it_is(tmp_path):
    rule = one(tmp_path, "pattern: '^[A-Z]{2}$'", "string")
    assert isinstance(rule, Pattern)
    assert (rule.id, rule.pattern, rule.format) == ("a.pattern", "^[A-Z]{2}$", None)


def test_spellings_of_ecma_are_translated(tmp_path):
    rule = one(tmp_path, r"pattern: '^\u00e4(?<rest>.*)$'", "string")
    assert isinstance(rule, Pattern)
    assert rule.pattern == r"^\x{00e4}(?P<rest>.*)$"


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\\1", "(?<!x)y", "a{2000}"])
def test_a_pattern_that_re2_cannot_run_is_unrunnable(tmp_path, pattern):
    rule = one(tmp_path, f'pattern: "{pattern}"', "string")
    assert isinstance(rule, Unrunnable)
    assert rule.id == "a.pattern"
    assert "cannot be run" in rule.reason


@pytest.mark.parametrize("pattern", ["[a", "(", "a**", "*"])
def test_what_is_no_pattern_is_a_fault(tmp_path, pattern):
    fault = only_fault(
        tmp_path,
        "- name: a\n  unique: true\n  logicalType: string\n"
        f"  logicalTypeOptions: {{pattern: '{pattern}'}}\n",
    )
    assert fault.key.endswith("logicalTypeOptions.pattern")
    assert fault.allowed == "a regular expression"


def test_an_unknown_format_of_text_is_unrunnable_with_the_known_ones(tmp_path):
    rule = one(tmp_path, "format: iban", "string")
    assert isinstance(rule, Unrunnable)
    assert "'iban'" in rule.reason
    assert "email" in rule.reason


def test_a_format_that_is_only_a_hint_is_shown_and_not_run(tmp_path):
    from contract_documents import port

    found = port(
        tmp_path,
        "- {name: a, unique: true, logicalType: string, logicalTypeOptions: {format: password}}\n",
    )
    assert [rule.id for rule in found.rules] == ["a.type", "a.unique", "no_other_columns"]
    assert found.texts == (TextRule("a", "a has the format password"),)


@pytest.mark.parametrize(
    ("logical", "options", "bounds"),
    [
        ("date", "minimum: '2023-01-01'", ("2023-01-01", None)),
        ("timestamp", "maximum: '2023-01-01 10:00:00'", (None, "2023-01-01 10:00:00")),
        ("time", "minimum: '06:00:00'", ("06:00:00", None)),
    ],
)
def test_bounds_of_times_are_text(tmp_path, logical, options, bounds):
    rule = one(tmp_path, options, logical)
    assert isinstance(rule, Bounds)
    assert (rule.minimum, rule.maximum) == bounds


@pytest.mark.parametrize(
    ("options", "minimum"),
    [
        ("timezone: true, minimum: '2023-01-01 00:00:00'", "2023-01-01 00:00:00+00:00"),
        (
            "timezone: true, defaultTimezone: Europe/Berlin, minimum: '2023-07-01 00:00:00'",
            "2023-07-01 00:00:00+02:00",
        ),
        (
            "timezone: false, defaultTimezone: Europe/Berlin, minimum: '2023-07-01 00:00:00+00:00'",
            "2023-07-01 02:00:00",
        ),
    ],
)
def test_bounds_are_read_in_the_zone_of_the_column(tmp_path, options, minimum):
    found = rules(
        tmp_path, f"- {{name: a, logicalType: timestamp, logicalTypeOptions: {{{options}}}}}\n"
    )
    rule = found["a.minimum"]
    assert isinstance(rule, Bounds)
    assert rule.minimum == minimum
    assert isinstance(found["a.timezone"], RowCondition)


@pytest.mark.parametrize(
    ("logical", "options", "key", "allowed"),
    [
        ("string", "minimum: 1", "minimum", "minLength, maxLength, pattern, format"),
        ("integer", "maxLength: 1", "maxLength", "multipleOf"),
        ("boolean", "format: x", "format", "no options for boolean"),
        ("string", "minLenght: 1", "minLenght", "minLength"),
        ("string", "minLength: -1", "minLength", "a whole number from 0"),
        ("string", "minLength: true", "minLength", "a whole number from 0"),
        ("string", "minLength: 1.5", "minLength", "a whole number from 0"),
        ("string", "minLength: 5, maxLength: 2", "minLength", "minLength up to maxLength"),
        ("array", "minItems: 5, maxItems: 2", "minItems", "minItems up to maxItems"),
        ("object", "minProperties: 5, maxProperties: 2", "minProperties", "minProperties up to"),
        ("string", "pattern: 5", "pattern", "text"),
        ("integer", "minimum: '5'", "minimum", "a finite number"),
        ("integer", "minimum: true", "minimum", "a finite number"),
        ("number", "minimum: .nan", "minimum", "a finite number"),
        ("integer", "minimum: 5, maximum: 2", "minimum", "at least one value"),
        ("integer", "exclusiveMinimum: 5, maximum: 5", "exclusiveMinimum", "at least one value"),
        ("integer", "exclusiveMinimum: true", "exclusiveMinimum", "the bound itself"),
        ("integer", "multipleOf: 0", "multipleOf", "above 0"),
        ("integer", "format: i7", "format", "i8"),
        ("integer", "format: f32", "format", "i8"),
        ("number", "format: i8", "format", "f32, f64"),
        ("date", "minimum: yesterday", "minimum", "ISO 8601"),
        ("date", "minimum: '2023-02-30'", "minimum", "ISO 8601"),
        ("date", "minimum: '2023-02-01', maximum: '2023-01-01'", "minimum", "at least one value"),
        ("date", "timezone: true", "timezone", "format"),
        ("timestamp", "timezone: 'yes'", "timezone", "true or false"),
        ("timestamp", "defaultTimezone: Mars/Base", "defaultTimezone", "IANA"),
        ("array", "uniqueItems: 1", "uniqueItems", "true or false"),
        ("object", "required: name", "required", "a list of property names"),
        ("vector", "dimensions: 3, elementType: float31", "elementType", "float32"),
    ],
)
def test_options_that_do_not_fit_are_faults(tmp_path, logical, options, key, allowed):
    fault = only_fault(
        tmp_path,
        f"- name: a\n  required: true\n  logicalType: {logical}\n"
        f"  logicalTypeOptions: {{{options}}}\n",
    )
    assert fault.key == f"schema[0].properties[0].logicalTypeOptions.{key}"
    assert allowed in fault.allowed


def test_options_need_a_type(tmp_path):
    fault = only_fault(tmp_path, "- {name: a, unique: true, logicalTypeOptions: {minLength: 1}}\n")
    assert "without a logicalType" in fault.found


def test_an_enumeration_is_a_rule(tmp_path):
    rule = rules(
        tmp_path,
        "- {name: a, logicalType: string, enum: [{value: x, label: X}, {value: y}]}\n",
        version="v3.2.0",
    )["a.enum"]
    assert isinstance(rule, Metric)
    assert rule.metric == "invalidValues"
    assert rule.arguments == {"validValues": ["x", "y"]}
    assert rule.threshold.must_be == 0


@pytest.mark.parametrize("enum", ["[{value: 1}]", "[]", "[{label: x}]"])
def test_an_enumeration_of_another_type_is_a_fault(tmp_path, enum):
    fault = only_fault(
        tmp_path,
        f"- {{name: a, unique: true, logicalType: string, enum: {enum}}}\n",
        version="v3.2.0",
    )
    assert ".enum" in fault.key


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        ("- {name: a, unique: true}\n- {name: A, unique: true}\n", "a second time"),
        ("- {name: a, unique: true}\n- {required: true}\n", "without a name"),
        ("- {name: a, unique: true, logicalType: text}\n", "'text'"),
        ("- {name: a, unique: true, classification: restricted}\n", "'restricted'"),
        ("- {name: a, unique: true, primaryKeyPosition: 1}\n", "no part of"),
        (
            (
                "- {name: a, primaryKey: true, primaryKeyPosition: 1}\n"
                "- {name: b, primaryKey: true, primaryKeyPosition: 1}\n"
            ),
            "positions 1, 1",
        ),
        (
            "- {name: a, primaryKey: true, primaryKeyPosition: 1}\n- {name: b, primaryKey: true}\n",
            "positions 1, 0",
        ),
        ("- {name: a, unique: true, properties: [{name: x}]}\n", "'properties'"),
        ("- {name: a, unique: true, logicalType: object, items: {}}\n", "'items'"),
    ],
)
def test_properties_that_make_no_sense_are_faults(tmp_path, properties, found):
    assert found in only_fault(tmp_path, properties).found
