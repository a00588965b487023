"""What a request makes an answer depend on (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from fastapi import Response

from mesh_defs.gateway.ranges import read_ranges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

    from mesh_defs.gateway.ranges import Span


def unchanged(request: Request, tag: str) -> bool:
    """Whether the client has what ``tag`` (an entity tag) stands for: its ``If-None-Match`` names
    it, by the weak comparison."""
    header = request.headers.get("If-None-Match")
    if header is None:
        return False
    tags = (each.strip().removeprefix("W/") for each in header.split(","))
    return header.strip() == "*" or tag.removeprefix("W/") in tags


def wanted_ranges(request: Request, tag: str, size: int) -> list[Span] | None:
    """The parts of a file of ``size`` bytes that are asked for; None: all of it. Raises
    `Unsatisfiable`."""
    same = request.headers.get("If-Range") in (None, tag)
    # A Range means something with GET alone (RFC 9110, section 14.2).
    header = request.headers.get("Range") if same and request.method == "GET" else None
    return read_ranges(header, size)


def not_modified(headers: Mapping[str, str]) -> Response:
    """That the client has it already."""
    return Response(status_code=304, headers=dict(headers))


def bare(headers: Mapping[str, str], media_type: str, length: int | None = None) -> Response:
    """The answer to HEAD; ``length`` None where it is not known before it is made."""
    answer = Response(headers=dict(headers), media_type=media_type)
    del answer.headers["Content-Length"]
    if length is not None:
        answer.headers["Content-Length"] = str(length)
    return answer


def weak_tag(*parts: object) -> str:
    """An entity tag for what ``parts`` (JSON values) are all that matters of."""
    text = json.dumps(parts, sort_keys=True).encode()
    return f'W/"{hashlib.sha256(text).hexdigest()[:32]}"'
