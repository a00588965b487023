"""Whether Great Expectations takes the arguments of an expectation, told without importing it.

The library brings a JSON schema of each of its expectations. What it turns into the wanted type by
itself (``"5"`` into a number) is fine here, too; what it decides by code of its own is not told.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_defs.faults import did_you_mean
from mesh_defs.validation import shown

if TYPE_CHECKING:
    from mesh_defs.contract.engines.great_expectations import Expectation

_SCHEMAS = "expectations/core/schemas/*.json"
_BOUNDS = ("min_value", "max_value")
_NOT_ASKED = frozenset({"id", "meta", "notes", "description", "severity", "rendered_content"})
_WORDS = {
    "number": "a number",
    "integer": "a whole number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "date": "a date",
    "date-time": "a time",
}


@dataclass(frozen=True, slots=True)
class ArgumentProblem:
    """What is wrong with one argument, ``name``; empty where it is not about one that is given."""

    name: str
    found: str
    allowed: str
    fix: str


def argument_problems(expectation: Expectation) -> Iterator[ArgumentProblem]:
    """What the installed library refuses of the arguments of ``expectation``; nothing where it is
    not installed or has no schema of the expectation."""
    schema = _schema(expectation.type)
    known = schema.get("properties") if schema is not None else None
    if schema is None or not isinstance(known, dict):
        return
    given = expectation.kwargs
    names = [name for name in known if name not in _NOT_ASKED and name != "metadata"]
    for name, value in given.items():
        if name not in known:
            listed = ", ".join(names)
            fix = did_you_mean(name, [n for n in names if n not in given])
            yield ArgumentProblem(name, f"unknown argument '{name}'", listed, fix)
        elif value is not None and not _may_be(value, known[name]):
            allowed = " or ".join(dict.fromkeys(_words(known[name])))
            yield ArgumentProblem(name, shown(value), allowed, f"write {allowed}")
    unknown = [name for name in given if name not in known]
    for name in schema.get("required", ()):
        if given.get(name) is None and not unknown:
            found = f"no argument '{name}'"
            yield ArgumentProblem("", found, f"'{name}' is required", f"add '{name}:'")
    bounded = all(name in known for name in _BOUNDS) and not expectation.type.count("divergence")
    if bounded and not unknown and all(given.get(name) is None for name in _BOUNDS):
        found = "neither 'min_value' nor 'max_value'"
        yield ArgumentProblem("", found, "one of them, or both", "add 'min_value:' or 'max_value:'")


@cache
def _files() -> Mapping[str, Path]:
    spec = importlib.util.find_spec("great_expectations")
    folders = spec.submodule_search_locations if spec is not None else None
    files = [file for each in folders or () for file in Path(each).glob(_SCHEMAS)]
    return {file.stem.lower(): file for file in files}


@cache
def _schema(type_: str) -> Mapping[str, Any] | None:
    file = _files().get(type_.replace("_", "").lower())
    if file is None:
        return None
    found: object = json.loads(file.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else None


def _may_be(value: object, schema: Mapping[str, Any]) -> bool:
    """Whether ``value`` is of the type of ``schema``, or the library makes it so."""
    if "anyOf" in schema:
        return any(_may_be(value, one) for one in schema["anyOf"])
    kind = schema.get("type")
    if kind in ("number", "integer"):
        number = _number(value)
        if number is None:
            return False
        low, high = schema.get("minimum", number), schema.get("maximum", number)
        return bool(low <= number <= high)
    if kind == "string" and "format" in schema:
        return _is_time(value)
    if kind == "string":
        return not isinstance(value, list | dict)
    if kind == "boolean":
        return not isinstance(value, list | dict | date | float)
    if kind == "array":
        return isinstance(value, list)
    return kind != "object" or isinstance(value, dict)


def _number(value: object) -> float | None:
    if not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _is_time(value: object) -> bool:
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
        return True
    return isinstance(value, date | int | float)


def _words(schema: Mapping[str, Any]) -> Iterator[str]:
    for one in schema.get("anyOf", [schema]):
        word = _WORDS.get(str(one.get("format", one.get("type"))), "another value")
        bounds = [str(one[key]) for key in ("minimum", "maximum") if key in one]
        yield f"{word} ({' to '.join(bounds)})" if bounds else word
