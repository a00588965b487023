"""Scopes of a query in which every column has its relation, and every star is written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

from mesh_defs.product.lineage.reading import DIALECT

if TYPE_CHECKING:
    from collections.abc import Iterator

QUERIES = (exp.Select, exp.SetOperation, exp.Subquery)

_MAX_NESTING = 50


def qualified(expression: exp.Expr, columns: dict[str, object]) -> Scope:
    """The root scope of ``expression`` over relations with these ``columns``; columns that cannot
    be resolved stay as they are. Raises `sqlglot.errors.SqlglotError`, `ValueError`."""
    schema = MappingSchema(columns, dialect=DIALECT, normalize=False)
    root = _qualify(expression, schema)
    for _ in range(_MAX_NESTING):
        # A star over columns of equal names is written out once they have the database's names.
        if not _rename_equal(root) or not any(_open(scope) for scope in root.traverse()):
            break
        root = _qualify(root.expression, schema)
    return root


def _qualify(expression: exp.Expr, schema: MappingSchema) -> Scope:
    qualified = qualify(
        expression,
        dialect=DIALECT,
        schema=schema,
        allow_partial_qualification=True,
        validate_qualify_columns=False,
        quote_identifiers=False,
    )
    root = build_scope(qualified)
    if root is None:
        raise ValueError(f"a {type(qualified).__name__}, which is no SELECT")
    return root


def _open(scope: Scope) -> bool:
    return isinstance(scope.expression, exp.Select) and any(map(is_open, scope.expression.selects))


def _rename_equal(root: Scope) -> bool:
    """Name columns of equal names as DuckDB does (a, a_1, a_2); whether there were any."""
    renamed = False
    for scope in root.traverse():
        if not isinstance(scope.expression, exp.Select) or _open(scope):
            continue
        counts: dict[str, int] = {}
        for projection in list(scope.expression.selects):
            name = own = projection.alias_or_name
            while name in counts:
                counts[own] += 1
                name = f"{own}_{counts[own]}"
            counts[name] = 0
            if name != own:
                renamed = True
                projection.replace(exp.alias_(projection.unalias(), name, quoted=True))
    return renamed


def where(scope: Scope, table: str) -> Scope | None:
    """The nearest scope, from ``scope`` outwards, in which ``table`` is a relation."""
    found: Scope | None = scope if table else None
    while found is not None and table not in found.sources:
        found = found.parent
    return found


def is_recursive(scope: Scope) -> bool:
    """Whether ``scope`` may run for rows of its own result."""
    clause = scope.expression.find_ancestor(exp.With)
    while clause is not None and not clause.args.get("recursive"):
        clause = clause.find_ancestor(exp.With)
    return clause is not None


def inner(scope: Scope) -> Scope:
    """The scope in which the columns of a parenthesised query are made."""
    while isinstance(scope.expression, exp.Subquery) and scope.table_scopes:
        scope = scope.table_scopes[0]
    return scope


def walk(expression: exp.Expr) -> Iterator[exp.Expr]:
    """Every part of ``expression``; subqueries are met and not entered."""
    yield from expression.walk(prune=lambda node: isinstance(node, QUERIES))


def is_open(projection: exp.Expr) -> bool:
    """Whether a projection stands for columns that only the database can tell."""
    return any(
        isinstance(node, (exp.Columns, exp.PositionalColumn))
        or (isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count))
        for node in walk(projection)
    )


def plain_column(projection: exp.Expr) -> exp.Column | None:
    """The column that ``projection`` passes on as it is, if it does nothing else."""
    node: exp.Expr | None = projection
    while isinstance(node, (exp.Alias, exp.Cast, exp.Paren)):
        node = node.this
    return node if isinstance(node, exp.Column) else None
