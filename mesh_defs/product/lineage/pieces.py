"""When a mask bounds what is shown of a value: each time it shows the same piece.

A mask counts characters by the text of the query. That holds where nothing but constants decide
which piece it shows, and where it does not run several times for one row, as in a lambda, or for
rows that hold pieces of one value, whose results are put together again.
"""

from __future__ import annotations

from sqlglot import exp

from mesh_defs.product.lineage import scopes

_TEARS = (exp.Lambda, exp.Comprehension, exp.Unnest, exp.Explode)
_TEARING_NAMES = frozenset({"unlist", "regexp_split_to_table", "generate_subscripts"})
# Of all aggregates these give one value, or a number.
_NO_COLLECTIONS = (
    exp.AnyValue,
    exp.ApproxDistinct,
    exp.Avg,
    exp.Count,
    exp.CountIf,
    exp.First,
    exp.Last,
    exp.Max,
    exp.Min,
    exp.Mode,
    exp.Sum,
)
_COLLECTING_NAMES = frozenset(
    {"list", "array_agg", "string_agg", "group_concat", "listagg", "histogram", "map_agg"}
)
# What passes one of its parts on as it is, or holds them side by side.
_PASSING = (
    exp.Alias,
    exp.Array,
    exp.Case,
    exp.Cast,
    exp.Coalesce,
    exp.If,
    exp.Paren,
    exp.Struct,
    exp.PropertyEQ,
    exp.Where,
    exp.Filter,
    exp.Connector,
    exp.Not,
)
_VARYING = (*_TEARS, *scopes.QUERIES, exp.Window, exp.Rand, exp.Uuid)
_VARYING_NAMES = frozenset({"random", "nextval", "currval", "setseed", "gen_random_uuid"})

# Characters from which on a piece of a value is hashed as if it was all of it.
WHOLE = 8


def is_constant(part: exp.Expr | None) -> bool:
    """Whether ``part`` is a number as it is written (or nothing)."""
    node = part.this if isinstance(part, exp.Neg) else part
    return node is None or isinstance(node, exp.Literal)


def collects(node: exp.Expr) -> bool:
    """Whether ``node`` puts together what stands in it of several rows, or several times."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _TEARING_NAMES | _COLLECTING_NAMES
    if isinstance(node, _TEARS):
        return True
    return isinstance(node, exp.AggFunc) and not isinstance(node, _NO_COLLECTIONS)


def spreads(node: exp.Expr, leaf: exp.Expr) -> bool:
    """Whether the parent of ``node`` makes something of ``leaf`` that depends on more than it."""
    parent = node.parent
    if parent is None or isinstance(parent, _PASSING):
        return False
    return not _steady(parent, leaf)


def bounded(node: exp.Expr, mask: exp.Expr, leaf: exp.Expr) -> bool:
    """Whether ``mask``, in which ``node`` holds ``leaf``, shows the same piece every time."""
    if isinstance(mask, exp.Case):
        return _steady(node, leaf) and all(_steady(one.this, leaf) for one in mask.args["ifs"])
    if isinstance(mask, (exp.If, exp.Filter)):
        return _steady(node, leaf)
    return _steady(mask, leaf)


def _steady(part: exp.Expr, leaf: exp.Expr) -> bool:
    """Whether constants and ``leaf`` alone decide what ``part`` is."""
    if not isinstance(leaf, exp.Column):
        return False
    own = (leaf.table, leaf.name)
    return not any(
        isinstance(node, _VARYING)
        or (isinstance(node, exp.Anonymous) and node.name.lower() in _VARYING_NAMES)
        or (isinstance(node, exp.Column) and (node.table, node.name) != own)
        for node in part.walk()
    )
