"""``logicalTypeOptions``: the options that each logical type knows, and the rules they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.contract.model import TextRule
from mesh_defs.contract.odcs import regex
from mesh_defs.contract.odcs.bounds import BOUNDS, add_bounds
from mesh_defs.contract.odcs.builder import Sentence
from mesh_defs.contract.odcs.conditions import add_condition, add_length
from mesh_defs.contract.odcs.containers import add_array_options, add_object_options, add_vector
from mesh_defs.contract.odcs.formats import (
    FLOATS,
    HINTS,
    INTEGERS,
    LARGEST_F32,
    PATTERNS,
)
from mesh_defs.contract.odcs.storage import stored_as_text
from mesh_defs.contract.odcs.temporal import add_temporal_options
from mesh_defs.contract.odcs.values import TEMPORAL, is_number
from mesh_defs.contract.rules import Bounds, Pattern
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mesh_defs.contract.odcs.builder import Builder, Property

_NUMERIC = (*BOUNDS, "multipleOf", "format")
_MOMENT = (*BOUNDS, "format", "timezone", "defaultTimezone")
_VECTOR = (
    "dimensions",
    "elementType",
    "distanceMetric",
    "embeddingModel",
    "embeddingModelVersion",
    "normalized",
)
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "date": (*BOUNDS, "format"),
    "timestamp": _MOMENT,
    "time": _MOMENT,
    "integer": _NUMERIC,
    "number": _NUMERIC,
    "boolean": (),
    "array": ("minItems", "maxItems", "uniqueItems"),
    "object": ("minProperties", "maxProperties", "required"),
    "map": (),
    "vector": _VECTOR,
}


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _positive(value: object) -> bool:
    return is_number(value) and isinstance(value, int | float) and value > 0


_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_FORMS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys(_COUNTS, (_count, "a whole number from 0")),
    "dimensions": (_positive, "a whole number from 1"),
    "multipleOf": (_positive, "a number above 0"),
    **dict.fromkeys(
        ("pattern", "format", "defaultTimezone", *_VECTOR[1:5]), (_text, "text that is not empty")
    ),
    **dict.fromkeys(("timezone", "uniqueItems", "normalized"), (_flag, "true or false")),
    "required": (_names, "a list of property names"),
}


def add_options(builder: Builder, prop: Property) -> None:
    """Add the rules of the property's ``logicalTypeOptions``."""
    options = {k: v for k, v in (prop.model.logicalTypeOptions or {}).items() if v is not None}
    logical = prop.model.logicalType
    if logical == "vector" or options:
        options = fitting_options(builder, prop, options)
    if logical in TEMPORAL and (options or stored_as_text(prop.model)):
        add_temporal_options(builder, prop, options)
    if not options or logical is None or logical in TEMPORAL:
        return
    if logical == "string":
        _add_text_options(builder, prop, options)
    elif logical in ("integer", "number"):
        add_bounds(builder, prop, options)
        _add_number_format(builder, prop, options)
    elif logical == "array":
        add_array_options(builder, prop, options)
    elif logical == "object":
        add_object_options(builder, prop, options)
    elif logical == "vector":
        add_vector(builder, prop, options)


def fitting_options(builder: Builder, prop: Property, options: dict[str, Any]) -> dict[str, Any]:
    """Those of ``options`` that the type of ``prop`` knows, with values of their form; every other
    one is a fault."""
    path = (*prop.path, "logicalTypeOptions")
    logical = prop.model.logicalType
    if logical is None:
        builder.fault(
            path,
            found=Sentence("logicalTypeOptions without a logicalType"),
            allowed=f"logicalType: {', '.join(OPTIONS)}",
            fix="add 'logicalType:'",
        )
        return {}
    known = OPTIONS[logical]
    fitting = {}
    for name, value in options.items():
        if name not in known:
            _refuse(builder, prop, name)
            continue
        check, allowed = _FORMS.get(name, (None, ""))
        if check is not None and not check(value):
            builder.fault((*path, name), found=value, allowed=allowed, fix=f"write {allowed}")
            continue
        fitting[name] = value
    if logical == "vector" and "dimensions" not in options:
        builder.fault(
            prop.path,
            found=Sentence("a vector without dimensions"),
            allowed="logicalTypeOptions.dimensions: a whole number from 1",
            fix="add 'logicalTypeOptions: {dimensions: ...}'",
        )
    return fitting


