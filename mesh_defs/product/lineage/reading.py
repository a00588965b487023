"""A query as a tree in which every column that DuckDB sees is a column.

sqlglot reads some of DuckDB's SQL otherwise than DuckDB does: of ``email.lower()`` it keeps a name
and no column, and ``text[1]`` is an array type to it. Both are put right here: a method is written
as the function that it is, and a name that is also a word of SQL's gets quotes. What the two still
do not agree on is refused, since columns that are overlooked would look as if they came from
nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from mesh_defs.product.lineage.engine_tree import references

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mesh_defs.product.lineage.engine_tree import References

DIALECT = "duckdb"

# Columns of these names come before what they stand for otherwise; where there are none, they tell
# the session's time or user.
_VALUES = frozenset(
    {"current_catalog", "current_date", "current_role", "current_schema", "current_time",
     "current_timestamp", "current_user", "localtime", "localtimestamp", "session_user"}
)  # fmt: skip
_AROUND_CALLS = (exp.Window, exp.Filter, exp.IgnoreNulls, exp.RespectNulls)
_NAMED = (exp.Identifier, exp.Star)
_MOST_PARTS = 4


def read(query: str, may_have: Callable[[exp.Expr, str], bool] = lambda _, __: True) -> exp.Expr:
    """The tree of ``query``. ``may_have`` tells of a tree, and a name in lower case, whether one of
    the relations that it reads from outside may have a column of that name.

    Raises `sqlglot.errors.SqlglotError`, and `ValueError` where DuckDB reads something else.
    """
    seen = references(query)
    try:
        tree = _tree(query, seen)
        missing = _missing(tree, seen, may_have)
    except SqlglotError:
        missing = dict(seen.columns)
        if not missing:
            raise
    if not missing:
        return tree
    query = _quoted(query, missing)
    seen = references(query)
    tree = _tree(query, seen)
    missing = _missing(tree, seen, may_have)
    if missing:
        names = ", ".join(sorted({f"'{name}'" for name in missing.values()}))
        raise ValueError(f"DuckDB reads {names} where the tracer of lineage does not")
    return tree


def _tree(query: str, seen: References) -> exp.Expr:
    tree = parse_one(query, dialect=DIALECT)
    for column in list(tree.find_all(exp.Column)):
        if not isinstance(column.this, _NAMED):  # x.sum() FILTER (...) is one to sqlglot.
            names = [part for part in column.parts if part is not column.this]
            column.replace(exp.Dot(this=_column(names), expression=column.this))
    for identifier in list(tree.find_all(exp.Identifier)):
        if identifier.meta.get("start") in seen.columns and not _in_column(identifier):
            _as_column(identifier)
    for dot in reversed(list(tree.find_all(exp.Dot))):
        tree = _as_function(dot, tree)
    return tree


def _missing(
    tree: exp.Expr, seen: References, may_have: Callable[[exp.Expr, str], bool]
) -> dict[int, str]:
    """What DuckDB refers to and ``tree`` does not, by where it begins."""
    columns_found = (one for one in tree.find_all(exp.Column) if isinstance(one.this, _NAMED))
    placed = {_start(column) for column in columns_found}
    missing = {at: name for at, name in seen.columns.items() if at not in placed}
    if missing and not seen.pivots:
        names = {identifier.name.lower() for identifier in tree.find_all(exp.Identifier)}
        values = {name.lower() for name in missing.values()} & _VALUES
        values = {name for name in values if name not in names and not may_have(tree, name)}
        missing = {at: name for at, name in missing.items() if name.lower() not in values}
    tables = {_start(table) for table in tree.find_all(exp.Table)}
    return missing | {at: name for at, name in seen.tables.items() if at not in tables}


def _quoted(query: str, missing: dict[int, str]) -> str:
    """``query`` with quotes around the names that are ``missing`` in its tree; with brackets too
    before ``[``, because ``"list"[1]`` is a list of 1 to sqlglot."""
    for at, name in sorted(missing.items(), reverse=True):
        end = at + len(name)
        if query[at:end].lower() == name.lower():
            quoted = f'"{query[at:end]}"'
            indexed = query[end:].lstrip().startswith("[")
            query = query[:at] + (f"({quoted})" if indexed else quoted) + query[end:]
    return query


def _start(node: exp.Expr) -> int | None:
    """Where the first part of a name begins."""
    first = node.parts[0] if isinstance(node, (exp.Column, exp.Table)) else node
    start = first.meta.get("start")
    return start if isinstance(start, int) else None


def _in_column(identifier: exp.Expr) -> bool:
    return isinstance(identifier.parent, exp.Column)


def _as_column(identifier: exp.Expr) -> None:
    """Make a column of a name, with the parts behind it, that sqlglot took for a schema's."""
    whole: exp.Expr = identifier
    parts = [identifier]
    while (
        isinstance(whole.parent, exp.Dot)
        and whole.arg_key == "this"
        and isinstance(whole.parent.expression, exp.Identifier)
        and len(parts) < _MOST_PARTS
    ):
        whole = whole.parent
        parts.append(whole.expression)
    whole.replace(_column(parts))


def _column(parts: Sequence[exp.Expr]) -> exp.Column:
    names = ("this", "table", "db", "catalog")
    return exp.Column(**dict(zip(names, [part.copy() for part in reversed(parts)], strict=False)))


def _as_function(dot: exp.Expr, tree: exp.Expr) -> exp.Expr:
    """Write a method as a function: ``x.left(1)`` as ``left(x, 1)``. Gives the tree."""
    around: exp.Expr = dot.expression
    call = around
    while isinstance(call, _AROUND_CALLS):
        call = call.this
    if not isinstance(call, exp.Func):
        return tree
    receiver = dot.this
    given = [] if _is_schema(receiver) else [receiver]
    made = _call(call, given)
    if call is around:
        around = made
    else:
        call.replace(made)
    if dot is tree:
        return around
    dot.replace(around)
    return tree


def _is_schema(receiver: exp.Expr) -> bool:
    """Whether functions are looked up in it; columns of that name were made columns before."""
    return isinstance(receiver, exp.Identifier)


def _call(call: exp.Func, first: list[exp.Expr]) -> exp.Expr:
    """The function of ``call``, as it would have been read, with ``first`` before its arguments."""
    if not first:
        return call
    arguments = [*first, *call.expressions]
    if not isinstance(call, exp.Anonymous) or any(isinstance(a, exp.Distinct) for a in arguments):
        raise ValueError(f"a method is called in a way that is not followed: {call.sql(DIALECT)}")
    holes = {f"__mesh__argument_{index}": each for index, each in enumerate(arguments)}
    made = parse_one(f"{call.name}({', '.join(holes)})", dialect=DIALECT)
    for column in list(made.find_all(exp.Column)):
        if column.name in holes:
            column.replace(holes.pop(column.name))
    if holes:
        raise ValueError(f"a method is called in a way that is not followed: {call.sql(DIALECT)}")
    return made
