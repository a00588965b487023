"""Which statements read one port as it is: these are *reads*, all others are *queries*, which the
rules of access may permit or forbid apart; and all rows of a port are not run through an engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

_KEPT = 256
_PARTS = frozenset({"expressions", "from_", "from", "where", "order", "limit", "offset"})


@dataclass(frozen=True, slots=True)
class Plain:
    """``columns`` are the names that are selected, none for all; None where one is qualified, and
    so may lie inside a column of another name. ``every_row`` tells that all rows are read, in any
    order."""

    columns: tuple[str, ...] | None
    every_row: bool


@lru_cache(maxsize=_KEPT)
def plain(sql: str) -> Plain | None:
    """What the statement ``sql``, which may run, reads of its one port when it selects columns by
    name, rows by a condition on them, an order by columns and a limit; None when it does more."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, dialect="duckdb")
    if not isinstance(tree, exp.Select):
        return None
    given = {name for name, value in tree.args.items() if value}
    source = tree.args.get("from_") or tree.args.get("from")
    if not given <= _PARTS or source is None or not isinstance(source.this, exp.Table):
        return None
    table = {name for name, value in source.this.args.items() if value}
    alias = source.this.args.get("alias")
    renamed = alias is not None and alias.args.get("columns")
    if renamed or not table <= {"this", "db", "catalog", "alias"}:
        return None
    if sum(map(_nests, tree.walk())) > 1:
        return None
    ordered = tree.args.get("order")
    if not _by_name(tree.expressions) or (
        ordered is not None and not all(map(_by_column, ordered.expressions))
    ):
        return None
    every_row = not given & {"where", "order", "limit", "offset"}
    return Plain(_names(tree.expressions), every_row)


def _nests(node: exp.Expr) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Query)


def _by_column(term: exp.Expr) -> bool:
    from sqlglot import exp

    return isinstance(term, exp.Ordered) and isinstance(term.this, exp.Column)


def _by_name(listed: list[exp.Expr]) -> bool:
    """Whether columns are selected, or all of them by a star alone, and nothing else."""
    from sqlglot import exp

    if len(listed) == 1 and isinstance(listed[0], exp.Star):
        return not any(listed[0].args.values())
    return all(
        isinstance(each, exp.Column) and not isinstance(each.this, exp.Star) for each in listed
    )


def _names(listed: list[exp.Expr]) -> tuple[str, ...] | None:
    from sqlglot import exp

    columns = [each for each in listed if isinstance(each, exp.Column)]
    return None if any(each.table for each in columns) else tuple(each.name for each in columns)
