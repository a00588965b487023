"""Column lineage of DuckDB SQL: qualified by sqlglot, then followed from scope to scope.

sqlglot names every column's relation and writes stars out. What follows walks the scopes as a graph
whose nodes are (scope, position of a column), so that each is looked at once and recursive queries
end. What cannot be resolved has a reason instead of sources, and so has all that comes from it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from mesh_defs.interrupts import is_interrupt
from mesh_defs.product.lineage import chosen, scopes
from mesh_defs.product.lineage.equal import Conditions, Partner, correlated
from mesh_defs.product.lineage.follow import follow, given_away
from mesh_defs.product.lineage.functions import unknown_function
from mesh_defs.product.lineage.groups import Faithful
from mesh_defs.product.lineage.reading import DIALECT
from mesh_defs.product.lineage.reductions import AS_IT_IS, reduction
from mesh_defs.product.lineage.relations import Relations
from mesh_defs.product.lineage.steps import Edge, Flow, Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_defs.product.lineage.reductions import Reduction
    from mesh_defs.product.lineage.relations import Key
    from mesh_defs.product.lineage.steps import Node

__all__ = ["Flow", "Tracer"]


class Tracer:
    """Follows columns through queries over the same inputs and intermediate relations; see
    `mesh_defs.product.lineage.relations.Relations`."""

    def __init__(
        self,
        inputs: Mapping[str, Mapping[str, str]],
        intermediate: Mapping[str, str] | None = None,
    ) -> None:
        self.relations = Relations(inputs, intermediate)
        self.faithful = Faithful(self.relations)
        self.conditions = Conditions(self.faithful)
        self.choices = chosen.Choices()
        self.roots: dict[Key, Scope | str] = {}
        self.trees: list[Scope] = []  # Kept, because what follows knows their parts by id().
        self.held: dict[int, Scope] = {}
        self.named: dict[int, list[str]] = {}
        self.recursive: dict[int, Scope] = {}
        self.steps: dict[Node, Step] = {}

    def trace(self, query: str) -> dict[str, Flow]:
        """The flow of every named column of ``query``, by its name in lower case.

        Raises `sqlglot.errors.SqlglotError` for text that sqlglot cannot read, `ValueError`.
        """
        root = self._root(query)
        names = self.names(root)
        self.held[id(root)] = root
        return {
            name: self._flow((id(root), index), names) for index, name in enumerate(names) if name
        }

    def _flow(self, node: Node, names: Sequence[str]) -> Flow:
        flow = follow(self, node, names)
        if flow.reason is not None:
            return flow
        everything = [
            (self.relations.names[given], column)
            for given, columns in self.relations.columns.items()
            for column in columns.values()
        ]
        return replace(
            flow, equal=given_away(flow, follow(self, node, names, wide=True), everything)
        )

    def step(self, node: Node) -> Step:
        """What the column at ``node`` is made of directly."""
        if node not in self.steps:
            step = Step()
            self.steps[node] = step
            scope, index = self.held[node[0]], node[1]
            if isinstance(scope.expression, exp.SetOperation):
                self._set_operation(step, scope, index)
            elif isinstance(scope.expression, exp.Select):
                self._projection(step, scope, index)
            else:
                self._from_function(step, scope, index)
        return self.steps[node]

    def names(self, scope: Scope) -> list[str]:
        """Names of a scope's columns by position; empty where a star could not be written out."""
        if id(scope) not in self.named:
            self.held[id(scope)] = scope
            self.named[id(scope)] = self._read_names(scope)
        return self.named[id(scope)]

    def _root(self, query: str) -> Scope:
        placed = self.relations.parse(query, self._columns_of)
        root = scopes.qualified(placed.expression, placed.schema)
        self.trees.append(root)
        for scope in root.traverse():
            for common in scope.cte_scopes:
                # Within itself, sqlglot knows a recursive query by its first part alone.
                if isinstance(common.expression, exp.SetOperation):
                    self.recursive[id(common.expression.this)] = common
        return scopes.inner(root)

    def _columns_of(self, key: Key) -> list[str] | None:
        root = self._intermediate(key)
        names = [""] if isinstance(root, str) else self.names(root)
        return None if "" in names else names

    def _intermediate(self, key: Key) -> Scope | str:
        """The scope of an intermediate relation, or why there is none."""
        if key not in self.roots:
            self.roots[key] = f"relation {'.'.join(key)} reads itself"
            try:
                self.roots[key] = self._root(self.relations.intermediate[key])
            except Exception as error:  # what does not use it is still known
                if is_interrupt(error):
                    raise
                self.roots[key] = f"relation {'.'.join(key)}: {error}"
        return self.roots[key]

    def _node(self, scope: Scope, index: int) -> Node:
        self.held[id(scope)] = scope
        return id(scope), index

    def _read_names(self, scope: Scope) -> list[str]:
        expression = scope.expression
        if isinstance(expression, exp.SetOperation):
            left, right = (self.names(scopes.inner(one)) for one in scope.set_operation_scopes)
            if expression.args.get("by_name"):
                return [*left, *(name for name in right if name not in left)]
            return left
        if isinstance(expression, exp.Select):
            return ["" if scopes.is_open(one) else one.alias_or_name for one in expression.selects]
        renamed = list(scope.outer_columns)
        if isinstance(expression, exp.Lateral) and scope.subquery_scopes:
            return _renamed(renamed, self.names(scopes.inner(scope.subquery_scopes[0])))
        return renamed

    def _set_operation(self, step: Step, scope: Scope, index: int) -> None:
        left, right = (scopes.inner(one) for one in scope.set_operation_scopes)
        sides = [left] if isinstance(scope.expression, exp.Except) else [left, right]
        name = self.names(scope)[index]
        for side in sides:
            names = self.names(side)
            for at in chosen.positions(scope.expression, self.names(scope), names):
                step.equal.append(Edge(node=self._node(side, at), reduction=chosen.CHOSEN))
            if "" in names:
                step.unknown("a star of a set operation could not be written out")
            elif scope.expression.args.get("by_name"):
                if name in names:
                    step.edges.append(Edge(node=self._node(side, names.index(name))))
            elif index < len(names):
                step.edges.append(Edge(node=self._node(side, index), positional=True))
            else:
                step.unknown("the sides of a set operation have different numbers of columns")
        if isinstance(scope.expression, exp.Except) and index < len(self.names(right)):
            step.equal.append(Edge(node=self._node(right, index)))

    def _projection(self, step: Step, scope: Scope, index: int) -> None:
        select = cast("exp.Select", scope.expression)
        projection = select.selects[index]
        if scopes.is_open(projection):
            step.unknown(f"{projection.sql(DIALECT)} could not be written out")
            return
        step.plain = scopes.plain_column(projection) is not None
        self._expression(step, scope, projection)
        named = {window.alias for window in projection.find_all(exp.Window)} - {""}
        for window in select.args.get("windows") or ():
            if window.name in named:
                self._expression(step, scope, window)
        for place, node, order in self.choices.of(scope):
            how = chosen.by(order, self._how(place, node, order))
            self._given_away(step, Partner(place, node, AS_IT_IS), how)

    def _expression(self, step: Step, scope: Scope, expression: exp.Expr) -> None:
        for node in scopes.walk(expression):
            if isinstance(node, scopes.QUERIES):
                self._subquery(step, scope, node, reduction(node, expression, None))
            elif isinstance(node, exp.Column):
                how = self._how(scope, node, expression)
                self._column(step, scope, node, how)
                for partner in self.conditions.partners(scope, node):
                    self._given_away(step, partner, how)
            elif isinstance(node, exp.TableColumn):
                self._row(step, scope, node.name, reduction(node, expression, None))
            elif isinstance(node, exp.Anonymous) and not self.relations.bare:
                wrong = unknown_function(node.name)
                if wrong is not None:
                    step.unknown(wrong)

    def _subquery(self, step: Step, scope: Scope, query: exp.Expr, how: Reduction) -> None:
        exists = isinstance(query.parent, exp.Exists)
        for child in scope.subquery_scopes:
            if child.expression is query or child.expression is query.unnest():
                if not exists:
                    self._all_of(step, child, how)
                for partner in correlated(child):
                    self._given_away(step, partner, AS_IT_IS)
                return
        step.unknown("a subquery could not be resolved")

    def _all_of(self, step: Step, scope: Scope, how: Reduction) -> None:
        inner = scopes.inner(scope)
        for index in range(len(self.names(inner))):
            step.edges.append(Edge(node=self._node(inner, index), reduction=how))

    def _row(self, step: Step, scope: Scope, table: str, how: Reduction) -> None:
        """A relation's name as a value is a struct of all its columns."""
        where = scopes.where(scope, table)
        source = where.sources[table] if where is not None else None
        if isinstance(source, Scope):
            self._all_of(step, self._whole(source), how)
            return
        name = self.relations.input_of(source) if source is not None else None
        if name is None:
            step.unknown(f"the columns of '{table}' are not known")
        for column in self.relations.columns.get(name or "", {}).values():
            step.edges.append(Edge((self.relations.names[name or ""], column), reduction=how))

    def _given_away(self, step: Step, partner: Partner, how: Reduction) -> None:
        """Add to ``step.equal`` what ``partner`` is made of, of which ``how`` is shown."""
        found = Step()
        how = how.after(partner.how)
        if isinstance(partner.node, exp.Column):
            self._column(found, partner.scope, partner.node, how)
        else:
            self._subquery(found, partner.scope, partner.node, how)
        step.equal += [*found.edges, *found.equal]
        step.hidden = step.hidden or found.reason or found.hidden

    def _how(self, scope: Scope, column: exp.Expr, root: exp.Expr) -> Reduction:
        """What ``root`` takes away of ``column`` (or a subquery), which stands in it."""
        table = column.table if isinstance(column, exp.Column) else ""
        own = table if scopes.where(scope, table) is scope else None
        how = reduction(column, root, own)
        unnested = isinstance(root, exp.Unnest) or isinstance(root.parent, exp.Unnest)
        if unnested or scopes.is_recursive(scope):
            return how.unmasked()
        return how

    def _column(self, step: Step, scope: Scope, column: exp.Column, how: Reduction) -> None:
        table, name = column.table, column.name
        where = scopes.where(scope, table)
        if where is None:
            step.unknown(f"column '{name}' belongs to no known relation")
            return
        source = where.sources[table]
        selected = where.selected_sources.get(table)
        node = selected[0] if selected is not None else source
        if not isinstance(node, Scope) and node.args.get("pivots"):
            step.unknown(f"column '{name}' comes out of a PIVOT or UNPIVOT")
            return
        renamed = list(node.alias_column_names) if isinstance(node, exp.Table) else []
        own = table if where is scope else None
        if isinstance(source, Scope):
            whole = self._whole(source)
            relation = own if whole is source else None
            self._of_scope(step, whole, name, how, relation, renamed)
        else:
            self._of_table(step, where, source, name, how, own, renamed)

    def _whole(self, source: Scope) -> Scope:
        return self.recursive.get(id(source.expression), source)

    def _of_scope(
        self,
        step: Step,
        scope: Scope,
        name: str,
        how: Reduction,
        relation: str | None,
        renamed: Sequence[str] = (),
    ) -> None:
        inner = scopes.inner(scope)
        names = _renamed(renamed, self.names(inner))
        if name in names:
            node = self._node(inner, names.index(name))
            step.edges.append(Edge(None, node, how, relation, names))
        elif isinstance(inner.expression, (exp.Unnest, exp.Values)):
            self._from_function(step, inner, 0)
        else:
            step.unknown(f"column '{name}' belongs to no known relation")

    def _of_table(
        self,
        step: Step,
        scope: Scope,
        table: exp.Table,
        name: str,
        how: Reduction,
        relation: str | None,
        renamed: Sequence[str],
    ) -> None:
        between = self.relations.intermediate_of(table)
        given = self.relations.input_of(table)
        if between is not None:
            root = self._intermediate(between)
            if isinstance(root, str):
                step.unknown(root)
            else:
                self._of_scope(step, root, name, how, relation, renamed)
        elif given is not None:
            columns = self.relations.columns[given]
            real = dict(zip(_renamed(renamed, list(columns)), columns.values(), strict=True))
            if name in real:
                step.edges.append(Edge((self.relations.names[given], real[name]), reduction=how))
            else:
                step.unknown(f"column '{name}' is none of input '{self.relations.names[given]}'")
        elif isinstance(table.this, exp.GenerateSeries):
            self._expression(step, scope, table.this)
        else:
            step.unknown(f"relation '{_name(table)}' is no input")

    def _from_function(self, step: Step, scope: Scope, index: int) -> None:
        """UNNEST, VALUES and LATERAL in FROM."""
        expression = scope.expression
        if isinstance(expression, exp.Lateral) and scope.subquery_scopes:
            inner = scopes.inner(scope.subquery_scopes[0])
            step.edges.append(Edge(node=self._node(inner, index), reduction=AS_IT_IS))
        elif isinstance(expression, (exp.Unnest, exp.Values)):
            for argument in expression.expressions:
                self._expression(step, scope, argument)
        elif isinstance(expression, exp.Lateral) and isinstance(expression.this, exp.Unnest):
            self._expression(step, scope, expression.this)
        else:
            step.unknown(f"a {type(expression).__name__} in FROM is not followed")


def _renamed(renamed: Sequence[str], own: Sequence[str]) -> list[str]:
    """Names of columns of which an alias renames the first."""
    return [*renamed, *own[len(renamed) :]][: max(len(own), len(renamed))]


def _name(table: exp.Table) -> str:
    if isinstance(table.this, exp.Identifier):
        return ".".join(part.name for part in table.parts)
    return str(table.this.sql(DIALECT))
