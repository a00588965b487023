"""What people say of a product, and what its owner answers, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter
from fastapi import Path as InPath
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from mesh_defs.errors import UnknownRecord
from mesh_defs.gateway.asking import LONGEST_TEXT
from mesh_defs.gateway.describe import view
from mesh_defs.gateway.errors import Refused
from mesh_defs.gateway.feedback import answer, controls, say, settle, told
from mesh_defs.gateway.http.calls import CALLED, AnyProduct, Known, Mesh, Who
from mesh_defs.gateway.http.problems import PROBLEMS

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.urls import MeshUrl

router = APIRouter(tags=["feedback"], dependencies=CALLED, responses=PROBLEMS)
_PRIVATE = {"Cache-Control": "no-store"}
Number = Annotated[str, InPath(max_length=100, description="the id of what was said")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Saying(_Body):
    """A rating, a question or a problem."""

    kind: Literal["rating", "question", "problem"] = Field(description="what it is")
    stars: int | None = Field(default=None, ge=1, le=5, description="of a rating: 1 to 5")
    text: str | None = Field(
        default=None, max_length=LONGEST_TEXT, description="in words; a rating may do without"
    )


class AnswerText(_Body):
    """An answer."""

    text: str = Field(min_length=1, max_length=LONGEST_TEXT)


class Settling(_Body):
    """How a problem stands."""

    state: Literal["acknowledged", "solved", "open"]


@router.get("/{domain}/{product}/feedback", summary="What people say of a product")
def feedback(mesh: Mesh, who: Who, address: AnyProduct) -> JSONResponse:
    """Ratings, questions with their answers, and problems, the newest of each. Who does not say who
    they are is not told who said it."""
    found = view(mesh, who, address)
    body: dict[str, Any] = told(mesh.state, found.identity, names=not who.anonymous)
    body["you_may_answer"] = _may_answer(mesh, who, found.identity)
    return JSONResponse(
        body, headers={"Cache-Control": "private, no-cache", "Vary": "Authorization"}
    )


@router.post(
    "/{domain}/{product}/feedback", status_code=201, summary="Rate, ask, or report a problem"
)
def give(mesh: Mesh, who: Known, address: AnyProduct, saying: Saying) -> JSONResponse:
    """Say something of a product. Another rating of yours takes the place of the one before. The
    owner is told."""
    _unlimited(who)
    identity = view(mesh, who, address).identity
    item = say(
        mesh.state,
        mesh.catalog.access,
        who.principal,
        identity,
        saying.kind,
        datetime.now(UTC),
        text=saying.text,
        stars=saying.stars,
    )
    return JSONResponse({"feedback": item.as_dict()}, 201, _PRIVATE)


@router.post("/{domain}/{product}/feedback/{number}/answers", status_code=201, summary="Answer")
def answered(
    mesh: Mesh, who: Known, address: AnyProduct, number: Number, body: AnswerText
) -> JSONResponse:
    """Answer what was said. It is for those who control the product; who asked is told."""
    _unlimited(who)
    _check_of(mesh, who, address, number)
    now = datetime.now(UTC)
    item = answer(
        mesh.state, mesh.catalog.access, who.principal, number, body.text, now, admin=who.admin
    )
    return JSONResponse({"feedback": item.as_dict()}, 201, _PRIVATE)


@router.post("/{domain}/{product}/feedback/{number}/state", summary="How a problem stands")
def settled(
    mesh: Mesh, who: Known, address: AnyProduct, number: Number, body: Settling
) -> JSONResponse:
    """A problem is acknowledged, solved, or open again. It is for those who control the product;
    who reported it is told."""
    _unlimited(who)
    _check_of(mesh, who, address, number)
    now = datetime.now(UTC)
    item = settle(
        mesh.state, mesh.catalog.access, who.principal, number, body.state, now, admin=who.admin
    )
    return JSONResponse({"feedback": item.as_dict()}, headers=_PRIVATE)


def _check_of(mesh: Gateway, who: Caller, address: MeshUrl, number: str) -> None:
    """Raise `UnknownRecord` unless the product, which the caller knows, has it: an id tells nothing
    of another one."""
    identity = view(mesh, who, address).identity
    if mesh.state.feedback.get(number).identity != identity:
        raise UnknownRecord(f"mesh://{identity} has no rating, question or problem '{number}'")


def _may_answer(mesh: Gateway, who: Caller, identity: str) -> bool:
    if who.anonymous or who.scope is not None:
        return False
    return who.admin or controls(mesh.catalog.access, who.principal, identity, datetime.now(UTC))


def _unlimited(who: Caller) -> None:
    """Raise `Refused` for a token that is for reading alone."""
    if who.scope is not None:
        raise Refused(
            f"{who.credential} is for reading what it names, and for nothing else. Fix: say it "
            "with your own token"
        )
