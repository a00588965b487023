"""Statistics of a staged file in Delta's form (Delta protocol, "Per-file Statistics")."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from mesh_defs.drivers.compute.protocol import StagedFile

_LONGEST_TEXT = 64


def statistics_json(file: StagedFile, schema: pa.Schema) -> str:
    """``numRecords``, ``nullCount``, ``minValues`` and ``maxValues`` as one JSON text.

    A bound that could lie (NaN, infinity, long text, decimals) is left out: readers then read.
    """
    nulls: dict[str, int] = {}
    lows: dict[str, Any] = {}
    highs: dict[str, Any] = {}
    for field in schema:
        column = file.columns.get(field.name)
        if column is None:
            continue
        if column.nulls is not None:
            nulls[field.name] = column.nulls
        if column.has_nan or column.minimum is None or column.maximum is None:
            continue
        low = _value(field.type, column.minimum, up=False)
        high = _value(field.type, column.maximum, up=True)
        if low is not None and high is not None:
            lows[field.name] = low
            highs[field.name] = high
    return json.dumps(
        {"numRecords": file.rows, "minValues": lows, "maxValues": highs, "nullCount": nulls}
    )


def _value(kind: pa.DataType, text: str, *, up: bool) -> int | float | str | None:
    import pyarrow as pa

    try:
        if pa.types.is_integer(kind):
            return int(text)
        if pa.types.is_floating(kind):
            number = float(text)
            return number if math.isfinite(number) else None
        if pa.types.is_date(kind):
            return date.fromisoformat(text).isoformat()
        if pa.types.is_timestamp(kind):
            return _milliseconds(datetime.fromisoformat(text), up=up)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return text if len(text) <= _LONGEST_TEXT else None
    except ValueError:
        return None  # Years before 1 or after 9999, 'infinity': no bound is a true bound.
    return None


def _milliseconds(moment: datetime, *, up: bool) -> str:
    rest = moment.microsecond % 1000
    moment -= timedelta(microseconds=rest)
    if up and rest:
        moment += timedelta(milliseconds=1)
    zone = "" if moment.tzinfo is None else "Z"
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}{zone}"
