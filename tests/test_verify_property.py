"""Whatever the data and the rule: `verify` agrees with checking row by row in Python."""

from __future__ import annotations

import math
import tempfile
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from verification import NOW, locked
from verification_oracle import key_of, oracle

from mesh_defs.contract.checks import keys, values
from mesh_defs.contract.data import Rows, Staged, Surroundings
from mesh_defs.contract.model import PortContract, ServiceLevels
from mesh_defs.contract.rules import (
    Bounds,
    ForeignKey,
    Freshness,
    Length,
    Metric,
    NotNull,
    Pattern,
    Query,
    Retention,
    Threshold,
    Unique,
)
from mesh_defs.contract.verify import verify

SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("small", pa.int8()),
        ("d", pa.float64()),
        ("f", pa.float32()),
        ("amount", pa.decimal128(10, 2)),
        ("s", pa.string()),
        ("day", pa.date32()),
        ("ts", pa.timestamp("us")),
        ("tz", pa.timestamp("us", tz="UTC")),
        ("flag", pa.bool_()),
    ]
)
NUMBERS = ("n", "small", "d", "f", "amount")
TIMES = ("day", "ts", "tz")
# Python and RE2 read these alike; $ would differ before a last newline, which no text here has.
PATTERNS = ("^a", "b$", "^[a-c]*$", "é", "^$", "x|y", "^.{2}$", "[^a]", "Z")

texts = st.text(alphabet="abxyZé😀 '", max_size=4)
near_now = st.integers(-40, 5).map(lambda hours: NOW.replace(tzinfo=None) + timedelta(hours=hours))
doubles = st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 0.0, 1.5, -2.25, 0.1, 7.0])
halves = st.integers(-8, 8).map(lambda n: n / 2)
VALUES = {
    "n": st.integers(-5, 30),
    "small": st.integers(-128, 127),
    "d": st.one_of(doubles, halves),
    "f": st.one_of(st.sampled_from([math.nan, math.inf, -math.inf]), halves),
    "amount": st.integers(-500, 500).map(lambda n: Decimal(n) / 100),
    "s": texts,
    "day": st.integers(-3, 1).map(lambda n: NOW.date() + timedelta(days=n)),
    "ts": near_now,
    "tz": near_now.map(lambda at: at.replace(tzinfo=UTC)),
    "flag": st.booleans(),
}


@st.composite
def tables(draw, max_rows=14):
    """Rows, cut into files and small row groups."""
    nullable = {name: draw(st.booleans()) for name in VALUES}
    row = st.fixed_dictionaries(
        {n: st.one_of(st.none(), v) if nullable[n] else v for n, v in VALUES.items()}
    )
    files = draw(st.lists(st.lists(row, max_size=max_rows), min_size=1, max_size=3))
    if draw(st.booleans()):  # a key that arrives sorted
        counter = iter(range(100))
        files = [[{**each, "n": next(counter)} for each in rows] for rows in files]
    return files


number_bounds = st.one_of(
    st.integers(-6, 31),
    st.sampled_from([-1000, 0.5, 1.25, 0.1, 127.5, 1e30, -1e30, 300, 2.255, 7.0, -129]),
)


@st.composite
def bounds(draw):
    name = draw(st.sampled_from([*NUMBERS, *TIMES]))
    ends = draw(
        st.sets(
            st.sampled_from(["minimum", "maximum", "exclusive_minimum", "exclusive_maximum"]),
            min_size=1,
            max_size=2,
        )
    )
    value = number_bounds
    if name == "day":
        value = VALUES["day"].map(date.isoformat)
    elif name in TIMES:
        value = near_now.map(datetime.isoformat)
    given_ends = {end: draw(value) for end in ends}
    return Bounds(id="r", dimension="conformity", column=name, **given_ends)


