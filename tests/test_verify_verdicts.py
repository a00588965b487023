"""What a verdict carries, and that no rule stands in the way of another."""

from __future__ import annotations

import duckdb
import pytest
from verification import contract, locked, verdicts, written

from mesh_defs.contract.data import Rows, Staged, Surroundings, Unavailable
from mesh_defs.contract.rules import (
    Bounds,
    ColumnType,
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
    Unrunnable,
)
from mesh_defs.contract.verify import verify

K = {"dimension": "conformity"}
HUNDRED = (
    "SELECT i AS id, 'c' || (i % 3) AS kind, i / 4.0 AS amount,"
    " TIMESTAMPTZ '2026-11-21 00:00:00+00' + to_seconds(i) AS at FROM range(100) t(i)"
)


def test_severity_tells_failed_from_warned(tmp_path):
    rows = written(tmp_path, HUNDRED)
    found = verdicts(
        tmp_path,
        rows,
        Bounds(id="stops", column="id", maximum=97, **K),
        Bounds(id="warns", column="id", maximum=97, severity="warning", **K),
        Bounds(id="holds", column="id", maximum=99, **K),
    )
    assert [v.outcome for v in found.values()] == ["failed", "warned", "passed"]
    assert [v.blocking for v in found.values()] == [True, False, False]
    assert [v.failing_rows for v in found.values()] == [2, 2, 0]
    assert [row["id"] for row in found["stops"].samples] == [98, 99]
    assert found["holds"].samples == ()


def test_a_failing_rule_brings_twenty_rows_and_the_full_count(tmp_path):
    rows = written(tmp_path, HUNDRED)
    found = verdicts(tmp_path, rows, Pattern(id="p", column="kind", pattern="^c[12]$", **K))["p"]
    assert (found.failing_rows, found.rows, len(found.samples)) == (34, 100, 20)
    assert found.samples[0] == {
        "id": 0,
        "kind": "c0",
        "amount": "0.0000" if isinstance(found.samples[0]["amount"], str) else 0.0,
        "at": "2026-11-21 00:00:00+00",
    }


def test_wide_rows_are_shown_by_their_key_and_the_columns_of_the_rule(tmp_path):
    wide = ", ".join(f"i AS c{n}" for n in range(40))
    rows = written(tmp_path, f"SELECT {wide} FROM range(3) t(i)")
    found = verdicts(tmp_path, rows, Bounds(id="b", column="c7", maximum=1, **K), key=("c0",))["b"]
    assert found.samples == ({"c0": 2, "c7": 2},)


def test_rules_that_cannot_run_say_why_and_all_others_run(tmp_path):
    rows = written(tmp_path, HUNDRED)
    found = verdicts(
        tmp_path,
        rows,
        NotNull(id="missing", column="colour", **K),
        Pattern(id="look-around", column="kind", pattern="(?!x)", **K),
        Pattern(id="not text", column="id", pattern="x", **K),
        Length(id="no length", column="id", maximum=3, **K),
        RowCondition(id="cast", violation="CAST(kind AS INTEGER) > 3", expected="x", **K),
        RowCondition(id="binder", violation="nothing = 1", expected="x", **K),
        Bounds(id="bound", column="at", minimum="last week", **K),
        Unique(id="key", columns=("id", "colour"), **K),
        ForeignKey(id="fk", columns=("id",), target="x", target_columns=("id",), **K),
        ForeignKey(id="fk2", columns=("id",), target="y", target_columns=("id",), **K),
        ForeignKey(id="fk3", columns=("id",), target=None, target_columns=("nope",), **K),
        Freshness(id="age", column="kind", seconds=1, **K),
        Retention(id="age2", column="colour", seconds=1, **K),
        Metric(
            id="arguments",
            column="kind",
            metric="invalidValues",
            threshold=Threshold(must_be=0),
            arguments={"validValue": []},
            **K,
        ),
        Metric(id="no operator", metric="rowCount", threshold=Threshold(), **K),
        Custom(id="engine", engine="soda", implementation="x", **K),
        Unrunnable(id="unrunnable", reason="because of the weather", **K),
        NotNull(id="fine", column="kind", **K),
        RowCondition(id="fine too", violation="id > 98", expected="small ids", **K),
        relations={"y": Unavailable("fleet was never published")},
    )
    assert found.pop("fine").outcome == "passed"
    too = found.pop("fine too")
    assert (too.outcome, too.failing_rows) == ("failed", 1)
    reasons = {
        "missing": "no column 'colour'; it has id, kind, amount, at",
        "look-around": "(?!x) cannot be run",
        "not text": "a pattern needs text; the column is of type BIGINT",
        "no length": "a length needs text or a list",
        "cast": "Could not convert string 'c0'",
        "binder": 'column "nothing" not found',
        "bound": "'last week' is no ISO 8601",
        "key": "no column 'colour'",
        "fk": "x is not at hand; at hand: y",
        "fk2": "fleet was never published",
        "fk3": "in the target, the data has no column 'nope'",
        "age": "needs a date or a timestamp",
        "age2": "no column 'colour'",
        "arguments": "'validValue' is unknown; allowed: validValues",
        "no operator": "no operator",
        "engine": "no engine 'soda' here; known: none",
        "unrunnable": "because of the weather",
    }
    assert set(found) == set(reasons)
    for name, verdict in found.items():
        assert verdict.outcome == "error", name
        assert verdict.blocking, name
        assert reasons[name].lower() in (verdict.reason or "").lower(), (name, verdict.reason)


