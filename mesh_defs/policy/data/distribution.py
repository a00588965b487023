"""Versions whose columns say something else than those of the ones before."""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING

from mesh_defs.policy.data.history import CHANCE, FIX, chance_of_share, comparable
from mesh_defs.policy.data.profile import PortProfile
from mesh_defs.policy.model import DataPolicy, Finding, parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mesh_defs.policy.data.profile import ColumnProfile
    from mesh_defs.policy.subject import StagedPort

# A move of less than this share of a mean is the rounding of sums.
_ROUNDING = 1e-9


class DistributionDrift(DataPolicy):
    """A column says about the same as in the versions before: as many of its values are missing,
    its mean lies where it lay, its categories have the shares they had.

    Of a port that only grows or is partitioned, the added rows are compared. A mean may move by a
    share of the standard deviation that it had (Glass's delta); keys, what refers to them and
    cursors have none. Categories are text and booleans, compared by total variation distance, half
    the sum of the differences of their shares, which is the largest difference that any set of
    them has between two versions (Levin, Peres: Markov Chains and Mixing Times, section 4.1). What
    chance alone does once in a thousand times is allowed on top, so that few rows raise no alarm.
    The first version has nothing to be compared with.
    """

    nulls: float = parameter(
        0.1, stricter="lower", gt=0, le=1, description="largest change of the share of NULL"
    )
    means: float = parameter(
        0.5, stricter="lower", gt=0, description="largest move of a mean, in standard deviations"
    )
    categories: float = parameter(
        0.2, stricter="lower", gt=0, le=1, description="largest total variation distance"
    )
    versions: int = parameter(5, ge=1, description="compared with the mean of so many versions")

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """One finding per column and kind of drift. Columns without a past are not compared."""
        now = port.profile
        records = comparable(port, self.versions, self.message)
        kept = [PortProfile.from_dict(record.profile) for record in records if record.profile]
        past = [profile.under(now.key) for profile in kept if profile.rows]
        if not past or not now.rows:
            return
        rows = min(now.rows, *(profile.rows for profile in past))
        for name, column in now.columns.items():
            before = [profile.columns[name] for profile in past if name in profile.columns]
            for message in self._drifts(column, before, rows) if before else ():
                yield Finding(
                    f"{name}: {message}", fix=FIX, port=port.name, column=name, rows=port.rows
                )

    def _drifts(
        self, now: ColumnProfile, before: Sequence[ColumnProfile], rows: int
    ) -> Iterator[str]:
        """What changed; ``rows`` are those of the smallest version."""
        usual = fmean(column.nulls for column in before)
        if abs(now.nulls - usual) > self.nulls + chance_of_share(rows):
            yield f"{now.nulls:.1%} are missing, {usual:.1%} before"
        filled = rows * (1 - max(now.nulls, *(column.nulls for column in before)))
        yield from self._moved(now, before, filled)
        distance = _distance(now, [column for column in before if column.other is not None])
        names = {*now.categories, *(name for column in before for name in column.categories)}
        # What categories stray together (Devroye 1983) and what one draw adds to it (McDiarmid).
        chance = math.sqrt(len(names) / filled) / 2 + chance_of_share(filled) if filled else 1.0
        if distance > self.categories + chance:
            yield f"at least {distance:.0%} of its values lie in other categories than before"

    def _moved(
        self, now: ColumnProfile, before: Sequence[ColumnProfile], filled: float
    ) -> Iterator[str]:
        means = [column.mean for column in before if column.mean is not None]
        deviations = [column.deviation for column in before if column.deviation is not None]
        if now.mean is None or now.deviation is None or not means or not deviations or not filled:
            return
        usual, deviation = fmean(means), fmean(deviations)
        move = abs(now.mean - usual)
        chance = CHANCE * math.hypot(now.deviation, deviation) / math.sqrt(filled)
        rounding = _ROUNDING * max(abs(now.mean), abs(usual))
        if move <= self.means * deviation + chance + rounding:
            return
        if deviation:
            yield f"the mean moved by {move / deviation:.2f} standard deviations"
        else:
            yield "the mean moved, where all values were the same before"


def _distance(now: ColumnProfile, before: Sequence[ColumnProfile]) -> float:
    """A lower bound of the total variation distance, 0 to 1, between a column and the mean of its
    past: exact where all values are listed. 0 where one of the two was not counted."""
    if now.other is None or not before:
        return 0.0
    past = {name for column in before for name in column.categories}
    more = _excess(now.categories, [now], before)
    return max(more, _excess(past, before, [now]))


def _excess(
    names: Iterable[str], columns: Sequence[ColumnProfile], others: Sequence[ColumnProfile]
) -> float:
    """By how much the shares of ``names`` in ``columns`` exceed those in ``others`` for sure: a
    value that is not listed has no share in the one, and the largest it may have in the other."""
    return sum(
        max(
            0.0,
            fmean(column.categories.get(name, 0.0) for column in columns)
            - fmean(column.categories.get(name, column.other or 0.0) for column in others),
        )
        for name in names
    )
