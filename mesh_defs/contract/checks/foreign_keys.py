"""Foreign keys: one anti join each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.checks.compile import kind_of, missing_column
from mesh_defs.contract.checks.findings import CannotRun, Failing, Finding, broken_rows
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from mesh_defs.contract.checks.table import Table
    from mesh_defs.contract.rules import ForeignKey


def check_foreign_key(rule: ForeignKey, table: Table, target: Table) -> Finding:
    """Whether every key of ``table`` is found in ``target``. A key with a NULL in one of its
    columns refers to nothing (SQL's MATCH SIMPLE). Raises `CannotRun` and `duckdb.Error`."""
    for column in rule.columns:
        kind_of(column, table.columns)
    if len(rule.columns) != len(rule.target_columns) or not rule.columns:
        raise CannotRun(
            f"{len(rule.columns)} columns cannot refer to {len(rule.target_columns)} columns"
        )
    for column in rule.target_columns:
        if column not in target.columns:
            raise CannotRun(f"in the target, {missing_column(column, target.columns)}")
    dangling = _dangling(rule, target)
    if _few_values(rule, table):
        names = ", ".join(quote(column) for column in rule.columns)
        query = (
            'SELECT sum("rows of the key")::BIGINT FROM (SELECT '
            f'{names}, count(*) AS "rows of the key" FROM {table.sql} GROUP BY {names}) AS this'
            f" WHERE {dangling}"
        )
    else:
        query = f"SELECT count(*) FROM {table.named('this')} WHERE {dangling}"
    found = table.connection.execute(query).fetchone()
    count = int(found[0] or 0) if found else 0
    failing = Failing(table.sql, dangling, rule.columns)
    return broken_rows(count, table.count, "join", failing, "refer to nothing")


def _dangling(rule: ForeignKey, target: Table) -> str:
    keys = list(zip(rule.columns, rule.target_columns, strict=True))
    complete = " AND ".join(f"this.{quote(column)} IS NOT NULL" for column, _ in keys)
    same = " AND ".join(f"target.{quote(theirs)} = this.{quote(mine)}" for mine, theirs in keys)
    return f"{complete} AND NOT EXISTS (SELECT 1 FROM {target.named('target')} WHERE {same})"


def _few_values(rule: ForeignKey, table: Table) -> bool:
    return table.statistics is not None and all(
        table.statistics.few_values(column) for column in rule.columns
    )
