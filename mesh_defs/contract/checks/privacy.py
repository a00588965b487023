"""What a verdict may show of rows: at most twenty, as plain values, personal columns masked."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from mesh_defs.contract.physical_types import FLOATS, INTEGERS
from mesh_defs.contract.verdicts import MAX_SAMPLES
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from mesh_defs.contract.checks.findings import Failing
    from mesh_defs.contract.checks.table import Table

    Plain = str | int | float | bool | None

MASK = "***"
_MAX_COLUMNS = 30
_MAX_TEXT = 200
_PLAIN = INTEGERS | {"BOOLEAN"}
# Errors at run time quote the value that they stumbled over; errors of the parser, the binder and
# the catalogue only quote the query.
_QUOTES_NO_DATA = re.compile(r"(Parser|Binder|Catalog|IO|Permission|Not implemented|Syntax) Error")


def samples(
    table: Table, failing: Failing, key: Sequence[str], personal: AbstractSet[str]
) -> tuple[Mapping[str, Plain], ...]:
    """The first failing rows, in the order of the data: all columns, or the ``key`` and the
    rule's own when there are many. Personal values never leave the engine. Raises
    `duckdb.Error`."""
    names = list(table.columns)
    if len(names) > _MAX_COLUMNS:
        wanted = {*key, *failing.columns}
        names = [name for name in names if name in wanted] or names[:_MAX_COLUMNS]
    shown = ", ".join(_shown(table, name, personal) for name in names)
    found = table.connection.execute(
        f"SELECT {shown} FROM (SELECT * FROM {table.named('this')} WHERE {failing.condition}"
        f" LIMIT {MAX_SAMPLES}) AS this"
    ).fetchall()
    return tuple(
        {name: _json_safe(value) for name, value in zip(names, row, strict=True)} for row in found
    )


def _shown(table: Table, name: str, personal: AbstractSet[str]) -> str:
    if name in personal:
        return f"'{MASK}'"
    kind, column = table.columns[name].name, quote(name)
    if kind in _PLAIN or kind in FLOATS:
        return column
    return f"left({column}::VARCHAR, {_MAX_TEXT + 1})"


def _json_safe(value: object) -> Plain:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    text = str(value)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"


def masked_rows(
    rows: Sequence[Mapping[str, object]], personal: AbstractSet[str]
) -> tuple[Mapping[str, Plain], ...]:
    """Rows that another engine hands over, as `samples` would show them."""
    return tuple(
        {name: MASK if name in personal else _json_safe(value) for name, value in row.items()}
        for row in rows[:MAX_SAMPLES]
    )


def mentions(text: str, names: AbstractSet[str]) -> bool:
    """Whether ``text`` speaks of one of the columns ``names``, upper or lower case."""
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) for name in names)


def safe_reason(reason: str, personal: AbstractSet[str]) -> str:
    """An engine's error without values of the data, where some columns are personal."""
    kind, colon, _ = reason.partition(" Error: ")
    if not personal or not colon or _QUOTES_NO_DATA.match(f"{kind} Error"):
        return reason
    return f"{kind} Error (its text is not shown: it may quote personal values)"
