"""Errors as Flight tells them: a status, and a text that says what was wrong and what to do."""

from __future__ import annotations

import json
import logging
import traceback
from typing import TYPE_CHECKING, cast

from mesh_defs.errors import (
    AccessDenied,
    Busy,
    InvalidRequest,
    MeshError,
    NotPublished,
    SourceUnavailable,
    StorageFailed,
    Unauthenticated,
    UnknownAddress,
)
from mesh_defs.faults import short
from mesh_defs.gateway.errors import GatewayError
from mesh_defs.gateway.fixes import with_fix

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)
# gRPC carries texts in headers, of which clients take 8 KB altogether.
_LONGEST = 2000
_RETRY_SECONDS = 5
_STATUS: tuple[tuple[type[MeshError], int], ...] = (
    (Unauthenticated, 401),
    (AccessDenied, 403),
    (NotPublished, 404),
    (UnknownAddress, 404),
    (InvalidRequest, 400),
    (Busy, 503),
    (SourceUnavailable, 503),
    (StorageFailed, 503),
)


class _Quiet(Exception):
    """An error whose traceback nobody is told.

    pyarrow turns any exception but its own Flight errors into a status by its base class, which is
    the only way to the codes NOT_FOUND, INVALID_ARGUMENT and UNIMPLEMENTED, and appends what
    `traceback.format_exception` makes of it: files and lines of this server. Where that fails it
    appends the class's name alone. So it fails.
    """

    def __str__(self) -> str:
        return str(self.args[0])

    def __getattribute__(self, name: str) -> object:
        if name in ("__cause__", "__notes__"):
            raise RuntimeError
        return super().__getattribute__(name)


class NotFound(_Quiet, KeyError):
    """NOT_FOUND."""


class BadArgument(_Quiet, ValueError):
    """INVALID_ARGUMENT."""


class NotOffered(_Quiet, NotImplementedError):
    """UNIMPLEMENTED."""


class Untold(_Quiet):
    """UNKNOWN: what is wrong where pyarrow lets no status of Flight's by."""


class Unimplemented(MeshError):
    """Flight or Flight SQL has it, and a mesh has not."""


def status_of(error: MeshError) -> int:
    """``error`` as an HTTP status, which Flight's are chosen by."""
    if isinstance(error, Unimplemented):
        return 501
    if isinstance(error, GatewayError):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def flight_error(error: BaseException) -> BaseException:
    """What Flight is to raise in place of ``error``."""
    import pyarrow.flight as fl

    if not isinstance(error, MeshError):
        if isinstance(error, fl.FlightError):
            return cast("BaseException", error)
        # Its words may quote data: the log tells its kind, and where it happened.
        kind, where = type(error).__name__, "".join(traceback.format_tb(error.__traceback__))
        _log.error("%s\n%s", kind, where)
        return _internal(f"an error of the gateway itself ({kind})")
    status = status_of(error)
    text = short(with_fix(str(error), status), _LONGEST)
    retry = error.retry_after if isinstance(error, GatewayError) else None
    if status in (429, 503):
        retry = retry if retry is not None else _RETRY_SECONDS
        text += f" (try again in {retry} s)"
    told: dict[str, object] = {"status": status}
    if retry is not None:
        told["retry_after"] = retry
    make = _makers().get(status)
    if make is not None:
        return make(text, json.dumps(told).encode())
    quiet = {404: NotFound, 410: NotFound, 501: NotOffered}.get(status)
    if quiet is None and status >= 500:
        return _internal(text)
    return (quiet or BadArgument)(text)


def _makers() -> dict[int, Callable[[str, bytes], BaseException]]:
    import pyarrow.flight as fl

    return {
        401: fl.FlightUnauthenticatedError,
        403: fl.FlightUnauthorizedError,
        429: fl.FlightUnavailableError,
        499: fl.FlightCancelledError,
        503: fl.FlightUnavailableError,
    }


def _internal(text: str) -> BaseException:
    import pyarrow.flight as fl

    error: BaseException = fl.FlightInternalError(text)
    return error
