"""Numbers against the operators of an ODCS rule, compared exactly."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.findings import CannotRun
from mesh_defs.contract.rules import Threshold

if TYPE_CHECKING:
    from mesh_defs.contract.rules import Unit

Number = Fraction | float  # a float only when it is infinite


def exact(given: object) -> Number:
    """``given`` as an exact number: a float is the decimal that it is written as, so that 0.1 from
    the data is 0.1 of the contract. Raises `CannotRun` for NaN and for what is no number."""
    if isinstance(given, bool) or not isinstance(given, (int, float, Decimal, Fraction, str)):
        raise CannotRun(f"{given!r} is not a number")
    try:
        found = float(given)
        if math.isnan(found):
            raise CannotRun("NaN is not a number")
        if math.isinf(found) and not isinstance(given, int):
            return found
        return Fraction(repr(given)) if isinstance(given, float) else Fraction(given)
    except OverflowError:
        return Fraction(given)
    except ValueError:
        raise CannotRun(f"{given!r} is not a number") from None


def measured(count: int, rows: int, unit: Unit) -> Fraction:
    """A count of rows in the rule's unit; a percentage of no rows is 0."""
    if unit == "rows":
        return Fraction(count)
    return Fraction(100 * count, rows) if rows else Fraction(0)


def met(threshold: Threshold, answer: Number | bool) -> bool:
    """Whether ``answer`` satisfies every operator that is given; raises `CannotRun` when none is
    given, or when one of them cannot be compared with it."""
    return (
        _met_by_boolean(threshold, answer) if isinstance(answer, bool) else _met(threshold, answer)
    )


def _met_by_boolean(threshold: Threshold, answer: bool) -> bool:
    wanted = [threshold.must_be] if threshold.must_be is not None else []
    unwanted = [threshold.must_not_be] if threshold.must_not_be is not None else []
    only = Threshold(must_be=threshold.must_be, must_not_be=threshold.must_not_be)
    given = [*wanted, *unwanted]
    if threshold != only or not given or not all(isinstance(value, bool) for value in given):
        raise CannotRun("true and false compare only with mustBe or mustNotBe, true or false")
    return all(answer is value for value in wanted) and all(answer is not v for v in unwanted)


def _met(threshold: Threshold, number: Number) -> bool:
    outcomes = []
    if threshold.must_be is not None:
        outcomes.append(number == exact(threshold.must_be))
    if threshold.must_not_be is not None:
        outcomes.append(number != exact(threshold.must_not_be))
    if threshold.greater_than is not None:
        outcomes.append(number > exact(threshold.greater_than))
    if threshold.greater_or_equal is not None:
        outcomes.append(number >= exact(threshold.greater_or_equal))
    if threshold.less_than is not None:
        outcomes.append(number < exact(threshold.less_than))
    if threshold.less_or_equal is not None:
        outcomes.append(number <= exact(threshold.less_or_equal))
    if threshold.between is not None:
        low, high = (exact(end) for end in threshold.between)
        outcomes.append(low <= number <= high)
    if threshold.not_between is not None:
        low, high = (exact(end) for end in threshold.not_between)
        outcomes.append(not low <= number <= high)
    if not outcomes:
        raise CannotRun("the rule compares with nothing: it has no operator such as mustBe")
    return all(outcomes)


def number_text(number: Number | bool) -> str:
    """A number as a person reads it, at most six decimals; true and false as SQL writes them."""
    if isinstance(number, bool):
        return str(number).lower()
    if isinstance(number, float):
        return str(number)
    if number.denominator == 1:
        return str(number.numerator)
    return f"{float(number):.6f}".rstrip("0").rstrip(".")
