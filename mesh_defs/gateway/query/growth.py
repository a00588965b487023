"""How much larger than the data a query's texts and lists can get, before it runs.

The engine bounds the memory of its tables and sorts, and not that of the texts which a function
makes: thirty doublings of a text would take the whole machine. So each expression has a growth, and
along every way that a value can take from projection to projection they are multiplied. What calls
for no such way to be known (columns renamed by position, set operations) counts as if all of them
were on one. What collects many rows into one value is bounded by the engine where it stands, and
may not be copied for each row of another query.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mesh_defs.gateway.query import functions as known
from mesh_defs.gateway.query.nodes import Node, children, dicts, expressions, integer, roots, text
from mesh_defs.gateway.query.ways import along

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_GROWTH = 512
# A written text of so many characters counts as one value of a column.
UNIT = 64
MOST_PARAMETER = 4096
MOST_COUNT = 256
MOST_SERIES = 1_000_000
_ALTERNATIVES = frozenset({"CASE", "COMPARISON", "CONJUNCTION", "BETWEEN", "SUBQUERY"})
_WRITTEN = f"a written number up to {MOST_COUNT}"


class Unbounded(ValueError):
    """A value may get too large: ``found`` and ``fix`` in words, ``node`` where it is."""

    def __init__(self, found: str, fix: str, node: Node | None = None) -> None:
        self.node, self.found, self.fix = node, found, fix
        super().__init__(found)


def check_growth(tree: Node) -> None:
    """Raise `Unbounded` when a value of the query may get too large."""
    nodes = list(dicts(tree))
    for node in nodes:
        if node.get("class") == "WINDOW" and _name(node) in known.COLLECTING:
            found = f"{_name(node)}() of a window"
            raise Unbounded(found, "collect with GROUP BY: here each row gets all rows", node)
        if node.get("type") == "TABLE_FUNCTION" and _name(node["function"]) in known.SERIES:
            _series(node["function"])
    rows = _rows_as_values(nodes)
    steps = [_Step(expression, rows) for expression in roots(tree)]
    nested = _nested(nodes)
    blurred = nested and (_by_position(nodes) or not all(s.traced for s in steps if s.matters))
    largest, copied = _ends(steps, blurred=blurred, nested=nested)
    if largest > MOST_GROWTH:
        found = f"texts or lists that may get {largest:.1e} times as large as the data's"
        raise Unbounded(found, "put fewer concatenations and repetitions on top of each other")
    if copied:
        found = "functions on what was collected from many rows"
        raise Unbounded(found, "collect (string_agg, list) in the outermost query")


class _Step:
    """One projection or condition: its name if it has one, the names that it uses."""

    def __init__(self, expression: Node, rows: Mapping[str, int]) -> None:
        nodes = list(expressions(expression))
        called = {_name(node) for node in nodes} - {""}
        taking = {_name(node) for node in nodes if node.get("children")} - {""}
        self.factor = _factor(expression, rows)
        self.collects = bool(called & known.COLLECTING)
        self.copies = bool(taking - known.REDUCING - known.COLLECTING - known.COMPARING)
        self.copies_below = any(_copies_subquery(node) for node in nodes)
        self.uses = frozenset(part for node in nodes for part in _parts(node))
        own = expression.get("alias") or (_parts(expression) or [""])[-1]
        self.name = str(own).lower()
        stars = any(node["class"] == "STAR" for node in nodes)
        self.traced = bool(self.name) and not stars and not self.uses & rows.keys()
        self.matters = self.factor > 1 or self.collects


def _ends(steps: list[_Step], *, blurred: bool, nested: bool) -> tuple[int, bool]:
    """The largest growth along any way, and whether something collected is copied on one."""
    copied = any(step.copies_below for step in steps)
    if blurred:
        collects = any(step.collects for step in steps)
        whole = prod(step.factor for step in steps)
        return whole, copied or (collects and any(step.copies for step in steps))
    names = [step.name for step in steps]
    uses = [step.uses for step in steps]
    growth = along(names, uses, [step.factor for step in steps])
    if not nested:
        return max(growth, default=1), copied
    taken = along(names, uses, [2 if step.collects else 1 for step in steps])
    for step, reached in zip(steps, taken, strict=True):
        own = 2 if step.collects else 1
        copied = copied or (step.copies and reached > own)
    return max(growth, default=1), copied


def _copies_subquery(node: Node) -> bool:
    """Whether a function takes what a subquery in its arguments collects."""
    if not (called := _name(node)) or called in known.REDUCING | known.COMPARING:
        return False
    below = (each for child in children(node) for each in expressions(child))
    subqueries = (each for each in below if each["class"] == "SUBQUERY")
    return any(_name(each) in known.COLLECTING for sub in subqueries for each in expressions(sub))


def _factor(node: Node, rows: Mapping[str, int]) -> int:
    """How much larger than one column's value the value of ``node`` can be."""
    kind = node["class"]
    if kind == "CONSTANT":
        return max(1, len(text(node) or "") // UNIT)
    if kind == "PARAMETER":
        return MOST_PARAMETER // UNIT
    if kind == "COLUMN_REF":
        return max((rows.get(name, 1) for name in _parts(node)), default=1)
    parts = [_factor(child, rows) for child in children(node)]
    largest, name = max(parts, default=1), _name(node)
    if kind in _ALTERNATIVES:
        return largest
    if name in known.SUMS:
        return max(1, sum(parts))
    if name in known.COUNTED:
        return largest * _count(node, known.COUNTED[name])
    if name in known.TOP and len(node["children"]) > known.TOP[name]:
        return largest * _count(node, known.TOP[name])
    if name in known.REPLACING:
        return largest * _replacement(node, known.REPLACING[name])
    if name in known.SERIES and kind == "FUNCTION":
        return max(1, _series(node) // 4)
    return max(1, sum(parts)) * known.FACTORS[name] if name in known.FACTORS else largest


def _count(node: Node, index: int) -> int:
    given = node["children"]
    count = integer(given[index]) if len(given) > index else None
    if count is None or not 0 <= count <= MOST_COUNT:
        found = f"{_name(node)}() whose number is not {_WRITTEN}"
        raise Unbounded(found, f"write {_WRITTEN}", node)
    return max(1, count)


def _replacement(node: Node, index: int) -> int:
    given = node["children"]
    written = text(given[index]) if len(given) > index else None
    if written is None:
        found = f"{_name(node)}() with a computed text to put in"
        raise Unbounded(found, "write that text as a literal", node)
    return 1 + len(written)


def _series(node: Node) -> int:
    bounds = [integer(child) for child in node["children"]]
    numbers = [bound for bound in bounds if bound is not None]
    if len(numbers) != len(bounds) or not 1 <= len(numbers) <= 3:
        raise Unbounded(f"{_name(node)}() of computed numbers", "write whole numbers", node)
    start, stop = (0, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])
    step = abs(numbers[2]) if len(numbers) == 3 else 1
    count = abs(stop - start) // max(step, 1) + 1
    if count > MOST_SERIES:
        raise Unbounded(f"a series of {count} numbers", f"at most {MOST_SERIES} numbers", node)
    return count


def _name(node: Node) -> str:
    return str(node.get("function_name", "")).lower()


def _parts(node: Node) -> list[str]:
    return [str(name).lower() for name in node.get("column_names", ())]


def _rows_as_values(nodes: Sequence[Node]) -> dict[str, int]:
    """Names under which a whole row of a subquery is one value, with how many columns it has."""
    lists = [node["select_list"] for node in nodes if "select_list" in node]
    sizes = [sum(16 if one["class"] == "STAR" else 1 for one in each) for each in lists]
    keys = {
        str(entry["key"]).lower()
        for node in nodes
        for entry in (node.get("cte_map") or {}).get("map", ())
    }
    names: set[str] = set()
    for node in nodes:
        if "class" in node or not isinstance(node.get("type"), str):
            continue
        table = str(node.get("table_name", "")).lower()
        if node["type"] in ("SUBQUERY", "JOIN", "EXPRESSION_LIST") or table in keys:
            names |= {table, str(node.get("alias", "")).lower()} - {""}
    return dict.fromkeys(names, max(2, *sizes, 2))


def _nested(nodes: Sequence[Node]) -> bool:
    """Whether values can go from one selection into another."""
    return any(
        node.get("type") == "SUBQUERY" or (node.get("cte_map") or {}).get("map") for node in nodes
    )


def _by_position(nodes: Sequence[Node]) -> bool:
    """Whether columns get their names by their place somewhere."""
    return any(
        node.get("type") in ("SET_OPERATION_NODE", "EXPRESSION_LIST", "POSITIONAL_REFERENCE")
        or node.get("column_name_alias")
        or node.get("aliases")
        or node.get("rename_list")
        for node in nodes
    )
