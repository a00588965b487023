"""From a request to an answer: ports are opened for the caller, and read by the locked engine."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh_defs.gateway.query.allow import read_query
from mesh_defs.gateway.query.answer import BATCH_ROWS, Limits
from mesh_defs.gateway.query.parameters import bound
from mesh_defs.gateway.query.select import select_query
from mesh_defs.gateway.row_groups import GroupBatches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.delivery import Batches
    from mesh_defs.gateway.identity.caller import Caller
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
        held.enter_context(gateway.limiter.slot(str(caller.principal)))
        limits = Limits(seconds=gateway.profile.limits.seconds, batch_rows=batch_rows)
        readings = {str(chosen.reading.url): chosen.reading}
        whole = _whole(gateway, chosen, limits) if chosen.every_row else None
        if whole is not None:
            return Answering([chosen.reading], whole, held.pop_all())
        return _run(gateway, chosen.query, readings, (), limits, held)


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
    as `read_query`, `Reads.open` and `Engine.run` do."""
    with ExitStack() as held:
        held.enter_context(gateway.limiter.slot(str(caller.principal)))
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
        return _run(gateway, query, readings, parameters, limits, held)


def _whole(gateway: Gateway, chosen: Chosen, limits: Limits) -> GroupBatches | None:
    """All rows of the chosen columns straight from the files; None where an engine must look."""
    rows = chosen.reading.rows()
    if not rows.files:
        return None

    def described() -> pa.Schema:
        query = f"SELECT * FROM ({chosen.query.sql}) LIMIT 0"
        with gateway.engine.run(query, {str(chosen.reading.url): rows}, limits=limits) as answer:
            return answer.schema

    schema = gateway.schemas.get((chosen.query.sql, rows.files), described)
    parts = gateway.footers.parts(rows.files, schema, 1)
    return GroupBatches(parts[0], schema, limits.batch_rows) if parts is not None else None


def _run(
    gateway: Gateway,
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
            query.sql, relations, values, limits=limits, written=query.written
        )
    return Answering(list(readings.values()), answer, held.pop_all())
