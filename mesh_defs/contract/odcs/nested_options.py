"""Options and enumerations of what lies inside a column, as conditions on a JSON value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.checks.compile import range_violation
from mesh_defs.contract.model import TextRule
from mesh_defs.contract.odcs import regex
from mesh_defs.contract.odcs.bounds import BOUNDS, read_range
from mesh_defs.contract.odcs.containers import pointer
from mesh_defs.contract.odcs.enum import listed_values
from mesh_defs.contract.odcs.formats import HINTS, INTEGERS, PATTERNS
from mesh_defs.contract.odcs.options import fitting_options
from mesh_defs.contract.odcs.values import NUMERIC, TEMPORAL, moment
from mesh_defs.contract.physical_types import Physical
from mesh_defs.sql import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mesh_defs.contract.odcs.builder import Builder, Property

_KINDS = {
    "integer": Physical("HUGEINT"),
    "number": Physical("DOUBLE"),
    "date": Physical("DATE"),
    "time": Physical("TIME"),
    "timestamp": Physical("TIMESTAMPTZ"),
}
_ZONE_AT_END = r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$"
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


def nested_conditions(builder: Builder, place: Property, value: str) -> Iterator[Condition]:
    """What the options and the enumeration of ``place`` ask of ``value``, SQL of type JSON.

    ``place`` is named by its label (``address.zip``). Malformed options become faults; what cannot
    be run on JSON becomes an `Unrunnable`.
    """
    logical = place.model.logicalType or ""
    text = f"json_extract_string({value}, '$')"
    written = {k: v for k, v in (place.model.logicalTypeOptions or {}).items() if v is not None}
    options = fitting_options(builder, place, written) if written else {}
    yield from _enumerated(builder, place, text)
    yield from _sizes(place, options, value, text)
    if logical in NUMERIC or logical in TEMPORAL:
        yield from _ranges(builder, place, options, text)
    if "pattern" in options:
        yield from _pattern(builder, place, options["pattern"], text)
    if "format" in options:
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
    if logical == "vector" or any(key in options for key in ("timezone", "defaultTimezone")):
        for key in options:
            if key not in (*BOUNDS, "format"):
                _unrunnable(builder, place, key, f"'{key}' inside a column is not run")


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
    logical = place.model.logicalType or ""
    kind = _KINDS[logical]
    comparable: Callable[[Any], Any] = _moment_of(logical) if logical in TEMPORAL else _itself
    bounds = read_range(builder, place, options, comparable)
    multiple = options.get("multipleOf")
    if bounds is None or (not bounds.written and multiple is None):
        return
    if kind.name == "TIMESTAMPTZ":  # UTC without a zone, whatever the zone of the session is
        zoned = f"regexp_matches({text}, {literal(_ZONE_AT_END)})"
        text = f"CASE WHEN {zoned} THEN {text} ELSE {text} || '+00' END"
    ends = (
        bounds.minimum,
        bounds.exclusive_minimum,
        bounds.maximum,
        bounds.exclusive_maximum,
    )
    names = [*bounds.written, *(["multipleOf"] if multiple is not None else [])]
    words = ", ".join(f"{name} {options[name]}" for name in names)
    violation = range_violation(f"try_cast({text} AS {kind.name})", kind, ends, multiple)
    yield Condition("_".join(names), violation, f"every {place.name} within {words}")


def _itself(value: object) -> object:
    return value


def _moment_of(logical: str) -> Callable[[object], date | time | None]:
    def read(text: object) -> date | time | None:
        found = moment(str(text), logical)
        if isinstance(found, datetime | time) and found.tzinfo is None:
            return found.replace(tzinfo=UTC)
        return found

    return read


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
    else:
        reason = f"the format '{form}' of a {logical} inside a column is not run"
        _unrunnable(builder, place, "format", reason)


def _unrunnable(builder: Builder, place: Property, option: str, reason: str) -> None:
    path = (*place.path, "logicalTypeOptions", option)
    builder.unrunnable(path, f"{place.name}.{option}", place.column, "conformity", reason)
