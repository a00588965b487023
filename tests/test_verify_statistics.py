"""Footers are asked once for all columns, and a contract's width costs no further query."""

from __future__ import annotations

import pytest
from verification import NOW, contract, locked, verdicts, written

from mesh_defs.contract.data import Rows, Staged, Surroundings
from mesh_defs.contract.rules import Bounds, NotNull, Unique
from mesh_defs.contract.verify import verify

K = {"dimension": "conformity"}


class Counting:
    """A connection that counts its statements."""

    def __init__(self, connection):
        self.connection = connection
        self.statements = 0

    def execute(self, query):
        self.statements += 1
        return self.connection.execute(query)

    def __getattr__(self, name):
        return getattr(self.connection, name)


def statements(folder, width):
    columns = ", ".join(f"i + {n} AS c{n}" for n in range(width))
    rows = written(folder, f"SELECT {columns} FROM range(10) t(i)", name=f"wide{width}")
    rules = [
        rule
        for n in range(width)
        for rule in (
            NotNull(id=f"n{n}", column=f"c{n}", **K),
            Bounds(id=f"b{n}", column=f"c{n}", minimum=n, maximum=n + 9, **K),
        )
    ]
    connection = Counting(locked(folder))
    found = verify(connection, contract(*rules), Staged.only(rows), Surroundings(now=NOW))
    assert {(v.outcome, v.decided_by) for v in found} == {("passed", "statistics")}
    return connection.statements


def test_more_columns_are_no_more_statements(tmp_path):
    assert statements(tmp_path, 2) == statements(tmp_path, 60)


def test_one_value_outside_in_one_of_many_files_is_found(tmp_path):
    files = [
        written(tmp_path, f"SELECT {n} AS n, NULL::INTEGER AS none", name=str(n)).files[0]
        for n in range(7)
    ]
    rules = (
        Bounds(id="all", column="n", minimum=0, maximum=6, **K),
        Bounds(id="low", column="n", minimum=1, **K),
        Bounds(id="high", column="n", exclusive_maximum=6, **K),
        Bounds(id="none", column="none", minimum=3, **K),
    )
    found = verdicts(tmp_path, Rows.parquet(files), *rules)
    assert [v.failing_rows for v in found.values()] == [0, 1, 1, 0]
    assert found["all"].decided_by == found["none"].decided_by == "statistics"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_a_file_that_is_listed_twice_counts_twice(tmp_path, order):
    written_files = [written(tmp_path, f"SELECT {n} AS n", name=str(n)).files[0] for n in range(3)]
    files = [written_files[n] for n in order]
    unique = Unique(id="u", columns=("n",), **K)
    assert verdicts(tmp_path, Rows.parquet(files), unique)["u"].outcome == "passed"
    twice = verdicts(tmp_path, Rows.parquet([*files, files[0]]), unique)["u"]
    assert (twice.outcome, twice.failing_rows, twice.rows) == ("failed", 2, 4)
