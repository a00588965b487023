"""Personal values are in no part of a verdict."""

from __future__ import annotations

import json

import pytest
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
        key=("id",),
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


GUESTS = "SELECT 1 AS id, 'ada@example.org' AS email, 123456.75::DOUBLE AS salary FROM range(2)"


def test_columns_that_the_contract_does_not_name_are_masked_beside_personal_ones(tmp_path):
    rows = written(tmp_path, GUESTS)
    rule = Bounds(id="b", column="id", maximum=0, **K)
    (row, _) = verdicts(tmp_path, rows, rule, personal=("email",), key=("id",))["b"].samples
    assert row == {"id": 1, "email": "***", "salary": "***"}
    (row, _) = verdicts(tmp_path, rows, rule, key=("id",))["b"].samples
    assert row == {"id": 1, "email": SECRET, "salary": 123456.75}


def test_an_expectation_shows_only_the_columns_that_it_names(tmp_path):
    rows = written(tmp_path, GUESTS)
    found = verdicts(
        tmp_path,
        rows,
        Bounds(id="b", column="id", maximum=0, **K),
        RowCondition(id="cast", violation="CAST(email AS INTEGER) > 1", expected="x", **K),
        Query(
            id="q", query="SELECT max(salary) FROM {object}", threshold=Threshold(must_be=0), **K
        ),
        Custom(id="engine", engine="leaky", implementation={"column": "email"}, **K),
        Custom(id="engine2", engine="leaky", implementation="max(salary)", **K),
        engines={"leaky": Leaky()},
        key=("id",),
        stage="expectation",
    )
    assert found["b"].samples[0] == {"id": 1, "email": "***", "salary": "***"}
    for verdict in found.values():
        text = json.dumps(verdict.as_dict())
        assert "ada@" not in text, verdict
        assert "123456" not in text, verdict


@pytest.mark.parametrize(
    "query",
    [
        "SELECT max(COLUMNS(c -> c LIKE 'sal%')) FROM {object}",
        "SELECT #3 FROM (SELECT * FROM {object} LIMIT 1)",
        "SELECT salary FROM (SELECT id, email, salary FROM {object} LIMIT 1)",
        "SELECT max(a) FROM (SELECT * FROM {object}) t(i, e, a)",
        "SELECT count(*) FROM range((SELECT max(COLUMNS('sal.*'))::BIGINT FROM {object}))",
        "SELECT count(*) FROM {object}, range(123456)",
        "SELECT count(*) FROM {object} WHERE false UNION SELECT 123456",
        "SELECT 1 + 123455",
    ],
)
def test_only_a_plain_count_shows_its_number_beside_personal_columns(tmp_path, query):
    rule = Query(id="q", query=query, threshold=Threshold(must_be=0), **K)
    found = verdicts(tmp_path, written(tmp_path, GUESTS), rule, personal=("salary",))["q"]
    assert "12345" not in f"{found.observed} {found.reason}", found
    assert not found.ok


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM {object}",
        "select count( distinct salary ) as n from {object} where salary > 1 group by id;",
        'SELECT count(*) FROM "flights" f WHERE f.salary > (SELECT 1)',
        "SELECT count(*) FROM {object} -- all of them",
    ],
)
def test_a_plain_count_is_shown(tmp_path, query):
    rule = Query(id="q", query=query, threshold=Threshold(must_be=0), **K)
    found = verdicts(tmp_path, written(tmp_path, GUESTS), rule, personal=("salary",))["q"]
    assert found.observed in ("the query yields 1", "the query yields 2"), found
