"""Rules in SQL: one query that yields one number, or true or false."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb

from mesh_defs.contract.checks.compile import kind_of
from mesh_defs.contract.checks.engine_text import MASK
from mesh_defs.contract.checks.findings import CannotRun, Finding
from mesh_defs.contract.checks.privacy import counts_rows
from mesh_defs.contract.checks.thresholds import exact, met, number_text
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from mesh_defs.contract.checks.table import Table
    from mesh_defs.contract.rules import Query

_PLACEHOLDER = re.compile(r"\$?\{\s*(object|property)\s*\}")


def check_query(rule: Query, table: Table, relation: str, hidden: AbstractSet[str]) -> Finding:
    """The one number, or the true or false, that the query yields, against the threshold.

    ``relation`` is the quoted name that stands for ``{object}``; where columns are ``hidden``, only
    a plain count of rows is shown. Raises `CannotRun` and
    `duckdb.Error`.
    """
    column = None
    if rule.column is not None:
        kind_of(rule.column, table.columns)
        column = table.inner.get(rule.column, quote(rule.column))
    query = filled(rule.query, relation, column)
    statements = table.connection.extract_statements(query)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise CannotRun("the query must be one single SELECT")
    answer = _one_answer(table.connection, statements[0].query)
    number = answer if isinstance(answer, bool) else exact(answer)
    observed = MASK if hidden and not counts_rows(rule.query) else number_text(number)
    return Finding(met(rule.threshold, number), f"the query yields {observed}", "query")


def filled(query: str, relation: str, column: str | None) -> str:
    """``query`` with SQL for ``{object}`` and ``{property}`` in their places; raises `CannotRun`
    where there is no column."""

    def fill(match: re.Match[str]) -> str:
        if match[1] == "object":
            return relation
        if column is None:
            raise CannotRun("the query uses {property}, but the rule belongs to no column")
        return column

    return _PLACEHOLDER.sub(fill, query)


def _one_answer(connection: duckdb.DuckDBPyConnection, query: str) -> int | float | Decimal | bool:
    # The comment at a query's end would swallow the bracket if it stood on the same line.
    text = query.strip().rstrip(";")
    found = connection.execute(f"SELECT * FROM (\n{text}\n) LIMIT 2").fetchall()
    if len(found) != 1 or len(found[0]) != 1:
        rows = "more than one row" if len(found) > 1 else f"{len(found)} rows"
        columns = f" of {len(found[0])} columns" if found else ""
        raise CannotRun(f"the query must yield one number; it yields {rows}{columns}")
    value: object = found[0][0]
    if value is None:
        raise CannotRun("the query must yield one number; it yields NULL")
    if not isinstance(value, (int, float, Decimal)):
        raise CannotRun(
            f"the query must yield one number; it yields a value of type {type(value).__name__}"
        )
    return value
