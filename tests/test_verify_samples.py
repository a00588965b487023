"""The rows that verdicts show: the first that break each rule, however many rules break at once."""

from __future__ import annotations

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st
from verification import contract, verdicts, written

from mesh_defs.contract.data import Rows, Staged, Surroundings
from mesh_defs.contract.rules import Bounds, Metric, NotNull, RowCondition, Threshold, Unique
from mesh_defs.contract.verify import verify

K = {"dimension": "conformity"}
SHOWN = 20
PARTS = 3
ROWS = 400


def bounds(columns):
    return [Bounds(id=f"r{n}", column=f"c{n}", minimum=0, **K) for n in range(columns)]


def files(folder, broken, wide):
    """Three files of rows numbered by ``id``; column ``c<n>`` is below zero where ``broken[n]``
    says so. ``wide`` columns of nothing make samples show the rule's column alone."""
    columns = [
        f"CASE WHEN {'id IN (' + ', '.join(map(str, ids)) + ')' if ids else 'false'}"
        f" THEN -1 ELSE id END::INTEGER AS c{n}"
        for n, ids in enumerate(broken)
    ]
    columns += [f"0::TINYINT AS w{n}" for n in range(wide)]
    paths = []
    for part in range(PARTS):
        low, high = part * ROWS // PARTS, (part + 1) * ROWS // PARTS
        query = f"SELECT id::INTEGER AS id, {', '.join(columns)} FROM range({low}, {high}) t(id)"
        paths += written(folder, query, f"part{part}", ", ROW_GROUP_SIZE 2048").files
    return Rows.parquet(paths)


# A few failing rows, all rows, or none but the last.
FAILING = st.one_of(
    st.lists(st.integers(0, ROWS - 1), max_size=30, unique=True),
    st.just(list(range(ROWS))),
    st.just(list(range(ROWS - 25, ROWS))),
)


@given(
    broken=st.lists(FAILING, min_size=1, max_size=9),
    repeated=st.sampled_from([1, 8]),
    wide=st.sampled_from([0, 40]),
)
@settings(max_examples=40, deadline=None)
def test_every_sample_is_the_first_rows_that_break_the_rule(
    tmp_path_factory, broken, repeated, wide
):
    broken *= repeated
    folder = tmp_path_factory.mktemp("samples")
    rows = files(folder, broken, wide)
    found = verdicts(folder, rows, *bounds(len(broken)), key=("id",))
    for n, ids in enumerate(broken):
        verdict = found[f"r{n}"]
        assert verdict.failing_rows == len(ids)
        assert [row["id"] for row in verdict.samples] == sorted(ids)[:SHOWN]
        for row in verdict.samples:
            assert row[f"c{n}"] == -1
            assert len(row) == (2 if len(broken) + wide + 1 > 30 else len(broken) + wide + 1)


def queries(rows, rules):
    """The queries on the data that verification runs, as DuckDB itself logs them."""
    connection = duckdb.connect()
    connection.execute("CALL enable_logging('QueryLog')")
    found = verify(
        connection,
        contract(*rules, key=("id",)),
        Staged.only(rows),
        Surroundings(),
        stage="promise",
    )
    logged = connection.execute(
        "SELECT message FROM duckdb_logs WHERE type = 'QueryLog' AND contains(message, ?)",
        ["FROM (SELECT * FROM read_parquet"],
    ).fetchall()
    connection.close()
    return found, [text for (text,) in logged]


def test_many_failing_rules_share_their_scans(tmp_path):
    rows = files(tmp_path, [[n, 300] for n in range(60)], 0)
    found, asked = queries(rows, bounds(60))
    assert [[row["id"] for row in verdict.samples] for verdict in found] == [
        [n, 300] for n in range(60)
    ]
    assert len(asked) == 1, asked


def test_one_rule_that_every_row_breaks_hides_no_other(tmp_path):
    rows = files(tmp_path, [range(ROWS), *([n + 250, 399] for n in range(20))], 0)
    found, asked = queries(rows, bounds(21))
    assert [row["id"] for row in found[0].samples] == list(range(SHOWN))
    assert [row["id"] for row in found[20].samples] == [269, 399]
    assert len(asked) == 2, asked


def test_samples_of_many_rules_are_masked(tmp_path):
    rows = written(
        tmp_path,
        "SELECT i AS id, 'ada@example.org' AS email, -i AS salary, NULL::VARCHAR AS name"
        " FROM range(1, 50) t(i)",
    )
    rules = [
        *(Bounds(id=f"salary{n}", column="salary", minimum=n, **K) for n in range(5)),
        RowCondition(id="mail", column="email", violation="email LIKE 'ada%'", expected="x", **K),
        NotNull(id="name", column="name", **K),
        Metric(id="m", column="name", metric="nullValues", threshold=Threshold(must_be=0), **K),
        Unique(id="key", columns=("email",), **K),
    ]
    found = verdicts(tmp_path, rows, *rules, personal=("email", "salary"), key=("id",))
    for verdict in found.values():
        assert [row["id"] for row in verdict.samples] == list(range(1, 21)), verdict
        for row in verdict.samples:
            assert row["email"] == row["salary"] == row["name"] == "***", verdict


def test_a_rule_whose_rows_cannot_be_shown_keeps_no_other_from_its_sample(tmp_path):
    rows = files(tmp_path, [[7]] * 8, 0)
    sometimes = RowCondition(
        id="moody",
        violation="CASE WHEN nextval('calls') > 400 THEN error('no more') ELSE c0 < 0 END",
        expected="x",
        **K,
    )
    connection = duckdb.connect()
    connection.execute("CREATE SEQUENCE calls")
    found = verify(connection, contract(*bounds(8), sometimes), Staged.only(rows), Surroundings())
    connection.close()
    assert [[row["id"] for row in verdict.samples] for verdict in found[:8]] == [[7]] * 8
    assert found[8].failing_rows == 1
    assert found[8].samples == ()
    assert "could not be shown" in str(found[8].reason)
