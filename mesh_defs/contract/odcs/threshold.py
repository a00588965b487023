"""The operators of a quality rule: what they demand, and whether anything can meet it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from mesh_defs.contract.describe import threshold_text
from mesh_defs.contract.odcs.builder import Sentence
from mesh_defs.contract.rules import Threshold

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality

    from mesh_defs.contract.odcs.builder import Builder
    from mesh_defs.yaml_source import KeyPath

OPERATORS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a measured number can have, and whether it may also be a boolean."""

    lowest: float = -math.inf
    highest: float = math.inf
    boolean: bool = False


ANYTHING = Domain()
COUNT = Domain(lowest=0)
PERCENT = Domain(lowest=0, highest=100)
ANSWER = Domain(boolean=True)


def read_threshold(
    builder: Builder, path: KeyPath, rule: DataQuality, domain: Domain, default: float | None = None
) -> Threshold | None:
    """The operators of ``rule``; None when they are malformed, which is then a fault.

    ``default`` is what must be when no operator is written (deprecated rules of ODCS 3.0).
    """
    given = {name: getattr(rule, name) for name in OPERATORS if getattr(rule, name) is not None}
    if not given and default is not None:
        return Threshold(must_be=default)
    if not given:
        builder.fault(
            path,
            found=Sentence("a rule without an operator"),
            allowed=", ".join(OPERATORS),
            fix="add what the measured number must be, such as 'mustBe: 0'",
        )
        return None
    sound = [_readable(builder, (*path, key), value, domain) for key, value in given.items()]
    if not all(sound):  # every operator is looked at first, so that all faults are told
        return None
    threshold = Threshold(
        must_be=rule.mustBe,
        must_not_be=rule.mustNotBe,
        greater_than=rule.mustBeGreaterThan,
        greater_or_equal=rule.mustBeGreaterOrEqualTo,
        less_than=rule.mustBeLessThan,
        less_or_equal=rule.mustBeLessOrEqualTo,
        between=_pair(rule.mustBeBetween),
        not_between=_pair(rule.mustNotBeBetween),
    )
    if satisfiable(threshold, domain):
        return threshold
    builder.fault(
        path,
        found=Sentence(f"'{threshold_text(threshold)}', which no measured number can meet"),
        allowed=f"operators that a number {_range_text(domain)} can meet together",
        fix="remove or change one of the operators",
    )
    return None


def satisfiable(threshold: Threshold, domain: Domain = ANYTHING) -> bool:
    """Whether some value of ``domain`` meets all operators at once."""
    wanted, unwanted = threshold.must_be, threshold.must_not_be
    if isinstance(wanted, bool):
        return wanted is not unwanted and threshold == Threshold(
            must_be=wanted, must_not_be=unwanted
        )
    if wanted is not None:
        return domain.lowest <= wanted <= domain.highest and _meets(threshold, wanted)
    lowest, lowest_open, highest, highest_open = _interval(threshold, domain)
    # What is meant to be met by a range is met in its middle or just beside a hole in it.
    ends = [n for n in (lowest, highest) if math.isfinite(n)]
    holes = [n for n in (threshold.not_between or ()) if lowest <= n <= highest]
    points = sorted({*ends, *holes})
    probes = [*points, *((a + b) / 2 for a, b in pairwise(points))]
    probes += [min(points, default=0) - 1, max(points, default=0) + 1]
    return any(
        _meets(threshold, probe, ignore_unwanted=lowest != highest)
        for probe in probes
        if (lowest < probe or (lowest == probe and not lowest_open))
        and (probe < highest or (probe == highest and not highest_open))
    )


def _interval(threshold: Threshold, domain: Domain) -> tuple[float, bool, float, bool]:
    span = threshold.between or (-math.inf, math.inf)
    lows = [(domain.lowest, False), (span[0], False)]
    highs = [(domain.highest, False), (span[1], False)]
    if threshold.greater_or_equal is not None:
        lows.append((threshold.greater_or_equal, False))
    if threshold.greater_than is not None:
        lows.append((threshold.greater_than, True))
    if threshold.less_or_equal is not None:
        highs.append((threshold.less_or_equal, False))
    if threshold.less_than is not None:
        highs.append((threshold.less_than, True))
    lowest, lowest_open = max(lows)
    highest, highest_open = min(highs, key=lambda end: (end[0], not end[1]))
    return lowest, lowest_open, highest, highest_open


def _meets(threshold: Threshold, value: float, *, ignore_unwanted: bool = False) -> bool:
    """``ignore_unwanted``: one forbidden number leaves others beside it in a range."""
    t = threshold
    return (
        (ignore_unwanted or t.must_not_be is None or value != t.must_not_be)
        and (t.greater_than is None or value > t.greater_than)
        and (t.greater_or_equal is None or value >= t.greater_or_equal)
        and (t.less_than is None or value < t.less_than)
        and (t.less_or_equal is None or value <= t.less_or_equal)
        and (t.between is None or t.between[0] <= value <= t.between[1])
        and (t.not_between is None or not t.not_between[0] <= value <= t.not_between[1])
    )


def _readable(builder: Builder, path: KeyPath, value: object, domain: Domain) -> bool:
    span = value if isinstance(value, list) and str(path[-1]).endswith("Between") else None
    numbers = [value] if span is None else span
    allowed = "a finite number, true or false" if domain.boolean else "a finite number"
    for number in numbers:
        if isinstance(number, bool) and domain.boolean:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float):
            builder.fault(path, found=number, allowed=allowed, fix="write a number, unquoted")
            return False
        if not math.isfinite(number):
            builder.fault(path, found=number, allowed=allowed, fix="leave the operator away")
            return False
    if span is not None and span[0] > span[1]:
        builder.fault(
            path,
            found=Sentence(f"{span}, the larger number first"),
            allowed="two numbers, the smaller one first",
            fix=f"write [{span[1]}, {span[0]}]",
        )
        return False
    return True


def _pair(values: list[float | int] | None) -> tuple[float, float] | None:
    return None if values is None else (values[0], values[1])


def _range_text(domain: Domain) -> str:
    if math.isfinite(domain.highest):
        return f"from {domain.lowest:g} to {domain.highest:g}"
    return f"of at least {domain.lowest:g}" if math.isfinite(domain.lowest) else "of any size"
