"""The first rows of a port, as who looks may see them: a read like any other, with its receipt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from mesh_defs.gateway.answers import Selection, choose_rows, read_rows
from mesh_defs.gateway.delivery import Delivery
from mesh_defs.gateway.http.calls import PLAIN, AnyPort
from mesh_defs.gateway.http.forms import encoder
from mesh_defs.gateway.portal.people import ForPeople
from mesh_defs.gateway.portal.render import page
from mesh_defs.gateway.portal.visit import Known
from mesh_defs.gateway.purposes import checked_purpose

if TYPE_CHECKING:
    from mesh_defs.gateway.portal.visit import Visit
    from mesh_defs.gateway.reads.reading import Reading
    from mesh_defs.urls import MeshUrl

router = APIRouter(include_in_schema=False, dependencies=PLAIN, route_class=ForPeople)
SHOWN = 50
_PROTOCOL = "portal"
_LONGEST = 200
Purpose = Annotated[str | None, Query(max_length=100)]


@router.get("/-/rows/{domain}/{product}/{port}", response_class=HTMLResponse)
def rows(visit: Known, address: AnyPort, purpose: Purpose = None) -> Response:
    """The first rows. Raises as `mesh_defs.gateway.reads.reads.Reads.open`."""
    asked = checked_purpose(purpose or None)
    reading, found = _read(visit, address, asked)
    names = list(found[0]) if found else list(reading.columns)
    return page(
        visit,
        "rows.html",
        identity=address.identity,
        port=reading.url.port,
        version=reading.state.version,
        names=names,
        rows=[[_text(row[name]) for name in names] for row in found],
        masked=reading.masked,
        filtered=reading.decision.row_filter is not None,
        receipt=reading.id,
        purpose=asked,
        shown=SHOWN,
    )


def _read(
    visit: Visit, address: MeshUrl, purpose: str | None
) -> tuple[Reading, list[dict[str, Any]]]:
    mesh, who = visit.mesh, visit.who
    selection = Selection(limit=SHOWN)
    chosen = choose_rows(mesh, who, address, selection, purpose=purpose, protocol=_PROTOCOL)
    answer = read_rows(mesh, who, chosen, SHOWN)
    delivery = Delivery(answer.readings, answer.answer, encoder("json"), answer.done)
    text = b"".join(bytes(piece) for piece in delivery.pieces())
    found: list[dict[str, Any]] = json.loads(text)
    return chosen.reading, found


def _text(value: object) -> str | None:
    """A value as text, its end left out where it is long; None for NULL."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "\N{HORIZONTAL ELLIPSIS}"
