"""Where events go: to the end of a file, or to a server."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from mesh_defs.gateway_profile import is_loopback
from mesh_defs.product.tell import NotTold
from mesh_defs.standards.openlineage.waiting import Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIMEOUT_SECONDS = 5.0
_PRIVATE = 0o600
# By which a server says that it will not take this event, whenever it comes.
_FOR_GOOD = frozenset({400, 413, 415, 422})


class Transport(Protocol):
    """Takes one event. Raises `NotTold`."""

    def send(self, event: Mapping[str, Any]) -> None:
        """Send ``event``."""


@dataclass(frozen=True, slots=True)
class FileTransport:
    """Appends each event as one line of JSON, in one write, so that runs at the same time do not
    mix theirs."""

    path: Path

    def send(self, event: Mapping[str, Any]) -> None:
        """Append ``event``. Raises `NotTold`."""
        line = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            file = os.open(self.path, flags, _PRIVATE)
            try:
                written = os.write(file, line)
            finally:
                os.close(file)
        except OSError as error:
            why = error.strerror or error
            raise NotTold(f"{self.path.name} cannot be written: {why}") from None
        if written != len(line):
            raise NotTold(f"{self.path.name} took {written} of {len(line)} bytes: the disk is full")


@dataclass(frozen=True, slots=True)
class NoTransport:
    """Sends nothing, and says ``why``."""

    why: str

    def send(self, event: Mapping[str, Any]) -> None:
        """Raise `NotTold`."""
        del event
        raise NotTold(self.why)


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """Posts each event to ``url`` (https, or http on loopback), with the bearer's ``key``, if
    any."""

    url: str
    key: str | None = None

    def send(self, event: Mapping[str, Any]) -> None:
        """Post ``event``; a redirect is refused, as the key is this server's. Raises `NotTold`,
        and `Rejected` for an event that the server will never take."""
        headers = {"Content-Type": "application/json", "User-Agent": "mesh-defs"}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        body = json.dumps(event, separators=(",", ":")).encode()
        place = _place(self.url)
        try:
            # The scheme was checked where it was declared.
            request = urllib.request.Request(self.url, body, headers, method="POST")  # noqa: S310
            with _opener(self.url).open(request, timeout=TIMEOUT_SECONDS):
                return
        except urllib.error.HTTPError as error:
            with error:
                kind = Rejected if error.code in _FOR_GOOD else NotTold
                raise kind(f"{place} answered {error.code}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise NotTold(f"{place} cannot be reached: {reason}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nothing: what is no success is an error."""


def _opener(url: str) -> urllib.request.OpenerDirector:
    if is_loopback(urlsplit(url).hostname or ""):
        return urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    return urllib.request.build_opener(_NoRedirect())


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
