"""A real HTTP gateway on loopback, in this process, over a small real mesh."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import uvicorn
from loopback import PLAIN

from mesh_defs.gateway.core import Gateway
from mesh_defs.gateway.flight.gateway import FlightGateway
from mesh_defs.gateway.http.app import create_app
from mesh_defs.gateway.identity.local import make_admin_token
from mesh_defs.gateway.state.tokens import NewToken
from mesh_defs.settings import load_settings

ALL = ("mesh://shop",)


@dataclass
class Served:
    """``gateway`` answers at ``base``; `client` speaks to it as a principal."""

    gateway: Gateway
    base: str
    _clients: list[httpx.Client] = field(default_factory=list)
    _secrets: dict[object, str] = field(default_factory=dict)

    def token(
        self,
        principal: str,
        urls: tuple[str, ...] = ALL,
        seconds: float = 3600,
        **more: object,
    ) -> str:
        """The secret of a new service token for ``principal``."""
        now = datetime.now(UTC)
        key = (principal, urls, seconds, str(more))
        if key not in self._secrets:
            name = f"t{len(self._secrets)}"
            wanted = NewToken(name, principal, urls, now + timedelta(seconds=seconds), **more)
            issued = self.gateway.state.tokens.create(wanted, "person:admin", now)
            self._secrets[key] = issued.secret
        return self._secrets[key]

    def admin(self) -> str:
        """The admin token."""
        return make_admin_token(self.gateway.settings).read_text().strip()

    def client(self, principal: str | None = None, **headers: str) -> httpx.Client:
        """A client that shows a token of ``principal``; of nobody without one."""
        secret = None
        if principal is not None:
            secret = self.admin() if principal == "admin" else self.token(principal)
        return self.with_token(secret, **headers)

    def with_token(self, secret: str | None, **headers: str) -> httpx.Client:
        """A client that shows ``secret``."""
        shown = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
        client = httpx.Client(base_url=self.base, headers={**shown, **headers}, timeout=60, **PLAIN)
        self._clients.append(client)
        return client

    def await_event(self, event: str, receipt: str) -> dict:
        """What the receipt says of ``event``, once it does; the gateway has 30 seconds."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            for each in self.events():
                if (each["event"], each["receipt"]) == (event, receipt):
                    return each
            time.sleep(0.02)
        raise AssertionError(
            f"no '{event}' in {[e for e in self.events() if e['receipt'] == receipt]}"
        )

    def events(self) -> list[dict]:
        """What the receipts say, oldest first."""
        found = self.gateway.state.receipts.listed(most=10_000)
        return [each.body for each in reversed(found)]


@contextlib.contextmanager
def served(root: Path) -> Iterator[Served]:
    """The mesh below ``root``, served on a free port of loopback while the block lasts."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    gateway = Gateway(load_settings(root), base)
    # What the whole process may hold is less than the clients' libraries take, which are in it too.
    gateway.engine._watch._most_mb = None
    config = uvicorn.Config(create_app(gateway), log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    mesh = Served(gateway, base)
    flight = FlightGateway(gateway)
    gateway.flight = flight.location
    try:
        end = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < end
            time.sleep(0.01)
        yield mesh
    finally:
        for client in mesh._clients:
            client.close()
        flight.stop()
        server.should_exit = True
        thread.join(30)
        listener.close()
        gateway.close()