thresholds = st.one_of(
    st.integers(0, 6).map(lambda n: Threshold(must_be=n)),
    st.integers(0, 6).map(lambda n: Threshold(must_not_be=n)),
    st.integers(0, 60).map(lambda n: Threshold(less_than=n)),
    st.integers(0, 60).map(lambda n: Threshold(less_or_equal=n)),
    st.integers(0, 60).map(lambda n: Threshold(greater_than=n)),
    st.integers(0, 60).map(lambda n: Threshold(greater_or_equal=n)),
    st.tuples(st.integers(0, 20), st.integers(10, 50)).map(lambda p: Threshold(between=p)),
    st.tuples(st.integers(0, 20), st.integers(10, 50)).map(lambda p: Threshold(not_between=p)),
)


@st.composite
def metrics(draw):
    name = draw(st.sampled_from(list(VALUES)))
    metric = draw(
        st.sampled_from(
            ["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"]
        )
    )
    arguments = {}
    if metric == "missingValues":
        name = draw(st.sampled_from(["s", "n", "d", "amount"]))
        value = texts if name == "s" else st.one_of(number_bounds, texts.filter(_no_number))
        arguments = {"missingValues": draw(st.lists(st.one_of(st.none(), value), min_size=1))}
    elif metric == "invalidValues":
        name = draw(st.sampled_from(["s", "n", "d", "amount", "small", "day"]))
        kind = VALUES[name] if name in ("s", "day") else number_bounds
        if name == "day":
            kind = kind.map(date.isoformat)
        arguments = {"validValues": draw(st.lists(kind, min_size=1))}
        if name == "s" and draw(st.booleans()):
            arguments["pattern"] = draw(st.sampled_from(PATTERNS))
    elif metric == "duplicateValues" and draw(st.booleans()):
        names = st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=2, unique=True)
        arguments = {"properties": draw(names)}
        name = None
    unit = "rows" if metric == "rowCount" else draw(st.sampled_from(["rows", "percent"]))
    return Metric(
        id="r",
        dimension="conformity",
        column=None if metric == "rowCount" else name,
        metric=metric,
        unit=unit,
        threshold=draw(thresholds),
        arguments=arguments,
    )


def _no_number(text):
    try:
        Decimal(text)
    except ArithmeticError:
        return True
    return False


columns = st.sampled_from(list(VALUES))
common = {"id": "r", "dimension": "conformity"}
rules = st.one_of(
    columns.map(lambda c: NotNull(**common, column=c)),
    bounds(),
    bounds(),
    st.tuples(
        st.sampled_from(["n", "small", "amount", "d"]), st.sampled_from([1, 3, 0.5, 2.5])
    ).map(lambda p: Bounds(**common, column=p[0], multiple_of=p[1])),
    st.tuples(st.integers(0, 4), st.none() | st.integers(0, 4)).map(
        lambda p: Length(**common, column="s", minimum=p[0], maximum=p[1])
    ),
    st.sampled_from(PATTERNS).map(lambda p: Pattern(**common, column="s", pattern=p)),
    st.tuples(st.lists(columns, min_size=1, max_size=2, unique=True), st.booleans()).map(
        lambda p: Unique(**common, columns=tuple(p[0]), primary_key=p[1])
    ),
    st.lists(columns, min_size=1, max_size=2, unique=True).map(
        lambda names: ForeignKey(
            **common, columns=tuple(names), target="other", target_columns=tuple(names)
        )
    ),
    st.sampled_from([("n", "small"), ("small", "n"), ("s", "s"), ("day", "day")]).map(
        lambda p: ForeignKey(**common, columns=(p[0],), target=None, target_columns=(p[1],))
    ),
    metrics(),
    metrics(),
    st.tuples(st.sampled_from(TIMES), st.integers(0, 60)).map(
        lambda p: Freshness(**common, column=p[0], seconds=p[1] * 3600.0)
    ),
    st.tuples(st.sampled_from(TIMES), st.integers(0, 60)).map(
        lambda p: Retention(**common, column=p[0], seconds=p[1] * 3600.0)
    ),
    st.tuples(st.integers(-5, 5), thresholds).map(
        lambda p: Query(
            **common,
            column="n",
            query=f"SELECT count(*) FROM {{object}} WHERE {{property}} > {p[0]}",
            threshold=p[1],
        )
    ),
)


