"""An answer on its way out: its form, compression, headers, and pieces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastapi.responses import Response

from mesh_defs.gateway.delivery import Delivery
from mesh_defs.gateway.errors import BadRequest
from mesh_defs.gateway.http.flowing import Flow
from mesh_defs.gateway.http.forms import MEDIA, Encoder, encoder
from mesh_defs.gateway.http.headers import reading_headers
from mesh_defs.gateway.http.packed import Compressed, PackedArrow
from mesh_defs.gateway.http.pooled import Pooled
from mesh_defs.gateway.query.answer import BATCH_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import Request

    from mesh_defs.gateway.answers import Answering
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.http.forms import Form
    from mesh_defs.gateway.http.packed import Packing
    from mesh_defs.gateway.reads.reading import Reading

_CODINGS = ("zstd", "gzip")
# As texts rows are several times as large, and two pieces wait for each reader.
_TEXT_ROWS = 4096
COMMON = {
    "Cache-Control": "private, no-cache",
    "Vary": "Accept, Accept-Encoding, Authorization, Mesh-Purpose",
}


def answered(
    request: Request,
    mesh: Gateway,
    found: Answering,
    form: Form,
    *,
    packing: Packing | None = None,
    more: Mapping[str, str] | None = None,
) -> Response:
    """``found`` as a response with ``more`` headers; what fails before its first piece is an error
    of its own."""
    made, coding = _encoder(request, mesh, form, packing)
    headers = {**answer_headers(found.readings), **(more or {})}
    if coding is not None:
        headers["Content-Encoding"] = coding
    delivery = Delivery(found.readings, found.answer, made, found.done)
    pieces = delivery.pieces()
    first = next(pieces)
    second = next(pieces, None)
    if second is None:
        return Response(bytes(first), headers=headers, media_type=MEDIA[form])
    return Flow(delivery, (first, second), pieces, headers, MEDIA[form], mesh.limiter.stalled)


def batch_rows(form: Form) -> int:
    """How many rows there are in a piece of ``form``."""
    return BATCH_ROWS if form == "arrow" else _TEXT_ROWS


def answer_headers(readings: Sequence[Reading]) -> dict[str, str]:
    """What an answer says of the ports that it is made of."""
    if len(readings) == 1:
        return {**COMMON, **reading_headers(readings[0])}
    receipts = ", ".join(each.id for each in readings)
    return {**COMMON, "Mesh-Receipt": receipts} if receipts else dict(COMMON)


def coding_of(request: Request, form: Form) -> str | None:
    """How the answer is compressed: texts, where the client asks for it by name."""
    if form in ("arrow", "parquet"):
        return None
    asked = {}
    for part in request.headers.get("Accept-Encoding", "").lower().split(",")[:20]:
        name, _, parameters = part.strip().partition(";")
        refused = re.fullmatch(r"\s*q=0(\.0*)?\s*", parameters) is not None
        asked[name.strip()] = not refused
    return next((name for name in _CODINGS if asked.get(name)), None)


def check_packing(form: Form, packing: Packing | None) -> None:
    """Raise `BadRequest` for a compression of what is no Arrow."""
    if packing is not None and form != "arrow":
        raise BadRequest(
            f"found compression={packing} with the form {form}; allowed: with format=arrow. Fix: "
            "leave it out, or for texts send Accept-Encoding: zstd, gzip"
        )


def _encoder(
    request: Request, mesh: Gateway, form: Form, packing: Packing | None
) -> tuple[Encoder, str | None]:
    check_packing(form, packing)
    if packing is not None:
        return PackedArrow(packing), None
    coding = coding_of(request, form)
    made = encoder(form)
    if form != "arrow":
        made = Pooled(made, mesh.encoders)
    return (Compressed(made, coding) if coding is not None else made), coding
