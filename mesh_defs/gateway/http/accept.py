"""Which of the forms that can be made a client takes (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mesh_defs.gateway.errors import NotAcceptable

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_RANGES = 50


class _Range(NamedTuple):
    """Some media types, with what else is said of them, and how much they are liked."""

    media: str
    parameters: Mapping[str, str]
    quality: float


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


def _range(part: str) -> _Range:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    named = dict(_parameter(each) for each in parameters)
    quality = 1.0
    weight = named.pop("q", None)
    if weight is not None:
        try:
            quality = min(1.0, max(0.0, float(weight)))
        except ValueError:
            quality = 0.0
    return _Range(media, named, quality)


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip().strip('"')


def _quality(media: str, ranges: list[_Range]) -> float:
    """The quality of the most exact range that ``media`` is in. A parameter that is not offered,
    such as a charset, is passed over; one that is offered with another value is another form."""
    offered = _range(media)
    kind = offered.media.partition("/")[0]
    exact = sorted(ranges, key=lambda each: -len(each.parameters.keys() & offered.parameters))
    for wanted in (offered.media, f"{kind}/*", "*/*"):
        for found in exact:
            if found.media == wanted and _fits(found, offered):
                return found.quality
    return 0.0


def _fits(found: _Range, offered: _Range) -> bool:
    """Whether what is offered has the parameters of a range; of a version its beginning will do."""
    for name, value in found.parameters.items():
        has = offered.parameters.get(name)
        if has is not None and has != value:
            begins = name == "version" and f"{has}.".startswith(f"{value.removeprefix('v')}.")
            if not begins:
                return False
    return True
