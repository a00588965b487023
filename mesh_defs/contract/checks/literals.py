"""Values of a contract as SQL literals that compare exactly with a column of a given type."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation, localcontext
from typing import TYPE_CHECKING, Literal

from mesh_defs.contract.checks.findings import CannotRun
from mesh_defs.contract.physical_types import FLOATS, INTEGERS, TIMESTAMPS
from mesh_defs.sql import literal

if TYPE_CHECKING:
    from mesh_defs.contract.physical_types import Physical

Operator = Literal["<", "<=", ">", ">="]
_DIGITS = 100  # more than any column of DuckDB can hold


def comparison(column: str, kind: Physical, operator: Operator, bound: object) -> str:
    """SQL that is true where ``column`` (an expression of type ``kind``) stands in ``operator`` to
    ``bound``; raises `CannotRun` when the two cannot be compared."""
    if kind.name in INTEGERS or kind.name == "DECIMAL":
        return _exact(column, kind, operator, number(bound, kind))
    return f"{column} {operator} {value(bound, kind)}"


def value(given: object, kind: Physical) -> str:
    """``given`` as a literal of a column's type; raises `CannotRun` when it is none."""
    if kind.name in FLOATS:
        return f"{literal(str(number(given, kind)))}::{kind.name}"
    if kind.name in INTEGERS or kind.name == "DECIMAL":
        return _plain(number(given, kind))
    if kind.name in TIMESTAMPS:
        return _timestamp(moment(given, kind), kind)
    if kind.name == "DATE":
        return _date(given, kind)
    if kind.name == "TIME":
        return _time(given, kind)
    if kind.name in ("VARCHAR", "UUID") and isinstance(given, str):
        return literal(given) if kind.name == "VARCHAR" else f"{literal(given)}::UUID"
    if kind.name == "BOOLEAN" and isinstance(given, bool):
        return "true" if given else "false"
    raise CannotRun(f"{given!r} cannot be compared with a column of type {kind.name}")


def number(given: object, kind: Physical) -> Decimal:
    """``given`` as an exact number; raises `CannotRun` when it is none."""
    text = given if isinstance(given, str) else repr(given) if isinstance(given, float) else None
    if text is None and isinstance(given, (int, Decimal)) and not isinstance(given, bool):
        text = str(given)
    try:
        found = Decimal(text) if text is not None else None
    except InvalidOperation:
        found = None
    if found is None or found.is_nan():
        raise CannotRun(f"{given!r} is no number; the column is of type {kind.name}")
    return found


def moment(given: object, kind: Physical) -> datetime:
    """``given`` as an aware moment, UTC when it names no zone; raises `CannotRun`."""
    found: datetime | None = None
    if isinstance(given, datetime):
        found = given
    elif isinstance(given, date):
        found = datetime(given.year, given.month, given.day, tzinfo=UTC)
    elif isinstance(given, str):
        try:
            found = datetime.fromisoformat(given.strip())
        except ValueError:
            found = None
    if found is None:
        raise CannotRun(
            f"{given!r} is no ISO 8601 date or timestamp; the column is of type {kind.name}"
        )
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        raise CannotRun(f"{given!r} lies before the year 1 or after 9999 in UTC") from None


def _exact(column: str, kind: Physical, operator: Operator, bound: Decimal) -> str:
    """Compare with the nearest value that the column can hold, so that nothing is rounded and
    nothing overflows: ``c >= 1.5`` on integers is ``c >= 2``."""
    if bound.is_infinite():
        below = bound > 0
        true = (operator in ("<", "<=")) == below
        return f"({column} IS NOT NULL)" if true else "false"
    scale = kind.numbers[1] if kind.name == "DECIMAL" and len(kind.numbers) > 1 else 0
    step = Decimal(1).scaleb(-scale)
    rounding = ROUND_FLOOR if operator in ("<=", ">") else ROUND_CEILING
    with localcontext() as context:
        context.prec = _DIGITS
        try:
            nearest = bound.quantize(step, rounding=rounding)
        except InvalidOperation:  # far outside of what the column can hold
            return f"{column}::DOUBLE {operator} {literal(str(bound))}::DOUBLE"
    return f"{column} {operator} {_plain(nearest)}"


def _plain(exact: Decimal) -> str:
    if not exact.is_finite() or len(exact.as_tuple().digits) > 38 or exact.adjusted() >= 38:
        return f"{literal(str(exact))}::DOUBLE"
    return f"({exact:f})"


def _timestamp(at: datetime, kind: Physical) -> str:
    text = at.replace(tzinfo=None).isoformat(sep=" ")
    if kind.name == "TIMESTAMPTZ":
        return f"{literal(text + '+00')}::TIMESTAMPTZ"
    return f"{literal(text)}::TIMESTAMP"


def _date(given: object, kind: Physical) -> str:
    at = moment(given, kind)
    if at.time() == time(0):
        return f"{literal(at.date().isoformat())}::DATE"
    return _timestamp(at, kind)


def _time(given: object, kind: Physical) -> str:
    if isinstance(given, time):
        return f"{literal(given.replace(tzinfo=None).isoformat())}::TIME"
    try:
        found = time.fromisoformat(str(given).strip())
    except ValueError:
        raise CannotRun(
            f"{given!r} is no ISO 8601 time; the column is of type {kind.name}"
        ) from None
    return f"{literal(found.replace(tzinfo=None).isoformat())}::TIME"
