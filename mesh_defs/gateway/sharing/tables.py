"""Answers about one version of a table: its number, its metadata, its files."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.gateway.errors import BadRequest
from mesh_defs.gateway.sharing.hints import Statistics, keeps
from mesh_defs.gateway.sharing.schema import fields, types
from mesh_defs.gateway.sharing.versions import Versions, time_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.gateway.changes.steps import Asked
    from mesh_defs.gateway.handed import HandedFile, SignedFiles
    from mesh_defs.gateway.reads.reading import Reading
    from mesh_defs.gateway.sharing.actions import Form
    from mesh_defs.gateway.sharing.hints import Hint


@dataclass(frozen=True, slots=True)
class Answer:
    """The lines of an answer, and the read that its headers tell of."""

    reading: Reading
    lines: tuple[str, ...]

    @property
    def version(self) -> int:
        """The table's version."""
        return self.reading.opened.version.record.version


@dataclass(frozen=True, slots=True)
class Table:
    """One table for one recipient. ``asked.address`` has its port."""

    asked: Asked
    files: SignedFiles
    form: Form

    def open(self, version: int | None = None, timestamp: str | None = None) -> Reading:
        """The version of that number, or that was current then; else the newest, which may be
        refused when it is stale. Raises as `Reads.open`, and `BadRequest`."""
        if version is not None and timestamp is not None:
            raise BadRequest("found both version and timestamp; allowed: one of them")
        as_of = time_of("timestamp", timestamp) if timestamp is not None else None
        asked = self.asked
        address = replace(asked.address, version=version, as_of=as_of)
        return asked.reads.open(
            asked.caller,
            address,
            action=asked.action,
            purpose=asked.purpose,
            protocol=asked.protocol,
        )

    def at_or_after(self, timestamp: str | None) -> int:
        """The number of the first version published at ``timestamp`` or later; without one the
        newest. Raises as `Reads.open`, and `UnknownAddress` when there is none."""
        with self.asked.current() as newest:
            if timestamp is None:
                return newest.opened.version.record.version
            return Versions(self.asked).since(time_of("startingTimestamp", timestamp))

    def metadata(self, version: int | None, timestamp: str | None) -> Answer:
        """Protocol and metadata. Nothing is read, so that there is no receipt."""
        with self.open(version, timestamp) as reading:
            columns = fields(reading)
            versioned = version is not None or timestamp is not None
            line = self.form.metadata(reading, columns, versioned=versioned)
            return Answer(reading, (self.form.protocol(columns), line))

    def snapshot(
        self,
        version: int | None,
        timestamp: str | None,
        hints: Sequence[Hint] = (),
        limit: int | None = None,
    ) -> Answer:
        """Protocol, metadata, and the files of a version that may have rows for which ``hints``
        hold; where there are none, no more than have ``limit`` rows."""
        with ExitStack() as stack:
            reading = stack.enter_context(self.open(version, timestamp))
            columns = fields(reading)
            files = reading.rows().files
            told = self.statistics(reading) if reading.in_place else {}
            if hints and told:
                known = types(columns)
                files = tuple(
                    file for file in files if keeps(hints, Statistics.read(told[file], known))
                )
            elif limit is not None:
                files = _enough(self.files, files, limit)
            handout = self.files.hand_out(reading, files)
            stack.pop_all()
        versioned = version is not None or timestamp is not None
        lines = [self.form.protocol(columns)]
        lines.append(self.form.metadata(reading, columns, versioned=versioned))
        lines += [
            self.form.file(handout, file, told.get(str(file.path)) or counted(file))
            for file in handout.files.values()
        ]
        return Answer(reading, tuple(lines))

    def statistics(self, reading: Reading) -> dict[str, str]:
        """What the table's log says of each of its files, by absolute path."""
        version = reading.opened.version
        store = self.asked.reads.catalog.ledger(version.identity).store
        folder = store.port_folder(version.port)
        table = version.record.ports[version.port].table_version
        told = store.table_statistics(version.port, table)
        return {str(folder / path): text for path, text in told.items()}


def counted(file: HandedFile) -> str:
    """The statistics of a file of which nothing but its rows may be told."""
    return f'{{"numRecords":{file.rows}}}'


def _enough(files: SignedFiles, paths: tuple[str, ...], limit: int) -> tuple[str, ...]:
    """The first files that have ``limit`` rows together."""
    chosen: list[str] = []
    rows = 0
    for path in paths:
        if rows >= limit:
            break
        chosen.append(path)
        rows += files.file(Path(path)).rows
    return tuple(chosen)
