"""An input's expectations are a piece of a contract inside another document."""

from mesh_defs.contract.load import parse_fragment
from mesh_defs.contract.rules import Bounds, ColumnType, Metric, NoOtherColumns
from mesh_defs.yaml_source import parse

MANIFEST = """\
type: mesh_defs.DataProduct
attributes:
  inputs:
    flights:
      from: mesh://operations/flights
      expect:
        properties:
          - name: dep_delay
            logicalType: number
            logicalTypeOptions: {minimum: -60}
        quality:
          - metric: rowCount
            mustBeGreaterThan: 0
"""
PATH = ("attributes", "inputs", "flights", "expect")


def fragment(text: str):
    (document,), faults = parse(text, "domains/x/y/defs.yaml")
    assert not faults
    data = document.data
    for key in PATH:
        data = data[key]
    return parse_fragment(document, PATH, "flights", data)


def test_rules_with_the_lines_of_the_outer_document():
    port, faults = fragment(MANIFEST)
    assert faults == []
    assert port.name == "flights"
    assert [(rule.id, type(rule), rule.line) for rule in port.rules] == [
        ("dep_delay.type", ColumnType, 8),
        ("dep_delay.minimum", Bounds, 10),
        ("rowCount", Metric, 12),
    ]


def test_other_columns_are_welcome():
    port, _ = fragment(MANIFEST)
    assert not [rule for rule in port.rules if isinstance(rule, NoOtherColumns)]


def test_faults_have_the_path_in_the_outer_document():
    text = MANIFEST.replace("metric: rowCount", "metric: rowCnt").replace(
        "minimum: -60", "minimum: low"
    )
    _, faults = fragment(text)
    assert [(fault.file, fault.line, fault.key) for fault in faults] == [
        (
            "domains/x/y/defs.yaml",
            10,
            "attributes.inputs.flights.expect.properties[0].logicalTypeOptions.minimum",
        ),
        ("domains/x/y/defs.yaml", 12, "attributes.inputs.flights.expect.quality[0].metric"),
    ]


def test_only_properties_and_quality_are_known():
    _, (fault,) = fragment(MANIFEST.replace("quality:", "qualty:"))
    assert fault.allowed == "properties, quality"
    assert fault.fix == "write 'quality' instead of 'qualty'"


def test_keys_of_another_rule_type_are_found_there_too():
    _, (fault,) = fragment(MANIFEST.replace("metric: rowCount", "query: SELECT 1"))
    assert fault.key == "attributes.inputs.flights.expect.quality[0].query"


def test_types_alone_are_an_expectation():
    text = MANIFEST[: MANIFEST.index("        quality:")]
    port, faults = fragment(text)
    assert faults == []
    assert port.columns[0].name == "dep_delay"


def test_nothing_is_no_expectation():
    text = MANIFEST[: MANIFEST.index("        properties:")].rstrip() + " {}\n"
    _, (fault,) = fragment(text)
    assert "no executable rule" in fault.found
    _, (fault,) = fragment(text.replace("{}", "[1]"))
    assert fault.allowed == "a mapping of properties, quality"
