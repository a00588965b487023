"""Rules checked row by row in plain Python: slow, naive, and what `verify` must agree with."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from verification import NOW

from mesh_defs.contract.rules import (
    ForeignKey,
    Freshness,
    Length,
    Metric,
    NotNull,
    Pattern,
    Query,
    Retention,
    Unique,
)


def exact(value):
    """Values as they compare in the contract's sense."""
    if isinstance(value, float):
        return value if not math.isfinite(value) else Fraction(repr(value))
    if isinstance(value, (int, Decimal)):
        return Fraction(value)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def breaks(rule, row):
    value = row[rule.column]
    if isinstance(rule, NotNull):
        return value is None
    if value is None:
        return False
    if isinstance(rule, Length):
        return len(value) < rule.minimum or (rule.maximum is not None and len(value) > rule.maximum)
    if isinstance(rule, Pattern):
        return re.search(rule.pattern, value) is None
    if isinstance(value, float) and math.isnan(value):
        return True
    if rule.multiple_of is not None:
        if isinstance(value, float) and math.isinf(value):
            return True
        return (exact(value) / exact(rule.multiple_of)).denominator != 1
    value = exact(value)
    return (
        (rule.minimum is not None and value < exact(rule.minimum))
        or (rule.maximum is not None and value > exact(rule.maximum))
        or (rule.exclusive_minimum is not None and value <= exact(rule.exclusive_minimum))
        or (rule.exclusive_maximum is not None and value >= exact(rule.exclusive_maximum))
    )


def same(value):
    """A value that equals another exactly where SQL says so: NaN is NaN, 0.0 is -0.0."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def key_of(row, names):
    key = tuple(same(row[name]) for name in names)
    return None if None in key else key


def sharing(rows, names):
    counts = Counter(key_of(row, names) for row in rows)
    return sum(n for key, n in counts.items() if key is not None and n > 1)


def counted(rule, rows):
    if rule.metric == "rowCount":
        return len(rows)
    if rule.metric == "duplicateValues":
        return sharing(rows, rule.arguments.get("properties", [rule.column]))
    values = [row[rule.column] for row in rows]
    if rule.metric == "nullValues":
        return sum(value is None for value in values)
    if rule.metric == "missingValues":
        return sum(_listed(value, rule.arguments["missingValues"]) for value in values)
    pattern = rule.arguments.get("pattern", "")
    return sum(
        value is not None
        and (
            not _listed(value, rule.arguments["validValues"])
            or (bool(pattern) and re.search(pattern, value) is None)
        )
        for value in values
    )


def _listed(value, listed):
    for each in listed:
        if value is None or each is None:
            if value is each:
                return True
        elif isinstance(value, str):
            if value == each:
                return True
        elif isinstance(value, float) and not math.isfinite(value):
            continue
        elif (isinstance(value, date) or not isinstance(each, str)) and exact(value) == exact(each):
            return True
    return False


def satisfied(threshold, number):
    return (
        (threshold.must_be is None or number == threshold.must_be)
        and (threshold.must_not_be is None or number != threshold.must_not_be)
        and (threshold.greater_than is None or number > threshold.greater_than)
        and (threshold.greater_or_equal is None or number >= threshold.greater_or_equal)
        and (threshold.less_than is None or number < threshold.less_than)
        and (threshold.less_or_equal is None or number <= threshold.less_or_equal)
        and (threshold.between is None or threshold.between[0] <= number <= threshold.between[1])
        and (
            threshold.not_between is None
            or not threshold.not_between[0] <= number <= threshold.not_between[1]
        )
    )


def oracle(rule, rows, other):
    """Whether the rule is met, and how many rows break it (None where rows are not counted)."""
    if isinstance(rule, Unique):
        bad = sharing(rows, rule.columns)
        if rule.primary_key:
            bad += sum(key_of(row, rule.columns) is None for row in rows)
        return bad == 0, bad
    if isinstance(rule, ForeignKey):
        source = rows if rule.target is None else other
        targets = {key_of(row, rule.target_columns) for row in source} | {None}
        bad = sum(key_of(row, rule.columns) not in targets for row in rows)
        return bad == 0, bad
    if isinstance(rule, Metric):
        count = counted(rule, rows)
        number = count
        if rule.unit == "percent":
            number = Fraction(100 * count, len(rows)) if rows else Fraction(0)
        return satisfied(rule.threshold, number), None if rule.metric == "rowCount" else count
    if isinstance(rule, Query):
        low = int(rule.query.rsplit(">", 1)[1])
        number = sum(row["n"] is not None and row["n"] > low for row in rows)
        return satisfied(rule.threshold, number), None
    if isinstance(rule, (Freshness, Retention)):
        moments = [exact(row[rule.column]) for row in rows if row[rule.column] is not None]
        limit = NOW - timedelta(seconds=rule.seconds)
        if isinstance(rule, Freshness):
            # A day is allowed for dates, an hour for timestamps.
            days = any(type(row[rule.column]) is date for row in rows)
            last = NOW + (timedelta(days=1) if days else timedelta(hours=1))
            ahead = sum(moment > last for moment in moments)
            if ahead:
                return False, ahead
            return bool(moments) and max(moments) >= limit, None
        bad = sum(moment < limit for moment in moments)
        return bad == 0, bad or None
    bad = sum(breaks(rule, row) for row in rows)
    return bad == 0, bad
