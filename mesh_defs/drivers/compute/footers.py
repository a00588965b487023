"""What the footer of a Parquet file tells of its columns, over all of its row groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.drivers.compute.protocol import ColumnStatistics
from mesh_defs.sql import file_list, literal, read_parquet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

# Of these a footer tells other texts than DuckDB prints of a value, or they have no path.
_UNBOUNDED = ("BLOB", "GEOMETRY", "VARIANT", "STRUCT", "MAP")
_WITH_NAN = ("FLOAT", "DOUBLE")


def footer_statistics(
    connection: duckdb.DuckDBPyConnection, path: Path
) -> dict[str, ColumnStatistics]:
    """The statistics of the columns that are no structures, by name.

    What DuckDB 1.5.5 tells of a file that it wrote is not it: of several row groups it forgets the
    NaN of all but the last one, and a bound that knows of none is false. Raises `duckdb.Error`."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {read_parquet([str(path)])}").fetchall()
    names: dict[str, list[str]] = {}
    for name, kind, *_ in described:
        names.setdefault(str(kind), []).append(str(name))
    told = (
        "SELECT path_in_schema AS name, row_group_num_rows AS rows,"
        " stats_null_count AS nulls, stats_min_value AS low, stats_max_value AS high"
        f" FROM parquet_metadata({file_list([str(path)])})"
        # A name that stands twice in a row group is also the path of a part of a structure.
        " QUALIFY count(*) OVER (PARTITION BY row_group_id, path_in_schema) = 1"
    )
    asked = " UNION ALL ".join(_of(kind, each) for kind, each in names.items())
    rows = connection.execute(f"WITH told AS MATERIALIZED ({told}) {asked}").fetchall()
    return {
        name: ColumnStatistics(low, high, nulls, has_nan)
        for name, low, high, nulls, has_nan in rows
    }


def row_group_count(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """How many row groups the file has. Raises `duckdb.Error`."""
    found = connection.execute(
        f"SELECT num_row_groups FROM parquet_file_metadata({file_list([str(path)])})"
    ).fetchall()
    return int(found[0][0])


def _of(kind: str, names: Sequence[str]) -> str:
    """A query of the statistics of the columns ``names``, all of type ``kind``: bounds are told
    when every row group that has a value tells its own."""
    if kind.startswith(_UNBOUNDED) or kind.endswith("]"):
        bounded, low, high = "false", "NULL", "NULL"
    else:
        low, high = f"TRY_CAST(low AS {kind})", f"TRY_CAST(high AS {kind})"
        bounded = f"bool_and(coalesce(nulls = rows OR ({low} <= {high}), false))"
        low, high = f"min({low})::VARCHAR", f"max({high})::VARCHAR"
    # Where there is NaN, a footer tells no bounds.
    nan = f"NOT {bounded}" if kind in _WITH_NAN else "false"
    listed = ", ".join(map(literal, names))
    return (
        f"SELECT name,"
        f" CASE WHEN {bounded} THEN {low} END, CASE WHEN {bounded} THEN {high} END,"
        f" CASE WHEN count(nulls) = count(*) THEN sum(nulls)::BIGINT END, {nan}"
        f" FROM told WHERE name IN ({listed}) GROUP BY ALL"
    )
