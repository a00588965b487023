"""Which values a column may hold: ranges, lengths, patterns, listed values and other options.

A change in either direction is breaking. Wider, readers meet values that were promised not to come;
narrower, values that were published, and that readers still hold, are none any more.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.describe import values_text
from mesh_defs.contract.physical_types import UnknownType, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from open_data_contract_standard.model import SchemaProperty

# Direction in words: what may come afterwards, compared with before.
NARROWED = "narrowed: values that were published, and that readers hold, do not fit any more"
WIDENED = "widened: readers meet values that were promised not to come"
CHANGED = "another set of values than was promised"

Facts = dict[str, Any]
_LOW, _HIGH, _LENGTH = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"), "length"
_FLOORS = frozenset({"minLength", "minItems", "minProperties"})
_CEILINGS = frozenset({"maxLength", "maxItems", "maxProperties", _LENGTH})
_BOUNDED = ("VARCHAR", "BLOB")


def value_changes(
    before: SchemaProperty, after: SchemaProperty
) -> Iterator[tuple[str | None, str | None, str]]:
    """What was, what is, and the direction in words, for each fact about the values."""
    old, new = _facts(before), _facts(after)
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name), new.get(name)
        if one != other:
            yield _text(name, one), _text(name, other), _direction(name, one, other)


def set_direction(before: Sequence[Any], after: Sequence[Any]) -> str:
    """The direction from one list of allowed values to another, in words."""
    old, new = {_key(v) for v in before}, {_key(v) for v in after}
    if old < new:
        return WIDENED
    return NARROWED if new < old else CHANGED


def _facts(model: SchemaProperty) -> Facts:
    """Options by name, the two kinds of a bound as one, with the arguments of the physical type and
    the listed values."""
    options = {k: v for k, v in (model.logicalTypeOptions or {}).items() if v is not None}
    facts: Facts = {}
    for name, keys in (("at least", _LOW), ("at most", _HIGH)):
        found = [(options.pop(key), key != keys[0]) for key in keys if key in options]
        if found:
            facts[name] = _tightest(found, lowest=name == "at most")
    facts.update(options)
    length, listed = _arguments(model)
    if length is not None and "maxLength" not in options:
        facts[_LENGTH] = length
    values = [entry.value for entry in model.enum] if model.enum is not None else listed
    if values:
        facts["one of"] = sorted(values, key=_key)
    return facts


def _arguments(model: SchemaProperty) -> tuple[int | None, list[Any]]:
    """The longest length and the listed values that the physical type names."""
    try:
        kind = parse(model.physicalType) if model.physicalType else None
    except UnknownType:
        kind = None
    if kind is None:
        return None, []
    length = kind.numbers[0] if kind.name in _BOUNDED and kind.numbers else None
    return length, list(kind.values)


def _tightest(bounds: list[tuple[Any, bool]], *, lowest: bool) -> tuple[Any, bool]:
    """The bound that decides when there are two; a bound is its value, and whether the value itself
    is left out."""
    if len(bounds) == 1:
        return bounds[0]
    (one, _), (other, _) = bounds
    first, second = _comparable(one), _comparable(other)
    if first is None or second is None or type(first) is not type(second):
        return bounds[1]
    if first == second:
        return bounds[1]
    return bounds[0] if (first < second) == lowest else bounds[1]


def _direction(name: str, before: Any, after: Any) -> str:  # noqa: ANN401  options' values
    if before is None:
        return NARROWED
    if after is None:
        return WIDENED
    if name == "one of":
        return set_direction(before, after)
    if name in ("at least", "at most"):
        return _bound_direction(before, after, lowest=name == "at most")
    if name in _FLOORS:
        return NARROWED if after > before else WIDENED
    if name in _CEILINGS:
        return NARROWED if after < before else WIDENED
    return CHANGED


def _bound_direction(before: tuple[Any, bool], after: tuple[Any, bool], *, lowest: bool) -> str:
    (old, old_out), (new, new_out) = before, after
    first, second = _comparable(old), _comparable(new)
    if first is None or second is None or type(first) is not type(second):
        return CHANGED
    if first == second:
        if old_out == new_out:
            return CHANGED
        return NARROWED if new_out else WIDENED
    return NARROWED if (second < first) == lowest else WIDENED


def _comparable(value: object) -> Any:  # noqa: ANN401  numbers or moments
    """``value`` as something that has an order: a number, or the moment that ISO text means."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Fraction(value) if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    readers: tuple[Callable[[str], Any], ...] = (_moment, time.fromisoformat)
    for read in readers:
        try:
            found = read(value)
        except ValueError:
            continue
        return found.replace(tzinfo=None) if isinstance(found, time) else found
    return None


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _text(name: str, value: Any) -> str | None:  # noqa: ANN401  options' values
    if value is None:
        return None
    if name == "one of":
        return f"one of {values_text(value)}"
    if name in ("at least", "at most"):
        bound, left_out = value
        if left_out:
            return f"{'more' if name == 'at least' else 'less'} than {bound}"
        return f"{name} {bound}"
    if name == _LENGTH:
        return f"a length up to {value}"
    return f"{name} {json.dumps(value, ensure_ascii=False, default=_plain)}"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _key(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=_plain)
