"""From SQL to a statement that runs: ports are opened, its columns found out, its parts chosen."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_defs.gateway.filtered import some_batches, some_rows
from mesh_defs.gateway.flight.plain import Plain, plain
from mesh_defs.gateway.flight.running import Running
from mesh_defs.gateway.flight.table_schemas import metadata
from mesh_defs.gateway.query.allow import address_of, read_query
from mesh_defs.gateway.query.answer import BATCH_ROWS, Limits
from mesh_defs.gateway.query.faults import BadQuery
from mesh_defs.gateway.query.parameters import bound
from mesh_defs.gateway.query.select import select_query
from mesh_defs.gateway.query.simple import simple_condition, simple_statement
from mesh_defs.gateway.row_groups import GroupBatches
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from mesh_defs.contract.data import Rows
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.filtered import FilteredBatches
    from mesh_defs.gateway.flight.calls import Call
    from mesh_defs.gateway.flight.running import Batches
    from mesh_defs.gateway.query.allow import Query
    from mesh_defs.gateway.query.answer import Answer
    from mesh_defs.gateway.reads.reading import Reading
    from mesh_defs.gateway.row_groups import Footers, Groups
    from mesh_defs.urls import MeshUrl

PROTOCOL = "flight"
_MOST_PARTS = 2  # each decodes in a thread of its own; more of them want more memory


class Statements:
    """Opens statements. Used by all threads."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def open(
        self, call: Call, sql: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> Running:
        """``sql`` as ``call`` may run it, with the ``values`` of its parameters, in their order or
        by name. Raises as `read_query`, `Reads.open` and `Engine.run` do."""
        with ExitStack() as held:
            opened = _Opened(self._gateway, call, sql, held)
            given = bound(opened.query, values)
            schema = self._schema(opened, given)
            parts = self._parts(opened, given, schema)
            told = schema.with_metadata(metadata(_about(opened.used)))
            return Running(opened.used, told, parts, held.pop_all())

    def prepare(self, call: Call, sql: str) -> tuple[tuple[str, ...], pa.Schema]:
        """The names of the parameters of ``sql``, and the columns of its result; these are what
        they are when every parameter is null. Raises as `open`."""
        with ExitStack() as held:
            opened = _Opened(self._gateway, call, sql, held)
            names = opened.query.parameters
            return names, self._schema(opened, dict.fromkeys(names))

    def _schema(self, opened: _Opened, values: Mapping[str, object]) -> pa.Schema:
        """The columns of the result, whose names differ from each other."""
        selected = self._selected(opened)
        if selected is not None:
            return selected
        return self._described(opened, opened.query.sql, values)

    def _selected(self, opened: _Opened) -> pa.Schema | None:
        """The columns of the result where they are some of a port's; None where they are not, or
        are named in a way that the engine has to understand."""
        import pyarrow as pa

        names = opened.plain.columns if opened.plain is not None else None
        if names is None or len(opened.relations) != 1:
            return None
        (relation,) = opened.relations
        whole = self._described(opened, f"SELECT * FROM {quote(relation)}", {})
        if not names:
            return whole
        known = {field.name.lower(): field for field in whole}
        chosen = [name.lower() for name in names]
        if not set(chosen) <= known.keys() or len(set(chosen)) < len(chosen):
            return None
        return pa.schema([known[name] for name in chosen]) if len(known) == len(whole) else None

    def _described(self, opened: _Opened, sql: str, values: Mapping[str, object]) -> pa.Schema:
        kinds = tuple((name, type(value)) for name, value in values.items())
        key = (sql, frozenset(opened.relations.items()), kinds)
        found = self._gateway.schemas.find(key)
        if found is None:
            with self._run(opened, f"SELECT * FROM ({sql}) LIMIT 0", values) as answer:
                found = answer.schema
                for _ in answer:
                    raise AssertionError("no row was asked for")
            self._gateway.schemas.put(key, found)
        return found

    def _parts(
        self, opened: _Opened, values: Mapping[str, object], schema: pa.Schema
    ) -> Sequence[Callable[[], Batches]]:
        groups = self._groups(opened, schema)
        if groups is not None:
            return [_reading(part, schema, self._gateway.footers) for part in groups]
        some = self._some(opened)
        if some is not None and some.schema == schema:
            return [lambda: some]
        return [lambda: _Named(self._run(opened, opened.query.sql, values), schema)]

    def _groups(self, opened: _Opened, schema: pa.Schema) -> Sequence[Sequence[Groups]] | None:
        """The row groups that are the result, in parts; None when it takes an engine."""
        read = opened.plain
        if read is None or not read.every_row or read.columns is None:
            return None
        if len(opened.relations) != 1:
            return None
        (rows,) = opened.relations.values()
        if not rows.files:
            return None
        return self._gateway.footers.parts(rows.files, schema, _MOST_PARTS)

    def _some(self, opened: _Opened) -> FilteredBatches | None:
        """The result where it is the rows of a port that plain comparisons choose; None when it
        takes an engine."""
        if opened.plain is None or len(opened.relations) != 1 or opened.query.parameters:
            return None
        ((relation, rows),) = opened.relations.items()
        some = (opened.query.some or some_rows(opened.query.sql)) if rows.files else None
        if some is None:
            return None
        known = self._described(opened, f"SELECT * FROM {quote(relation)}", {})
        return some_batches(self._gateway.footers, rows.files, known, some, BATCH_ROWS)

    def _run(self, opened: _Opened, sql: str, values: Mapping[str, object]) -> Answer:
        limits = Limits(seconds=self._gateway.profile.limits.seconds)
        return self._gateway.engine.run(
            sql,
            opened.relations,
            values,
            limits=limits,
            written=opened.query.written,
            who=opened.who,
        )


