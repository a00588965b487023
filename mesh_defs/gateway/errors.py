"""What the gateway answers in place of data, and how each protocol tells it.

::

    MeshError
    ├── GatewayError        carries an HTTP status and, where waiting helps, seconds to wait
    │   ├── Unauthenticated 401: nobody known calls, and nobody unknown may
    │   ├── Refused         403: the caller may not (its text says how to ask)
    │   ├── Misdirected     421: the request is for another host
    │   ├── Gone            410: the product is retired
    │   ├── Stale           503: the data is older than promised, and the product refuses it then
    │   ├── Overloaded      429: over a limit
    │   ├── NotWhole        503: receipts are missing or changed, and none is written any more
    │   └── Ended           the read was ended: a grant or a token was revoked or came to its end
    │       └── Changed     or what may be seen is no longer what it began with
"""

from __future__ import annotations

from mesh_defs.errors import CorruptRecord, MeshError


class GatewayError(MeshError):
    """What is told in place of data. ``retry_after`` is in seconds."""

    status = 500
    title = "The gateway failed"

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(GatewayError):
    """The caller may not do it."""

    status = 403
    title = "Access denied"


class Misdirected(GatewayError):
    """The request is for a host that this gateway does not answer for (RFC 9110, 15.5.20)."""

    status = 421
    title = "Misdirected request"


class Gone(GatewayError):
    """The product is retired."""

    status = 410
    title = "Retired"


class Stale(GatewayError):
    """The data is older than promised, and the product refuses to serve it then."""

    status = 503
    title = "Older than promised"


class Overloaded(GatewayError):
    """More was asked for than the gateway gives at once."""

    status = 429
    title = "Too many requests"


class NotWhole(GatewayError, CorruptRecord):
    """Receipts are missing, or were changed: none is added, and so nothing is read."""

    status = 503
    title = "The receipts of reads are not whole"


class Ended(GatewayError):
    """A read was ended: the grant or the credential under which it began is no longer good."""

    status = 403
    title = "Access ended"


class Changed(Ended):
    """A read was ended: what may be seen is no longer what it began with."""


class BadRequest(GatewayError):
    """The request cannot be understood, or asks for what cannot be done."""

    status = 400
    title = "Bad request"


class NotAcceptable(GatewayError):
    """None of the forms that the caller takes can be made."""

    status = 406
    title = "Not acceptable"


class TooLarge(GatewayError):
    """A request, or its answer, is larger than the limit."""

    status = 413
    title = "Too large"
