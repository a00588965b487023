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
    """``columns`` are the names that are selected (None: all), ``everything`` tells that all rows
    are, in any order."""

    columns: tuple[str, ...] | None
    everything: bool


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
    if not table <= {"this", "db", "catalog", "alias"} or sum(map(_nests, tree.walk())) > 1:
        return None
    columns = _columns(tree.expressions)
    ordered = tree.args.get("order")
    if columns is None or (ordered is not None and not all(map(_by_column, ordered.expressions))):
        return None
    everything = not given & {"where", "order", "limit", "offset"}
    return Plain(None if columns == () else columns, everything)


def _nests(node: exp.Expression) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Query)


def _by_column(term: exp.Expression) -> bool:
    from sqlglot import exp

    return isinstance(term, exp.Ordered) and isinstance(term.this, exp.Column)


def _columns(listed: list[exp.Expression]) -> tuple[str, ...] | None:
    """Names of selected columns, none for a star alone; None when something else is selected."""
    from sqlglot import exp

    if len(listed) == 1 and isinstance(listed[0], exp.Star):
        star = listed[0]
        return None if any(value for value in star.args.values()) else ()
    names = []
    for each in listed:
        if not isinstance(each, exp.Column) or isinstance(each.this, exp.Star):
            return None
        names.append(each.name)
    return tuple(names)
