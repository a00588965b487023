"""Every class of rule has words, and they name what matters."""

import pytest

from mesh_defs.contract import rules
from mesh_defs.contract.describe import duration_text, expected, threshold_text
from mesh_defs.contract.rules import Rule, Threshold
from mesh_defs.urls import MeshUrl

BASE = {"id": "r", "dimension": "accuracy", "column": "a"}
EXAMPLES = {
    "ColumnType": (
        {"logical": "string", "physical": "VARCHAR"},
        "a column a of type string, stored as VARCHAR",
    ),
    "NoOtherColumns": ({"columns": ("a", "b")}, "no column beyond a, b"),
    "NotNull": ({}, "no NULL in a"),
    "Bounds": ({"minimum": 1.0, "exclusive_maximum": 5}, "every a at least 1 and less than 5"),
    "Length": ({"minimum": 2, "maximum": 2}, "every a of length 2"),
    "Pattern": ({"pattern": "^x"}, "every a matching ^x"),
    "RowCondition": ({"violation": "x", "expected": "as said"}, "as said"),
    "Unique": ({"columns": ("a", "b")}, "no two rows with the same a, b"),
    "ForeignKey": (
        {"columns": ("a",), "target": MeshUrl("x", "y", "z"), "target_columns": ("b",)},
        "every a found in b of mesh://x/y/z",
    ),
    "Metric": (
        {"metric": "nullValues", "threshold": Threshold(less_than=1), "unit": "percent"},
        "less than 1 percent with NULL in a",
    ),
    "Query": (
        {"query": "SELECT\n  1", "threshold": Threshold(must_be=1)},
        "exactly 1 from: SELECT 1",
    ),
    "Custom": ({"engine": "dbt", "implementation": {"type": "unique"}}, "dbt: unique"),
    "Freshness": ({"seconds": 86400.0}, "the newest a at most 1 day old"),
    "Retention": ({"seconds": 7200.0}, "no a more than 2 hours old"),
    "Unrunnable": ({"reason": "no engine"}, "a rule that can be run"),
}
CLASSES = [
    value
    for value in vars(rules).values()
    if isinstance(value, type) and issubclass(value, Rule) and value is not Rule
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_words(kind):
    values, words = EXAMPLES[kind.__name__]
    assert expected(kind(**BASE, **values)) == words


def test_something_else_is_refused():
    with pytest.raises(TypeError, match="Rule"):
        expected(Rule(**BASE))


def test_thresholds_name_every_operator():
    threshold = Threshold(greater_or_equal=1, less_than=5.5, must_not_be=3, not_between=(2, 2.5))
    assert threshold_text(threshold, "rows") == (
        "not 3 and at least 1 and less than 5.5 and not from 2 to 2.5 rows"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (90, "90 seconds"),
        (5400, "90 minutes"),
        (172800, "2 days"),
        (3 * 31557600, "3 years"),
    ],
)
def test_durations(seconds, words):
    assert duration_text(seconds) == words
