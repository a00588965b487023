"""From a request to an answer: ports are opened for the caller, and read by the locked engine."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh_defs.gateway.query.allow import read_query
from mesh_defs.gateway.query.answer import Limits
from mesh_defs.gateway.query.parameters import bound
from mesh_defs.gateway.query.select import select_query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.gateway.query.allow import Query
    from mesh_defs.gateway.query.answer import Answer
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


class Answering:
    """An answer with the readings that it is made of, which `close` ends."""

    def __init__(self, readings: Sequence[Reading], answer: Answer, held: ExitStack) -> None:
        self.readings = tuple(readings)
        self.answer = answer
        self._held = held

    def done(self) -> None:
        """Give back what was taken of the limits."""
        self._held.close()


def select_rows(
    gateway: Gateway,
    caller: Caller,
    address: MeshUrl,
    selection: Selection,
    *,
    purpose: str | None,
    protocol: str,
) -> Answering:
    """The rows of one port that ``caller`` may see. Raises as `Reads.open` and `Engine.run` do, and
    `BadQuery`."""
    with ExitStack() as held:
        held.enter_context(gateway.limiter.slot(str(caller.principal)))
        reading = gateway.reads.open(caller, address, purpose=purpose, protocol=protocol)
        held.callback(reading.close)
        query = select_query(
            reading.url,
            reading.columns,
            columns=selection.columns,
            where=selection.where,
            order=selection.order,
            limit=selection.limit,
            offset=selection.offset,
        )
        limits = Limits(seconds=gateway.profile.limits.seconds)
        return _run(gateway, query, {str(reading.url): reading}, (), limits, held)


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
) -> Answering:
    """The answer to a stranger's SQL over ports that ``caller`` may query, at most ``rows`` (None:
    all); what names no version is read as it was ``as_of``. Raises as `read_query`, `Reads.open`
    and `Engine.run` do."""
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
        limits = Limits(rows=rows, seconds=gateway.profile.limits.seconds)
        return _run(gateway, query, readings, parameters, limits, held)


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
    answer = gateway.engine.run(query.sql, relations, values, limits=limits, written=query.written)
    return Answering(list(readings.values()), answer, held.pop_all())
