"""Options of dates, times and timestamps: bounds, formats and time zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from mesh_defs.contract.odcs.bounds import Range, read_range
from mesh_defs.contract.odcs.conditions import add_condition
from mesh_defs.contract.odcs.dates import KNOWN_LETTERS, DateFormat, date_format, iso_violation
from mesh_defs.contract.odcs.storage import effective_type, stored_as_text
from mesh_defs.contract.odcs.values import moment
from mesh_defs.contract.rules import Bounds
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from mesh_defs.contract.odcs.builder import Builder, Property

_SQL_TYPES = {"date": "DATE", "timestamp": "TIMESTAMP", "time": "TIME"}
_ZONE_AT_END = r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$"


def add_temporal_options(builder: Builder, prop: Property, options: dict[str, Any]) -> None:
    """Add the rules of a date, time or timestamp column; one that lies as text is always checked
    to hold what its type says."""
    zone = default_zone(builder, prop, options)
    form = date_format(options["format"]) if "format" in options else None
    if "format" in options and form is None:
        reason = (
            f"the format '{options['format']}' cannot be checked; known letters are {KNOWN_LETTERS}"
        )
        path = (*prop.path, "logicalTypeOptions", "format")
        builder.unrunnable(path, f"{prop.name}.format", prop.column, "conformity", reason)
    _add_format(builder, prop, form, readable="format" not in options or form is not None)
    _add_timezone(builder, prop, options.get("timezone"), form)
    _add_bounds(builder, prop, options, form, zone)


def _add_format(
    builder: Builder, prop: Property, form: DateFormat | None, *, readable: bool
) -> None:
    column, logical = quote(prop.column), effective_type(prop.model) or "date"
    if stored_as_text(prop.model) and readable:
        violation = iso_violation(column, logical)
        expected = f"every {prop.column} a {logical} in ISO 8601"
        if form is not None:
            violation = form.text_violation(column)
            expected = f"every {prop.column} a {logical} written as {form.text}"
    elif form is not None:
        finer = form.value_violation(column, logical)
        if finer is None:
            return
        violation = finer
        expected = f"every {prop.column} no finer than {form.text} can say"
    else:
        return
    add_condition(builder, prop, "format", violation, expected)


def _add_timezone(
    builder: Builder, prop: Property, timezone_wanted: bool | None, form: DateFormat | None
) -> None:
    if timezone_wanted is None:
        return
    column = quote(prop.column)
    if stored_as_text(prop.model):
        if form is not None and form.zoned == timezone_wanted:
            return  # the format's own rule decides it
        zoned = f"regexp_matches({column}, {literal(_ZONE_AT_END)})"
        violation = f"NOT {zoned}" if timezone_wanted else zoned
    else:
        comparison = "NOT LIKE" if timezone_wanted else "LIKE"
        violation = f"{column} IS NOT NULL AND typeof({column}) {comparison} '% WITH TIME ZONE'"
    expected = f"every {prop.column} {'with' if timezone_wanted else 'without'} a time zone"
    add_condition(builder, prop, "timezone", violation, expected)


def _add_bounds(
    builder: Builder,
    prop: Property,
    options: dict[str, Any],
    form: DateFormat | None,
    zone: tzinfo,
) -> None:
    logical = effective_type(prop.model) or "date"
    zoned = options.get("timezone")
    if stored_as_text(prop.model):
        zoned = form.zoned if form is not None else bool(zoned)

    def at(text: str) -> str:
        return in_zone(text, logical, zoned, zone)

    bounds = read_range(builder, prop, options, lambda text: comparable(text, logical, zone))
    if bounds is None or not bounds.written:
        return
    ends = {
        name: None if (text := getattr(bounds, name)) is None else at(text)
        for name in ("minimum", "maximum", "exclusive_minimum", "exclusive_maximum")
    }
    if not stored_as_text(prop.model):
        builder.rules.append(
            Bounds(
                id=builder.identify(f"{prop.name}.{'_'.join(bounds.written)}"),
                dimension="conformity",
                column=prop.column,
                line=builder.line((*prop.path, "logicalTypeOptions", bounds.written[0])),
                minimum=ends["minimum"],
                maximum=ends["maximum"],
                exclusive_minimum=ends["exclusive_minimum"],
                exclusive_maximum=ends["exclusive_maximum"],
            )
        )
    elif "format" not in options or form is not None:
        _add_text_bounds(builder, prop, bounds, ends, form, zoned=bool(zoned))
    else:
        reason = f"text in the format '{options['format']}' cannot be compared with the bounds"
        path = (*prop.path, "logicalTypeOptions", bounds.written[0])
        name = f"{prop.name}.{'_'.join(bounds.written)}"
        builder.unrunnable(path, name, prop.column, "conformity", reason)


def _add_text_bounds(
    builder: Builder,
    prop: Property,
    bounds: Range,
    ends: dict[str, str | None],
    form: DateFormat | None,
    *,
    zoned: bool,
) -> None:
    column = quote(prop.column)
    kind = _SQL_TYPES[effective_type(prop.model) or "date"]
    if kind == "TIMESTAMP" and zoned:
        kind = "TIMESTAMPTZ"
    value = f"try_cast({column} AS {kind})"
    if form is not None:
        value = f"CAST({form.parsed(column)} AS {kind})"
    operators = {
        "minimum": ("<", "at least"),
        "maximum": (">", "at most"),
        "exclusive_minimum": ("<=", "after"),
        "exclusive_maximum": (">=", "before"),
    }
    tests, words = [], []
    for name, text in ends.items():
        if text is not None:
            operator, word = operators[name]
            tests.append(f"{value} {operator} CAST({literal(text)} AS {kind})")
            words.append(f"{word} {text}")
    add_condition(
        builder,
        prop,
        "_".join(bounds.written),
        " OR ".join(tests),
        f"every {prop.column} {' and '.join(words)}",
        option=bounds.written[0],
    )


def default_zone(builder: Builder, prop: Property, options: dict[str, Any]) -> tzinfo:
    """The zone of values without one; UTC when none is given, or none of that name is known."""
    name = options.get("defaultTimezone")
    if name is None or name in ("UTC", "Etc/UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        path = (*prop.path, "logicalTypeOptions", "defaultTimezone")
        near = [z for z in sorted(available_timezones()) if z.lower() == str(name).lower()]
        builder.fault(
            path,
            found=name,
            allowed="a name of the IANA time zone database, such as Europe/Berlin or Etc/UTC",
            fix=f"write '{near[0]}'" if near else "write the name of a time zone",
        )
        return UTC


def in_zone(text: str, logical: str, zoned: bool | None, zone: tzinfo) -> str:
    """A bound as the column has its values: with an offset, or without one in ``zone``."""
    value = moment(text, logical)
    if logical != "timestamp" or not isinstance(value, datetime) or zoned is None:
        return text
    if zoned and value.tzinfo is None:
        return value.replace(tzinfo=zone).isoformat(sep=" ")
    if not zoned and value.tzinfo is not None:
        return value.astimezone(zone).replace(tzinfo=None).isoformat(sep=" ")
    return text


def comparable(text: str, logical: str, zone: tzinfo) -> date | time | None:
    """A bound as Python orders it; without a zone of its own it is in ``zone``."""
    value = moment(text, logical)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if isinstance(value, time):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return value
