"""What a Python transform gets for each of its inputs, and the context of its run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import safe_text
from mesh_defs.contract.checks.scan import reason_of
from mesh_defs.errors import SourceUnavailable
from mesh_defs.product.keyed_hash import KeyedHash
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from mesh_defs.product.ledger import InputRecord
    from mesh_defs.product.model import Product
    from mesh_defs.product.resolve import Resolved

_BATCH_ROWS = 122_880


class InputData:
    """One input of a run, at the version that the run holds on to.

    Every reader takes ``columns`` (all when None) and ``where`` (a SQL condition on its columns),
    which are pushed down into the files.
    """

    def __init__(
        self, name: str, record: InputRecord, connection: duckdb.DuckDBPyConnection
    ) -> None:
        self.name = name
        self.record = record
        self._connection = connection

    @property
    def version(self) -> int | None:
        """The version of the product that is read; None for an operational system."""
        return self.record.version

    def duckdb(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> duckdb.DuckDBPyRelation:
        """A lazy relation on the run's connection."""
        return self._connection.sql(select(quote(self.name), columns, where))

    def arrow(self, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
        """An Arrow table."""
        return self.duckdb(columns, where).to_arrow_table()

    def batches(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Arrow record batches, one after the other, with constant memory."""
        cursor = self._connection.cursor()
        reader = cursor.execute(select(quote(self.name), columns, where)).to_arrow_reader(
            _BATCH_ROWS
        )
        yield from reader

    def polars(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pl.DataFrame:
        """A polars frame."""
        return self.duckdb(columns, where).pl()

    def pandas(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pd.DataFrame:
        """A pandas frame."""
        return self.duckdb(columns, where).df()


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a Python transform may ask about its run.

    ``now`` is the run's one clock reading (aware, UTC), ``product`` the product's URL,
    ``connection`` the DuckDB connection on which inputs are relations of their names;
    ``keyed_hash(text)`` gives the digits that ``keyed_hash`` gives in SQL, ``keyed_hash.arrow``
    those of an Arrow array of texts.
    """

    now: datetime
    run_id: str
    product: str
    connection: duckdb.DuckDBPyConnection
    keyed_hash: KeyedHash = field(default_factory=KeyedHash)


def select(relation: str, columns: Sequence[str] | None, where: str | None) -> str:
    """``SELECT`` over ``relation`` with named ``columns`` and a condition."""
    listed = "*" if columns is None else ", ".join(quote(column) for column in columns)
    condition = f" WHERE ({where}\n)" if where else ""
    return f"SELECT {listed} FROM {relation}{condition}"


def bind(
    connection: duckdb.DuckDBPyConnection,
    product: Product,
    name: str,
    resolved: Resolved,
    *,
    private: bool,
) -> None:
    """Make the input ``name`` a relation of ``connection``. Raises `SourceUnavailable`, without
    what an engine may quote where ``private``."""
    import duckdb

    try:
        connection.execute(f"CREATE VIEW {quote(name)} AS SELECT * FROM {resolved.rows.sql}")
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        reason = safe_text(str(error), known=name) if private else reason_of(error)
        raise SourceUnavailable(
            f"input '{name}' of mesh://{product.identity} cannot be read from "
            f"{resolved.record.source}: {reason}"
        ) from (None if private else error)
