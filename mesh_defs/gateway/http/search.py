"""Products by what is looked for, in anybody's words."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from mesh_defs.discovery.index.question import FURTHEST, LONGEST, MOST, Filters, Question, age
from mesh_defs.gateway.http.calls import CALLED, Mesh, Who
from mesh_defs.gateway.http.problems import READ_PROBLEMS

router = APIRouter(tags=["products"], dependencies=CALLED, responses=READ_PROBLEMS)

_LONGEST_VALUES = 1_000
_PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Authorization"}


class Answer(BaseModel):
    """``meaning`` tells whether meaning counted, or why not; ``read_as`` has the words that nothing
    has, with those that were looked for instead."""

    mesh: str
    results: list[dict[str, Any]]
    more: bool
    meaning: str
    read_as: dict[str, list[str]]


def _values(what: str) -> Any:  # noqa: ANN401  FastAPI's
    return Query(
        max_length=_LONGEST_VALUES, description=f"{what}; several with commas: any of them"
    )


Words = Annotated[
    str, Query(max_length=LONGEST, description="what is looked for (default: all, newest first)")
]
Many = Annotated[int, Query(ge=1, le=MOST, description="results at most")]
From = Annotated[int, Query(ge=0, le=FURTHEST, description="how many results to leave out")]
Domains = Annotated[str, _values("only of this domain")]
Archetypes = Annotated[str, _values("only of this archetype")]
Statuses = Annotated[str, _values("only of this status")]
Tags = Annotated[str, _values("only with this tag")]
Owners = Annotated[str, _values("only of this owner")]
Classes = Annotated[str, _values("only ports classified so")]
Trusts = Annotated[str, _values("kept, warned or unproven: whether promises were kept")]
Modes = Annotated[str, _values("only ports that are published so, such as append")]
Columns = Annotated[
    str, Query(max_length=_LONGEST_VALUES, description="only with columns of these words")
]
Fresh = Annotated[
    str | None, Query(max_length=10, description="published at most so long ago, such as 7d")
]
ByMeaning = Annotated[bool, Query(description="false: by words alone")]


@router.get(
    "/-/search", summary="Find products", response_model=None, responses={200: {"model": Answer}}
)
@router.head("/-/search", include_in_schema=False, response_model=None)
def search(
    mesh: Mesh,
    who: Who,
    q: Words = "",
    domain: Domains = "",
    archetype: Archetypes = "",
    status: Statuses = "",
    tag: Tags = "",
    owner: Owners = "",
    classification: Classes = "",
    trust: Trusts = "",
    mode: Modes = "",
    column: Columns = "",
    fresh: Fresh = None,
    limit: Many = 10,
    start: From = 0,
    meaning: ByMeaning = True,
) -> JSONResponse:
    """By words and by meaning, typing errors forgiven; each result says why it was found. Only what
    the caller may discover is found, here and in the other meshes that this one knows."""
    filters = Filters(
        domain=_split(domain),
        archetype=_split(archetype),
        status=_split(status),
        tag=_split(tag),
        owner=_split(owner),
        classification=_split(classification),
        trust=_split(trust),
        mode=_split(mode),
        column=(column,) if column else (),
        fresh=age(fresh) if fresh is not None else None,
    )
    found = mesh.search.find(who, Question(q, filters, limit, start), meaning=meaning)
    body = {"mesh": mesh.settings.name, **found.as_dict(mesh.base)}
    return JSONResponse(body, headers=_PRIVATE)


def _split(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
