"""Plain digests: whoever has a list of likely values has the digests of these, too."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from mesh_defs.policy.data.counting import looked_at
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
SAMPLE = 20_000
_LONGEST = 2 * max(_SIZES.values())  # characters of a digest
_TABLE = "mesh_plain_digests"


def plain_digest(port: StagedPort, column: str, source: str) -> tuple[str, int] | None:
    """The digest of values of ``source`` (a relation of one column of texts) that ``column`` has
    without any key, as hex digits or in base64, and in how many of the rows that are looked at;
    None when it has none.

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
            f"SELECT name, count(*) FROM ({_written(port, column)})"
            f" JOIN (SELECT DISTINCT name, v FROM {_TABLE}) USING (v)"
            " GROUP BY name ORDER BY 2 DESC, 1 LIMIT 1"
        ).fetchone()
    finally:
        connection.unregister(_TABLE)
    return (str(found[0]).replace("sha3_", "sha3-"), int(found[1])) if found else None


def _likely(port: StagedPort, column: str) -> list[str]:
    """The digests that values of the column are as long as."""
    found = port.connection.execute(
        f"SELECT DISTINCT length(v), length(rtrim(v, '=')) FROM {_values(port, column)}"
        f" WHERE length(v) <= {_LONGEST}"
    ).fetchall()
    hexes, b64s = ({int(row[place]) for row in found} for place in (0, 1))
    return [
        name
        for name, size in _SIZES.items()
        if 2 * size in hexes or len(_base64(bytes(size))) in b64s
    ]


def _values(port: StagedPort, column: str) -> str:
    """The values of the column (v), of many rows those of some; bytes as hex digits."""
    name = quote(column)
    kind = port.table.types.get(column, "")
    text = f"hex({name})" if kind == "BLOB" else f"CAST({name} AS VARCHAR)"
    return f"(SELECT {text} AS v FROM {looked_at(port.table, column)} WHERE {name} IS NOT NULL)"


def _written(port: StagedPort, column: str) -> str:
    """The values that may be digests, as hex digits and as base64 are written here (v)."""
    base64s = "replace(replace(rtrim(v, '='), '-', '+'), '_', '/')"
    return (
        f"SELECT unnest(list_distinct([lower(v), {base64s}])) AS v"
        f" FROM {_values(port, column)} WHERE length(v) <= {_LONGEST}"
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
