"""By whose order a query chooses its rows.

``select distinct on (origin) origin, id from people order by origin, born`` tells who of each place
is the oldest, as ``max_by`` does, though ``born`` stands nowhere in the SELECT list. So do ORDER BY
with LIMIT or OFFSET, and conditions on a row's place in a window (``qualify row_number() over
(order by born) = 1``, or the same over a query further in).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from sqlglot import exp

from mesh_defs.policy.flow.ways import Path
from mesh_defs.product.lineage import scopes
from mesh_defs.product.lineage.reductions import Reduction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlglot.optimizer.scope import Scope

# An expression, and the scope whose columns stand in it.
Order = tuple["Scope", exp.Expr]

CHOSEN = Reduction(Path(chosen=True))

_CUTS = ("limit", "offset")


class Choices:
    """What decides, by its order, which rows queries have."""

    def __init__(self) -> None:
        self._known: dict[int, list[tuple[Scope, exp.Expr, exp.Expr]]] = {}

    def of(self, scope: Scope) -> list[tuple[Scope, exp.Expr, exp.Expr]]:
        """Each column and subquery that stands in an order by which ``scope``, a SELECT, keeps some
        rows and leaves out others: the scope that it is met in, itself, and the order."""
        if id(scope) not in self._known:
            self._known[id(scope)] = [
                (place, node, order)
                for place, order in _orders(scope)
                for node in scopes.walk(order)
                if isinstance(node, (exp.Column, *scopes.QUERIES))
            ]
        return self._known[id(scope)]


def _orders(scope: Scope) -> Iterator[Order]:
    select = scope.expression
    distinct = select.args.get("distinct")
    on = distinct.args.get("on") if distinct is not None else None
    cut = _is_cut(select)
    if cut or on is not None:
        grouped = {part.sql() for part in on.expressions} if on is not None and not cut else set()
        for place, part in _sorted(scope, set()):
            if place is not scope or part.sql() not in grouped:
                yield place, part
    seen: set[tuple[int, str]] = set()
    for condition in _conditions(select):
        yield from _places(scope, condition, seen)


def by(order: exp.Expr, how: Reduction) -> Reduction:
    """What is taken away of a column of which ``how`` stands in ``order``. Where that compares two
    relations, the first row is the one in which they are equal, or nearly so."""
    tables = {node.table for node in scopes.walk(order) if isinstance(node, exp.Column)}
    return how if len(tables) > 1 else replace(how, path=how.path.then(CHOSEN.path))


def positions(operation: exp.Expr, own: Sequence[str], side: Sequence[str]) -> list[int]:
    """The columns of one side, named ``side``, by whose order UNION and its like, whose columns are
    named ``own``, keep some rows."""
    order = operation.args.get("order")
    if order is None or not any(operation.args.get(name) for name in _CUTS):
        return []
    names = side if operation.args.get("by_name") else own
    asked = {column.name for column in order.find_all(exp.Column)}
    return [at for at, name in enumerate(names) if name in asked]


def _is_cut(select: exp.Expr) -> bool:
    around = select.parent
    outer = isinstance(around, exp.Subquery) and any(around.args.get(name) for name in _CUTS)
    return outer or any(select.args.get(name) for name in _CUTS)


def _sorted(scope: Scope, seen: set[int]) -> Iterator[Order]:
    """What the rows of ``scope`` are sorted by: in it, or, where it says nothing, further in."""
    if id(scope) in seen or not isinstance(scope.expression, exp.Select):
        return
    seen.add(id(scope))
    select = scope.expression
    around = select.parent if isinstance(select.parent, exp.Subquery) else None
    found = [each.args["order"] for each in (select, around) if each and each.args.get("order")]
    for order in found:
        for part in order.expressions:
            yield from _resolved(scope, part.this if isinstance(part, exp.Ordered) else part)
    if not found:
        for _, source in scope.selected_sources.values():
            if not isinstance(source, exp.Table):
                yield from _sorted(scopes.inner(source), seen)


def _resolved(scope: Scope, part: exp.Expr) -> Iterator[Order]:
    """``part``, and what it calls by the name of a column of the SELECT list."""
    selects = cast("exp.Select", scope.expression).selects
    if isinstance(part, exp.Var):  # ORDER BY ALL
        yield from ((scope, one.unalias()) for one in selects)
        return
    named = {one.alias_or_name: one.unalias() for one in selects}
    parts = [n for n in scopes.walk(part) if isinstance(n, (exp.Column, *scopes.QUERIES))]
    short = [n for n in parts if isinstance(n, exp.Column) and not n.table and n.name in named]
    yield from ((scope, named[node.name]) for node in short)
    yield from ((scope, node) for node in ([part] if not short else parts) if node not in short)


def _conditions(select: exp.Expr) -> Iterator[exp.Expr]:
    for name in ("where", "having", "qualify"):
        if select.args.get(name) is not None:
            yield select.args[name].this
    for join in select.args.get("joins") or ():
        if join.args.get("on") is not None:
            yield join.args["on"]


def _places(scope: Scope, part: exp.Expr, seen: set[tuple[int, str]]) -> Iterator[Order]:
    """Orders of the windows that tell what stands in ``part``, here or further in."""
    for node in scopes.walk(part):
        if isinstance(node, exp.Window):
            yield from ((scope, one) for one in _window_order(scope, node))
        elif isinstance(node, exp.Column):
            yield from _places_behind(scope, node, seen)


def _places_behind(scope: Scope, column: exp.Column, seen: set[tuple[int, str]]) -> Iterator[Order]:
    owner = scopes.where(scope, column.table)
    source = owner.sources[column.table] if owner is not None else None
    if source is None or isinstance(source, exp.Table):
        return
    inner = scopes.inner(source)
    place = (id(inner), column.name)
    if place in seen or not isinstance(inner.expression, exp.Select):
        return
    seen.add(place)
    for projection in inner.expression.selects:
        if projection.alias_or_name == column.name:
            yield from _places(inner, projection, seen)


def _window_order(scope: Scope, window: exp.Window) -> Iterator[exp.Expr]:
    named = {each.name: each for each in scope.expression.args.get("windows") or ()}
    for each in (window, named.get(window.alias)):
        order = each.args.get("order") if each is not None else None
        for part in order.expressions if order is not None else ():
            yield part.this if isinstance(part, exp.Ordered) else part
