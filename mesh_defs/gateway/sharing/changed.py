"""Answers about what changed in a table from version to version."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.gateway.changes.steps import seen
from mesh_defs.gateway.sharing.schema import fields
from mesh_defs.gateway.sharing.tables import Answer, counted
from mesh_defs.gateway.sharing.versions import Span, Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mesh_defs.gateway.changes.kept import ChangeFiles
    from mesh_defs.gateway.changes.steps import Step
    from mesh_defs.gateway.handed import Handout
    from mesh_defs.gateway.reads.reading import Reading
    from mesh_defs.gateway.sharing.schema import Fields
    from mesh_defs.gateway.sharing.tables import Table


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told of one version: its columns (None: nothing changed), and lines."""

    reading: Reading
    columns: Fields | None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in ``table``, whose ``asked`` is for the action ``subscribe``."""

    table: Table
    files: ChangeFiles

    def rows(self, span: Span, *, historical: bool = False) -> Answer:
        """Protocol, metadata, and for each version in ``span`` files of new rows, or of rows that
        say what happened to them. ``historical`` adds the metadata of every version that has other
        columns than the one before. Raises as `Reads.open`, `Versions.within`."""
        return self._answer(span, self._rows, historical=historical)

    def whole_files(self, span: Span) -> Answer:
        """As `rows` with ``historical``, for those who follow a table file by file: which were
        added, and removed."""
        return self._answer(span, self._whole_files, historical=True)

    def _answer(self, span: Span, tell: Callable[[Step], _Told], *, historical: bool) -> Answer:
        asked, form = self.table.asked, self.table.form
        # Who may not read it learns nothing of which versions there are.
        with asked.current():
            links = Versions(asked).within(span)
        told = [tell(asked.open(link)) for link in links]
        changed = [each for each in told if each.columns is not None]
        head = told[0] if historical or not changed else changed[-1]
        columns = head.columns if head.columns is not None else self._columns(head.reading)
        lines = [form.protocol(columns)]
        lines.append(form.metadata(head.reading, columns, versioned=historical))
        for each in told:
            if historical and each.columns is not None and each.columns != columns:
                columns = each.columns
                lines.append(form.metadata(each.reading, columns, versioned=True))
            lines += each.lines
        return Answer(told[-1].reading, tuple(lines))

    def _columns(self, reading: Reading) -> Fields:
        version = reading.opened.version.record.version
        with self.table.open(version) as again:
            return fields(again)

    def _rows(self, step: Step) -> _Told:
        with _of(step.reading) as new, _of(step.previous):
            change = new.enter_context(self.files.held(step))
            if change is None:
                return _Told(step.reading, None)
            columns = fields(step.reading, change.rows.files[0])
            handout = self._handed(step.reading, change.rows.files, new)
        if change.plain:
            return _Told(step.reading, columns, self._added(handout))
        form = self.table.form
        lines = tuple(form.changed(handout, file) for file in handout.files.values())
        return _Told(step.reading, columns, lines)

    def _whole_files(self, step: Step) -> _Told:
        lines: list[str] = []
        columns = None
        with _of(step.reading) as new, _of(step.previous) as old:
            if step.removed and step.previous is not None:
                rows = seen(step.previous, step.removed, old)
                handout = self._handed(step.previous, rows.files, old)
                form = self.table.form
                files = handout.files.values()
                lines += [form.removed(handout, file, step.reading) for file in files]
            if step.added:
                rows = seen(step.reading, step.added, new)
                columns = fields(step.reading, rows.files[0])
                lines += self._added(self._handed(step.reading, rows.files, new))
        return _Told(step.reading, columns, tuple(lines))

    def _handed(self, reading: Reading, files: Sequence[str], held: ExitStack) -> Handout:
        """``files``, handed out with all that ``held`` holds."""
        return self.table.files.hand_out(reading, files, held.pop_all())

    def _added(self, handout: Handout) -> tuple[str, ...]:
        reading = handout.reading
        told = self.table.statistics(reading) if reading.in_place else {}
        return tuple(
            self.table.form.file(
                handout, file, told.get(str(file.path)) or counted(file), changes=True
            )
            for file in handout.files.values()
        )


def _of(reading: Reading | None) -> ExitStack:
    """What closes ``reading`` with it."""
    stack = ExitStack()
    if reading is not None:
        stack.push(reading)
    return stack
