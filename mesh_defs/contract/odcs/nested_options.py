"""Options and enumerations of what lies inside a column, as conditions on a JSON value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.checks.compile import range_violation
from mesh_defs.contract.model import TextRule
from mesh_defs.contract.odcs import regex
from mesh_defs.contract.odcs.bounds import read_range
from mesh_defs.contract.odcs.containers import UNIT_LENGTH_TOLERANCE, pointer
from mesh_defs.contract.odcs.enum import listed_values
from mesh_defs.contract.odcs.formats import FLOATS, HINTS, INTEGERS, LARGEST_F32, PATTERNS
from mesh_defs.contract.odcs.nested_dates import (
    format_violation,
    moment_of,
    nested_format,
    zone_violation,
)
from mesh_defs.contract.odcs.options import fitting_options
from mesh_defs.contract.odcs.storage import effective_type
from mesh_defs.contract.odcs.temporal import comparable, default_zone, in_zone
from mesh_defs.contract.odcs.values import NUMERIC, TEMPORAL
from mesh_defs.contract.physical_types import Physical
from mesh_defs.sql import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_defs.contract.odcs.builder import Builder, Property
    from mesh_defs.contract.odcs.dates import DateFormat
    from mesh_defs.contract.odcs.places import Spot

_KINDS = {
    "integer": Physical("HUGEINT"),
    "number": Physical("DOUBLE"),
    "date": Physical("DATE"),
    "time": Physical("TIME"),
    "timestamp": Physical("TIMESTAMPTZ"),
}
# What an option means in SQL over a JSON value, true where it is broken, and in words.
_SIZES: Mapping[str, tuple[str, str]] = {
    "minLength": ("length({text}) < {bound}", "of length at least {bound}"),
    "maxLength": ("length({text}) > {bound}", "of length at most {bound}"),
    "minItems": ("{array} AND json_array_length({value}) < {bound}", "with at least {bound} items"),
    "maxItems": ("{array} AND json_array_length({value}) > {bound}", "with at most {bound} items"),
    "minProperties": (
        "{object} AND len(json_keys({value})) < {bound}",
        "with at least {bound} properties",
    ),
    "maxProperties": (
        "{object} AND len(json_keys({value})) > {bound}",
        "with at most {bound} properties",
    ),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One rule about a JSON value: ``violation`` is true where the value breaks it, and NULL or
    false where there is none."""

    name: str
    violation: str
    expected: str


def nested_conditions(builder: Builder, place: Property, spot: Spot) -> Iterator[Condition]:
    """What the options and the enumeration of ``place`` ask of the JSON value of ``spot``.

    ``place`` is named by its label (``address.zip``). Malformed options become faults; what cannot
    be run on JSON becomes an `Unrunnable`.
    """
    logical, value = place.model.logicalType or "", spot.value
    text = f"json_extract_string({value}, '$')"
    written = {k: v for k, v in (place.model.logicalTypeOptions or {}).items() if v is not None}
    options = fitting_options(builder, place, written) if written else {}
    yield from _enumerated(builder, place, text)
    yield from _sizes(place, options, value, text)
    if logical in TEMPORAL:
        yield from _temporal(builder, place, options, spot, text)
    elif logical in NUMERIC:
        yield from _ranges(builder, place, options, text)
    if "pattern" in options:
        yield from _pattern(builder, place, options["pattern"], text)
    if "format" in options and logical not in TEMPORAL:
        yield from _format(builder, place, options["format"], text)
    if options.get("uniqueItems"):
        items = f"json_extract({value}, '$[*]')"
        violation = f"len(list_distinct({items})) <> len({items})"
        yield Condition("uniqueItems", violation, f"no item twice in one {place.name}")
    if "required" in options:
        names = options["required"]
        absent = " OR ".join(f"json_type({value}, {pointer(name)}) IS NULL" for name in names)
        violation = f"json_type({value}) = 'OBJECT' AND ({absent})"
        expected = f"every {place.name} with {', '.join(names)}"
        yield Condition("required_properties", violation, expected)
    if logical == "vector":
        yield from _vector(builder, place, options, value)


def _enumerated(builder: Builder, place: Property, text: str) -> Iterator[Condition]:
    values = listed_values(builder, place)
    if not values:
        return
    logical = place.model.logicalType
    expected = f"every {place.name} one of {', '.join(map(str, values))}"
    subject, listed = text, [literal(str(each)) for each in values]
    if logical == "boolean":
        listed = ["'true'" if each else "'false'" for each in values]
    elif logical in NUMERIC and all(isinstance(each, int | float) for each in values):
        kind = _KINDS[logical or ""].name
        subject = f"try_cast({text} AS {kind})"
        listed = [f"{literal(str(each))}::{kind}" for each in values]
    yield Condition("enum", f"{subject} NOT IN ({', '.join(listed)})", expected)


def _sizes(
    place: Property, options: Mapping[str, Any], value: str, text: str
) -> Iterator[Condition]:
    for name, (violation, words) in _SIZES.items():
        if name in options:
            parts = {
                "bound": int(options[name]),
                "array": f"json_type({value}) = 'ARRAY'",  # the size of anything else is 0
                "object": f"json_type({value}) = 'OBJECT'",
                "value": value,
                "text": text,
            }
            expected = f"every {place.name} {words.format(**parts)}"
            yield Condition(name, violation.format(**parts), expected)


