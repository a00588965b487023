"""Rows as one Parquet file, which a client may read in ranges: with its footer first, and only the
columns that it needs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from fastapi import Response

from mesh_defs.gateway.http.conditions import bare, not_modified, unchanged, wanted_ranges
from mesh_defs.gateway.http.headers import opened_headers
from mesh_defs.gateway.http.pieces import TYPE, FileResponse
from mesh_defs.gateway.http.sending import COMMON
from mesh_defs.gateway.query.answer import Limits
from mesh_defs.gateway.ranges import Unsatisfiable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import Request

    from mesh_defs.gateway.answers import Chosen
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.query.answer import Answer

_threads = ThreadPoolExecutor(8, "downloads")


def parquet(request: Request, mesh: Gateway, chosen: Chosen) -> Response:
    """``chosen`` as a file, or parts of it; its reading is closed with it, or when this fails.
    Raises as `read_rows` and `Extracts.held` do."""
    with ExitStack() as sending, ExitStack() as held:
        held.callback(chosen.reading.close)
        sending.enter_context(mesh.limiter.downloads.slot(str(chosen.reading.caller.principal)))
        path = held.enter_context(_file(mesh, chosen))
        file = mesh.downloads.describe(path)
        headers = {**COMMON, **opened_headers(chosen.reading)}
        headers |= {"Accept-Ranges": "bytes", "ETag": file.tag}
        if unchanged(request, file.tag):
            return not_modified(headers)
        try:
            parts = wanted_ranges(request, file.tag, file.size)
        except Unsatisfiable:
            headers["Content-Range"] = f"bytes */{file.size}"
            return Response(status_code=416, headers=headers)
        if request.method == "HEAD":
            return bare(headers, TYPE, length=file.size)
        handout, file = mesh.downloads.begin(
            chosen.reading, path, held.pop_all(), ranged=parts is not None
        )
        sending.callback(mesh.downloads.release, handout)
        headers["Mesh-Receipt"] = handout.reading.id
        done = sending.pop_all().close
        return FileResponse(handout, file, parts, headers, _threads, done, mesh.limiter.stalled)


@contextmanager
def _file(mesh: Gateway, chosen: Chosen) -> Iterator[str]:
    """The path of the one file that holds what was chosen, which is there while the block lasts."""
    reading, query = chosen.reading, chosen.query
    who = str(reading.caller.principal)
    if chosen.everything:
        if reading.in_place:
            files = reading.rows().files
        else:
            with mesh.limiter.slot(who):
                files = reading.rows().files
        if len(files) == 1:
            yield files[0]
            return

    def batches() -> Answer:
        limits = Limits(seconds=mesh.profile.limits.seconds)
        relations = {str(reading.url): reading.rows()}
        with mesh.limiter.queued():
            return mesh.engine.run(
                query.sql, relations, limits=limits, written=query.written, who=who
            )

    with ExitStack() as held:
        with mesh.limiter.slot(who):
            name = f"{reading.content}\0{query.sql}"
            path = held.enter_context(mesh.extracts.held(name, batches))
        yield str(path)
