"""Masks as SQL: what a reader sees in place of a value.

========== =====================================================================================
null       nothing
hash       HMAC-SHA256 (RFC 2104) of the value's text with the profile's key, as 64 hex digits: the
           same value gives the same digits in every port, and nobody without the key can try out
           values
generalised times cut to their year (or what ``@to`` names), numbers to one significant digit (or
           to multiples of the width that ``@to`` names); texts have no generalisation: null
partial    of an e-mail address the first letter and the domain, of another text ``***`` and a
           quarter of its characters, at most four, from its end; numbers and times: null
========== =====================================================================================

What was null stays null. Every result but those of ``generalised`` is a VARCHAR.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from mesh_defs.policy.access.rules import Mask

HASH_FUNCTION = "mesh_access_hash"
SHORTEST_KEY = 16  # bytes; shorter keys can be tried out

_INTEGERS = frozenset(
    sign + name
    for name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
    for sign in ("", "U")
)
_UNITS_OF_DAYS = frozenset(["month", "quarter", "year", "decade"])
_EMAIL = "[A-Za-z0-9._%+-]{3,}@[A-Za-z0-9.-]+"


def masked(column: str, kind: str, mask: Mask, to: str | None) -> str:
    """SQL for ``column`` (a quoted name of DuckDB type ``kind``) under ``mask``."""
    if mask == "hash":
        return f"{HASH_FUNCTION}(CAST({column} AS VARCHAR))"
    if mask == "partial" and kind == "VARCHAR":
        return _partial(column)
    if mask == "generalised":
        return _generalised(column, kind, to) or _nothing(kind)
    return _nothing(kind)


def why_nothing(kind: str, mask: Mask, to: str | None) -> str | None:
    """Why ``mask`` leaves nothing of a column of that type, when it does."""
    if mask == "partial" and kind != "VARCHAR":
        return f"a {kind} has no part that could be shown"
    if mask == "generalised" and _generalised("x", kind, to) is None:
        unit = f" to {to}" if to is not None else ""
        return f"a {kind} cannot be generalised{unit}"
    return None


def _nothing(kind: str) -> str:
    return f"CAST(NULL AS {kind})"


def _partial(column: str) -> str:
    return (
        f"CASE WHEN regexp_full_match({column}, '{_EMAIL}')"
        f" THEN left({column}, 1) || '***' || substr({column}, strpos({column}, '@'))"
        f" ELSE '***' || right({column}, CAST(least(4, length({column}) // 4) AS BIGINT)) END"
    )


def _generalised(column: str, kind: str, to: str | None) -> str | None:
    number = to is None or to[0].isdigit()
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        unit = to or "year"
        if unit[0].isdigit() or (kind == "DATE" and unit not in _UNITS_OF_DAYS):
            return None
        return f"CAST(date_trunc('{unit}', {column}) AS {kind})"
    if not number:
        return None
    if kind in _INTEGERS or kind in ("FLOAT", "DOUBLE") or kind.startswith("DECIMAL"):
        step = to or f"pow(10, floor(log10(abs(CAST({column} AS DOUBLE)))))"
        cut = f"TRY_CAST(trunc(CAST({column} AS DOUBLE) / {step}) * {step} AS {kind})"
        return f"CASE WHEN {column} = 0 THEN {column} ELSE {cut} END"
    return None


def install_hash(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Make the hash known to ``connection``, which must never be handed to a reader: with the
    function anybody could try out values. The key stands in no SQL."""

    from duckdb.func import PythonUDFType

    def hashed(values: pa.ChunkedArray) -> pa.Array:
        import pyarrow as pa

        encoded = pa.chunked_array(values).combine_chunks().dictionary_encode()
        digests = [_digest(key, value) for value in encoded.dictionary.to_pylist()]
        return pa.array(digests, pa.string()).take(encoded.indices)

    # Without annotations: they are not resolvable where pyarrow is imported for typing alone.
    hashed.__annotations__ = {}
    connection.create_function(
        HASH_FUNCTION, hashed, ["VARCHAR"], "VARCHAR", type=PythonUDFType.ARROW
    )


def _digest(key: bytes, value: str | None) -> str | None:
    return None if value is None else hmac.digest(key, value.encode(), "sha256").hex()
