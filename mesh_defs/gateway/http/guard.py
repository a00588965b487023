"""What every request and every answer passes: a look at the host that it is for, a limit on bodies,
and headers that keep browsers from making more of an answer than it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.gateway.errors import GatewayError, Misdirected, TooLarge
from mesh_defs.gateway.http.problems import of_error, unforeseen

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mesh_defs.gateway.http.hosts import Hosts

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_LONGEST_TARGET = 16_384


class Guard:
    """ASGI middleware; bodies of more than ``most_bytes`` are refused as soon as they are, and what
    is for none of ``hosts``."""

    def __init__(self, app: ASGIApp, most_bytes: int, hosts: Hosts) -> None:
        self._app = app
        self._most = most_bytes
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._hosts.check(scope)
        except Misdirected as error:
            await _answer(error, scope, receive, _Sender(send))
            return
        if _announced(scope) > self._most or len(scope.get("query_string", b"")) > _LONGEST_TARGET:
            await self._refuse(scope, receive, _Sender(send))
            return
        sender = _Sender(send)
        got = 0

        async def receiving() -> Message:
            nonlocal got
            message = await receive()
            if message["type"] == "http.request":
                got += len(message.get("body", b""))
                if got > self._most and not sender.started:
                    # What the application makes of half a body is not its answer.
                    await self._refuse(scope, receive, sender)
                    sender.closed = True
                    return {"type": "http.disconnect"}
            return message

        try:
            await self._app(scope, receiving, sender)
        except Exception as error:  # noqa: BLE001  whatever it is: the server would log its words
            answer = unforeseen(scope["method"], scope["path"], error)
            if not sender.started:
                await answer(scope, receive, sender)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = TooLarge(f"found a request of more than {self._most} bytes. Fix: send less")
        await _answer(error, scope, receive, send)


async def _answer(error: GatewayError, scope: Scope, receive: Receive, send: Send) -> None:
    await of_error(error)(scope, receive, send)


class _Sender:
    """Sends an answer with our headers; nothing any more when it is ``closed``."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.closed = False

    async def __call__(self, message: Message) -> None:
        """Send one message."""
        if self.closed:
            return
        if message["type"] == "http.response.start":
            self.started = True
            names = {name.lower() for name, _ in message["headers"]}
            more = ((name, value) for name, value in _HEADERS if name not in names)
            message["headers"] = [*message["headers"], *more]
        await self._send(message)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and re.fullmatch(rb"[0-9]{1,18}", value):
            return int(value)
    return 0
