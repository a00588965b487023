"""Row rules as SQL: one predicate per rule, true where a row breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mesh_defs.contract.checks.findings import CannotRun
from mesh_defs.contract.checks.literals import comparison, number, value
from mesh_defs.contract.odcs.regex import translate, unsupported
from mesh_defs.contract.physical_types import FLOATS, INTEGERS, NUMBERS, Physical
from mesh_defs.contract.rules import (
    Bounds,
    Length,
    Metric,
    NotNull,
    Pattern,
    RowCondition,
    Rule,
)
from mesh_defs.sql import literal, quote

# How far a quotient may lie from a whole number, in parts of itself: 0.3 / 0.1 is
# 2.9999999999999996. These are four steps of a double, two of a float.
_NEARLY_WHOLE = {"DOUBLE": 2.0**-50, "FLOAT": 2.0**-22}
_MEASURES = {"VARCHAR": "length", "LIST": "len", "MAP": "cardinality", "BLOB": "octet_length"}
_INVALID_KEYS = {
    "validValues": "values",
    "pattern": "pattern",
    "minLength": "length",
    "maxLength": "length",
    "minimum": "bounds",
    "maximum": "bounds",
    "exclusiveMinimum": "bounds",
    "exclusiveMaximum": "bounds",
    "multipleOf": "bounds",
}


# Minimum, exclusive minimum, maximum, exclusive maximum.
Ends = tuple[object, object, object, object]


@dataclass(frozen=True, slots=True)
class Predicate:
    """A violation over one row. ``columns`` are all that it looks at (empty: not known).

    ``counts_nulls`` tells that it is exactly ``<column> IS NULL``. ``of_range`` is set where the
    violation, when it holds for no end of a range of values, holds for no value in it: it gives
    the SQL for an expression that stands for an end. ``dear`` tells that it costs much for a row.
    """

    violation: str
    columns: tuple[str, ...]
    counts_nulls: bool = False
    of_range: Callable[[str], str] | None = None
    dear: bool = False


def compile_rule(rule: Rule, columns: Mapping[str, Physical]) -> Predicate:
    """The predicate of a row rule, or of a metric that counts rows one by one.

    ``columns`` are the data's, by name. Raises `CannotRun` with the reason.
    """
    if isinstance(rule, RowCondition):
        if rule.column is not None:
            kind_of(rule.column, columns)
        return Predicate(f"({rule.violation})", ())
    name = rule.column
    if name is None:
        raise CannotRun("the rule names no column")
    kind = kind_of(name, columns)
    if isinstance(rule, NotNull):
        return Predicate(f"({quote(name)} IS NULL)", (name,), counts_nulls=True)
    if isinstance(rule, Bounds):
        return _bounds(rule, kind)
    if isinstance(rule, Length):
        return Predicate(_length(name, kind, rule.minimum, rule.maximum), (name,))
    if isinstance(rule, Pattern):
        return Predicate(_pattern(name, kind, rule.pattern), (name,), dear=True)
    if isinstance(rule, Metric):
        return _metric(rule, name, kind)
    raise TypeError(f"rules of class {type(rule).__name__} are no row rules")


def kind_of(column: str, columns: Mapping[str, Physical]) -> Physical:
    """The type of ``column``; raises `CannotRun` when the data has no such column."""
    if column not in columns:
        raise CannotRun(missing_column(column, columns))
    return columns[column]


def missing_column(column: str, columns: Iterable[str]) -> str:
    """That ``column`` is missing, and what there is."""
    return f"the data has no column '{column}'; it has {', '.join(columns)}"


def _any(violations: Iterable[str]) -> str:
    found = [violation for violation in violations if violation]
    return f"({' OR '.join(found)})" if found else "false"


def _bounds(rule: Bounds, kind: Physical) -> Predicate:
    name = rule.column or ""

    def outside(expression: str) -> str:
        return _outside(
            expression,
            kind,
            (rule.minimum, rule.exclusive_minimum, rule.maximum, rule.exclusive_maximum),
        )

    column = quote(name)
    if rule.multiple_of is None:
        return Predicate(outside(column), (name,), of_range=outside)
    return Predicate(_any((outside(column), _no_multiple(column, kind, rule.multiple_of))), (name,))


def range_violation(expression: str, kind: Physical, ends: Ends, multiple_of: object) -> str:
    """SQL that is true where ``expression``, of type ``kind``, lies outside of ``ends`` or is no
    multiple; None leaves an end open. Raises `CannotRun` for what does not compare with it."""
    violations = [_outside(expression, kind, ends)] if any(e is not None for e in ends) else []
    if multiple_of is not None:
        violations.append(_no_multiple(expression, kind, multiple_of))
    return _any(violations)


def _outside(column: str, kind: Physical, ends: Ends) -> str:
    minimum, exclusive_minimum, maximum, exclusive_maximum = ends
    violations = []
    # NaN lies in no range. It must be asked for by name: files of other writers leave NaN out of
    # their statistics, from which DuckDB then concludes that `c > maximum` is never true.
    if kind.name in FLOATS:
        violations.append(f"isnan({column})")
    if minimum is not None:
        violations.append(comparison(column, kind, "<", minimum))
    if exclusive_minimum is not None:
        violations.append(comparison(column, kind, "<=", exclusive_minimum))
    if maximum is not None:
        violations.append(comparison(column, kind, ">", maximum))
    if exclusive_maximum is not None:
        violations.append(comparison(column, kind, ">=", exclusive_maximum))
    return _any(violations)


def _no_multiple(column: str, kind: Physical, of: object) -> str:
    if kind.name not in NUMBERS:
        raise CannotRun(f"multipleOf needs a number; the column is of type {kind.name}")
    step = number(of, kind)
    if step <= 0 or step.is_infinite():
        raise CannotRun(f"multipleOf {of} is not above zero")
    if kind.name in FLOATS:
        return _no_float_multiple(column, kind, step)
    top, bottom = step.as_integer_ratio()
    if kind.name in INTEGERS:  # c is a multiple of p/q in lowest terms if p divides c
        return f"({column} % {top} <> 0)"
    scale = kind.numbers[1] if len(kind.numbers) > 1 else 0
    # As whole numbers of the column's smallest unit: c = n / 10^s, so p * 10^s divides n * q.
    units = f"replace({column}::VARCHAR, '.', '')::HUGEINT"
    return f"(({units} * {bottom}) % {top * 10**scale} <> 0)"


def _no_float_multiple(column: str, kind: Physical, step: Decimal) -> str:
    """Within a few of the type's own steps of a multiple. Where numbers of that size stand too far
    apart to tell (0.01 from 5.6e12 on, in a DOUBLE), none passes, except by an exact remainder,
    which there is when the step itself is a binary fraction (whole numbers are)."""
    divisor = f"{literal(str(step))}::DOUBLE"
    quotient = f"({column}::DOUBLE / {divisor})"
    tolerance = f"({_NEARLY_WHOLE[kind.name]!r}::DOUBLE * greatest(1, abs({quotient})))"
    near = f"(abs({quotient} - round({quotient})) <= {tolerance} AND {tolerance} < 0.5)"
    if step == Decimal(float(step)):
        near = f"({near} OR {column}::DOUBLE % {divisor} = 0)"
    return f"(isnan({column}) OR isinf({column}) OR NOT {near})"


def _length(name: str, kind: Physical, minimum: object, maximum: object) -> str:
    measure = _MEASURES.get(kind.name)
    if measure is None:
        raise CannotRun(f"a length needs text or a list; the column is of type {kind.name}")
    length = f"{measure}({quote(name)})"
    ends = (("<", minimum), (">", maximum))
    return _any(f"{length} {operator} {_whole(end)}" for operator, end in ends if end is not None)


def _whole(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or given != int(given):
        raise CannotRun(f"{given!r} is no whole number")
    return int(given)


def _pattern(name: str, kind: Physical, pattern: str) -> str:
    if kind.name != "VARCHAR":
        raise CannotRun(f"a pattern needs text; the column is of type {kind.name}")
    problem = unsupported(pattern)
    if problem is not None:
        raise CannotRun(f"the regular expression {pattern} cannot be run: {problem}")
    return f"(NOT regexp_matches({quote(name)}, {literal(translate(pattern))}))"


def _metric(rule: Metric, name: str, kind: Physical) -> Predicate:
    if rule.metric == "nullValues":
        return Predicate(f"({quote(name)} IS NULL)", (name,), counts_nulls=True)
    if rule.metric == "missingValues":
        listed = rule.arguments.get("missingValues", (None, ""))
        return Predicate(_missing(name, kind, _listed(listed, "missingValues")), (name,))
    if rule.metric == "invalidValues":
        dear = "pattern" in rule.arguments
        return Predicate(_invalid(name, kind, rule.arguments), (name,), dear=dear)
    raise TypeError(f"{rule.metric} does not count rows one by one")


def _listed(given: object, key: str) -> list[object]:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise CannotRun(f"{key} must be a list, not {given!r}")
    return list(given)


def _missing(name: str, kind: Physical, listed: list[object]) -> str:
    column = quote(name)
    violations = [f"{column} IS NULL"] if None in listed else []
    for each in listed:
        if each is None:
            continue
        if kind.name == "VARCHAR":
            violations.append(f"{column} = {literal(str(each))}")
            continue
        number_only = f" AND NOT isnan({column})" if kind.name in FLOATS else ""
        try:
            violations.append(f"({column} = {value(each, kind)}{number_only})")
        except CannotRun:
            # 'N/A' in a column of numbers: no value can be it, so nothing is missing by it.
            violations.append("false")
    return _any(violations)


def _invalid(name: str, kind: Physical, arguments: Mapping[str, Any]) -> str:
    unknown = sorted(str(key) for key in arguments if key not in _INVALID_KEYS)
    if unknown or not arguments:
        found = f"the argument '{unknown[0]}' is unknown" if unknown else "it has no arguments"
        raise CannotRun(f"invalidValues: {found}; allowed: {', '.join(_INVALID_KEYS)}")
    column = quote(name)
    violations = []
    if "validValues" in arguments:
        given = _listed(arguments["validValues"], "validValues")
        valid = [each for each in given if each is not None]
        texts = [value(str(v) if kind.name == "VARCHAR" else v, kind) for v in valid]
        if kind.name in FLOATS:  # by name, as in `_outside`
            violations.append(f"isnan({column})")
        listed = f"{column} NOT IN ({', '.join(texts)})"
        violations.append(listed if texts else f"{column} IS NOT NULL")
    if "pattern" in arguments:
        violations.append(_pattern(name, kind, str(arguments["pattern"])))
    lengths = (arguments.get("minLength"), arguments.get("maxLength"))
    if lengths != (None, None):
        violations.append(_length(name, kind, *lengths))
    keys = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    minimum, above, maximum, below = (arguments.get(key) for key in keys)
    if (minimum, above, maximum, below) != (None, None, None, None):
        violations.append(_outside(column, kind, (minimum, above, maximum, below)))
    if arguments.get("multipleOf") is not None:
        violations.append(_no_multiple(column, kind, arguments["multipleOf"]))
    return _any(violations)