def test_data_that_cannot_be_read_gives_errors_and_no_pass(tmp_path):
    gone = Rows.parquet([str(tmp_path / "gone.parquet")])
    outside = written(tmp_path, HUNDRED)
    inside = tmp_path / "inside"
    inside.mkdir()
    for rows in (gone, outside):
        found = verdicts(
            inside,
            rows,
            NotNull(id="nulls", column="id", **K),
            Unique(id="key", columns=("id",), **K),
            ColumnType(id="type", column="id", logical="integer", **K),
            Metric(id="rows", metric="rowCount", threshold=Threshold(must_be=100), **K),
            Query(id="query", query="SELECT 0", threshold=Threshold(must_be=0), **K),
            Freshness(id="age", column="at", seconds=1, **K),
        )
        for verdict in found.values():
            if verdict.rule != "query":
                assert verdict.outcome == "error"
                assert verdict.reason


def test_no_rows_pass_row_rules_and_are_zero_percent(tmp_path):
    rows = written(tmp_path, f"{HUNDRED} WHERE i > 1000")
    for empty in (rows, Rows(rows.sql), Rows(f"({HUNDRED} WHERE i > 1000)")):
        found = verdicts(
            tmp_path,
            empty,
            NotNull(id="nulls", column="kind", **K),
            Bounds(id="bounds", column="amount", maximum=-5, **K),
            Pattern(id="pattern", column="kind", pattern="x", **K),
            Unique(id="key", columns=("id",), primary_key=True, **K),
            Retention(id="retention", column="at", seconds=1, **K),
            Metric(
                id="percent",
                column="kind",
                metric="nullValues",
                unit="percent",
                threshold=Threshold(must_be=0),
                **K,
            ),
            Freshness(id="freshness", column="at", seconds=1e9, **K),
            Metric(id="rows", metric="rowCount", threshold=Threshold(greater_than=0), **K),
        )
        failed = [v.rule for v in found.values() if v.outcome == "failed"]
        assert failed == ["freshness", "rows"]
        assert all(v.outcome in ("passed", "failed") for v in found.values())


def test_new_rows_are_checked_row_by_row_and_counts_are_about_all(tmp_path):
    old = written(tmp_path, "SELECT i AS id, NULL::VARCHAR AS kind FROM range(5) t(i)", "old")
    new = written(tmp_path, "SELECT i AS id, 'x' AS kind FROM range(5, 10) t(i)", "new")
    staged = Staged(new, Rows.parquet([*old.files, *new.files]), old)
    half = Threshold(must_be=50)
    found = verdicts(
        tmp_path,
        staged,
        NotNull(id="required", column="kind", **K),
        Metric(id="half", column="kind", metric="nullValues", unit="percent", threshold=half, **K),
        Metric(id="rows", metric="rowCount", threshold=Threshold(must_be=10), **K),
        Unique(id="key", columns=("id",), primary_key=True, **K),
        Query(
            id="sql", query="SELECT count(*) FROM {object}", threshold=Threshold(must_be=10), **K
        ),
    )
    assert {v.outcome for v in found.values()} == {"passed"}
    assert found["required"].rows == 5


