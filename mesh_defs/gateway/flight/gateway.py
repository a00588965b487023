"""The Flight side of a gateway: started, reached, stopped."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.gateway.flight.server import make_server
from mesh_defs.gateway.flight.service import Service
from mesh_defs.gateway_profile import LOOPBACK

if TYPE_CHECKING:
    from types import TracebackType

    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.tls import ServerTls


class FlightGateway:
    """Serves ``gateway`` by Arrow Flight SQL at ``host`` and ``port`` (0: a free one), with the
    certificate and key ``tls`` where there are any. It listens as soon as it is made; `stop` ends
    it, and closes ``gateway`` nowhere. Raises `MeshError` when it cannot listen there."""

    def __init__(
        self,
        gateway: Gateway,
        host: str = LOOPBACK,
        port: int = 0,
        tls: ServerTls | None = None,
    ) -> None:
        import pyarrow as pa

        self._host = f"[{host}]" if ":" in host else host
        self._scheme = "grpc" if tls is None else "grpc+tls"
        certificates = None if tls is None else [(tls.certificate, tls.key)]
        self._service = Service(gateway)
        try:
            self._server = make_server(
                gateway, self._service, f"{self._scheme}://{self._host}:{port}", certificates
            )
        except pa.ArrowException as error:
            self._service.stop()
            raise MeshError(
                f"Flight cannot listen on {host}:{port} ({error}). Fix: free the port, or set "
                "another 'flight_port' for the profile's gateway"
            ) from None
        self._stopped = False
        self._thread = threading.Thread(target=self._server.serve, name="flight", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.port)

    @property
    def location(self) -> str:
        """Its address on this machine: ``grpc://127.0.0.1:32010``."""
        return f"{self._scheme}://{self._host}:{self.port}"

    def stop(self) -> None:
        """End what runs, and listen no more. Once more does nothing."""
        if self._stopped:
            return
        self._stopped = True
        self._service.stop()
        self._server.shutdown()
        self._thread.join()

    def __enter__(self) -> FlightGateway:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
