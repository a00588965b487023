"""What keeps a value whole on its way into a hash, and its characters under a mask.

A hash of a piece of a value is that piece: what one character may be can be tried, and how often it
occurs tells the rest. A mask of something that was made of a value shows as much of the value as
was put into what it leaves: a number is one character once it went through ``chr``. So only what is
named here keeps anything.
"""

from __future__ import annotations

from sqlglot import exp

from mesh_defs.product.lineage.pieces import WHOLE, is_constant

_TYPES = exp.DataType.Type
# Types that hold all of what is cast to them, but for times of the day where it becomes a day.
_WHOLE_TYPES = frozenset(
    {*exp.DataType.TEXT_TYPES, _TYPES.UUID, _TYPES.BLOB, _TYPES.VARBINARY, _TYPES.DATE,
     *(kind for kind in exp.DataType.TEMPORAL_TYPES if kind.name.startswith("TIMESTAMP"))}
)  # fmt: skip
_ANYWHERE = (
    exp.Alias,
    exp.AnyValue,
    exp.Array,
    exp.Coalesce,
    exp.Collate,
    exp.Concat,
    exp.DPipe,
    exp.Explode,
    exp.MD5,
    exp.Hex,
    exp.IgnoreNulls,
    exp.Lower,
    exp.Paren,
    exp.Reverse,
    exp.SHA,
    exp.SHA2,
    exp.Struct,
    exp.ToBase64,
    exp.Unnest,
    exp.Upper,
)
# These keep what is their first part.
_FIRST = (
    exp.Encode,
    exp.Filter,
    exp.First,
    exp.FirstValue,
    exp.Lag,
    exp.Last,
    exp.LastValue,
    exp.Lead,
    exp.Max,
    exp.Min,
    exp.Window,
)
_NAMES = frozenset({"keyed_hash", "nfc_normalize", "strip_accents"})
_NO_LETTERS = frozenset({r"\s", r"\s+", r"\W", r"\W+", "[^[:alnum:]]", "[^[:alnum:]]+"})
# These change places, or leave out what is no piece that a mask makes longer.
_MASKS = (exp.Left, exp.Right, exp.Substring)
_CUTS = (*_MASKS, exp.Split, exp.SplitPart, exp.Bracket, exp.Slice)
_NO_CHARACTERS = (exp.MD5, exp.SHA, exp.SHA2, exp.Hex, exp.ToBase64, exp.Encode)
_FULL_DATE = ("%Y", "%m", "%d")


def keeps_all(node: exp.Expr) -> bool:
    """Whether the parent of ``node`` has all of it, or enough to be as hard to try out."""
    parent, place = node.parent, node.arg_key
    if isinstance(parent, exp.ConcatWs):
        return node is not parent.expressions[0]
    if isinstance(parent, _ANYWHERE):
        return True
    if isinstance(parent, exp.Anonymous):
        return parent.name.lower() in _NAMES
    if isinstance(parent, (exp.Case, exp.If)):
        return place != "this"
    if isinstance(parent, exp.PropertyEQ):
        return place == "expression"
    if place != "this":
        return False
    return isinstance(parent, _FIRST) or _keeps_first(parent)


def _keeps_first(parent: exp.Expr | None) -> bool:
    if isinstance(parent, (exp.Cast, exp.TryCast)):
        return parent.to.this in _WHOLE_TYPES
    if isinstance(parent, (exp.Left, exp.Right)):
        return _is_long(parent.expression)
    if isinstance(parent, exp.Substring):
        start = parent.args.get("start")
        first = isinstance(start, exp.Literal) and start.name == "1"
        return first and _is_long(parent.args.get("length"))
    if isinstance(parent, (exp.Bracket, exp.StructExtract)):
        return all(map(_is_text, parent.expressions or [parent.expression]))
    if isinstance(parent, exp.Dot):
        return isinstance(parent.expression, exp.Identifier)
    if isinstance(parent, exp.TimeToStr):
        written = parent.args["format"].name
        return all(part in written for part in _FULL_DATE)
    return _leaves_out(parent)


def _leaves_out(parent: exp.Expr | None) -> bool:
    """Whether it leaves out, or replaces, nothing but what separates letters and digits."""
    if isinstance(parent, exp.Nullif):
        return isinstance(parent.expression, exp.Literal) and parent.expression.name == ""
    if isinstance(parent, exp.Trim):
        return parent.expression is None or _has_no_letters(parent.expression)
    if isinstance(parent, exp.Replace):
        new = parent.args.get("replacement")
        return _has_no_letters(parent.expression) and (new is None or _has_no_letters(new))
    if isinstance(parent, exp.RegexpReplace):
        new = parent.args.get("replacement")
        found = parent.expression
        plain = isinstance(found, exp.Literal) and found.name in _NO_LETTERS
        return plain and new is not None and _has_no_letters(new)
    return False


def keeps_characters(node: exp.Expr) -> bool:
    """Whether each character of what the parent makes of ``node`` is one of it at most, so that a
    mask of so many characters shows no more of it."""
    if isinstance(node.parent, _NO_CHARACTERS):
        return False
    return keeps_all(node) or (node.arg_key == "this" and isinstance(node.parent, _CUTS))


def cuts_characters(node: exp.Expr) -> bool:
    """Whether the parent of ``node`` is a mask that counts characters."""
    return node.arg_key == "this" and isinstance(node.parent, _MASKS)


def _is_long(length: exp.Expr | None) -> bool:
    if length is None:
        return True
    return is_constant(length) and isinstance(length, exp.Literal) and int(length.name) >= WHOLE


def _is_text(part: exp.Expr | None) -> bool:
    return isinstance(part, exp.Literal) and part.is_string and part.name != ""


def _has_no_letters(part: exp.Expr) -> bool:
    return (
        isinstance(part, exp.Literal)
        and part.is_string
        and not any(character.isalnum() for character in part.name)
    )
