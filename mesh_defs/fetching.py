"""A JSON document of another server: bounded in size and time, and from nowhere else."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mesh_defs.gateway_profile import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})", re.IGNORECASE)


class NotFetched(Exception):
    """The document could not be read. Its text says why, for a log; ``status`` is that of HTTP,
    None where there was no answer."""

    def __init__(self, text: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A JSON object, and how many seconds its server says it stays good (None: it does not say)."""

    data: Mapping[str, object]
    max_age: int | None


def fetch_json(url: str, *, seconds: float, most_bytes: int, token: str | None = None) -> Fetched:
    """The JSON object at ``url`` (https, or http on loopback), read within ``seconds`` in all, of
    at most ``most_bytes``; asked for with the bearer's ``token``, if any.

    A redirect is refused: what else is believed, nobody has declared. Proxies of the
    environment are used, except for loopback. Raises `NotFetched`.
    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    # The scheme was checked where it was declared.
    request = urllib.request.Request(url, headers=headers)  # noqa: S310
    deadline = _Deadline(seconds)
    try:
        with _opener(url, deadline).open(request, timeout=seconds) as answer:
            body = answer.read(most_bytes + 1)
            status, control = answer.status, answer.headers.get("Cache-Control")
    except urllib.error.HTTPError as error:
        with error:
            raise NotFetched(f"{url} answered {error.code}", error.code) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotFetched(f"{url}: {error or type(error).__name__}{deadline}") from None
    finally:
        deadline.stop()
    if status != http.HTTPStatus.OK:
        raise NotFetched(f"{url} answered {status}", status)
    if len(body) > most_bytes:
        raise NotFetched(f"{url} answered more than {most_bytes} bytes")
    try:
        data = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise NotFetched(f"{url} answered what is no JSON{deadline}") from None
    if not isinstance(data, dict):
        raise NotFetched(f"{url} answered no JSON object")
    return Fetched(data, _max_age(control))


def _max_age(control: str | None) -> int | None:
    if control is None:
        return None
    if re.search(r"no-(store|cache)", control, re.IGNORECASE):
        return 0
    match = _MAX_AGE.search(control)
    return int(match[1]) if match is not None else None


class _Deadline:
    """Cuts a connection when time is up: a socket's own timeout starts anew with every byte."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = False
        self.timer: threading.Timer | None = None

    def __str__(self) -> str:
        return f" (cut after {self.seconds:g} s)" if self.over else ""

    def watch(self, connected: socket.socket) -> None:
        self.stop()
        self.timer = threading.Timer(self.seconds, self._cut, [connected])
        self.timer.daemon = True
        self.timer.start()

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def _cut(self, connected: socket.socket) -> None:
        self.over = True
        with suppress(OSError):  # It was closed already.
            # Below TLS: that of another thread is in the middle of reading.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _Http(http.client.HTTPConnection):
    def __init__(self, deadline: _Deadline, host: str, timeout: float) -> None:
        super().__init__(host, timeout=timeout)
        self.deadline = deadline

    def connect(self) -> None:
        super().connect()
        self.deadline.watch(self.sock)


class _Https(http.client.HTTPSConnection):
    def __init__(self, deadline: _Deadline, host: str, timeout: float) -> None:
        super().__init__(host, timeout=timeout, context=ssl.create_default_context())
        self.deadline = deadline

    def connect(self) -> None:
        super().connect()
        self.deadline.watch(self.sock)


class _HttpHandler(urllib.request.HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self.deadline = deadline

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Http, self.deadline), req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self.deadline = deadline

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Https, self.deadline), req)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nothing: what is no 200 is an error."""


def _opener(url: str, deadline: _Deadline) -> urllib.request.OpenerDirector:
    own = [_HttpHandler(deadline), _HttpsHandler(deadline), _NoRedirect()]
    if is_loopback(urlsplit(url).hostname or ""):
        return urllib.request.build_opener(urllib.request.ProxyHandler({}), *own)
    return urllib.request.build_opener(*own)
