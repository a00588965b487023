"""Predicate hints: which files can have rows that a recipient wants (protocol: "SQL Expressions for
Filtering", "JSON predicates for Filtering").

They are hints: what cannot be understood, or decided by statistics, keeps every file.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEEPEST = 50
_LONGEST = 20_000
_MANY = 100
# What a comparison is with its sides swapped.
_SWAPPED = {
    "equal": "equal",
    "lessThan": "greaterThan",
    "lessThanOrEqual": "greaterThanOrEqual",
    "greaterThan": "lessThan",
    "greaterThanOrEqual": "lessThanOrEqual",
}
_SQL = {
    "EQ": "equal",
    "LT": "lessThan",
    "LTE": "lessThanOrEqual",
    "GT": "greaterThan",
    "GTE": "greaterThanOrEqual",
}
# Constants of SQL, of which the column's type is not told.
_NUMBER, _QUOTED, _BOOLEAN = "a number", "a text", "a boolean"
Value = bool | float | Decimal | str | datetime | date
# Whether there can be a row for which it is true, and one for which it is false.
Chance = tuple[bool, bool]
UNKNOWN: Chance = (True, True)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Delta's statistics of a file: rows, by column nulls, least and greatest value, and Delta's
    type."""

    rows: int | None
    nulls: Mapping[str, int]
    least: Mapping[str, Any]
    most: Mapping[str, Any]
    types: Mapping[str, str]

    @classmethod
    def read(cls, text: str, types: Mapping[str, str]) -> Statistics:
        """Of Delta's JSON, and the columns' Delta types; names in lower case."""
        told = json.loads(text) if text else {}
        named = (told.get(name, {}) for name in ("nullCount", "minValues", "maxValues"))
        lowered = ({name.lower(): value for name, value in each.items()} for each in named)
        nulls, least, most = lowered
        return cls(told.get("numRecords"), nulls, least, most, types)


@dataclass(frozen=True, slots=True)
class Hint:
    """A node of a predicate in the protocol's JSON form."""

    op: str
    children: tuple[Hint, ...] = ()
    name: str = ""
    value: str = ""
    kind: str = ""

    def chance(self, file: Statistics) -> Chance:
        """What can be in ``file``."""
        if self.op in ("and", "or"):
            found = [child.chance(file) for child in self.children]
            trues, falses = [true for true, _ in found], [false for _, false in found]
            return (all(trues), any(falses)) if self.op == "and" else (any(trues), all(falses))
        if self.op == "not":
            true, false = self.children[0].chance(file)
            return false, true
        if self.op == "isNull":
            nulls = file.nulls.get(self.children[0].name)
            if nulls is None or file.rows is None:
                return UNKNOWN
            return nulls > 0, nulls < file.rows
        return self._compared(file)

    def _compared(self, file: Statistics) -> Chance:
        left, right = self.children
        if left.op == right.op:
            return UNKNOWN
        op, column, literal = self.op, left, right
        if left.op == "literal":
            op, column, literal = _SWAPPED[op], right, left
        if file.rows is not None and file.nulls.get(column.name) == file.rows:
            return False, False  # no comparison holds for null, nor its contrary
        name, kind = column.name, file.types.get(column.name, "")
        taken = {column.kind or literal.kind, literal.kind}
        if not all(kind.partition("(")[0] in _TAKEN.get(each, ()) for each in taken):
            return UNKNOWN
        bounds = _values(kind, file.least.get(name), file.most.get(name), literal.value)
        return _between(op, *bounds) if bounds is not None else UNKNOWN