# --- the property ---------------------------------------------------------------------------------


def write(folder, name, files, row_group_size, writer):
    paths = []
    for index, rows in enumerate(files):
        path = str(Path(folder) / f"{name}{index}.parquet")
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        if writer == "duckdb":  # it leaves out the ranges of columns with NaN
            with duckdb.connect() as connection:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute(f"COPY (SELECT * FROM \"table\") TO '{path}' (FORMAT parquet)")
        else:  # it leaves NaN out of the ranges
            pq.write_table(table, path, row_group_size=row_group_size)
        paths.append(path)
    return Rows.parquet(paths)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    files=tables(),
    other=tables(max_rows=6),
    asked=st.lists(rules, min_size=4, max_size=12),
    row_group_size=st.integers(1, 5),
    writer=st.sampled_from(["arrow", "duckdb"]),
    with_files=st.booleans(),
    eager=st.booleans(),
)
def test_agrees_with_checking_row_by_row(
    files, other, asked, row_group_size, writer, with_files, eager
):
    asked = [_numbered(rule, index) for index, rule in enumerate(asked)]
    rows, others = [r for f in files for r in f], [r for f in other for r in f]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        if eager:  # take the ways that are meant for many rows
            stack.enter_context(patch.object(values, "WORTH_A_QUERY", 0))
            stack.enter_context(patch.object(keys, "_WORTH_A_PROOF", 0))
        staged = write(folder, "rows", files, row_group_size, writer)
        target = write(folder, "other", other, row_group_size, writer)
        if not with_files:
            staged = Rows(staged.sql)
        connection = locked(folder)
        found = verify(
            connection,
            PortContract("flights", None, (), tuple(asked), (), ServiceLevels()),
            Staged.only(staged),
            Surroundings(relations={"other": target}, now=NOW),
        )
        connection.close()
    for rule, verdict in zip(asked, found, strict=True):
        met, failing = oracle(rule, rows, others)
        event(f"{type(rule).__name__} {verdict.outcome} by {verdict.decided_by}")
        assert verdict.outcome == ("passed" if met else "failed"), (rule, verdict, rows)
        assert verdict.failing_rows == failing, (rule, verdict, rows)
        if verdict.outcome == "failed" and failing and not isinstance(rule, Metric):
            assert len(verdict.samples) == min(failing, 20)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kept=tables(max_rows=8),
    added=tables(max_rows=8),
    names=st.lists(columns, min_size=1, max_size=2, unique=True),
    eager=st.booleans(),
)
def test_a_key_over_rows_kept_and_added(kept, added, names, eager):
    """Rows that were verified before are only compared with the new ones, with the same result."""
    seen = set()
    unique_kept = [
        [r for r in rows if not (key_of(r, names) in seen or seen.add(key_of(r, names)))]
        for rows in kept
    ]
    rule = Unique(**common, columns=tuple(names))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        if eager:
            stack.enter_context(patch.object(keys, "_WORTH_A_PROOF", 0))
        old = write(folder, "old", unique_kept, 3, "arrow")
        new = write(folder, "new", added, 3, "arrow")
        staged = Staged(new, Rows.parquet([*old.files, *new.files]), old)
        connection = locked(folder)
        (found,) = verify(
            connection,
            PortContract("flights", None, (), (rule,), (), ServiceLevels()),
            staged,
            Surroundings(now=NOW),
        )
        connection.close()
    everything = [r for f in (*unique_kept, *added) for r in f]
    met, failing = oracle(rule, everything, [])
    assert (found.outcome, found.failing_rows) == ("passed" if met else "failed", failing)


def _numbered(rule, index):
    values = {name: getattr(rule, name) for name in rule.__dataclass_fields__}
    return type(rule)(**{**values, "id": f"rule {index}"})
