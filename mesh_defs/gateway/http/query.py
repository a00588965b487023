"""SQL over HTTP, over every port that the caller may query."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mesh_defs.gateway.answers import run_sql
from mesh_defs.gateway.errors import BadRequest, NotAcceptable
from mesh_defs.gateway.http.calls import CALLED, AsOf, ForPurpose, Known, Mesh, moment_of
from mesh_defs.gateway.http.data import ANSWER, PROTOCOL, Compression, Format, form_of
from mesh_defs.gateway.http.problems import READ_PROBLEMS
from mesh_defs.gateway.http.sending import answered, batch_rows, check_packing

router = APIRouter(tags=["data"], dependencies=CALLED, responses=READ_PROBLEMS)
SQL = "application/sql"
_Value = str | int | float | bool | None


class Question(BaseModel):
    """A query and the values of its parameters."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(min_length=1, max_length=50_000, description="one SELECT")
    parameters: list[_Value] | dict[str, _Value] = Field(
        default_factory=list, description="values of ? in their order, or of $name by name"
    )


async def _body(request: Request) -> bytes:
    """The body as it came, whatever it calls itself."""
    return await request.body()


_BODY = {
    "content": {
        SQL: {"schema": {"type": "string", "minLength": 1}},
        "application/json": {"schema": Question.model_json_schema()},
    },
    "required": True,
}


@router.post(
    "/query",
    summary="SQL over ports",
    response_class=Response,
    responses=ANSWER,
    openapi_extra={"requestBody": _BODY},
)
def query(
    request: Request,
    mesh: Mesh,
    who: Known,
    body: Annotated[bytes, Depends(_body)],
    purpose: ForPurpose,
    form: Format = None,
    compression: Compression = None,
    as_of: AsOf = None,
) -> Response:
    """One SELECT over ports as tables: `domain.product.port`, or `domain.product` for the main
    port; joins across domains included. With `as_of` all are read as they were at one time."""
    chosen = form or form_of(request)
    check_packing(chosen, compression)
    if chosen == "parquet":
        raise NotAcceptable(
            "found parquet for the answer to a query; allowed: arrow, csv, json, ndjson. Fix: "
            "choose one of these, or read a port as Parquet"
        )
    question = _question(request.headers.get("Content-Type", ""), body)
    found = run_sql(
        mesh,
        who,
        question.sql,
        question.parameters,
        purpose=purpose,
        as_of=moment_of(as_of),
        protocol=PROTOCOL,
        rows=mesh.profile.limits.rows,
        batch_rows=batch_rows(chosen),
    )
    return answered(request, mesh, found, chosen, packing=compression)


def _question(kind: str, body: bytes) -> Question:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadRequest("found a body that is no UTF-8 text. Fix: send it as UTF-8") from None
    try:
        if kind.partition(";")[0].strip().lower() == "application/json":
            values: Any = json.loads(text)
            return Question.model_validate(values, strict=True)
        return Question(sql=text)
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)
        )
        raise BadRequest(f"{told}. Fix: send SQL as {SQL}, or {{sql, parameters}}") from None
    except (ValueError, RecursionError):
        raise BadRequest("found a body that is no JSON. Fix: send {sql, parameters}") from None
