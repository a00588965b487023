"""Bounds of numbers: ``minimum``, ``maximum``, their exclusive forms and ``multipleOf``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.odcs.builder import Sentence
from mesh_defs.contract.odcs.values import fits, is_number, type_text
from mesh_defs.contract.rules import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_defs.contract.odcs.builder import Builder, Property

BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
_PAIRS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds as JSON Schema has them today; ``written`` names the options that they came from."""

    written: tuple[str, ...]
    minimum: Any = None
    maximum: Any = None
    exclusive_minimum: Any = None
    exclusive_maximum: Any = None


def add_bounds(builder: Builder, prop: Property, options: dict[str, Any]) -> None:
    """Add the rule of a numeric column's bounds and ``multipleOf``."""
    bounds = read_range(builder, prop, options, lambda value: value)
    if bounds is None:
        return
    names = [*bounds.written, *(["multipleOf"] if "multipleOf" in options else [])]
    if not names:
        return
    builder.rules.append(
        Bounds(
            id=builder.identify(f"{prop.name}.{'_'.join(names)}"),
            dimension="conformity",
            column=prop.column,
            line=builder.line((*prop.path, "logicalTypeOptions", names[0])),
            minimum=bounds.minimum,
            maximum=bounds.maximum,
            exclusive_minimum=bounds.exclusive_minimum,
            exclusive_maximum=bounds.exclusive_maximum,
            multiple_of=options.get("multipleOf"),
        )
    )


def read_range(
    builder: Builder, prop: Property, options: dict[str, Any], comparable: Callable[[Any], Any]
) -> Range | None:
    """The bounds among ``options``; None when they are malformed, which is then a fault.

    ``comparable`` makes a bound into something that Python orders. Until ODCS 3.1 the exclusive
    forms were booleans beside the bound; they are read too.
    """
    path = (*prop.path, "logicalTypeOptions")
    values = {name: options[name] for name in BOUNDS if name in options}
    written = tuple(values)
    for plain, exclusive in _PAIRS:
        flag = values.get(exclusive)
        if not isinstance(flag, bool):
            continue
        del values[exclusive]
        if flag and plain not in values:
            builder.fault(
                (*path, exclusive),
                found=Sentence(f"'{exclusive}: true' without {plain}"),
                allowed=f"{exclusive}: the bound itself",
                fix=f"write the bound as the value of {exclusive}",
            )
            return None
        if flag:
            values[exclusive] = values.pop(plain)
    sound = [_is_bound(builder, prop, name, value) for name, value in values.items()]
    if not all(sound):  # every bound is looked at first, so that all faults are told
        return None
    if _empty({name: comparable(value) for name, value in values.items()}):
        builder.fault(
            (*path, written[0]),
            found=Sentence(
                f"{', '.join(f'{name} {options[name]}' for name in written)}: no value is in it"
            ),
            allowed="a range that holds at least one value",
            fix="swap or change the bounds",
        )
        return None
    return Range(
        written,
        minimum=values.get("minimum"),
        maximum=values.get("maximum"),
        exclusive_minimum=values.get("exclusiveMinimum"),
        exclusive_maximum=values.get("exclusiveMaximum"),
    )


def _is_bound(builder: Builder, prop: Property, name: str, value: object) -> bool:
    logical = prop.model.logicalType
    numeric = logical in ("integer", "number")
    if is_number(value) if numeric else fits(value, logical):
        return True
    builder.fault(
        (*prop.path, "logicalTypeOptions", name),
        found=value,
        allowed="a finite number" if numeric else type_text(logical),
        fix="write a bound of the column's type",
    )
    return False


def _empty(values: dict[str, Any]) -> bool:
    lows = [values[name] for name in _PAIRS[0] if name in values]
    highs = [values[name] for name in _PAIRS[1] if name in values]
    open_ends = [values[n] for n in ("exclusiveMinimum", "exclusiveMaximum") if n in values]
    if not lows or not highs:
        return False
    low, high = max(lows), min(highs)
    return bool(low > high or (low == high and low in open_ends))
