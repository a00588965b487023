"""Personal values are in no part of a verdict."""

from __future__ import annotations

import json

from verification import verdicts, written

from mesh_defs.contract.data import EngineResult
from mesh_defs.contract.rules import (
    Bounds,
    Custom,
    ForeignKey,
    Freshness,
    Length,
    Metric,
    NotNull,
    Pattern,
    Query,
    Retention,
    RowCondition,
    Threshold,
    Unique,
)

K = {"dimension": "conformity"}
SECRET = "ada@example.org"
PEOPLE = (
    "SELECT i AS id, CASE WHEN i <> 3 THEN 'ada@example.org' END AS email,"
    " DATE '1815-12-10' AS born, 123456.75::DOUBLE AS salary, 'x' AS public FROM range(4) t(i)"
)
PERSONAL = ("email", "born", "salary")


class Leaky:
    """An engine that says all it knows."""

    def run(self, rules, rows, connection):
        sample = {"id": 1, "email": SECRET}
        return [
            EngineResult(False, f"saw {SECRET}", "no people", 1, samples=(sample,)),
            EngineResult(False, "observed 123456.75", "a low salary"),
        ]


class Broken:
    """An engine that breaks over a value."""

    def run(self, rules, rows, connection):
        raise ValueError(f"what is {SECRET}?")


def test_no_verdict_shows_a_personal_value(tmp_path):
    rows = written(tmp_path, PEOPLE)
    none = Threshold(must_be=0)
    found = verdicts(
        tmp_path,
        rows,
        NotNull(id="null", column="email", **K),
        Pattern(id="pattern", column="email", pattern="^$", **K),
        Length(id="length", column="email", maximum=3, **K),
        Bounds(id="bounds", column="salary", maximum=10, **K),
        RowCondition(id="row", violation="email LIKE 'ada%'", expected="nobody", **K),
        RowCondition(id="cast", violation="CAST(email AS INTEGER) > 1", expected="x", **K),
        Unique(id="unique", columns=("email",), **K),
        ForeignKey(id="fk", columns=("email",), target=None, target_columns=("public",), **K),
        Metric(id="twice", column="email", metric="duplicateValues", threshold=none, **K),
        Freshness(id="fresh", column="born", seconds=1, **K),
        Retention(id="old", column="born", seconds=1, **K),
        Query(id="max", column="salary", query="SELECT max({property}) FROM {object}",
              threshold=none, **K),
        Query(id="named", query="SELECT max(Salary) FROM {object}", threshold=none, **K),
        Query(id="sneaky", query="SELECT count(*) FROM {object} WHERE false UNION ALL"
              " SELECT min(salary) FROM {object} ORDER BY 1 DESC LIMIT 1", threshold=none, **K),
        Query(id="cast2", query="SELECT sum(CAST(email AS INTEGER)) FROM {object}",
              threshold=none, **K),
        Query(id="count", query="SELECT count(*) FROM {object} WHERE salary > 1",
              threshold=none, **K),
        Custom(id="engine", engine="leaky", implementation={"column": "email"}, **K),
        Custom(id="engine2", engine="leaky", implementation="max(salary)", **K),
        Custom(id="engine3", engine="broken", implementation="x", **K),
        engines={"leaky": Leaky(), "broken": Broken()},
        personal=PERSONAL,
    )  # fmt: skip
    for verdict in found.values():
        assert not verdict.ok, verdict
        text = json.dumps(verdict.as_dict(), allow_nan=False)
        for value in ("ada@", "1815", "123456", "2026-11-21"):
            assert value not in text, (value, verdict)
        for row in verdict.samples:
            assert all(row[name] == "***" for name in PERSONAL if name in row)
    assert found["pattern"].samples[0]["id"] == 0
    assert found["count"].observed == "the query yields 4"
    assert found["max"].observed == "the query yields ***"


def test_samples_are_json_whatever_the_types(tmp_path):
    rows = written(
        tmp_path,
        "SELECT 1 AS id, 'NaN'::DOUBLE AS nan, 'inf'::FLOAT AS inf, 1.50::DECIMAL(9,2) AS money,"
        " DATE '2023-01-01' AS day, TIMESTAMPTZ '2023-01-01 00:00:00+00' AS at, ['a'] AS list,"
        " {'a': 1} AS thing, 'x'::BLOB AS bytes, true AS yes, repeat('é', 500) AS long,"
        " uuid() AS id2, NULL::INTEGER AS nothing, 'infinity'::DATE AS never",
    )
    found = verdicts(tmp_path, rows, Bounds(id="b", column="id", maximum=0, **K))["b"]
    (row,) = json.loads(json.dumps(found.as_dict(), allow_nan=False))["samples"]
    assert row["nan"] == "nan"
    assert row["inf"] == "inf"
    assert row["money"] == "1.50"
    assert row["day"] == "2023-01-01"
    assert row["list"] == "[a]"
    assert row["yes"] is True
    assert row["nothing"] is None
    assert len(row["long"]) == 201
    assert row["never"] == "infinity"
