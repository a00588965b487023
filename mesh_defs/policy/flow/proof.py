"""What the staged rows show of a reduction that lineage cannot prove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.sql import quote

if TYPE_CHECKING:
    from mesh_defs.contract.model import Column
    from mesh_defs.policy.annotations import Reduction
    from mesh_defs.policy.flow.graph import Flows, Inflow
    from mesh_defs.policy.subject import StagedPort

_DIGESTS = ("md5", "sha1", "sha256")
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
        return f"in {below:,} rows '{reduction.counted_in}' is below {reduction.k}"

    def on_data(self, column: Column, reduction: Reduction, inflow: Inflow) -> str | None:
        """Why the rows do not show that no value of ``inflow`` came through into ``column``."""
        if reduction.method == "aggregated":
            if reduction.counted_in is None:
                return "nothing but 'countedIn' could show it of what Python makes"
            if self._is_number(column):
                return None  # Sums and means meet single values by chance.
        if reduction.method == "hashed":
            return self._same(column, inflow) or self._plain_digests(column, inflow)
        return self._same(column, inflow)

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
        return f"{found:,} rows have values of {self._name(inflow)} in it" if found else None

    def _plain_digests(self, column: Column, inflow: Inflow) -> str | None:
        source = self._values(inflow)
        value = f"lower(CAST({quote(column.name)} AS VARCHAR))"
        for digest in _DIGESTS:
            known = f"(SELECT {digest}(v) FROM {source} AS s(v))"
            found = self.port.count(f"{value} IN {known}")
            if found:
                return (
                    f"{found:,} rows have the plain {digest} of {self._name(inflow)}, which anyone "
                    "can compute: use context.keyed_hash"
                )
        return None

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