def _ranges(
    builder: Builder, place: Property, options: dict[str, Any], text: str
) -> Iterator[Condition]:
    kind = _KINDS[place.model.logicalType or ""]
    bounds = read_range(builder, place, options, lambda value: value)
    multiple = options.get("multipleOf")
    if bounds is None or (not bounds.written and multiple is None):
        return
    ends = (bounds.minimum, bounds.exclusive_minimum, bounds.maximum, bounds.exclusive_maximum)
    names = [*bounds.written, *(["multipleOf"] if multiple is not None else [])]
    words = ", ".join(f"{name} {options[name]}" for name in names)
    violation = range_violation(f"try_cast({text} AS {kind.name})", kind, ends, multiple)
    yield Condition("_".join(names), violation, f"every {place.name} within {words}")


def _temporal(
    builder: Builder, place: Property, options: dict[str, Any], spot: Spot, text: str
) -> Iterator[Condition]:
    form: DateFormat | None = None
    if "format" in options:
        read = nested_format(options["format"])
        if isinstance(read, str):
            _unrunnable(builder, place, "format", read)
            return
        form = read
        violation = format_violation(spot, place.model, form, text)
        if violation is not None:
            words = "written as" if spot.text else "no finer than"
            yield Condition("format", violation, f"every {place.name} {words} {form.text}")
    wanted = options.get("timezone")
    if wanted is not None and not (spot.text and form is not None and form.zoned == wanted):
        expected = f"every {place.name} {'with' if wanted else 'without'} a time zone"
        yield Condition("timezone", zone_violation(text, wanted=wanted), expected)
    yield from _moments(builder, place, options, text, form if spot.text else None)


def _moments(
    builder: Builder, place: Property, options: dict[str, Any], text: str, form: DateFormat | None
) -> Iterator[Condition]:
    logical = effective_type(place.model) or "date"
    zone = default_zone(builder, place, options)
    bounds = read_range(builder, place, options, lambda bound: comparable(bound, logical, zone))
    if bounds is None or not bounds.written:
        return
    kind = _KINDS[logical]
    # Text without an offset speaks of the default time zone, as the bounds do then.
    bare = form is not None and not form.zoned
    if logical == "timestamp" and (bare or options.get("timezone") is False):
        kind = Physical("TIMESTAMP")
    ends = tuple(
        None if end is None else in_zone(end, logical, kind.name == "TIMESTAMPTZ", zone)
        for end in (
            bounds.minimum,
            bounds.exclusive_minimum,
            bounds.maximum,
            bounds.exclusive_maximum,
        )
    )
    words = ", ".join(f"{name} {options[name]}" for name in bounds.written)
    value = moment_of(text, form, kind.name, zone)
    violation = range_violation(value, kind, (ends[0], ends[1], ends[2], ends[3]), None)
    yield Condition("_".join(bounds.written), violation, f"every {place.name} within {words}")


def _vector(
    builder: Builder, place: Property, options: dict[str, Any], value: str
) -> Iterator[Condition]:
    array = f"json_type({value}) = 'ARRAY'"
    if "dimensions" in options:
        size = int(options["dimensions"])
        wrong = f"{array} AND json_array_length({value}) <> {size}"
        yield Condition("dimensions", wrong, f"every {place.name} of {size} dimensions")
    if options.get("normalized"):
        numbers = f"json_extract({value}, '$[*]')"
        squares = f"list_sum(list_transform({numbers}, lambda n: pow(CAST(n AS DOUBLE), 2)))"
        wrong = f"{array} AND NOT abs(sqrt({squares}) - 1) <= {UNIT_LENGTH_TOLERANCE}"
        yield Condition("normalized", wrong, f"every {place.name} of length 1")
    if "elementType" in options:
        reason = "the type of a vector's elements inside a column is not told; name it physicalType"
        _unrunnable(builder, place, "elementType", reason)


def _pattern(builder: Builder, place: Property, pattern: str, text: str) -> Iterator[Condition]:
    problem = regex.malformed(pattern)
    if problem is not None:
        path = (*place.path, "logicalTypeOptions", "pattern")
        builder.fault(path, found=pattern, allowed="a regular expression", fix=f"mend: {problem}")
        return
    problem = regex.unsupported(pattern)
    if problem is not None:
        reason = f"the regular expression {pattern} cannot be run: {problem}"
        _unrunnable(builder, place, "pattern", reason)
        return
    violation = f"NOT regexp_matches({text}, {literal(regex.translate(pattern))})"
    yield Condition("pattern", violation, f"every {place.name} matching {pattern}")


def _format(builder: Builder, place: Property, form: str, text: str) -> Iterator[Condition]:
    expected = f"every {place.name} in the format {form}"
    logical = place.model.logicalType
    if logical == "string" and form in PATTERNS:
        yield Condition(
            "format", f"NOT regexp_matches({text}, {literal(PATTERNS[form])})", expected
        )
    elif logical == "string" and form in HINTS:
        builder.texts.append(TextRule(place.column, f"{place.name} has the format {form}"))
    elif logical == "integer" and form in INTEGERS:
        low, high = INTEGERS[form]
        kind = _KINDS["integer"]
        value = f"try_cast({text} AS {kind.name})"
        yield Condition(
            "format", range_violation(value, kind, (low, None, high, None), None), expected
        )
    elif logical == "number" and form == "f32":
        value = f"try_cast({text} AS DOUBLE)"
        yield Condition("format", f"isfinite({value}) AND abs({value}) > {LARGEST_F32}", expected)
    elif logical == "string":
        known = ", ".join(sorted(PATTERNS))
        _unrunnable(builder, place, "format", f"the format '{form}' is unknown; known are {known}")
    elif form not in FLOATS:
        path = (*place.path, "logicalTypeOptions", "format")
        builder.unknown(path, form, INTEGERS if logical == "integer" else FLOATS)


def _unrunnable(builder: Builder, place: Property, option: str, reason: str) -> None:
    path = (*place.path, "logicalTypeOptions", option)
    builder.unrunnable(path, f"{place.name}.{option}", place.column, "conformity", reason)
