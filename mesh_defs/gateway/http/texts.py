"""Values of Arrow as text and JSON, without loss where these can tell them.

Dates and times are those of ISO 8601, years beyond four digits signed, ``infinity`` as DuckDB says
it; bytes are base64, decimals texts, spans of time ISO 8601 durations. What is no number is null in
JSON.
"""

from __future__ import annotations

import base64
import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_DAY = 86_400
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
# Seconds since 1970 of the years that every library can tell: from 0001 up to 9999.
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
_INFINITE = {"date": 2**31 - 1, "time": 2**63 - 1}


def is_temporal(kind: pa.DataType) -> bool:
    """Whether values of ``kind`` are dates or moments."""
    import pyarrow.types as types

    return bool(types.is_date(kind) or types.is_timestamp(kind))


def temporal_texts(column: pa.Array) -> pa.Array:
    """Dates or moments as texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    numbers = _numbers(column)
    bounds = pc.min_max(numbers).as_py()
    per = _seconds_per(kind)
    if bounds["min"] is None or _FIRST <= bounds["min"] * per <= bounds["max"] * per <= _LAST:
        return _common(column)
    return pa.array([temporal_text(each, kind) for each in numbers.to_pylist()], pa.string())


def temporal_text(number: int | None, kind: pa.DataType) -> str | None:
    """A date (days since 1970) or a moment (in units of ``kind``) as text."""
    import numpy as np
    import pyarrow.types as types

    if number is None:
        return None
    is_date = types.is_date(kind)
    largest = _INFINITE["date" if is_date else "time"]
    if abs(number) >= largest:
        return "infinity" if number > 0 else "-infinity"
    unit = "D" if is_date else kind.unit
    moment = np.array(number, dtype="int64").view(f"datetime64[{unit}]")
    text = str(np.datetime_as_string(moment))
    year, _, rest = text.lstrip("+-").partition("-")
    year = year.zfill(4)
    sign = "-" if text.startswith("-") else "+" if len(year) > 4 else ""
    zone = "+00:00" if not is_date and kind.tz is not None else ""
    return f"{sign}{year}-{rest}{zone}"


def fragments(column: pa.Array) -> list[str]:
    """The values of ``column`` as JSON texts."""
    bare = _countable(column.type)
    values = (column.cast(bare) if bare != column.type else column).to_pylist()
    return [
        json.dumps(plain(value, column.type), ensure_ascii=False, separators=(",", ":"))
        for value in values
    ]


def plain(value: Any, kind: pa.DataType) -> Any:  # noqa: ANN401  JSON
    """A Python value of ``kind`` (dates and moments as numbers) as a JSON value."""
    import pyarrow.types as types

    if value is None:
        return None
    if is_temporal(kind):
        return temporal_text(value, kind)
    if types.is_struct(kind):
        return {field.name: plain(value[field.name], field.type) for field in kind}
    if types.is_map(kind):
        return {_key(k, kind.key_type): plain(v, kind.item_type) for k, v in value}
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return [plain(each, kind.value_type) for each in value]
    return _single(value)


def _single(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple):
        return _duration(*value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def _duration(months: int, days: int, nanoseconds: int) -> str:
    """An interval as ISO 8601 tells it; a sign stands before each number."""
    seconds = Decimal(nanoseconds).scaleb(-9).normalize()
    return f"P{months}M{days}DT{seconds:f}S"


def _key(value: Any, kind: pa.DataType) -> str:  # noqa: ANN401  JSON
    found = plain(value, kind)
    return found if isinstance(found, str) else json.dumps(found)


def _seconds_per(kind: pa.DataType) -> float:
    import pyarrow.types as types

    return _DAY if types.is_date(kind) else 1 / _PER_SECOND[kind.unit]


def _numbers(column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.types as types

    whole = column.cast(pa.int32()) if types.is_date32(column.type) else column
    return whole.cast(pa.int64())


def _countable(kind: pa.DataType) -> pa.DataType:
    """``kind`` with numbers in place of dates and moments, which Python cannot tell all."""
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_date32(kind):
        return pa.int32()
    if is_temporal(kind):
        return pa.int64()
    if types.is_struct(kind):
        return pa.struct([field.with_type(_countable(field.type)) for field in kind])
    if types.is_map(kind):
        return pa.map_(_countable(kind.key_type), _countable(kind.item_type))
    if types.is_fixed_size_list(kind):
        return pa.list_(_countable(kind.value_type), kind.list_size)
    if types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_countable(kind.value_type)))
    return kind


def _common(column: pa.Array) -> pa.Array:
    import polars as pl
    import pyarrow.types as types

    kind = column.type
    form = "%Y-%m-%d"
    if types.is_timestamp(kind):
        digits = _DIGITS[kind.unit]
        form += "T%H:%M:%S" + (f"%.{digits}f" if digits else "") + ("%:z" if kind.tz else "")
    series = pl.from_arrow(column)
    assert isinstance(series, pl.Series)  # noqa: S101  of one column
    return series.dt.to_string(form).to_arrow()
