"""Formats and time zones of dates, times and timestamps inside columns, on their JSON text.

A native value reads as ISO 8601 in JSON, so its contract tells whether a format is one of text, or
says how fine a native value may be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.odcs.dates import KNOWN_LETTERS, DateFormat, date_format
from mesh_defs.contract.odcs.storage import effective_type
from mesh_defs.sql import literal

if TYPE_CHECKING:
    from datetime import tzinfo

    from open_data_contract_standard.model import SchemaProperty

    from mesh_defs.contract.odcs.places import Spot

ZONE_AT_END = r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$"
KINDS = {"date": "DATE", "time": "TIME", "timestamp": "TIMESTAMP"}


def in_own_format(spot: Spot, model: SchemaProperty) -> bool:
    """Whether the values of ``spot`` are text in another form than ISO 8601."""
    return spot.text and "format" in (model.logicalTypeOptions or {})


def nested_format(text: str) -> DateFormat | str:
    """The date format ``text``, or why it cannot be checked."""
    form = date_format(text)
    return form or f"the format '{text}' cannot be checked; known letters are {KNOWN_LETTERS}"


def format_violation(spot: Spot, model: SchemaProperty, form: DateFormat, text: str) -> str | None:
    """SQL that is true where the SQL expression ``text`` breaks the format; None where every value
    of the type has it."""
    if spot.text:
        return form.text_violation(text)
    logical = effective_type(model) or "date"
    return form.value_violation(f"try_cast({text} AS {KINDS[logical]})", logical)


def zone_violation(text: str, *, wanted: bool) -> str:
    """SQL that is true where ``text`` has no time zone although it is ``wanted``, or has one."""
    zoned = f"regexp_matches({text}, {literal(ZONE_AT_END)})"
    return f"NOT {zoned}" if wanted else zoned


def moment_of(text: str, form: DateFormat | None, kind: str, zone: tzinfo) -> str:
    """SQL for the moment that ``text`` says, of the type ``kind``, NULL where it says none. Text
    without an offset speaks of ``zone``, whatever the zone of the session is."""
    if form is not None:
        return f"try_cast({form.parsed(text)} AS {kind})"
    if kind != "TIMESTAMPTZ":
        return f"try_cast({text} AS {kind})"
    zoned = f"regexp_matches({text}, {literal(ZONE_AT_END)})"
    local = f"timezone({literal(str(zone))}, try_cast({text} AS TIMESTAMP))"
    return f"CASE WHEN {zoned} THEN try_cast({text} AS TIMESTAMPTZ) ELSE {local} END"
