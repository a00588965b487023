"""What a physical type says in its brackets is a rule like any other."""

import pytest
from contract_documents import port, rules
from verification import NOW, locked, written

from mesh_defs.contract.data import Staged, Surroundings
from mesh_defs.contract.rules import Length, Metric
from mesh_defs.contract.verify import verify

KEY = "- {name: id, primaryKey: true}\n"


def arguments(tmp_path, properties):
    found = rules(tmp_path, properties + KEY, version="v3.2.0")
    return {name: rule for name, rule in found.items() if "physicalType" in name}


@pytest.mark.parametrize(
    ("physical", "maximum"),
    [
        ("VARCHAR(3)", 3),
        ("char(2)", 2),
        ("character varying(20)", 20),
        ("NVARCHAR2(7 CHAR)", 7),
        ("BINARY(2)", 2),
        ("varbinary(16)", 16),
    ],
)
def test_lengths(tmp_path, physical, maximum):
    (rule,) = arguments(tmp_path, f"- {{name: code, physicalType: {physical}}}\n").values()
    assert isinstance(rule, Length)
    assert (rule.id, rule.dimension) == ("code.physicalType_length", "conformity")
    assert (rule.column, rule.minimum, rule.maximum) == ("code", None, maximum)
    assert rule.line > 0


@pytest.mark.parametrize("physical", ["VARCHAR", "VARCHAR(MAX)", "DECIMAL(9,2)", "INT(11)", "TEXT"])
def test_what_bounds_nothing(tmp_path, physical):
    assert arguments(tmp_path, f"- {{name: code, physicalType: '{physical}'}}\n") == {}


@pytest.mark.parametrize(("maximum", "count"), [(2, 0), (3, 0), (4, 1)])
def test_an_option_that_is_as_strict_says_it_already(tmp_path, maximum, count):
    properties = (
        "- {name: code, logicalType: string, physicalType: VARCHAR(3),"
        f" logicalTypeOptions: {{maxLength: {maximum}}}}}\n"
    )
    assert len(arguments(tmp_path, properties)) == count


def test_values(tmp_path):
    properties = """- {name: code, physicalType: "ENUM('a', 'it''s')"}\n"""
    (rule,) = arguments(tmp_path, properties).values()
    assert isinstance(rule, Metric)
    assert (rule.id, rule.metric) == ("code.physicalType_values", "invalidValues")
    assert rule.arguments == {"validValues": ["a", "it's"]}


@pytest.mark.parametrize(
    ("listed", "count"), [("[{value: a}]", 0), ("[{value: a}, {value: c}]", 1)]
)
def test_an_enumeration_inside_the_type_says_it_already(tmp_path, listed, count):
    properties = (
        f"- {{name: code, logicalType: string, physicalType: \"ENUM('a','b')\", enum: {listed}}}\n"
    )
    assert len(arguments(tmp_path, properties)) == count


@pytest.mark.parametrize(
    ("physical", "good", "bad"),
    [
        ("VARCHAR(3)", "'abc'", "'TOOLONG'"),
        ("CHAR(2)", "'ab'", "'abc'"),
        ("BINARY(2)", "'ab'::BLOB", "'abc'::BLOB"),
        ("ENUM('a','b')", "'a'", "'c'"),
    ],
)
def test_in_a_verdict(tmp_path, physical, good, bad):
    contract = port(tmp_path, f'- {{name: code, physicalType: "{physical}"}}\n{KEY}')
    for value, outcome in ((good, "passed"), (bad, "failed")):
        rows = written(tmp_path, f"SELECT {value} AS code, 1 AS id")
        found = verify(locked(tmp_path), contract, Staged.only(rows), Surroundings(now=NOW))
        (verdict,) = [v for v in found if "physicalType" in v.rule]
        assert verdict.outcome == outcome, verdict
        assert all(v.ok for v in found if v is not verdict)
