"""What a rule expects, in words: for verdicts, faults, catalogues and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mesh_defs.contract.rules import (
    Bounds,
    ColumnType,
    Custom,
    ForeignKey,
    Freshness,
    Length,
    Metric,
    NoOtherColumns,
    NotNull,
    Pattern,
    Query,
    Retention,
    RowCondition,
    Rule,
    Threshold,
    Unique,
    Unit,
    Unrunnable,
)

_SHOWN_VALUES = 12
_SPANS = (("year", 31_557_600), ("day", 86_400), ("hour", 3_600), ("minute", 60))


def expected(rule: Rule) -> str:
    """What ``rule`` expects, as one phrase without a full stop. Raises `TypeError` for a class of
    rule that is not in `mesh_defs.contract.rules`."""
    describe = _PHRASES.get(type(rule))
    if describe is None:
        raise TypeError(f"no words for rules of class {type(rule).__name__}")
    return describe(rule)


def threshold_text(threshold: Threshold, unit: Unit | None = None) -> str:
    """All operators of ``threshold`` in words, such as ``at least 100 and less than 200 rows``.

    ``unit`` is written after the last number; None where the number has none (SQL rules).
    """
    parts = _given(
        ("exactly", threshold.must_be),
        ("not", threshold.must_not_be),
        ("more than", threshold.greater_than),
        ("at least", threshold.greater_or_equal),
        ("less than", threshold.less_than),
        ("at most", threshold.less_or_equal),
    )
    for words, span in (("from", threshold.between), ("not from", threshold.not_between)):
        if span is not None:
            parts.append(f"{words} {_number(span[0])} to {_number(span[1])}")
    text = " and ".join(parts)
    return f"{text} {unit}" if unit is not None and text else text


def duration_text(seconds: float) -> str:
    """``seconds`` in its largest whole unit, such as ``2 days`` or ``90 minutes``."""
    for name, length in _SPANS:
        if seconds >= length and seconds % length == 0:
            return _plural(seconds / length, name)
    return _plural(seconds, "second")


def values_text(values: Sequence[Any]) -> str:
    """Values as a person would list them; a long list is cut and says how many more there are."""
    shown = ", ".join(_value(value) for value in values[:_SHOWN_VALUES])
    more = len(values) - _SHOWN_VALUES
    return f"{shown} and {more} more" if more > 0 else shown


def _column_type(rule: ColumnType) -> str:
    if rule.logical and rule.physical:
        return f"a column {rule.column} of type {rule.logical}, stored as {rule.physical}"
    if rule.logical:
        return f"a column {rule.column} of type {rule.logical}"
    if rule.physical:
        return f"a column {rule.column} stored as {rule.physical}"
    return f"a column {rule.column}"


def _bounds(rule: Bounds) -> str:
    parts = _given(
        ("at least", rule.minimum),
        ("more than", rule.exclusive_minimum),
        ("at most", rule.maximum),
        ("less than", rule.exclusive_maximum),
        ("a multiple of", rule.multiple_of),
    )
    return f"every {rule.column} {' and '.join(parts)}"


def _length(rule: Length) -> str:
    if rule.minimum is not None and rule.minimum == rule.maximum:
        return f"every {rule.column} of length {rule.minimum}"
    parts = _given(("at least", rule.minimum), ("at most", rule.maximum))
    return f"every {rule.column} of length {' and '.join(parts)}"


def _pattern(rule: Pattern) -> str:
    if rule.format is not None:
        return f"every {rule.column} in the format {rule.format}"
    return f"every {rule.column} matching {rule.pattern}"


def _unique(rule: Unique) -> str:
    names = ", ".join(rule.columns)
    if rule.primary_key:
        return f"a primary key of {names}: no NULL, no two rows alike"
    return f"no two rows with the same {names}"


def _foreign_key(rule: ForeignKey) -> str:
    names, targets = ", ".join(rule.columns), ", ".join(rule.target_columns)
    where = "the same port" if rule.target is None else str(rule.target)
    return f"every {names} found in {targets} of {where}"


def _metric(rule: Metric) -> str:
    threshold = threshold_text(rule.threshold, rule.unit)
    if rule.metric == "rowCount":
        return threshold
    return f"{threshold} with {_counted(rule)}"


def _counted(rule: Metric) -> str:
    if rule.metric == "nullValues":
        return f"NULL in {rule.column}"
    if rule.metric == "duplicateValues":
        columns = rule.arguments.get("properties") or [rule.column]
        return f"duplicate values of {', '.join(str(name) for name in columns)}"
    if rule.metric == "missingValues":
        missing = values_text(rule.arguments.get("missingValues") or ())
        return f"missing values in {rule.column} ({missing})"
    wanted = []
    if rule.arguments.get("validValues") is not None:
        wanted.append(f"valid: {values_text(rule.arguments['validValues'])}")
    if rule.arguments.get("pattern") is not None:
        wanted.append(f"pattern: {rule.arguments['pattern']}")
    return f"invalid values in {rule.column} ({'; '.join(wanted)})"


def _custom(rule: Custom) -> str:
    if isinstance(rule.implementation, Mapping):
        name = rule.implementation.get("type") or rule.implementation.get("name")
        if isinstance(name, str):
            return f"{rule.engine}: {name}"
        return f"{rule.engine}: {', '.join(str(key) for key in rule.implementation)}"
    return f"{rule.engine}: {' '.join(rule.implementation.split())}"


def _plural(count: float, name: str) -> str:
    return f"{_number(count)} {name}{'' if count == 1 else 's'}"


def _given(*ends: tuple[str, object]) -> list[str]:
    """Words and number of those ``ends`` that have one."""
    return [f"{words} {_number(value)}" for words, value in ends if value is not None]


def _number(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _value(value: object) -> str:
    if value is None:
        return "NULL"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _only_columns(rule: NoOtherColumns) -> str:
    return f"no column beyond {', '.join(rule.columns)}"


def _query(rule: Query) -> str:
    return f"{threshold_text(rule.threshold)} from: {' '.join(rule.query.split())}"


def _not_null(rule: NotNull) -> str:
    return f"no NULL in {rule.column}"


def _row_condition(rule: RowCondition) -> str:
    return rule.expected


def _freshness(rule: Freshness) -> str:
    return f"the newest {rule.column} at most {duration_text(rule.seconds)} old"


def _retention(rule: Retention) -> str:
    return f"no {rule.column} more than {duration_text(rule.seconds)} old"


def _unrunnable(rule: Unrunnable) -> str:
    return rule.description or "a rule that can be run"


_PHRASES: dict[type[Rule], Callable[[Any], str]] = {
    ColumnType: _column_type,
    NoOtherColumns: _only_columns,
    NotNull: _not_null,
    Bounds: _bounds,
    Length: _length,
    Pattern: _pattern,
    RowCondition: _row_condition,
    Unique: _unique,
    ForeignKey: _foreign_key,
    Metric: _metric,
    Query: _query,
    Custom: _custom,
    Freshness: _freshness,
    Retention: _retention,
    Unrunnable: _unrunnable,
}
