"""Posts an event to the profile's webhook, signed as Standard Webhooks 1.0 says."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from http.client import HTTPMessage
    from typing import IO, Any

TIMEOUT_SECONDS = 10
_PREFIX = "whsec_"


class NotTold(Exception):
    """A message was not taken. ``final`` tells that it never will be."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is signed for one address is not sent to another."""

    def redirect_request(
        self,
        req: urllib.request.Request,  # noqa: ARG002
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,  # noqa: ARG002
        newurl: str,  # noqa: ARG002
    ) -> None:
        """Nothing: the answer itself is the error."""
        return


def signature(secret: str, number: str, time: int, body: bytes) -> str:
    """The header ``webhook-signature``: ``v1,`` and the base64 of HMAC-SHA256 of
    ``<id>.<time>.<body>``. A secret ``whsec_<base64>`` is decoded; another one is taken as it is.
    """
    key = secret.encode()
    if secret.startswith(_PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            raise NotTold("the webhook's secret is not whsec_<base64>") from None
    signed = hmac.digest(key, f"{number}.{time}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"


def post(url: str, secret: str, number: str, event: Mapping[str, Any], now: datetime) -> None:
    """Post ``event``; ``number`` is the same whenever it is tried again. Raises `NotTold`."""
    body = json.dumps(event, separators=(",", ":")).encode()
    time = int(now.timestamp())
    headers = {
        "content-type": "application/cloudevents+json",
        "user-agent": "mesh-gateway",
        "webhook-id": number,
        "webhook-timestamp": str(time),
        "webhook-signature": signature(secret, number, time, body),
    }
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310
        with opener.open(request, timeout=TIMEOUT_SECONDS):
            return
    except urllib.error.HTTPError as error:
        gone = error.code == HTTPStatus.GONE
        raise NotTold(f"the webhook answered {error.code}", final=gone) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NotTold(f"the webhook cannot be reached: {reason}") from None
