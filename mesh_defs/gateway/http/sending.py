"""An answer on its way out: its form, compression, headers, and pieces."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

from fastapi.responses import Response, StreamingResponse

from mesh_defs.gateway.delivery import Delivery
from mesh_defs.gateway.http.forms import MEDIA, encoder
from mesh_defs.gateway.http.headers import reading_headers

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    import pyarrow as pa
    from fastapi import Request

    from mesh_defs.gateway.answers import Answering
    from mesh_defs.gateway.http.forms import Encoder, Form

Piece = bytes | memoryview
_CODINGS = ("zstd", "gzip")


def answered(request: Request, found: Answering, form: Form) -> Response:
    """``found`` as a response; what fails before its first piece is an error of its own."""
    made: Encoder = encoder(form)
    headers = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding"}
    if len(found.readings) == 1:
        headers |= reading_headers(found.readings[0])
    else:
        headers["Mesh-Receipt"] = ", ".join(each.id for each in found.readings)
    coding = _coding(request.headers.get("Accept-Encoding", ""))
    if coding is not None:
        made = Compressed(made, coding)
        headers["Content-Encoding"] = coding
    delivery = Delivery(found.readings, found.answer, made, found.done)
    pieces = delivery.pieces()
    first = next(pieces)
    second = next(pieces, None)
    if second is None:
        return Response(bytes(first), headers=headers, media_type=MEDIA[form])
    return StreamingResponse(
        _closing((first, second), pieces), headers=headers, media_type=MEDIA[form]
    )


def _closing(first: Iterable[Piece], rest: Generator[Piece]) -> Iterator[Piece]:
    """``first``, then ``rest``, which is closed with this."""
    with closing(rest):
        yield from first
        yield from rest


def _coding(accepted: str) -> str | None:
    """How the answer is compressed: only where the client asks for it by name."""
    asked = {}
    for part in accepted.lower().split(",")[:20]:
        name, _, parameters = part.strip().partition(";")
        refused = re.fullmatch(r"\s*q=0(\.0*)?\s*", parameters) is not None
        asked[name.strip()] = not refused
    return next((name for name in _CODINGS if asked.get(name)), None)


class Compressed:
    """Another encoder's bytes, compressed."""

    def __init__(self, inner: Encoder, coding: str) -> None:
        import pyarrow as pa

        self._inner = inner
        self._sink = _Drain()
        self._stream = pa.CompressedOutputStream(pa.PythonFile(self._sink, "w"), coding)

    def start(self, schema: pa.Schema) -> bytes:
        """As the other's."""
        return self._through(self._inner.start(schema))

    def batch(self, batch: pa.RecordBatch) -> bytes:
        """As the other's."""
        return self._through(self._inner.batch(batch))

    def end(self) -> bytes:
        """As the other's, and the end of what is compressed."""
        self._stream.write(self._inner.end())
        self._stream.close()
        return self._sink.taken()

    def _through(self, piece: bytes | memoryview) -> bytes:
        self._stream.write(piece)
        return self._sink.taken()


class _Drain:
    """A file that gives out what was written since the last time."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        self.closed = True

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False