def _refuse(builder: Builder, prop: Property, name: str) -> None:
    path = (*prop.path, "logicalTypeOptions", name)
    logical = str(prop.model.logicalType)
    others = [kind for kind, names in OPTIONS.items() if name in names]
    if not others:
        builder.unknown(path, name, OPTIONS[logical])
        return
    builder.fault(
        path,
        found=Sentence(f"'{name}' on a column of type {logical}"),
        allowed=", ".join(OPTIONS[logical]) or f"no options for {logical}",
        fix=f"remove '{name}' ({', '.join(others)} columns have it), or change logicalType",
    )


def _add_text_options(builder: Builder, prop: Property, options: dict[str, Any]) -> None:
    path = (*prop.path, "logicalTypeOptions")
    add_length(builder, prop, options, "minLength", "maxLength")
    if "pattern" in options:
        _add_pattern(builder, prop, options["pattern"])
    if "format" not in options:
        return
    form = options["format"]
    if form in PATTERNS:
        builder.rules.append(
            Pattern(
                id=builder.identify(f"{prop.name}.format"),
                dimension="conformity",
                column=prop.column,
                line=builder.line((*path, "format")),
                pattern=PATTERNS[form],
                format=form,
            )
        )
    elif form in HINTS:
        builder.texts.append(TextRule(prop.column, f"{prop.name} has the format {form}"))
    else:
        reason = f"the format '{form}' is unknown; known are {', '.join(sorted(PATTERNS))}"
        builder.unrunnable(
            (*path, "format"), f"{prop.name}.format", prop.column, "conformity", reason
        )


def _add_pattern(builder: Builder, prop: Property, pattern: str) -> None:
    path = (*prop.path, "logicalTypeOptions", "pattern")
    problem = regex.malformed(pattern)
    if problem is not None:
        builder.fault(path, found=pattern, allowed="a regular expression", fix=f"mend: {problem}")
        return
    problem = regex.unsupported(pattern)
    if problem is not None:
        reason = f"the regular expression {pattern} cannot be run: {problem}"
        builder.unrunnable(path, f"{prop.name}.pattern", prop.column, "conformity", reason)
        return
    builder.rules.append(
        Pattern(
            id=builder.identify(f"{prop.name}.pattern"),
            dimension="conformity",
            column=prop.column,
            line=builder.line(path),
            pattern=regex.translate(pattern),
        )
    )


def _add_number_format(builder: Builder, prop: Property, options: dict[str, Any]) -> None:
    form = options.get("format")
    path = (*prop.path, "logicalTypeOptions", "format")
    known = tuple(INTEGERS) if prop.model.logicalType == "integer" else FLOATS
    if form is None:
        return
    if form not in known:
        builder.unknown(path, form, known)
        return
    if form in INTEGERS:
        low, high = INTEGERS[form]
        builder.rules.append(
            Bounds(
                id=builder.identify(f"{prop.name}.format"),
                dimension="conformity",
                column=prop.column,
                line=builder.line(path),
                minimum=low,
                maximum=high,
            )
        )
    elif form == "f32":
        column = quote(prop.column)
        violation = f"isfinite({column}) AND abs({column}) > {LARGEST_F32}"
        expected = f"every {prop.column} within the range of a 32 bit float"
        add_condition(builder, prop, "format", violation, expected)
    # Every number of DuckDB lies within the range of f64, so the type's own rule decides it.