def test_a_key_that_a_kept_row_has_already_is_found(tmp_path):
    old = written(tmp_path, "SELECT i AS id FROM range(5) t(i)", "old")
    new = written(tmp_path, "SELECT i AS id FROM range(4, 10) t(i)", "new")
    staged = Staged(new, Rows.parquet([*old.files, *new.files]), old)
    found = verdicts(tmp_path, staged, Unique(id="key", columns=("id",), **K))["key"]
    assert (found.outcome, found.failing_rows, found.samples) == (
        "failed",
        2,
        ({"id": 4}, {"id": 4}),
    )


def test_a_kept_row_that_refers_to_what_is_gone_is_found(tmp_path):
    old = written(tmp_path, "SELECT 1 AS id, 7 AS parent", "old")
    new = written(tmp_path, "SELECT 2 AS id, 1 AS parent", "new")
    staged = Staged(new, Rows.parquet([*old.files, *new.files]), old)
    rule = ForeignKey(id="parent", columns=("parent",), target=None, target_columns=("id",), **K)
    found = verdicts(tmp_path, staged, rule)["parent"]
    assert (found.outcome, found.samples) == ("failed", ({"id": 1, "parent": 7},))


def test_the_stage_is_told(tmp_path):
    rows = written(tmp_path, HUNDRED)
    rule = NotNull(id="r", column="id", **K)
    assert verdicts(tmp_path, rows, rule, stage="expectation")["r"].stage == "expectation"


def test_hostile_names_are_only_names(tmp_path):
    name = "a\"; DROP TABLE x; -- ' {object}"
    quoted = name.replace('"', '""')
    rows = written(tmp_path, f"SELECT 'o''k' AS \"{quoted}\" FROM range(2)")
    found = verdicts(
        tmp_path,
        rows,
        NotNull(id="n", column=name, **K),
        Pattern(id="p", column=name, pattern="'", **K),
        Unique(id="u", columns=(name,), **K),
        ForeignKey(id="f", columns=(name,), target=None, target_columns=(name,), **K),
        Query(
            id="q",
            column=name,
            query="SELECT count({property}) FROM {object}",
            threshold=Threshold(must_be=2),
            **K,
        ),
        Metric(
            id="m",
            column=name,
            metric="invalidValues",
            threshold=Threshold(must_be=0),
            arguments={"validValues": ["o'k"]},
            **K,
        ),
    )
    outcomes = {rule: verdict.outcome for rule, verdict in found.items()}
    assert outcomes == {**dict.fromkeys("npfqm", "passed"), "u": "failed"}


def test_rows_of_an_attached_table_are_verified_too(tmp_path):
    connection = duckdb.connect()
    connection.execute("ATTACH ':memory:' AS ops")
    connection.execute("CREATE TABLE ops.planes AS SELECT i AS id FROM range(4) t(i)")
    rows = Rows('"ops"."main"."planes"')
    rules = (
        Bounds(id="b", column="id", maximum=2, **K),
        Unique(id="u", columns=("id",), primary_key=True, **K),
        ForeignKey(id="f", columns=("id",), target=None, target_columns=("id",), **K),
    )
    found = verify(connection, contract(*rules), Staged.only(rows), Surroundings())
    assert [v.outcome for v in found] == ["failed", "passed", "passed"]
    assert found[0].samples == ({"id": 3},)


def test_an_interrupt_is_no_verdict(tmp_path):
    rows = written(tmp_path, HUNDRED)
    connection = locked(tmp_path)

    class Interrupted:
        """A connection whose user gives up in the middle of a query."""

        def execute(self, query, *parameters):
            if "count_if" in query:
                raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
            return connection.execute(query, *parameters)

    rule = RowCondition(id="r", violation="id > 5", expected="x", **K)
    with pytest.raises(duckdb.InterruptException):
        verify(Interrupted(), contract(rule), Staged.only(rows), Surroundings())
