"""One gateway process: HTTP and Flight over the same parts, until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mesh_defs.errors import MeshError
from mesh_defs.gateway.address import Place, noted
from mesh_defs.gateway.core import Gateway
from mesh_defs.gateway.identity.local import make_admin_token
from mesh_defs.gateway.identity.tls import check_start
from mesh_defs.gateway.memory import be_frugal, be_still
from mesh_defs.processes import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from fastapi import FastAPI

    from mesh_defs.gateway.identity.tls import ServerTls
    from mesh_defs.settings import Settings

DEFAULT_PORT = 8080
_TRIED = 100
_BACKLOG = 512
_GRACE_SECONDS = 10
# A thread that computes holds up all others for so long whenever they come back from a file or a
# socket, which a page does many times.
_SWITCH_SECONDS = 0.0005
# Pages are complete when it answers, unless all of the mesh is read for the first time.
_READ_SECONDS = 3.0
_THREADS = 160  # requests that wait or run, one thread each
_log = logging.getLogger(__name__)


def serve(
    settings: Settings,
    *,
    port: int | None = None,
    flight_port: int | None = None,
    ready: Callable[[Place], None],
    told: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve the mesh of ``settings`` until SIGTERM or SIGINT; ``ready`` is called once it answers.
    ``told`` hears how far the mesh is read.

    Ports are those given, else the profile's, else the next free ones. Raises `InvalidMesh` for a
    profile that may not be served as it is, `MeshError` for a port that is taken.
    """
    be_frugal()
    sys.setswitchinterval(_SWITCH_SECONDS)
    tls = check_start(settings)
    for warning in tls.warnings if tls is not None else ():
        _log.warning("%s", warning)
    make_admin_token(settings)
    profile = settings.profile.gateway
    from mesh_defs.gateway.flight.gateway import FlightGateway
    from mesh_defs.gateway.http.app import create_app

    with ExitStack() as held:
        wanted = port or profile.port
        http = held.enter_context(_listening(profile.host, wanted, DEFAULT_PORT))
        number = http.getsockname()[1]
        scheme = "http" if tls is None else "https"
        name = f"[{profile.host}]" if ":" in profile.host else profile.host
        base = (profile.url or f"{scheme}://{name}:{number}").rstrip("/")
        gateway = Gateway(settings, base)
        held.callback(gateway.close)
        start = time.monotonic()
        gateway.overview.start(be_still)
        wanted = flight_port or profile.flight_port
        server = FlightGateway(gateway, profile.host, wanted or 0, tls)
        held.callback(server.stop)
        # Who is reached from elsewhere by a name is reached by it over Flight as well.
        public = urlsplit(base).hostname or profile.host
        gateway.flight = server.location.replace(name, public if profile.url else name)
        app = create_app(gateway, threads=_THREADS)
        told("reading the mesh")
        told(_read(gateway, start))
        place = Place(base, gateway.flight, os.getpid(), identity(os.getpid()) or "")
        held.enter_context(noted(settings, place))
        _http(gateway, app, http, tls, lambda: ready(place))


def _read(gateway: Gateway, start: float) -> str:
    """Wait until pages are complete, for a moment at most; what became of it."""
    if gateway.overview.wait(_READ_SECONDS):
        took = time.monotonic() - start
        return f"{gateway.overview.products:,} products are read, after {took:.1f} s"
    return "the mesh is still being read; until it is, pages and /-/health say so"


def _http(
    gateway: Gateway,
    app: FastAPI,
    listener: socket.socket,
    tls: ServerTls | None,
    ready: Callable[[], None],
) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=gateway.profile.behind_proxy,
        forwarded_allow_ips="*" if gateway.profile.behind_proxy else None,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=tls.certificate_file if tls is not None else None,
        ssl_keyfile=tls.key_file if tls is not None else None,
    )
    server = _Server(config, ready)
    with _until_told(server):
        server.run(sockets=[listener])


class _Server:
    """uvicorn's server, which tells when it answers."""

    def __init__(self, config: Any, ready: Callable[[], None]) -> None:  # noqa: ANN401  uvicorn's
        import uvicorn

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started:
                    ready()

            @contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield  # whoever started this listens to signals

        self._server = Server(config)

    def run(self, sockets: list[socket.socket]) -> None:
        """Serve until `stop`."""
        self._server.run(sockets=sockets)

    def stop(self) -> None:
        """End what is served within the time of grace; a second time at once."""
        if self._server.should_exit:
            self._server.force_exit = True
        self._server.should_exit = True


@contextmanager
def _until_told(server: _Server) -> Iterator[None]:
    """Have SIGTERM and SIGINT end ``server`` while the block lasts."""

    def told(_number: int, _frame: FrameType | None) -> None:
        server.stop()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _listening(host: str, wanted: int | None, first: int) -> Iterator[socket.socket]:
    """A socket that is bound to ``wanted``, or to the next free port from ``first``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in [wanted] if wanted is not None else range(first, first + _TRIED):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            # At once: until one of them listens, several gateways may be bound to one port.
            listener.listen()
        except OSError as error:
            listener.close()
            if wanted is not None:
                raise MeshError(
                    f"port {wanted} of {host} cannot be listened on ({error.strerror}). "
                    "Fix: choose another with --port, or end what listens there"
                ) from None
            continue
        try:
            yield listener
        finally:
            listener.close()
        return
    raise MeshError(f"no free port of {host} from {first} to {first + _TRIED - 1}")
