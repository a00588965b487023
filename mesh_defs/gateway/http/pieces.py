"""Sending a file in pieces: each is checked and counted before it leaves, memory stays constant."""

from __future__ import annotations

import asyncio
import os
import secrets
from typing import TYPE_CHECKING

from starlette.responses import Response

from mesh_defs.gateway.errors import Ended
from mesh_defs.gateway.http.streams import left, taken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from starlette.types import Receive, Scope, Send

    from mesh_defs.gateway.handed import HandedFile, Handout
    from mesh_defs.gateway.ranges import Span

TYPE = "application/vnd.apache.parquet"
PIECE = 1 << 20  # bytes; larger ones gain nothing and wait in memory


class FileResponse(Response):
    """``parts`` of a file that was handed out (None: all of it); ``done`` is called at the end.

    It ends at once, and short of its length, when the access that the file was handed out under
    ends, and when the client goes away or takes nothing for so many seconds that it is ``stalled``.
    """

    def __init__(
        self,
        handout: Handout,
        file: HandedFile,
        parts: Sequence[Span] | None,
        headers: Mapping[str, str],
        threads: Executor,
        done: Callable[[], object],
        stalled: Callable[[float], bool],
    ) -> None:
        self.background = None
        self.handout, self.file = handout, file
        self.threads, self.done, self.stalled = threads, done, stalled
        self.status_code = 200 if parts is None else 206
        self.media_type = TYPE
        spans = [(0, file.size)] if parts is None else list(parts)
        self.pieces: list[Span | bytes] = list(spans)
        more = dict(headers)
        if parts is not None and len(spans) == 1:
            more["Content-Range"] = self._range(spans[0])
        elif parts is not None:
            boundary = secrets.token_hex(16)
            self.media_type = f"multipart/byteranges; boundary={boundary}"
            self.pieces = self._parts(spans, boundary)
        length = sum(len(p) if isinstance(p, bytes) else p[1] - p[0] for p in self.pieces)
        more["Content-Length"] = str(length)
        self.init_headers(more)

    def _range(self, span: Span) -> str:
        return f"bytes {span[0]}-{span[1] - 1}/{self.file.size}"

    def _parts(self, spans: Sequence[Span], boundary: str) -> list[Span | bytes]:
        listed: list[Span | bytes] = []
        for span in spans:
            head = f"Content-Type: {TYPE}\r\nContent-Range: {self._range(span)}\r\n\r\n"
            listed += [f"\r\n--{boundary}\r\n{head}".encode(), span]
        return [*listed, f"\r\n--{boundary}--\r\n".encode()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        gone = asyncio.ensure_future(left(receive))
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
            else:
                await self._send(send, gone)
        finally:
            gone.cancel()
            self.done()

    async def _send(self, send: Send, gone: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        descriptor = await loop.run_in_executor(self.threads, _open, self.file)
        try:
            for piece in self._cut():
                body: bytes | None
                if isinstance(piece, bytes):
                    body = piece
                else:
                    body = await loop.run_in_executor(self.threads, self._read, descriptor, piece)
                if gone.done() or body is None:
                    return
                message = {"type": "http.response.body", "body": body, "more_body": True}
                await taken(send(message), self.stalled)
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            return
        finally:
            os.close(descriptor)

    def _cut(self) -> list[Span | bytes]:
        """The pieces, none larger than `PIECE`."""
        listed: list[Span | bytes] = []
        for piece in self.pieces:
            if isinstance(piece, bytes):
                listed.append(piece)
            else:
                start, stop = piece
                listed += [(at, min(at + PIECE, stop)) for at in range(start, stop, PIECE)]
        return listed

    def _read(self, descriptor: int, span: Span) -> bytes | None:
        """The bytes of ``span``, counted as sent; None when nothing may be sent any more."""
        start, stop = span
        body = os.pread(descriptor, stop - start, start)
        if len(body) != stop - start:
            return None  # The file was cut off: the client sees that the answer is too short.
        try:
            self.handout.sending(self.file, start, stop)
        except Ended:
            return None
        return body


def _open(file: HandedFile) -> int:
    return os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
