"""Statistics of a staged file in Delta's form (Delta protocol, "Per-file Statistics")."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from mesh_defs.drivers.compute.protocol import ColumnStatistics, StagedFile

_LONGEST_TEXT = 64
_LAST_CHARACTER = chr(0x10FFFF)

Bound = bool | int | float | str


def statistics_json(file: StagedFile, schema: pa.Schema, *, bounds: bool = True) -> str:
    """``numRecords``, ``nullCount``, ``minValues`` and ``maxValues`` as one JSON text; without
    ``bounds``, which are values of the data, the first two alone.

    A bound that could lie (NaN, infinity, a moment that cannot be told) is left out, and then those
    of all columns are: where one column of a file has bounds and another has none, deltalake's
    Arrow dataset takes the missing one for null and drops the file from every filter on it.
    """
    nulls: dict[str, int] = {}
    lows: dict[str, Bound] = {}
    highs: dict[str, Bound] = {}
    whole = bounds
    for field in schema:
        column = file.columns.get(field.name)
        if column is not None and column.nulls is not None:
            nulls[field.name] = column.nulls
        if not _has_bounds(field.type) or nulls.get(field.name) == file.rows:
            continue
        low, high = _bounds(field.type, column)
        if low is None or high is None:
            whole = False
        else:
            lows[field.name] = low
            highs[field.name] = high
    found: dict[str, object] = {"numRecords": file.rows, "nullCount": nulls}
    if whole:
        found |= {"minValues": lows, "maxValues": highs}
    return json.dumps(found)


def told_json(
    rows: int | None,
    nulls: Mapping[str, object] | None,
    low: Mapping[str, object] | None,
    high: Mapping[str, object] | None,
) -> str:
    """The statistics of a file as Delta's JSON, from their values by column, None where they are
    not known."""
    found: dict[str, object] = {} if rows is None else {"numRecords": rows}
    named = {"nullCount": nulls, "minValues": low, "maxValues": high}
    found |= {name: _known(values) for name, values in named.items() if values}
    return json.dumps(found)


def _known(values: Mapping[str, object]) -> dict[str, object]:
    told = {name: _told(value) for name, value in values.items()}
    return {name: value for name, value in told.items() if value is not None}


def _told(value: object) -> object:
    if isinstance(value, dict):
        return _known(value) or None
    if isinstance(value, datetime):
        return _milliseconds(value, up=False)  # They are whole ones already.
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _has_bounds(kind: pa.DataType) -> bool:
    """Whether Delta's readers look for bounds of such a column."""
    import pyarrow as pa

    types = pa.types
    return not (
        types.is_list(kind) or types.is_large_list(kind) or types.is_map(kind)
        or types.is_binary(kind) or types.is_large_binary(kind)
    )  # fmt: skip


def _bounds(
    kind: pa.DataType, column: ColumnStatistics | None
) -> tuple[Bound | None, Bound | None]:
    if column is None or column.has_nan or column.minimum is None or column.maximum is None:
        return None, None
    return _value(kind, column.minimum, up=False), _value(kind, column.maximum, up=True)


def _value(kind: pa.DataType, text: str, *, up: bool) -> Bound | None:
    import pyarrow as pa

    types = pa.types
    try:
        if types.is_boolean(kind):
            return {"0": False, "false": False, "1": True, "true": True}.get(text)
        if types.is_integer(kind):
            return int(text)
        if types.is_floating(kind):
            return _float(float(text), up=up)
        if types.is_decimal(kind):
            return _decimal(text)
        if types.is_date(kind):
            return date.fromisoformat(text).isoformat()
        if types.is_timestamp(kind) and kind.unit != "ns":
            return _milliseconds(datetime.fromisoformat(text), up=up)
        if types.is_string(kind) or types.is_large_string(kind):
            return _text(text, up=up)
    except (ValueError, OverflowError):
        return None  # Before year 1, after 9999, 'infinity': Python has no such moment.
    return None


def _decimal(text: str) -> float | None:
    """A JSON number whose digits are those of ``text``."""
    number = float(text)
    written = repr(number)
    return number if "e" not in written and Decimal(written) == Decimal(text) else None


def _text(text: str, *, up: bool) -> str | None:
    """Long text is cut: below, what is left is less; above, the last character follows it."""
    if len(text) <= _LONGEST_TEXT:
        return text
    cut = text[:_LONGEST_TEXT]
    if not up:
        return cut
    return cut + _LAST_CHARACTER if cut + _LAST_CHARACTER >= text else None


def _float(number: float, *, up: bool) -> float | None:
    if not math.isfinite(number):
        return None
    # Readers that tell the zeros apart order them; the bound must hold for both.
    return math.copysign(0.0, 1 if up else -1) if number == 0 else number


def _milliseconds(moment: datetime, *, up: bool) -> str:
    """Delta's timestamps in statistics have milliseconds: rounded away from the values."""
    zone = ""
    if moment.tzinfo is not None:
        moment, zone = moment.astimezone(UTC).replace(tzinfo=None), "Z"
    rest = moment.microsecond % 1000
    moment -= timedelta(microseconds=rest)
    if up and rest:
        moment += timedelta(milliseconds=1)
    return f"{moment.isoformat(timespec='milliseconds')}{zone}"
