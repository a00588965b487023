"""DSSE envelopes: a payload with signatures over it (DSSE 1.0.2, "envelope" and "protocol")."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from mesh_defs.product.attest.keys import SigningKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class UnknownKey(ValueError):
    """Nobody whose key is trusted has signed."""


class BadSignature(ValueError):
    """A signature under a trusted key is not one of this payload."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """``payload`` with its ``signatures``, by the id of the key that each says it is of."""

    payload: bytes
    signatures: Mapping[str, bytes]


def pae(payload_type: str, payload: bytes) -> bytes:
    """What is signed: DSSE's "pre-authentication encoding"."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def seal(key: SigningKey, payload: bytes) -> str:
    """The envelope of ``payload`` as JSON text, signed with ``key``."""
    signature = key.sign(pae(PAYLOAD_TYPE, payload))
    return json.dumps(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": key.keyid, "sig": base64.b64encode(signature).decode()}],
        },
        separators=(",", ":"),
    )


def read_envelope(content: bytes) -> Envelope:
    """The inverse of `seal`; nothing is verified. Raises ValueError for what is no envelope."""
    try:
        values = json.loads(content)
        if values["payloadType"] != PAYLOAD_TYPE:
            raise ValueError(f"'payloadType' is not {PAYLOAD_TYPE}")
        payload = base64.b64decode(values["payload"], validate=True)
        signatures = {
            str(each["keyid"]): base64.b64decode(each["sig"], validate=True)
            for each in values["signatures"]
        }
    except (KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise ValueError(f"not a DSSE envelope ({type(error).__name__})") from None
    return Envelope(payload, signatures)


def check(envelope: Envelope, trusted: Mapping[str, Ed25519PublicKey]) -> str:
    """The id of the trusted key that signed ``envelope``. Raises `UnknownKey`, `BadSignature`."""
    from cryptography.exceptions import InvalidSignature

    known = [name for name in envelope.signatures if name in trusted]
    if not known:
        named = ", ".join(name[:12] for name in list(envelope.signatures)[:3]) or "nobody"
        raise UnknownKey(f"it is signed by the key {named}, which is not trusted here")
    for name in known:
        try:
            trusted[name].verify(envelope.signatures[name], pae(PAYLOAD_TYPE, envelope.payload))
        except InvalidSignature:
            continue
        return name
    raise BadSignature("its signature is not one of what it says")
