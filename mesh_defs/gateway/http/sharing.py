"""Delta Sharing over HTTP (https://github.com/delta-io/delta-sharing/blob/main/PROTOCOL.md)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from mesh_defs.gateway.changes.steps import Asked
from mesh_defs.gateway.errors import BadRequest
from mesh_defs.gateway.http.calls import HeaderPurpose, Known, Mesh
from mesh_defs.gateway.http.headers import reading_headers
from mesh_defs.gateway.http.sharing_errors import SharingRoute
from mesh_defs.gateway.sharing import names
from mesh_defs.gateway.sharing.actions import CAPABILITIES, Form, wants_delta
from mesh_defs.gateway.sharing.changed import Changes
from mesh_defs.gateway.sharing.hints import read_json, read_sql
from mesh_defs.gateway.sharing.profile import PREFIX
from mesh_defs.gateway.sharing.tables import Answer, Table
from mesh_defs.gateway.sharing.versions import Span

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.policy.access.schema import Action
    from mesh_defs.urls import MeshUrl

router = APIRouter(prefix=PREFIX, tags=["sharing"], route_class=SharingRoute)

PROTOCOL = "sharing"
LINES = "application/x-ndjson; charset=utf-8"
VERSION = "Delta-Table-Version"
_NO_STORE = {"Cache-Control": "no-store"}
_LONGEST = 2**53

Name = Annotated[str, Path(max_length=255)]
Capabilities = Annotated[str | None, Header(alias=CAPABILITIES, max_length=1000)]
MaxResults = Annotated[int | None, Query(alias="maxResults", ge=0, le=2**31 - 1)]
PageToken = Annotated[str | None, Query(alias="pageToken", max_length=2000)]
Number = Annotated[int | None, Query(ge=0, le=_LONGEST)]
Moment = Annotated[str | None, Query(max_length=64)]
_TABLE = "/shares/{share}/schemas/{schema}/tables/{table}"


class Wanted(BaseModel):
    """The body of a query; what is not known is left out, as the protocol may grow."""

    model_config = ConfigDict(extra="ignore")

    predicate_hints: list[str] = Field(default_factory=list, alias="predicateHints")
    json_predicate_hints: str | None = Field(default=None, alias="jsonPredicateHints")
    limit_hint: int | None = Field(default=None, alias="limitHint", ge=0, le=_LONGEST)
    version: int | None = Field(default=None, ge=0, le=_LONGEST)
    timestamp: str | None = Field(default=None, max_length=64)
    starting_version: int | None = Field(default=None, alias="startingVersion", ge=0, le=_LONGEST)
    ending_version: int | None = Field(default=None, alias="endingVersion", ge=0, le=_LONGEST)


def _items(mesh: Mesh, who: Known, purpose: HeaderPurpose) -> list[names.Item]:
    return list(names.readable(mesh.reads, who, purpose))


Items = Annotated[list[names.Item], Depends(_items)]


@router.get("/shares", summary="Shares: domains with something that you may read")
def shares(items: Items, most: MaxResults = None, token: PageToken = None) -> JSONResponse:
    """Protocol: "List Shares"."""
    return _listed(names.below(items), most, token)


@router.get("/shares/{share}", summary="A share")
def share(items: Items, share: Name) -> JSONResponse:
    """Protocol: "Get Share"."""
    name = names.below(items, share)[0][0]
    told = {"share": {"name": name, "id": names.identifier(name)}}
    return JSONResponse(told, headers=_NO_STORE)


@router.get("/shares/{share}/schemas", summary="Schemas: products of a domain")
def schemas(
    items: Items, share: Name, most: MaxResults = None, token: PageToken = None
) -> JSONResponse:
    """Protocol: "List Schemas in a Share"."""
    return _listed(names.below(items, share), most, token)


@router.get("/shares/{share}/schemas/{schema}/tables", summary="Tables: ports of a product")
def tables(
    items: Items, share: Name, schema: Name, most: MaxResults = None, token: PageToken = None
) -> JSONResponse:
    """Protocol: "List Tables in a Schema"."""
    return _listed(names.below(items, share, schema), most, token)


@router.get("/shares/{share}/all-tables", summary="All tables of a share")
def all_tables(
    items: Items, share: Name, most: MaxResults = None, token: PageToken = None
) -> JSONResponse:
    """Protocol: "List all Tables in a Share"."""
    inside = [item for item in items if item[0] == names.below(items, share)[0][0]]
    return _listed(inside, most, token)


def _listed(items: list[names.Item], most: int | None, token: str | None) -> JSONResponse:
    return JSONResponse(names.page(items, most, token).as_dict(), headers=_NO_STORE)


@dataclass(frozen=True, slots=True)
class Named:
    """The table that a path names, and who asks for it in which form."""

    mesh: Gateway
    caller: Caller
    address: MeshUrl
    purpose: str | None
    delta: bool

    def table(self, action: Action, *, dated: bool = False) -> Table:
        """The table, for ``action``; ``dated`` as of `Form`."""
        asked = Asked(self.mesh.reads, self.caller, self.address, self.purpose, PROTOCOL, action)
        return Table(asked, self.mesh.signer, Form(self.delta, self.mesh.base, dated))

    def changes(self) -> Changes:
        """What changed in the table."""
        return Changes(self.table("subscribe"), self.mesh.changes)


async def _named(
    mesh: Mesh,
    who: Known,
    purpose: HeaderPurpose,
    share: Name,
    schema: Name,
    table: Name,
    capabilities: Capabilities = None,
) -> Named:
    address = names.table_address(share, schema, table)
    return Named(mesh, who, address, purpose, wants_delta(capabilities))


Of = Annotated[Named, Depends(_named)]


@router.head(_TABLE, include_in_schema=False)
@router.get(f"{_TABLE}/version", summary="The version of a table")
def table_version(
    of: Of, since: Annotated[str | None, Query(alias="startingTimestamp", max_length=64)] = None
) -> Response:
    """Protocol: "Query Table Version"; with `startingTimestamp` the first one of then or later."""
    version = of.table("read").at_or_after(since)
    return Response(headers={VERSION: str(version), **_NO_STORE})


@router.get(f"{_TABLE}/metadata", summary="Columns and state of a table")
def table_metadata(of: Of, version: Number = None, timestamp: Moment = None) -> Response:
    """Protocol: "Query Table Metadata"."""
    with _slot(of):
        answer = _told(of, of.table("read").metadata(version, timestamp))
        del answer.headers["Mesh-Receipt"]  # nothing of the data was read
        return answer


@router.post(f"{_TABLE}/query", summary="Files of a table, as signed URLs")
def table_query(of: Of, wanted: Annotated[Wanted | None, Body()] = None) -> Response:
    """Protocol: "Read Data from a Table"."""
    asked = wanted if wanted is not None else Wanted()
    with _slot(of):
        if asked.starting_version is not None:
            if asked.version is not None or asked.timestamp is not None:
                raise BadRequest(
                    "found startingVersion with version or timestamp; allowed: one of them"
                )
            span = Span(asked.starting_version, end=asked.ending_version)
            return _told(of, of.changes().whole_files(span))
        dated = asked.version is not None or asked.timestamp is not None
        hints = [*read_sql(asked.predicate_hints), *read_json(asked.json_predicate_hints)]
        table = of.table("read", dated=dated)
        found = table.snapshot(asked.version, asked.timestamp, hints, asked.limit_hint)
        return _told(of, found)


@router.get(f"{_TABLE}/changes", summary="What changed in a table, as signed URLs")
def table_changes(
    of: Of,
    start: Annotated[int | None, Query(alias="startingVersion", ge=0, le=_LONGEST)] = None,
    start_time: Annotated[str | None, Query(alias="startingTimestamp", max_length=64)] = None,
    end: Annotated[int | None, Query(alias="endingVersion", ge=0, le=_LONGEST)] = None,
    end_time: Annotated[str | None, Query(alias="endingTimestamp", max_length=64)] = None,
    historical: Annotated[bool, Query(alias="includeHistoricalMetadata")] = False,
) -> Response:
    """Protocol: "Read Change Data Feed from a Table"."""
    span = Span(start, start_time, end, end_time)
    with _slot(of):
        return _told(of, of.changes().rows(span, historical=historical))


def _slot(of: Named) -> AbstractContextManager[None]:
    return of.mesh.limiter.slot(str(of.caller.principal))


def _told(of: Named, answer: Answer) -> Response:
    headers = {
        **reading_headers(answer.reading),
        VERSION: str(answer.version),
        CAPABILITIES: Form(of.delta, "").capabilities,
        **_NO_STORE,
    }
    return Response("\n".join(answer.lines) + "\n", headers=headers, media_type=LINES)
