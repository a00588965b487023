"""A policy that is a query: the rows that it yields break it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.model import DataPolicy, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.policy.subject import StagedPort

OBJECT = "{object}"


class SqlPolicy(DataPolicy):
    """A query over the staged rows of a port yields nothing."""

    query: str
    asks: str
    fix: str | None = None

    @property
    def message(self) -> str:
        """What the policy asks for, as it was written down."""
        return " ".join(self.asks.split())

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """One finding with the number of rows that the query yields, if there are any."""
        query = self.query.replace(OBJECT, port.view).strip().rstrip(";")
        count = port.number(f"SELECT count(*) FROM ({query}\n)")
        if count:
            yield Finding(
                "1 row breaks it" if count == 1 else f"{count:,} rows break it",
                fix=self.fix,
                port=port.name,
                failing_rows=count,
                rows=port.rows,
            )


def query_fault(text: str) -> str | None:
    """What is wrong with the text of a query, before there is any data; None when nothing is."""
    import duckdb

    try:
        statements = duckdb.extract_statements(text.replace(OBJECT, '"object"'))
    except duckdb.Error as error:
        return str(error).partition("\n\n")[0].strip().replace("\n", " ")
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        return ", ".join(statement.type.name for statement in statements) or "no statement"
    return None