class _Opened:
    """A query with its ports open; ``held`` closes them."""

    def __init__(self, gateway: Gateway, call: Call, sql: str, held: ExitStack) -> None:
        self._gateway = gateway
        self._call = call
        self._sql = sql
        self._held = held
        self._readings: dict[str, Reading] = {}
        self.plain: Plain | None = None
        self.who = call.who
        self.query: Query = self._simple() or read_query(sql, self._resolve)
        self.used = [self._readings[name] for name in self.query.relations]
        self.relations: dict[str, Rows] = {
            name: self._readings[name].rows() for name in self.query.relations
        }

    def _simple(self) -> Query | None:
        """The query where it is clear without a parser; None where it is not."""
        said = simple_statement(self._sql)
        if said is None:
            return None
        try:
            address = address_of(said.relation)
        except BadQuery:
            return None
        self.plain = Plain(said.columns, every_row=False)
        reading = self._readings[str(self._resolve(address))]
        known = {name.lower() for name in reading.columns}
        named = known.issuperset(map(str.lower, said.columns))
        if not named or simple_condition(said.where, reading.columns) is None:
            self.plain = None
            self._readings.clear()
            return None
        return select_query(
            reading.url,
            reading.columns,
            columns=said.columns,
            where=said.where,
            limit=said.limit,
        )

    def _resolve(self, address: MeshUrl) -> MeshUrl:
        # It is asked only once the statement was found to be one that may run.
        self.plain = self.plain or plain(self._sql)
        call = self._call
        if call.as_of is not None and address.version is None and address.as_of is None:
            address = replace(address, as_of=call.as_of)
        reading = self._gateway.reads.open(
            call.caller,
            address,
            action="read" if self.plain is not None else "query",
            purpose=call.purpose,
            protocol=PROTOCOL,
        )
        self._held.callback(reading.close)
        return self._readings.setdefault(str(reading.url), reading).url


class _Named:
    """An engine's answer under the names of ``schema``."""

    def __init__(self, answer: Answer, schema: pa.Schema) -> None:
        self._answer = answer
        self._schema = schema
        self.stop = answer.stop
        self.pause = answer.pause
        self.resume = answer.resume
        self.rest = answer.rest
        self.close = answer.close

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        import pyarrow as pa

        batch = next(self._answer)
        return pa.RecordBatch.from_arrays(batch.columns, schema=self._schema)


def _reading(part: Sequence[Groups], schema: pa.Schema, footers: Footers) -> Callable[[], Batches]:
    return lambda: GroupBatches(part, schema, footers)


def _about(readings: Sequence[Reading]) -> dict[str, object]:
    """What is told of the ports with the data: of one its state as it is, of several a list."""
    if len(readings) == 1:
        return _state(readings[0])
    return {"ports": [_state(reading) for reading in readings]} if readings else {}


def _state(reading: Reading) -> dict[str, object]:
    told: dict[str, object] = {"url": str(reading.url), "receipt": reading.id}
    told |= reading.state.as_dict()
    told["masked"] = list(reading.masked)
    told["row_filter"] = reading.decision.row_filter is not None
    if reading.grant is not None:
        told["grant"] = reading.grant.id
    return told


def app_metadata(running: Running) -> bytes:
    """What is told of the ports, as JSON: ``{"ports": [...]}``."""
    return json.dumps({"ports": [_state(reading) for reading in running.readings]}).encode()
