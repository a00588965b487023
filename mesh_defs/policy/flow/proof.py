"""What the staged rows show of a reduction that lineage cannot prove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.flow.digests import plain_digest
from mesh_defs.policy.flow.masks import Masks
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from mesh_defs.contract.model import Column
    from mesh_defs.policy.annotations import Reduction
    from mesh_defs.policy.flow.graph import Flows, Inflow
    from mesh_defs.policy.subject import StagedPort

_DIGESTS = ("md5", "sha1", "sha256")  # those that DuckDB computes
_NUMBERS = "('TINYINT','SMALLINT','INTEGER','BIGINT','HUGEINT','FLOAT','DOUBLE')"


class Proof:
    """Looks at the rows of ``port``, and at its inputs on the same connection. Every method raises
    `duckdb.Error` when these cannot be read."""

    def __init__(self, port: StagedPort, flows: Flows) -> None:
        self.port = port
        self.flows = flows

    def counted(self, column: Column, reduction: Reduction) -> str | None:
        """Why ``countedIn`` does not show groups of at least k behind every value of ``column``."""
        value, count = quote(column.name), quote(reduction.counted_in or "")
        below = self.port.count(f"{value} IS NOT NULL AND coalesce({count} < {reduction.k}, true)")
        if not below:
            return None
        rows = "1 row" if below == 1 else f"{below:,} rows"
        return f"in {rows} '{reduction.counted_in}' is below {reduction.k}"

    def merged(self, column: Column, inflow: Inflow, least: int) -> str | None:
        """Why masks of ``inflow`` in ``column`` do not hide which value it is: they must merge
        ``least`` different ones into most of those that are seen."""
        return self._masks(column, inflow).not_merged(least)

    def on_data(
        self, column: Column, reduction: Reduction, inflow: Inflow, least: int, share: float
    ) -> str | None:
        """Why the rows do not show that no value of ``inflow`` came through into ``column``: not as
        it is, not by more than half in a ``share`` (0 to 1) of its values, not as a plain digest,
        and not under a mask that merges fewer than ``least``."""
        if reduction.method == "aggregated":
            if reduction.counted_in is None:
                return "nothing but 'countedIn' could show it of what Python makes"
            if self._is_number(column):
                return None  # Sums and means meet single values by chance.
        found = self._same(column, inflow)
        if found is None and reduction.method == "hashed":
            found = self._plain_digests(column, inflow)
        if found is None and reduction.method == "masked":
            found = self.merged(column, inflow, least)
        return found or self._masks(column, inflow).pieces(least, share)

    def _is_number(self, column: Column) -> bool:
        name = quote(column.name)
        kind = (
            f"SELECT count(*) FROM (DESCRIBE SELECT {name} FROM {self.port.table.sql}) AS d "
            f"WHERE d.column_type IN {_NUMBERS} OR d.column_type LIKE 'DECIMAL%'"
        )
        return self.port.number(kind) > 0

    def _same(self, column: Column, inflow: Inflow) -> str | None:
        source = self._values(inflow)
        value = f"CAST({quote(column.name)} AS VARCHAR)"
        found = self.port.count(f"{value} IN (SELECT v FROM {source} AS s(v))")
        return f"{_rows(found)} values of {self._name(inflow)} in it" if found else None

    def _plain_digests(self, column: Column, inflow: Inflow) -> str | None:
        source = self._values(inflow)
        value = f"lower(CAST({quote(column.name)} AS VARCHAR))"
        for digest in _DIGESTS:
            known = f"(SELECT {digest}(v) FROM {source} AS s(v))"
            found = self.port.count(f"{value} IN {known}")
            if found:
                return self._digested(digest, found, inflow)
        other = plain_digest(self.port, column.name, source)
        return self._digested(*other, inflow) if other is not None else None

    def _digested(self, digest: str, rows: int, inflow: Inflow) -> str:
        return (
            f"{_rows(rows)} the plain {digest} of {self._name(inflow)}, which anyone can compute: "
            "use context.keyed_hash"
        )

    def _masks(self, column: Column, inflow: Inflow) -> Masks:
        return Masks(self.port, column.name, self._values(inflow), self._name(inflow))

    def _values(self, inflow: Inflow) -> str:
        """The different values of the source, over all inputs that read it, as texts."""
        source = inflow.source
        column = quote(source.column)
        parts = [
            f"SELECT CAST({column} AS VARCHAR) FROM {quote(read.input)} WHERE {column} IS NOT NULL"
            for read in self.flows.root.reads
            if (read.key, read.port) == (source.key, source.port)
        ]
        return f"({' UNION '.join(parts)})"

    def _name(self, inflow: Inflow) -> str:
        return self.flows.url(inflow.source)


def _rows(count: int) -> str:
    return "1 row has" if count == 1 else f"{count:,} rows have"
