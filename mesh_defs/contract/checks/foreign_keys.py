"""Foreign keys: one anti join each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.checks.compile import kind_of, missing_column
from mesh_defs.contract.checks.findings import CannotRun, Failing, Finding, broken_rows
from mesh_defs.contract.checks.values import rows_of
from mesh_defs.contract.physical_types import FLOATS, INTEGERS
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from mesh_defs.contract.checks.table import Table
    from mesh_defs.contract.physical_types import Physical
    from mesh_defs.contract.rules import ForeignKey

# The most digits that a whole number of each type has.
_DIGITS = {
    "TINYINT": 3,
    "UTINYINT": 3,
    "SMALLINT": 5,
    "USMALLINT": 5,
    "INTEGER": 10,
    "UINTEGER": 10,
    "BIGINT": 19,
    "UBIGINT": 20,
    "HUGEINT": 39,
    "UHUGEINT": 39,
}
_MAX_DIGITS = 38
_SINGLE = frozenset({"BOOLEAN", "DATE", "TIME", "TIMETZ", "TIMESTAMPTZ", "UUID", "BLOB"})


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
    for mine, theirs in zip(rule.columns, rule.target_columns, strict=True):
        if not _alike(table, mine, target, theirs):
            raise CannotRun(
                f"{mine} ({table.types[mine]}) cannot refer to {theirs} ({target.types[theirs]}):"
                " values of the two types do not compare exactly; give both the same type"
            )
    dangling = _dangling(rule, target)
    if len(rule.columns) == 1 and table.values.repeat(rule.columns):
        rows, values = rows_of(*rule.columns), table.values.counted(rule.columns[0])
        query = f"SELECT sum({rows})::BIGINT FROM {values} AS this WHERE {dangling}"
    elif all(map(table.values.few, rule.columns)):
        names, rows = ", ".join(map(quote, rule.columns)), rows_of(*rule.columns)
        query = (
            f"SELECT sum({rows})::BIGINT FROM (SELECT {names}, count(*) AS {rows}"
            f" FROM {table.sql} GROUP BY {names}) AS this WHERE {dangling}"
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


def _alike(table: Table, mine: str, target: Table, theirs: str) -> bool:
    """Whether equal values of the two columns are the same value: never where an engine would
    first turn text into numbers, or numbers into others that are near."""
    one, other = table.columns[mine], target.columns[theirs]
    if table.types[mine] == target.types[theirs]:
        return True
    if _is_exact(one) and _is_exact(other):
        return _common_exact(one, other)
    if one.name in FLOATS or one.name == "VARCHAR":
        return other.name in FLOATS if one.name in FLOATS else other.name == "VARCHAR"
    # One that is finer than a microsecond is not alike; see `table.py`.
    same = one.name == other.name and one.numbers == other.numbers
    return same and (one.name in _SINGLE or one.name == "TIMESTAMP")


def _is_exact(kind: Physical) -> bool:
    return kind.name in INTEGERS or kind.name == "DECIMAL"


def _common_exact(one: Physical, other: Physical) -> bool:
    """Whether whole numbers and decimals meet in a type that holds all digits of both."""
    names = {one.name, other.name}
    if "DECIMAL" not in names:
        # The widest unsigned and the signed integers have no type in common but DOUBLE.
        return "UHUGEINT" not in names or all(name.startswith("U") for name in names)
    whole = max(_whole_digits(one), _whole_digits(other))
    return whole + max(_scale(one), _scale(other)) <= _MAX_DIGITS


def _whole_digits(kind: Physical) -> int:
    return _DIGITS.get(kind.name) or kind.numbers[0] - _scale(kind)


def _scale(kind: Physical) -> int:
    return kind.numbers[1] if len(kind.numbers) > 1 else 0