def read_json(text: str | None) -> list[Hint]:
    """The predicate of ``jsonPredicateHints``; nothing when it is not understood."""
    if text is None or len(text) > _LONGEST:
        return []
    try:
        return [_node(json.loads(text), 0)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return []


def read_sql(texts: Sequence[str]) -> list[Hint]:
    """The predicates of ``predicateHints`` that are understood."""
    found = (_sql(text) for text in texts[:_MANY] if len(text) <= _LONGEST)
    return [hint for hint in found if hint is not None]


def keeps(hints: Sequence[Hint], file: Statistics) -> bool:
    """Whether ``file`` can have rows for which all ``hints`` hold."""
    return all(hint.chance(file)[0] for hint in hints)


def _node(told: Mapping[str, Any], depth: int) -> Hint:
    if depth > _DEEPEST:
        raise ValueError("too deep")
    op = told["op"]
    children = tuple(_node(child, depth + 1) for child in told.get("children", ()))
    if op == "column":
        return Hint("column", name=str(told["name"]).lower(), kind=str(told["valueType"]))
    if op == "literal":
        return Hint("literal", value=str(told["value"]), kind=str(told["valueType"]))
    leaves = all(child.op in ("column", "literal") for child in children)
    fits = (
        (op in ("and", "or") and len(children) > 1 and not _leaf(children))
        or (op == "not" and len(children) == 1 and not _leaf(children))
        or (op == "isNull" and len(children) == 1 and children[0].op == "column")
        or (op in _SWAPPED and len(children) == 2 and leaves)
    )
    if not fits:
        raise ValueError(f"'{op}' of {len(children)}")
    return Hint(op, children)


def _leaf(children: Sequence[Hint]) -> bool:
    return any(child.op in ("column", "literal") for child in children)


def _sql(text: str) -> Hint | None:
    """``<column> <op> <constant>``, either way round, or ``<column> IS [NOT] NULL``."""
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(text, dialect="spark")
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None
    negated = isinstance(tree, exp.Not)
    inner = tree.this if isinstance(tree, exp.Not) else tree
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
        column = _sql_leaf(inner.this)
        if column is None or column.op != "column":
            return None
        hint = Hint("isNull", (column,))
        return Hint("not", (hint,)) if negated else hint
    if isinstance(inner, exp.NEQ) and not negated:
        op, negated = "equal", True
    else:
        op = _SQL.get(type(inner).__name__.upper(), "")
    if not op or not isinstance(inner, exp.Binary):
        return None
    left, right = _sql_leaf(inner.this), _sql_leaf(inner.expression)
    if left is None or right is None:
        return None
    hint = Hint(op, (left, right))
    return Hint("not", (hint,)) if negated else hint


def _sql_leaf(node: object) -> Hint | None:
    from sqlglot import exp

    if isinstance(node, exp.Column) and not node.table:
        return Hint("column", name=node.name.lower())
    if isinstance(node, exp.Literal):
        kind = _QUOTED if node.is_string else _NUMBER
        return Hint("literal", value=str(node.this), kind=kind)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return Hint("literal", value=f"-{node.this.this}", kind=_NUMBER)
    if isinstance(node, exp.Boolean):
        return Hint("literal", value="true" if node.this else "false", kind=_BOOLEAN)
    return None


def _values(kind: str, low: Any, high: Any, text: str) -> tuple[Value, Value, Value] | None:  # noqa: ANN401  JSON
    """The bounds and the constant as values of the column's Delta type; None when one has none.

    Of a ``float`` column the bounds are told in decimal digits, which its values need not equal.
    """
    read = _READ.get(kind.partition("(")[0])
    if read is None or low is None or high is None:
        return None
    try:
        found = read(_text(low)), read(_text(high)), read(text)
    except (ValueError, ArithmeticError):
        return None
    return found if all(each == each for each in found) else None


def _text(bound: object) -> str:
    return bound if isinstance(bound, str) else json.dumps(bound)


def _boolean(text: str) -> bool:
    known = {"true": True, "false": False}.get(text.lower())
    if known is None:
        raise ValueError(text)
    return known


def _moment(text: str) -> datetime:
    # What has no zone counts as UTC, in Delta's statistics and in the protocol's timestamps.
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


_READ: Mapping[str, Callable[[str], Value]] = {
    "boolean": _boolean,
    "byte": Decimal,
    "short": Decimal,
    "integer": Decimal,
    "long": Decimal,
    "decimal": Decimal,
    "double": float,
    "string": str,
    "date": date.fromisoformat,
    "timestamp": _moment,
    "timestamp_ntz": _moment,
}
# As which types of columns a predicate may take one and mean the same.
_TAKEN: Mapping[str, tuple[str, ...]] = {
    "bool": ("boolean",),
    "int": ("byte", "short", "integer"),
    "long": ("byte", "short", "integer", "long"),
    "string": ("string",),
    "date": ("date",),
    "double": ("double",),
    "timestamp": ("timestamp", "timestamp_ntz"),
    _NUMBER: ("byte", "short", "integer", "long", "decimal", "double"),
    _QUOTED: ("string", "date", "timestamp", "timestamp_ntz"),
    _BOOLEAN: ("boolean",),
}


def _between(op: str, low: Any, high: Any, value: Any) -> Chance:  # noqa: ANN401  of one kind
    orders: dict[str, Callable[[Any, Any], bool]] = {
        "lessThan": operator.lt,
        "lessThanOrEqual": operator.le,
        "greaterThan": operator.gt,
        "greaterThanOrEqual": operator.ge,
    }
    if op == "equal":
        return bool(low <= value <= high), not (low == high == value)
    compare = orders[op]
    ends = (compare(low, value), compare(high, value))
    return any(ends), not all(ends)
