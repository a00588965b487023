"""The HTTP application of a gateway."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from mesh_defs.gateway.http import (
    asking,
    audit,
    changes,
    data,
    discovery,
    feedback,
    files,
    lineage,
    problems,
    products,
    query,
    records,
    search,
    sharing,
    trust,
)
from mesh_defs.gateway.http.guard import Guard
from mesh_defs.gateway.http.hosts import Hosts
from mesh_defs.gateway.portal.routes import ROUTERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message

    from mesh_defs.gateway.core import Gateway

DESCRIPTION = """Data products by their global URL: `mesh://<domain>/<product>/<port>` is
`/<domain>/<product>/<port>` here. Say who you are with `Authorization: Bearer <token>`."""

_NOWHERE = "/-/-/-/-/-/-/-/-"


async def _look_at_all(app: FastAPI) -> None:
    """Have the routes made ready, which FastAPI does when it first looks for one: for a path that
    none of them has, it looks at all. Otherwise who comes first waits for that."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Message) -> None:
        return

    scope = {"type": "http", "method": "GET", "path": _NOWHERE, "query_string": b"", "headers": []}
    await app.router(scope, receive, send)


def create_app(gateway: Gateway, *, threads: int = 80) -> FastAPI:
    """The application, which serves up to ``threads`` requests at once. It closes ``gateway``
    nowhere: whoever made it does."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = threads
        await _look_at_all(app)
        yield

    app = FastAPI(
        lifespan=lifespan,
        title=f"{gateway.settings.name} data mesh",
        version=version("mesh-defs"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        # Where it leads, the request's own Host would say: whatever whoever sent it likes.
        redirect_slashes=False,
        openapi_url="/-/openapi.json",
    )
    app.state.gateway = gateway
    problems.install(app, gateway.settings.root)
    profile = gateway.profile
    hosts = Hosts(profile, gateway.base)
    app.add_middleware(Guard, most_bytes=profile.limits.body_bytes, hosts=hosts)

    @app.get("/-/health", tags=["gateway"], summary="Whether the gateway answers")
    def health() -> JSONResponse:
        """Alive, and able to read its state; ``mesh`` is ``reading`` as long as pages over all
        products are not complete, then ``read``."""
        gateway.state.grants.version()
        told = {"status": "ok", "mesh": "reading" if gateway.overview.reading else "read"}
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    for pages in ROUTERS:
        app.include_router(pages)
    # The more exact paths first: a port may have any name but those of these.
    routers = (
        asking,
        audit,
        discovery,
        feedback,
        trust,
        lineage,
        records,
        data,
        query,
        changes,
        files,
        search,
        sharing,
        products,
    )
    for each in routers:
        # Errors of Delta Sharing have a form of their own.
        told = problems.PROBLEMS if each is not sharing else None
        app.include_router(each.router, responses=told)
    return app
