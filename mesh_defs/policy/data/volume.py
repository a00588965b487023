"""Versions that have far more or far fewer rows than the ones before."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from mesh_defs.policy.data.history import CHANCE, FIX, comparable
from mesh_defs.policy.data.periods import periods
from mesh_defs.policy.model import DataPolicy, Finding, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.ledger import PortRecord


class VolumeDrift(DataPolicy):
    """A version has about as many rows as the ones before it: of the two numbers, the larger is not
    far above the smaller.

    Of a port that only grows (append), the added rows are compared; of a partitioned one, the rows
    of each period with those of the periods before. The first version has nothing to be compared
    with. A difference that chance makes among few rows is none (3.29 standard deviations of a
    Poisson distribution), but no rows where there were some always is one.
    """

    share: float = parameter(
        0.5, stricter="lower", gt=0, description="largest difference, as a share of the smaller"
    )
    versions: int = parameter(5, ge=1, description="compared with the median of so many versions")

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """At most one finding about the rows, and one about the periods."""
        before = comparable(port, self.versions, self.message)
        if not before:
            return
        if port.output.mode == "partition":
            yield from self._shrunk(port, before[0])
            yield from self._periods(port)
        elif port.output.mode == "append" and port.added_rows < port.rows:
            added = [each.added_rows for each in before if 0 < each.added_rows < each.rows]
            if port.added_rows:  # else only the contract is new
                yield from self._compared(port, "added rows", port.added_rows, added)
        elif port.output.mode == "append":
            yield from self._compared(port, "rows", port.rows, [before[0].rows])
        else:
            yield from self._compared(port, "rows", port.rows, [each.rows for each in before])

    def _compared(
        self, port: StagedPort, what: str, now: int, before: Sequence[int]
    ) -> Iterator[Finding]:
        usual = median(before) if before else 0
        if self._unlike(now, usual):
            versions = f"the last {len(before)} versions" if len(before) > 1 else "the last version"
            yield Finding(
                f"{now:,} {what}, where {versions} had {usual:,.0f} ({(now - usual) / usual:+.0%})",
                fix=FIX,
                port=port.name,
                rows=port.rows,
            )

    def _unlike(self, now: float, usual: float) -> bool:
        """Whether two numbers of rows are far apart. Nothing is unlike no rows at all."""
        if not usual or not now:
            return bool(usual)
        apart = abs(now - usual)
        return apart > self.share * min(now, usual) and apart > CHANCE * math.sqrt(max(now, usual))

    def _shrunk(self, port: StagedPort, last: PortRecord) -> Iterator[Finding]:
        """Periods are added and replaced, so that only a fall of the whole is telling."""
        if port.rows < last.rows:
            yield from self._compared(port, "rows", port.rows, [last.rows])

    def _periods(self, port: StagedPort) -> Iterator[Finding]:
        made, kept = periods(port)
        wrong = [
            start for start, rows in made.items() if self._unlike_neighbours(start, rows, kept)
        ]
        if wrong:
            yield Finding(
                f"{len(wrong):,} of {len(made):,} periods have far more or far fewer rows than the "
                f"{self.versions} before them, the first is that of {min(wrong)}",
                fix=FIX,
                port=port.name,
                column=port.output.by,
                rows=port.rows,
            )

    def _unlike_neighbours(self, start: str, rows: int, kept: dict[str, int]) -> bool:
        earlier = [kept[each] for each in kept if each < start][-self.versions :]
        later = [kept[each] for each in kept if each > start][: self.versions]
        near = earlier or later
        if not near or (not rows and 0 in kept.values()):
            return False
        return self._unlike(rows, median(near))
