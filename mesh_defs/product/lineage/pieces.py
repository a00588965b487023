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
# These show so little of a value that all of what they may yield can be told by its hash.
_CUTTING = (
    exp.ArrayFirst,
    exp.ArrayLast,
    exp.ArraySlice,
    exp.Ascii,
    exp.BitwiseAnd,
    exp.BitwiseRightShift,
    exp.DayOfWeek,
    exp.IntDiv,
    exp.Length,
    exp.Mod,
    exp.RegexpExtract,
    exp.RegexpExtractAll,
    exp.RegexpSplit,
    exp.RegexpSubstr,
    exp.StrPosition,
    exp.Unicode,
)
_CUTTING_NAMES = frozenset(
    {"array_extract", "bit_count", "left_grapheme", "list_element", "list_extract", "list_first",
     "list_last", "list_slice", "ord", "regexp_split_to_array", "regexp_split_to_table",
     "right_grapheme", "strlen", "substring_grapheme"}
)  # fmt: skip


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


def cuts(node: exp.Expr) -> bool:
    """Whether the parent of ``node`` makes a piece of it of which no mask tells the length."""
    parent = node.parent
    if isinstance(parent, exp.Anonymous):
        return parent.name.lower() in _CUTTING_NAMES
    if node.arg_key != "this":
        return isinstance(parent, _CUTTING) and node.arg_key in ("expression", "expressions")
    if isinstance(parent, exp.Substring):
        length = parent.args.get("length")
        return not (is_constant(parent.args.get("start")) and is_constant(length))
    if isinstance(parent, (exp.Left, exp.Right)):
        return not is_constant(parent.expression)
    if isinstance(parent, (exp.Split, exp.SplitPart)):
        return not _is_text(parent.args.get("expression") or parent.args.get("delimiter"))
    if isinstance(parent, exp.Bracket):
        return not isinstance(node, exp.Split) and not all(map(_is_text, parent.expressions))
    if isinstance(parent, exp.TimeToStr):
        written = parent.args["format"].name
        return not all(part in written for part in ("%Y", "%m", "%d"))
    return isinstance(parent, _CUTTING)


def _is_text(part: exp.Expr | None) -> bool:
    return isinstance(part, exp.Literal) and part.is_string and part.name != ""


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
