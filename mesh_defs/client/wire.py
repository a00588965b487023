"""HTTP to a gateway: one place for addresses, credentials and errors."""

from __future__ import annotations

import http.client
import json
import os
import ssl
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from mesh_defs.errors import (
    AccessDenied,
    MeshError,
    NotPublished,
    SourceUnavailable,
    Unauthenticated,
    UnknownAddress,
)
from mesh_defs.faults import one_line, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOKEN_VARIABLE = "MESH_TOKEN"  # noqa: S105  the variable's name
_TIMEOUT = 60.0
_MOST_ERROR = 100_000
_AGENT = "mesh-client"


class Wire:
    """Requests to the gateway at ``base`` (``https://host[:port]``; ``http`` only on loopback,
    where nobody listens on the way) with ``token``. ``certificate`` is a PEM file that servers are
    trusted by (default: the system's)."""

    def __init__(
        self,
        base: str,
        token: str | None,
        *,
        certificate: str | None = None,
        timeout: float = _TIMEOUT,
    ) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise MeshError(f"'{base}' is no gateway's address. Fix: write https://<host>[:port]")
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme == "http" and not local:
            raise MeshError(
                f"'{base}' is not encrypted, and whoever listens on the way would have the token. "
                "Fix: write https://, or reach it through an encrypted tunnel to localhost"
            )
        self.base = base.rstrip("/")
        self.secure = parts.scheme == "https"
        self.certificate = certificate
        self.token = token
        self._timeout = timeout
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")

    def __repr__(self) -> str:
        return f"<Wire {self.base}>"

    def json(self, path: str, query: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401  JSON
        """The JSON that ``path`` answers. Raises `AccessDenied`, `Unauthenticated`,
        `UnknownAddress`, `NotPublished`, `SourceUnavailable`, `MeshError`."""
        with self.get(path, query, accept="application/json") as response:
            return json.load(response)

    @contextmanager
    def get(
        self, path: str, query: Mapping[str, object] | None = None, *, accept: str
    ) -> Iterator[IO[bytes]]:
        """The body of ``path``, as a stream."""
        with self._ask("GET", path, query, {"Accept": accept}, None) as response:
            yield response

    @contextmanager
    def post(
        self,
        path: str,
        body: object,
        query: Mapping[str, object] | None = None,
        *,
        accept: str = "application/json",
    ) -> Iterator[IO[bytes]]:
        """As `get`, sending ``body`` as JSON."""
        headers = {"Accept": accept, "Content-Type": "application/json"}
        sent = json.dumps(body).encode()
        with self._ask("POST", path, query, headers, sent) as response:
            yield response

    @contextmanager
    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None,
        headers: dict[str, str],
        body: bytes | None,
    ) -> Iterator[IO[bytes]]:
        told = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{self._prefix}{path}" + (f"?{urlencode(told)}" if told else "")
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = self._connection()
        try:
            connection.request(method, target, body, {**headers, "User-Agent": _AGENT})
            response = connection.getresponse()
            if response.status >= 300:
                raise _error(response, self.base)
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise SourceUnavailable(
                f"the gateway at {self.base} cannot be reached, or ended in the middle "
                f"({type(error).__name__}: {error}). Fix: check the address, and try again"
            ) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self.secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        context = ssl.create_default_context(cafile=self.certificate)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=self._timeout, context=context
        )


def token_of(token: str | None) -> str | None:
    """``token``, or that of the environment."""
    return token or os.environ.get(TOKEN_VARIABLE) or None


def _error(response: http.client.HTTPResponse, base: str) -> MeshError:
    """What an answer that is no success says (RFC 9457)."""
    title, detail, fix = f"{response.status} {response.reason}", "", ""
    try:
        problem = json.loads(response.read(_MOST_ERROR))
        title = str(problem.get("title", title))
        detail, fix = str(problem.get("detail", "")), str(problem.get("fix", ""))
    except (ValueError, AttributeError):
        detail = f"{base} answered {title}"
    text = one_line(short(detail or title, 2000))
    if fix:
        text += f" Fix: {one_line(short(fix, 1000))}"
    kinds: dict[int, type[MeshError]] = {
        401: Unauthenticated,
        403: AccessDenied,
        410: AccessDenied,
        429: SourceUnavailable,
        503: SourceUnavailable,
    }
    if response.status == 404:
        return (NotPublished if title == "Not published" else UnknownAddress)(text)
    return kinds.get(response.status, MeshError)(text)
