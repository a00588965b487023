"""Polars as a compute: SQL over Parquet inputs, streamed to one Parquet file.

What its SQL offers: https://docs.pola.rs/api/python/stable/reference/sql/index.html
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.drivers.compute.protocol import ComputeFailed, QueryRefused, StagedFile
from mesh_defs.drivers.compute.row_groups import row_group_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.data import Rows
    from mesh_defs.drivers.compute.row_groups import Reading


class PolarsCompute:
    """Makes outputs with ``compute: polars``. It reads its inputs' files and nothing else: table
    functions such as ``read_csv`` are refused."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch

    def stage(
        self,
        query: str,
        inputs: Mapping[str, Rows],
        target: Path,
        reading: Reading = "lookups",
    ) -> list[StagedFile]:
        """See `mesh_defs.drivers.compute.protocol.Compute.stage`."""
        import polars as pl
        import pyarrow.parquet as pq
        from polars.exceptions import ColumnNotFoundError, SQLInterfaceError, SQLSyntaxError

        _only_relations(query, inputs)
        frames = {
            name: pl.scan_parquet(list(rows.files), hive_partitioning=False, glob=False)
            for name, rows in inputs.items()
        }
        path = target.with_suffix(".parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with pl.SQLContext(frames, register_globals=False) as context:
                found = context.execute(query, eager=False)
                group = row_group_rows(len(found.collect_schema()), reading)
                found.sink_parquet(path, compression="snappy", row_group_size=group)
        except (ColumnNotFoundError, SQLInterfaceError, SQLSyntaxError) as error:
            raise QueryRefused(f"polars: {str(error).strip()}") from error
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ComputeFailed(f"polars: {str(error).strip()}") from error
        rows = pq.read_metadata(path).num_rows
        return [StagedFile(str(path.resolve()), rows, path.stat().st_size)]

    def close(self) -> None:
        """See `mesh_defs.drivers.compute.protocol.Compute.close`."""


def _only_relations(query: str, inputs: Mapping[str, Rows]) -> None:
    """Raise `QueryRefused` unless every relation is an input or a common table expression."""
    from sqlglot import exp, parse
    from sqlglot.errors import SqlglotError

    try:
        statements = parse(query, dialect="duckdb")
    except SqlglotError as error:
        raise QueryRefused(f"polars: the query cannot be read: {error}") from error
    for statement in statements:
        if not isinstance(statement, exp.Query):
            raise QueryRefused("polars: write one SELECT")
        named = {cte.alias for cte in statement.find_all(exp.CTE)}
        for table in statement.find_all(exp.Table):
            if not isinstance(table.this, exp.Identifier) or table.db:
                raise QueryRefused(
                    f"polars: '{table.sql()}' is no input; inputs: {', '.join(inputs) or 'none'}"
                )
            if table.name not in inputs and table.name not in named:
                raise QueryRefused(
                    f"polars: unknown relation '{table.name}'; "
                    f"inputs: {', '.join(inputs) or 'none'}"
                )
    if len(statements) != 1:
        raise QueryRefused(f"polars: the query holds {len(statements)} statements; write one")
