"""Progress while products run: a moving line on a terminal, one line per event elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.cli.output import console, printable, seconds_text

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from mesh_defs.product.report import Progress

_WORDS = {
    "locked": "starting",
    "resolved": "inputs are held",
    "expected": "expectations checked",
    "staged": "staged",
    "verified": "promises checked",
    "described": "described",
    "intent": "publishing",
    "commit": "publishing",
    "documents": "publishing",
    "ledger": "published",
    "clean": "cleaning up",
    "told": "done",
    "quarantined": "refused and quarantined",
}


def step_words(progress: Progress) -> str:
    """A step of a run in words: ``staged flights, 435,352 rows``."""
    name, _, port = progress.step.partition(":")
    words = _WORDS.get(name, name)
    if port:
        words += f" {port}"
    if progress.rows is not None:
        words += f", {progress.rows:,} rows"
    return words


class RunProgress:
    """Shows what runs on standard error; a context manager. ``quiet`` shows nothing; ``steps``
    tells whether each step of a run is a line where no line can move."""

    def __init__(self, *, quiet: bool = False, steps: bool = True) -> None:
        self._quiet = quiet
        self._steps = steps
        self._out = console(stderr=True)
        self._status = self._out.status("") if self._out.is_terminal and not quiet else None

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def now(self, what: str) -> None:
        """What happens at this moment."""
        if self._status is not None:
            self._status.update(printable(what))
        elif self._steps and not self._quiet:
            self._out.print(printable(what))

    def line(self, what: str, style: str = "") -> None:
        """A line that stays."""
        if not self._quiet:
            self._out.print(printable(what), style=style or None)

    def observe(self, progress: Progress) -> None:
        """An observer for `mesh_defs.product.container.run_product`."""
        if progress.note is not None:
            self.line(f"mesh://{progress.product}: {progress.note}", "yellow")
            return
        seconds = seconds_text(progress.seconds)
        self.now(f"mesh://{progress.product}: {step_words(progress)} ({seconds})")
