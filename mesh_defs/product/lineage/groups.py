"""How many rows of its source an aggregate covers, as far as a query proves it.

``HAVING count(*) >= 20`` proves it where each row of what is grouped is a row of its own of the
source: over one relation, without joins, UNNEST and UNION, which may multiply rows. Over a join,
``count(DISTINCT t.column)`` proves it for the columns of ``t``. Rows count whether the aggregated
column has a value in them or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from mesh_defs.product.lineage import scopes
from mesh_defs.product.lineage.reading import DIALECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.product.lineage.relations import Relations

_KEEPS_ROWS = ("SEMI", "ANTI")
_MAKE_ROWS = frozenset({"generate_subscripts", "regexp_split_to_table", "unlist"})


@dataclass(frozen=True, slots=True)
class Count:
    """What a count counts: the rows of a group, or the different values in ``table``.

    ``partition`` is the window's (empty: the query's own groups), ``filter`` the condition of the
    rows that are counted.
    """

    table: str | None
    partition: str
    filter: str


def counted(expression: exp.Expr) -> Count | None:
    """What ``expression`` counts, when it is nothing but a count."""
    node: exp.Expr | None = expression
    while isinstance(node, (exp.Alias, exp.Cast, exp.Paren)):
        node = node.this
    partition = ""
    if isinstance(node, exp.Window):
        if not is_whole(node):
            return None
        partition, node = partition_of(node), node.this
    condition = ""
    if isinstance(node, exp.Filter):
        condition, node = node.expression.this.sql(DIALECT), node.this
    if not isinstance(node, exp.Count):
        return None
    inner = node.this
    if isinstance(inner, exp.Distinct):
        only = inner.expressions[0] if len(inner.expressions) == 1 else None
        return Count(only.table, partition, condition) if isinstance(only, exp.Column) else None
    if inner is None or isinstance(inner, (exp.Star, exp.Column, exp.Literal)):
        return Count(None, partition, condition)
    return None


def is_whole(window: exp.Window) -> bool:
    """Whether every row's window is its whole partition. What a name stands for is not looked up:
    such a window counts as one that moves."""
    moving = ("order", "spec", "alias", "first")
    return not any(window.args.get(part) for part in moving)


def partition_of(window: exp.Window) -> str:
    """The partition of a window as text that is equal for equal partitions, and never empty."""
    listed = sorted(part.sql(DIALECT) for part in window.args.get("partition_by") or ())
    return f"PARTITION BY {', '.join(listed)}"


def proven(select: exp.Select) -> list[tuple[Count, int]]:
    """Counts of which HAVING and QUALIFY keep groups with at least so many alone."""
    found = []
    for part in ("having", "qualify"):
        clause = select.args.get(part)
        for side, bound in _at_least(clause.this if clause is not None else None):
            what = counted(side)
            if what is not None:
                found.append((what, bound))
    return found


def bounded_columns(select: exp.Select) -> list[tuple[str, str, int]]:
    """Columns (relation, name) of which WHERE keeps rows with at least so much alone."""
    clause = select.args.get("where")
    return [
        (side.table, side.name, bound)
        for side, bound in _at_least(clause.this if clause is not None else None)
        if isinstance(side, exp.Column)
    ]


def _at_least(condition: exp.Expr | None) -> Iterator[tuple[exp.Expr, int]]:
    """The lower bounds that hold whenever ``condition`` does."""
    if condition is None:
        return
    if isinstance(condition, exp.Paren):
        yield from _at_least(condition.this)
    elif isinstance(condition, exp.And):
        yield from _at_least(condition.left)
        yield from _at_least(condition.right)
    elif isinstance(condition, exp.Between):
        yield from _bound(condition.this, condition.args["low"], 0)
    elif isinstance(condition, (exp.GTE, exp.EQ)):
        yield from _bound(condition.left, condition.right, 0)
    elif isinstance(condition, exp.GT):
        yield from _bound(condition.left, condition.right, 1)
    elif isinstance(condition, exp.LTE):
        yield from _bound(condition.right, condition.left, 0)
    elif isinstance(condition, exp.LT):
        yield from _bound(condition.right, condition.left, 1)


def _bound(side: exp.Expr, number: exp.Expr, more: int) -> Iterator[tuple[exp.Expr, int]]:
    if isinstance(number, exp.Literal) and number.is_int:
        yield side, int(number.this) + more


class Faithful:
    """Whether different rows of a relation are made of different rows of its source."""

    def __init__(self, relations: Relations) -> None:
        self.relations = relations
        self._known: dict[int, bool] = {}

    def only_source(self, scope: Scope) -> str | None:
        """The name of the one relation of which ``scope``'s rows are each a row of its own."""
        select = scope.expression
        if not isinstance(select, exp.Select) or select.args.get("laterals"):
            return None
        joins = select.args.get("joins") or ()
        if any(str(join.args.get("kind") or "").upper() not in _KEEPS_ROWS for join in joins):
            return None
        if any(map(_makes_rows, select.selects)):
            return None
        start = select.args.get("from_")
        name = start.this.alias_or_name if start is not None else ""
        return name if name and self.source(scope, name) else None

    def source(self, scope: Scope, name: str) -> bool:
        """Whether the relation called ``name`` in ``scope`` is faithful."""
        source = scope.sources.get(name)
        if isinstance(source, exp.Table):
            plain = not source.args.get("pivots") and not source.args.get("joins")
            return plain and self.relations.input_of(source) is not None
        return isinstance(source, Scope) and self.scope(scopes.inner(source))

    def scope(self, scope: Scope) -> bool:
        """Whether the rows of ``scope`` are."""
        if id(scope) not in self._known:
            self._known[id(scope)] = False  # A recursive query, seen from within itself.
            self._known[id(scope)] = self.only_source(scope) is not None
        return self._known[id(scope)]


def _makes_rows(projection: exp.Expr) -> bool:
    return any(
        isinstance(node, (exp.Unnest, exp.Explode))
        or (isinstance(node, exp.Anonymous) and node.name.lower() in _MAKE_ROWS)
        for node in scopes.walk(projection)
    )
