"""Keys of whole numbers that fill the whole range of their type."""

from __future__ import annotations

import pytest
from verification import verdicts, written

from mesh_defs.contract.rules import Unique


@pytest.mark.parametrize(
    ("kind", "low", "count"),
    [("SMALLINT", -32_768, 65_536), ("USMALLINT", 0, 65_536), ("INTEGER", -2_147_483_648, 60_000)],
)
@pytest.mark.parametrize("twice", [0, 1])
def test_numbers_from_end_to_end_of_their_type(tmp_path, kind, low, count, twice):
    # In no order, so that no row group's range proves them unique.
    query = (
        f"SELECT n FROM (SELECT ({low} + i)::{kind} AS n FROM range({count}) t(i)"
        f" UNION ALL SELECT ({low})::{kind} FROM range({twice})) ORDER BY hash(n)"
    )
    rows = written(tmp_path, query)
    found = verdicts(tmp_path, rows, Unique(id="u", columns=("n",), dimension="uniqueness"))["u"]
    assert found.reason is None
    assert (found.outcome, found.failing_rows) == ("failed" if twice else "passed", 2 * twice)
