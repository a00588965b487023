"""The change feed of a port: pages, and events as they happen."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from mesh_defs.gateway.changes.feed import Feed, Page, Segment
from mesh_defs.gateway.changes.following import Follower
from mesh_defs.gateway.changes.position import BEFORE_ALL, Position, read_position
from mesh_defs.gateway.changes.sending import page_bytes
from mesh_defs.gateway.changes.steps import Asked
from mesh_defs.gateway.errors import BadRequest
from mesh_defs.gateway.http.accept import choose
from mesh_defs.gateway.http.calls import CALLED, AnyPort, AnyProduct, ForPurpose, Mesh, Who
from mesh_defs.gateway.http.forms import ARROW, MEDIA, NDJSON, Form, encoder
from mesh_defs.gateway.http.headers import state_headers
from mesh_defs.gateway.http.streams import Stream
from mesh_defs.gateway.threads import threaded

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import pyarrow as pa

    from mesh_defs.gateway.changes.steps import Link
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.limits import Place
    from mesh_defs.gateway.reads.reading import Reading

router = APIRouter(tags=["changes"], dependencies=CALLED)
PROTOCOL = "changes"
EVENTS = "text/event-stream"
MOST_ROWS = 100_000
_OFFERED = {"application/json": "json", NDJSON: "ndjson", ARROW: "arrow", EVENTS: "events"}
_FORMS: dict[str, Form] = {"json": "json", "ndjson": "ndjson", "arrow": "arrow"}

Since = Annotated[
    str | None,
    Query(max_length=64, description="the version, or position, that was read last; -1: none"),
]
Until = Annotated[
    int | None, Query(ge=0, le=2**53, description="the last version; default: the newest")
]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="rows on a page at most")]
Cursor = Annotated[
    str | None, Query(max_length=64, description="the position that the page before told as next")
]
LastEventId = Annotated[str | None, Header(max_length=64)]
_SUMMARY = "What changed, version by version"


@dataclass(frozen=True, slots=True)
class _Wanted:
    since: str | None
    until: int | None
    limit: int
    cursor: str | None
    last_event: str | None

    def position(self) -> Position | None:
        """Where events begin: whoever comes again says what came last. Raises `BadRequest`."""
        if self.last_event is not None:
            return read_position(self.last_event, "Last-Event-ID")
        if self.cursor is not None:
            return read_position(self.cursor, "cursor")
        return read_position(self.since) if self.since is not None else None

    def since_position(self) -> Position:
        """Where a page begins. Raises `BadRequest`."""
        found = replace(self, last_event=None).position()
        if found is None:
            raise BadRequest(
                "since: found nothing; allowed: the version that was read last, -1 for none. "
                "Fix: add ?since=-1"
            )
        return found


async def _wanted(
    since: Since = None,
    until: Until = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
    last_event_id: LastEventId = None,
) -> _Wanted:
    return _Wanted(since, until, limit, cursor, last_event_id)


Wanted = Annotated[_Wanted, Depends(_wanted)]


@router.get("/{domain}/{product}/changes", summary=f"{_SUMMARY}, in a product's main port")
def product_changes(
    request: Request,
    mesh: Mesh,
    who: Who,
    address: AnyProduct,
    purpose: ForPurpose,
    wanted: Wanted,
) -> Response:
    """As of a port."""
    asked = Asked(mesh.reads, who, address, purpose, PROTOCOL)
    return _answer(request, mesh, asked, wanted)


@router.get("/{domain}/{product}/{port}/changes", summary=_SUMMARY)
def port_changes(
    request: Request,
    mesh: Mesh,
    who: Who,
    address: AnyPort,
    purpose: ForPurpose,
    wanted: Wanted,
) -> Response:
    """Rows with `_change_type` (insert, delete, update_preimage, update_postimage),
    `_commit_version` and `_commit_timestamp`. The header `Mesh-Position` tells how far a page goes,
    a `Link` with `rel="next"` that there is more. With `Accept: text/event-stream` they come as
    CloudEvents, for new versions as these are published."""
    asked = Asked(mesh.reads, who, address, purpose, PROTOCOL)
    return _answer(request, mesh, asked, wanted)


def _answer(request: Request, mesh: Gateway, asked: Asked, wanted: _Wanted) -> Response:
    form = choose(request.headers.get("Accept"), _OFFERED, "json")
    asked = asked.located()
    feed = Feed(asked, mesh.changes)
    # Who may not read it learns nothing of which versions there are.
    with asked.current() as newest:
        links = asked.links()
        if form == "events":
            return _events(mesh, feed, wanted, links)
        since = wanted.since_position()
        feed.check(since, links)
        if wanted.until is not None:
            links = [link for link in links if link.version <= wanted.until]
        with ExitStack() as stack:
            place = mesh.limiter.place(str(feed.asked.caller.principal))
            stack.callback(place.close)
            page = feed.page(since, links, wanted.limit)
            page.held.push(stack.pop_all())
        try:
            return _paged(request, mesh, page, place, _FORMS[form], newest)
        except BaseException:
            page.close()
            raise


def _paged(
    request: Request, mesh: Gateway, page: Page, place: Place, form: Form, newest: Reading
) -> Response:
    made = encoder(form)
    columns = page.segments[0] if page.segments else Segment.none(newest)
    start = made.start(columns.schema())

    def encode(_segment: Segment, batch: pa.RecordBatch, _rows: int) -> bytes:
        return bytes(made.batch(batch))

    headers = {
        **state_headers(page.readings[-1].state if page.readings else newest.state),
        "Mesh-Position": str(page.position),
        "Cache-Control": "private, no-store",
        "Vary": "Accept",
    }
    if page.segments:
        headers["Mesh-Receipt"] = ", ".join(each.reading.id for each in page.segments)
    if page.more:
        query = dict(request.query_params) | {"cursor": str(page.position)}
        headers["Link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
    pieces = threaded(_placed(page_bytes(page, start, encode, made.end), place))
    return Stream(
        pieces,
        headers,
        MEDIA[form],
        page.close,
        stalled=mesh.limiter.stalled,
        leave=place.cancel,
    )


def _placed(pieces: Generator[bytes, None, None], place: Place) -> Generator[bytes, None, None]:
    """``pieces`` that are made in ``place``, which others have while their reader takes its
    time."""
    with closing(pieces):
        for piece in pieces:
            place.pause()
            yield piece
            place.resume()


def _events(mesh: Gateway, feed: Feed, wanted: _Wanted, links: list[Link]) -> Response:
    newest = max((link.version for link in links), default=BEFORE_ALL)
    position = wanted.position() or Position(newest)
    feed.check(position, links)
    key = str(feed.asked.caller.principal)

    def slot(make: Callable[[], Page]) -> Page:
        with mesh.limiter.slot(key):
            return make()

    mesh.changes.followers.take(key)
    follower = Follower(feed, position, wanted.until, slot)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    done = partial(mesh.changes.followers.give_back, key)
    return Stream(follower.events(), headers, EVENTS, done)
