"""Plain digests: whoever has a list of likely values has the digests of these, too."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.policy.subject import StagedPort

DIGESTS = (
    "md5", "sha1", "sha224", "sha256", "sha384", "sha512",
    "sha3_224", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s",
)  # fmt: skip
_SIZES = {name: hashlib.new(name, usedforsecurity=False).digest_size for name in DIGESTS}
# Of a source with more different values than this, digests of so many are computed. A transform
# that hashes some of them hashes some of these.
SAMPLE = 100_000
_TABLE = "mesh_plain_digests"


def plain_digest(port: StagedPort, column: str, source: str) -> tuple[str, int] | None:
    """The digest of values of ``source`` (a relation of one column of texts) that ``column`` has
    without any key, as hex digits or in base64, and in how many rows; None when it has none.

    Values are digested as they are, in lower and in upper case, and without blanks around them.
    Raises `duckdb.Error`.
    """
    names = _likely(port, column)
    if not names:
        return None
    import pyarrow as pa

    texts = _texts(port, source)
    named, written = [], []
    for name in names:
        for digest in (_digest(name, text) for text in texts):
            named += [name, name]
            written += [digest.hex(), _base64(digest)]
    connection = port.connection
    known = {"name": pa.array(named, pa.string()), "v": pa.array(written, pa.string())}
    connection.register(_TABLE, pa.table(known))
    try:
        found = connection.execute(
            f"SELECT name, count(*) FROM (SELECT unnest(list_distinct([hex, b64])) AS v"
            f" FROM ({_forms(port, column)})) JOIN (SELECT DISTINCT name, v FROM {_TABLE})"
            " USING (v) GROUP BY name ORDER BY 2 DESC, 1 LIMIT 1"
        ).fetchone()
    finally:
        connection.unregister(_TABLE)
    return (str(found[0]).replace("sha3_", "sha3-"), int(found[1])) if found else None


def _likely(port: StagedPort, column: str) -> list[str]:
    """The digests that values of the column are as long as."""
    found = port.connection.execute(
        f"SELECT DISTINCT length(hex), length(b64) FROM ({_forms(port, column)})"
        " WHERE length(hex) <= 128 OR length(b64) <= 86"
    ).fetchall()
    hexes, b64s = ({int(row[place]) for row in found} for place in (0, 1))
    return [
        name
        for name, size in _SIZES.items()
        if 2 * size in hexes or len(_base64(bytes(size))) in b64s
    ]


def _forms(port: StagedPort, column: str) -> str:
    """The values of the column, written as hex digits and as base64 are here."""
    name = quote(column)
    kind = port.table.types.get(column, "")
    text = f"lower(hex({name}))" if kind == "BLOB" else f"CAST({name} AS VARCHAR)"
    return (
        f"SELECT lower(v) AS hex, rtrim(translate(v, '-_', '+/'), '=') AS b64"
        f" FROM (SELECT {text} AS v FROM {port.table.sql} WHERE {name} IS NOT NULL)"
    )


def _texts(port: StagedPort, source: str) -> list[str]:
    """Different values of the source as people write them before they hash them."""
    rows = port.connection.execute(
        f"SELECT DISTINCT v FROM {source} AS s(v) ORDER BY hash(v), v LIMIT {SAMPLE}"
    ).fetchall()
    return sorted({text for row in rows for text in _variants(str(row[0]))})


def _variants(text: str) -> Iterator[str]:
    for one in (text, text.strip()):
        yield from (one, one.lower(), one.upper())


def _digest(name: str, text: str) -> bytes:
    return hashlib.new(name, text.encode(), usedforsecurity=False).digest()


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode().rstrip("=")
