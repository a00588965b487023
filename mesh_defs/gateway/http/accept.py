"""Which of the forms that can be made a client takes (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.gateway.errors import NotAcceptable

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_RANGES = 50


def choose(accept: str | None, offered: Mapping[str, str], default: str) -> str:
    """The name of the form that ``accept`` likes best; of equals the one that is offered first,
    which ``default`` beats. ``offered`` maps media types to names. Raises `NotAcceptable`."""
    if accept is None or not accept.strip():
        return default
    ranges = [_range(part) for part in accept.split(",")[:_MOST_RANGES]]
    best, name = 0.0, None
    # The default comes first, so that it wins among equals.
    types = sorted(offered, key=lambda media: offered[media] != default)
    for media in types:
        quality = _quality(media, ranges)
        if quality > best:
            best, name = quality, offered[media]
    if name is None:
        allowed = ", ".join(offered)
        raise NotAcceptable(
            f"found Accept: {accept[:200]}; allowed: {allowed}. Fix: accept one of them"
        )
    return name


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = min(1.0, max(0.0, float(parameter[2:])))
            except ValueError:
                quality = 0.0
    return media, quality


def _quality(media: str, ranges: list[tuple[str, float]]) -> float:
    """The quality of the most exact range that ``media`` is in."""
    bare = media.partition(";")[0].lower()
    for wanted in (bare, f"{bare.partition('/')[0]}/*", "*/*"):
        for found, quality in ranges:
            if found == wanted:
                return quality
    return 0.0
