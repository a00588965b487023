"""From a request to an answer: ports are opened for the caller, and read by the locked engine."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh_defs.errors import Unauthenticated
from mesh_defs.gateway.filtered import some_batches, some_rows
from mesh_defs.gateway.query.allow import read_query
from mesh_defs.gateway.query.answer import BATCH_ROWS, Limits
from mesh_defs.gateway.query.parameters import bound
from mesh_defs.gateway.query.select import select_query
from mesh_defs.gateway.row_groups import GroupBatches
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.delivery import Batches
    from mesh_defs.gateway.filtered import FilteredBatches
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.gateway.limits import Place
    from mesh_defs.gateway.query.allow import Query
    from mesh_defs.gateway.reads.reading import Reading
    from mesh_defs.urls import MeshUrl


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a port is read; texts as they were sent."""

    columns: str | None = None
    where: str | None = None
    order: str | None = None
    limit: int | None = None
    offset: int | None = None

    @property
    def everything(self) -> bool:
        """Whether all rows and columns are read, in any order."""
        return self == Selection()

    @property
    def every_row(self) -> bool:
        """Whether all rows are read, in any order."""
        return self == Selection(columns=self.columns)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A port that was opened, which has to be closed, and the query for what is read of it:
    ``everything``, or all rows (``every_row``) of some columns, or less."""

    reading: Reading
    query: Query
    everything: bool
    every_row: bool


class Answering:
    """An answer with the readings that it is made of; `done` ends what was held for them."""

    def __init__(self, readings: Sequence[Reading], answer: Batches, held: ExitStack) -> None:
        self.readings = tuple(readings)
        self.answer = answer
        self._held = held

    def done(self) -> None:
        """Give back what was taken of the limits, and close the readings."""
        self._held.close()


class Placed:
    """``batches`` that are read in ``place``, which others have while their reader takes its
    time."""

    def __init__(self, batches: Batches, place: Place) -> None:
        self._batches = batches
        self._place = place

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return self._batches.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        return next(self._batches)

    def pause(self) -> None:
        """Their reader takes its time from now on."""
        self._batches.pause()
        self._place.pause()

    def resume(self) -> None:
        """Their reader wants more. Raises `Cancelled`."""
        self._place.resume()
        self._batches.resume()

    def rest(self) -> None:
        """Their reader takes long."""
        self._batches.rest()

    def cancel(self) -> None:
        """End it, since nobody waits for it any more. Any thread may call this."""
        self._place.cancel()
        self._batches.cancel()

    def close(self) -> None:
        """Free what they hold."""
        self._batches.close()


def choose_rows(
    gateway: Gateway,
    caller: Caller,
    address: MeshUrl,
    selection: Selection,
    *,
    purpose: str | None,
    protocol: str,
) -> Chosen:
    """What ``selection`` means of the port at ``address``, for ``caller``; nothing is read yet.
    Raises as `Reads.open` does, and `BadQuery`."""
    reading = gateway.reads.open(caller, address, purpose=purpose, protocol=protocol)
    try:
        query = select_query(
            reading.url,
            reading.columns,
            columns=selection.columns,
            where=selection.where,
            order=selection.order,
            limit=selection.limit,
            offset=selection.offset,
        )
    except BaseException:
        reading.close()
        raise
    return Chosen(reading, query, selection.everything, selection.every_row)


def read_rows(
    gateway: Gateway, caller: Caller, chosen: Chosen, batch_rows: int = BATCH_ROWS
) -> Answering:
    """The rows that were chosen, in batches of at most ``batch_rows``; they are closed with the
    answer, or when this fails. Raises as `Engine.run` does, and `Overloaded`."""
    with ExitStack() as held:
        held.callback(chosen.reading.close)
        place = _place(gateway, str(caller.principal), held)
        limits = Limits(seconds=gateway.profile.limits.seconds, batch_rows=batch_rows)
        readings = {str(chosen.reading.url): chosen.reading}
        direct = (_whole if chosen.every_row else _some)(gateway, chosen, limits)
        if direct is not None:
            return Answering([chosen.reading], Placed(direct, place), held.pop_all())
        return _run(gateway, place, chosen.query, readings, (), limits, held)


def run_sql(
    gateway: Gateway,
    caller: Caller,
    sql: str,
    parameters: Sequence[object] | Mapping[str, object] = (),
    *,
    purpose: str | None,
    as_of: datetime | None = None,
    protocol: str,
    rows: int | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Answering:
    """The answer to a stranger's SQL over ports that ``caller`` may query, at most ``rows`` (None:
    all); what names no version is read as it was ``as_of`` (None: the newest). Raises
    `Unauthenticated` for whom nobody knows, `Overloaded`, and as `read_query`, `Reads.open` and
    `Engine.run` do."""
    if caller.anonymous:
        # A statement need not name any port: no decision on one would stop it.
        raise Unauthenticated("only who says who it is may run SQL. Fix: send a token")
    with ExitStack() as held:
        place = _place(gateway, str(caller.principal), held)
        readings: dict[str, Reading] = {}

        def resolve(address: MeshUrl) -> MeshUrl:
            if as_of is not None and address.version is None and address.as_of is None:
                address = replace(address, as_of=as_of)
            reading = gateway.reads.open(
                caller, address, action="query", purpose=purpose, protocol=protocol
            )
            held.callback(reading.close)
            return readings.setdefault(str(reading.url), reading).url

        query = read_query(sql, resolve)
        seconds = gateway.profile.limits.seconds
        limits = Limits(rows=rows, seconds=seconds, batch_rows=batch_rows)
        return _run(gateway, place, query, readings, parameters, limits, held)


def _place(gateway: Gateway, who: str, held: ExitStack) -> Place:
    place = gateway.limiter.place(who)
    held.callback(place.close)
    return place


def _whole(gateway: Gateway, chosen: Chosen, limits: Limits) -> GroupBatches | None:
    """All rows of the chosen columns straight from the files; None where an engine must look."""
    files = chosen.reading.rows().files
    if not files:
        return None
    schema = _described(gateway, chosen, chosen.query.sql, limits)
    parts = gateway.footers.parts(files, schema, 1)
    if parts is None:
        return None
    return GroupBatches(parts[0], schema, gateway.footers, limits.batch_rows)


def _some(gateway: Gateway, chosen: Chosen, limits: Limits) -> FilteredBatches | None:
    """The chosen rows straight from the files; None where an engine must look."""
    files = chosen.reading.rows().files
    some = (chosen.query.some or some_rows(chosen.query.sql)) if files else None
    if some is None:
        return None
    known = _described(gateway, chosen, f"SELECT * FROM {quote(some.relation)}", limits)
    return some_batches(gateway.footers, files, known, some, limits.batch_rows)


def _described(gateway: Gateway, chosen: Chosen, sql: str, limits: Limits) -> pa.Schema:
    """Names and types of the columns of ``sql``, as the engine gives them."""
    rows = chosen.reading.rows()

    def described() -> pa.Schema:
        query = f"SELECT * FROM ({sql}) LIMIT 0"
        relations = {str(chosen.reading.url): rows}
        who = str(chosen.reading.caller.principal)
        with gateway.engine.run(query, relations, limits=limits, who=who) as answer:
            return answer.schema

    return gateway.schemas.get((sql, rows.files), described)


def _run(
    gateway: Gateway,
    place: Place,
    query: Query,
    readings: Mapping[str, Reading],
    parameters: Sequence[object] | Mapping[str, object],
    limits: Limits,
    held: ExitStack,
) -> Answering:
    values = bound(query, parameters)
    relations = {name: readings[name].rows() for name in query.relations}
    with gateway.limiter.queued():
        answer = gateway.engine.run(
            query.sql, relations, values, limits=limits, written=query.written, who=place.who
        )
    return Answering(list(readings.values()), Placed(answer, place), held.pop_all())
