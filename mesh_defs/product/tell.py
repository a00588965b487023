"""Who is told of runs outside of the mesh: by what the infra profile asks for.

Those who tell stand in rooms above this one (`mesh_defs.standards`), so they are known here by name
alone, and imported when a profile asks for one. That something cannot be told fails no run: it is a
warning to who watches it.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from mesh_defs.interrupts import is_interrupt
from mesh_defs.product.report import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.report import Observer, RunReport

# The key of a profile, and what makes a `Teller` for a product's runs.
_TELLERS = {"openlineage": "mesh_defs.standards.openlineage.teller:teller"}


class NotTold(Exception):
    """Somebody could not be told. Its text says why, without any secret."""


class Teller(Protocol):
    """Tells somebody of the runs of one product. Every method may raise `NotTold`."""

    def finished(self, record: Record) -> None:
        """A publish that an earlier run had decided was finished."""

    def killed(self, run_id: str) -> None:
        """An earlier run had ended without a word."""

    def started(self, run_id: str, time: str) -> None:
        """A run began at ``time`` (ISO 8601, UTC)."""

    def ended(self, report: RunReport, time: str) -> None:
        """A run ended at ``time`` with ``report``."""

    def broke(self, run_id: str, message: str, time: str, *, stopped: bool) -> None:
        """A run broke at ``time``, or was ``stopped`` by a signal."""


class Tellers:
    """All who are told of the runs of one product; what keeps one from it is told to the
    ``observer``, once for each."""

    def __init__(self, mesh: Mesh, product: Product, observer: Observer) -> None:
        self._mesh = mesh
        self._product = product
        self._observer = observer
        self._found: list[Teller] = []
        for key, target in _TELLERS.items():
            self._guarded(partial(self._add, key, target))

    def recovered(self, records: Sequence[Record], killed: Sequence[str]) -> None:
        """What a run before had begun: versions that were finished now, and ids of runs that ended
        without a word and without a version."""
        finished = {record.run_id for record in records}
        for teller in self._found:
            for record in records:
                self._guarded(partial(teller.finished, record))
            for run_id in killed:
                if run_id not in finished:
                    self._guarded(partial(teller.killed, run_id))

    def started(self, run_id: str, time: str) -> None:
        """A run began."""
        for teller in self._found:
            self._guarded(partial(teller.started, run_id, time))

    def ended(self, report: RunReport, time: str) -> None:
        """A run ended with ``report``."""
        for teller in self._found:
            self._guarded(partial(teller.ended, report, time))

    def broke(self, run_id: str, message: str, time: str, *, stopped: bool) -> None:
        """A run ended with an error, of which ``message`` may be told to anybody."""
        for teller in self._found:
            self._guarded(partial(teller.broke, run_id, message, time, stopped=stopped))

    def _add(self, key: str, target: str) -> None:
        if not getattr(self._mesh.settings.profile, key).wanted:
            return
        module, _, name = target.partition(":")
        make = cast("Callable[[Mesh, Product], Teller]", getattr(import_module(module), name))
        self._found.append(make(self._mesh, self._product))

    def _guarded(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except NotTold as error:
            self._warn(str(error))
        except Exception as error:  # no run may fail for it
            if is_interrupt(error):
                raise
            self._warn(f"{type(error).__name__}: {error}")

    def _warn(self, why: str) -> None:
        said = self._mesh.settings.redact(f"somebody was not told of the run: {why}")
        self._observer(Progress(self._product.identity, "warned", 0.0, note=said))
