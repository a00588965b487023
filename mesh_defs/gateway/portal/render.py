"""From a template to an answer: everything escaped, nothing from elsewhere, no script or style but
those of our own files."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from mesh_defs.gateway.portal import charts
from mesh_defs.unseen import UNSEEN

if TYPE_CHECKING:
    from mesh_defs.gateway.portal.visit import Visit

_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "private, no-store",
    "Vary": "Accept, Authorization, Cookie",
    "Content-Security-Policy": POLICY,
    # With no-referrer a browser does not tell the origin of a form, which is asked for.
    "Referrer-Policy": "same-origin",
}
# What a browser would act on, or not show: all but tab and line feed.
_CONTROL = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{UNSEEN}]")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_THOUSAND = 1_000
# What escaping makes of them.
_WEIGHTS = {letter: len(escape(letter)) for letter in "&<>\"'"}


@cache
def environment() -> Environment:
    """The templates, with what they may use."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    made.filters |= {"ago": ago, "count": count, "size": size, "day": day, "span": span, "cut": cut}
    made.globals |= {
        "static": static_path,
        "spark": charts.spark,
        "histogram": charts.histogram,
        "share": charts.share,
    }
    return made


def page(
    visit: Visit, template: str, status: int = 200, *, here: str = "", **values: object
) -> HTMLResponse:
    """The answer that ``template`` makes of ``values``; ``here`` is the entry of the navigation
    that it belongs to."""
    text = environment().get_template(template).render(visit=visit, here=here, **values)
    response = HTMLResponse(text, status, dict(HEADERS))
    visit.leave(response)
    return response


def _finalized(value: Any) -> Any:  # noqa: ANN401  whatever stands in a template
    if isinstance(value, str) and not isinstance(value, Markup):
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)
    return value


@cache
def files() -> dict[str, tuple[str, bytes]]:
    """The files that pages refer to: a digest and the content, by name."""
    found = {}
    for file in sorted(STATIC.iterdir()):
        content = file.read_bytes()
        found[file.name] = (hashlib.sha256(content).hexdigest()[:16], content)
    return found


def cut(text: str | None, most: int) -> str:
    """``text`` as far as it takes at most ``most`` bytes of a page, with an ellipsis where that is
    not all of it; nothing of None."""
    if not text:
        return ""
    left = most
    for place, letter in enumerate(text):
        left -= _WEIGHTS.get(letter) or len(letter.encode("utf-8", "replace"))
        if left < 0:
            return text[:place].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    return text


def static_path(name: str) -> str:
    """Where a file is found, for ever: another content has another path."""
    return f"/-/static/{files()[name][0]}/{name}"


def ago(moment: str | datetime | None, now: datetime | None = None) -> str:
    """How long ago a time was, such as ``3 h ago``; a dash without one."""
    if moment is None:
        return "\N{EN DASH}"
    time = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    seconds = ((now or datetime.now(UTC)) - time).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 60 else "just now"


def span(seconds: float) -> str:
    """A span of time in its greatest unit."""
    for size_, unit in _UNITS:
        if seconds >= size_:
            return f"{int(seconds // size_)} {unit}"
    return f"{int(seconds)} s"


def day(moment: str | datetime) -> str:
    """The day and minute of a time, in UTC."""
    time = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def count(number: float | None) -> str:
    """A number with its thousands apart; a dash where nobody may know it."""
    return "\N{EN DASH}" if number is None else f"{number:,}"


def size(number: float | None) -> str:
    """Bytes in their greatest unit."""
    if number is None:
        return "\N{EN DASH}"
    for unit in ("B", "kB", "MB", "GB"):
        if number < _THOUSAND:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= _THOUSAND
    return f"{number:.1f} TB"
