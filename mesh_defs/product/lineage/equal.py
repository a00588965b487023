"""What a condition gives away: a column that a query shows is another one's value where a condition
makes the two equal, whichever relation it is of.

``select d.day from people p join days d on d.day = p.born`` shows when people were born, though
nothing of ``people`` stands in the SELECT list. So do ``IN``, ``EXISTS`` and INTERSECT, comparisons
with another relation (one row of a calendar for each day before that), and, in a subquery of a
SELECT list, whatever refers to the query around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from mesh_defs.product.lineage import scopes
from mesh_defs.product.lineage.reductions import AS_IT_IS, reduction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.optimizer.scope import Scope

    from mesh_defs.product.lineage.groups import Faithful
    from mesh_defs.product.lineage.reductions import Reduction

_CLAUSES = ("where", "having", "qualify")
_SHAPING = (*_CLAUSES, "group", "order", "limit", "distinct")
_EQUALITIES = (exp.EQ, exp.NullSafeEQ, exp.In)

# The scope in which a relation is, by id(), the relation's name there, and the column's.
Place = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Partner:
    """A column or a subquery, met in ``scope``, whose value another column gives away, and what is
    taken away of it in that."""

    scope: Scope
    node: exp.Expr
    how: Reduction


@dataclass(frozen=True, slots=True)
class _Condition:
    scope: Scope
    expression: exp.Expr
    columns: tuple[tuple[Place, exp.Column], ...]
    queries: tuple[exp.Expr, ...]

    @property
    def equality(self) -> bool:
        """Whether it makes values equal."""
        return isinstance(self.expression, _EQUALITIES)


class Conditions:
    """The conditions of queries, by the scope in which they decide."""

    def __init__(self, faithful: Faithful) -> None:
        self.faithful = faithful
        self._known: dict[int, list[_Condition]] = {}

    def partners(self, scope: Scope, column: exp.Column) -> Iterator[Partner]:
        """Whatever conditions tell of when ``column``, as it is met in ``scope``, is shown."""
        start = _place(scope, column)
        owner = scopes.where(scope, column.table)
        if start is None or owner is None:
            return
        seen = {start}
        stack: list[tuple[Place, Scope, Reduction]] = [(start, owner, AS_IT_IS)]
        while stack:
            place, owner, so_far = stack.pop()
            for condition in self._of(owner):
                if place != start and not condition.equality:
                    continue
                for partner, told in self._told(condition, place, owner):
                    how = so_far.after(partner.how)
                    yield Partner(partner.scope, partner.node, how)
                    if told is None or told in seen:
                        continue
                    seen.add(told)
                    around = scopes.where(partner.scope, told[1])
                    if around is not None:
                        stack.append((told, around, how))

    def _told(
        self, condition: _Condition, place: Place, owner: Scope
    ) -> Iterator[tuple[Partner, Place | None]]:
        """What ``condition`` tells of when the column at ``place`` is shown."""
        own = [column for each, column in condition.columns if each == place]
        equality = condition.equality
        if equality:
            others = [(each, c) for each, c in condition.columns if each != place] if own else []
        elif own and not self.faithful.source(owner, place[1]):
            others = [(each, c) for each, c in condition.columns if each != place]
        elif any(each[:2] == place[:2] for each, _ in condition.columns):
            others = [(each, c) for each, c in condition.columns if each[:2] != place[:2]]
        else:
            return
        for each, column in others:
            how = _side(condition.expression, own, column) if equality else AS_IT_IS
            yield Partner(condition.scope, column, how), each
        if own or not equality:
            for query in condition.queries:
                yield Partner(condition.scope, query, AS_IT_IS), None

    def _of(self, owner: Scope) -> list[_Condition]:
        if id(owner) not in self._known:
            found = [_Condition(owner, one, *_parts(owner, one)) for one in _conditions(owner)]
            for child in owner.subquery_scopes:
                for scope in child.traverse():
                    found += [
                        _Condition(scope, one, *_parts(scope, one)) for one in _conditions(scope)
                    ]
            self._known[id(owner)] = found
        return self._known[id(owner)]


def correlated(child: Scope) -> Iterator[Partner]:
    """What decides on the rows of a subquery together with columns of the query around it."""
    within = list(child.traverse())
    inside = {id(scope) for scope in within}
    exists = isinstance(child.expression.parent, exp.Exists)
    for scope in within:
        for expression in _deciding(scope):
            columns, queries = _parts(scope, expression)
            if all(place[0] in inside for place, _ in columns):
                continue
            for _, column in columns:
                # One bit of it, where it is compared with constants.
                how = reduction(column, expression, None) if exists else AS_IT_IS
                yield Partner(scope, column, how)
            for query in queries:
                yield Partner(scope, query, AS_IT_IS)


def _conditions(scope: Scope) -> Iterator[exp.Expr]:
    select = scope.expression
    if not isinstance(select, exp.Select):
        return
    for clause in (select.args.get(name) for name in _CLAUSES):
        if clause is not None:
            yield from _each(clause.this)
    for join in select.args.get("joins") or ():
        if join.args.get("on") is not None:
            yield from _each(join.args["on"])


def _deciding(scope: Scope) -> Iterator[exp.Expr]:
    """All of a query that decides which rows it has, and how many."""
    select = scope.expression
    if not isinstance(select, exp.Select):
        if not isinstance(select, exp.SetOperation):
            yield select
        return
    yield from _conditions(scope)
    for name in _SHAPING:
        if name not in _CLAUSES and isinstance(select.args.get(name), exp.Expr):
            yield select.args[name]
    for source in scope.sources.values():
        if isinstance(source, exp.Table) and not isinstance(source.this, exp.Identifier):
            yield source.this


def _each(condition: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of a condition that AND, OR and NOT join."""
    if isinstance(condition, (exp.And, exp.Or)):
        yield from _each(condition.left)
        yield from _each(condition.right)
    elif isinstance(condition, (exp.Paren, exp.Not)):
        yield from _each(condition.this)
    elif not isinstance(condition, exp.Exists):  # What is in it, its own scope tells.
        yield condition


def _parts(
    scope: Scope, expression: exp.Expr
) -> tuple[tuple[tuple[Place, exp.Column], ...], tuple[exp.Expr, ...]]:
    """The columns and the subqueries in ``expression``."""
    nodes = list(scopes.walk(expression))
    columns = [(_place(scope, node), node) for node in nodes if isinstance(node, exp.Column)]
    queries = [
        node
        for node in nodes
        if isinstance(node, scopes.QUERIES) and not isinstance(node.parent, exp.Exists)
    ]
    return tuple((place, node) for place, node in columns if place is not None), tuple(queries)


def _place(scope: Scope, column: exp.Column) -> Place | None:
    owner = scopes.where(scope, column.table)
    return (id(owner), column.table, column.name) if owner is not None else None


def _side(equality: exp.Expr, shown: list[exp.Column], other: exp.Column) -> Reduction:
    """What is taken away of ``other`` where ``shown`` equals an expression of it. Something of
    ``shown`` that equals something of ``other`` gives it away as it is."""
    if isinstance(equality, exp.EQ):
        for one, side in ((equality.left, equality.right), (equality.right, equality.left)):
            plain = scopes.plain_column(one)
            if any(plain is column for column in shown):
                return reduction(other, side, None)
    return AS_IT_IS
