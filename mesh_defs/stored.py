"""Values that were stored as JSON and are read back: of the types that were written, or refused.

What is stored may have been changed by anybody since. A value of another type would be found where
it is used, far from its file, and paths are made of some.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import Field

# JSON's type of each type that fields are annotated with; any other name is that of a text.
_JSON: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "None": (NoneType,),
    "Mapping": (dict,),
    "tuple": (list, tuple),
}
_WORDS = {
    int: "a number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
    dict: "an object",
    list: "a list",
    tuple: "a list",
    str: "a text",
}
# No count, size or version is less: a table that there is not has version -1.
_LEAST, _MOST = -1, 2**63
_SHOWN = 40


def fitting(record: type, values: object) -> dict[str, Any]:
    """``values`` as they are, when each has the JSON type that the dataclass ``record`` declares
    for the field of its name. Missing and unknown names are left to the dataclass. Raises
    ValueError with the field, what was found and what is allowed.
    """
    if type(values) is not dict:
        raise ValueError(f"found {_found(values)}, not an object")
    for name, allowed in _types(record).items():
        if name not in values:
            continue
        value = values[name]
        kind = type(value)
        if kind not in allowed or (kind in (int, float) and not _LEAST <= value < _MOST):
            words = " or ".join(dict.fromkeys(_WORDS[one] for one in allowed))
            raise ValueError(f"'{name}' is {_found(value)}, not {words}")
    return values


def each(values: object, name: str, kind: type) -> dict[str, Any]:
    """``values``, an object whose values are all of JSON type ``kind``. Raises ValueError."""
    if type(values) is not dict:
        raise ValueError(f"'{name}' is {_found(values)}, not an object")
    allowed = (int, float) if kind is float else (kind,)
    for key, value in values.items():
        number = type(value) in (int, float)
        if type(value) not in allowed or (number and not _LEAST <= value < _MOST):
            raise ValueError(f"'{name}.{key}' is {_found(value)}, not {_WORDS[kind]}")
    return values


@cache
def _types(record: type) -> Mapping[str, tuple[type, ...]]:
    return {field.name: _allowed(field) for field in fields(record)}


def _allowed(field: Field[Any]) -> tuple[type, ...]:
    # The annotation as it is written: every module here imports annotations from the future.
    parts = str(field.type).split(" | ")
    return tuple(kind for part in parts for kind in _JSON.get(part.partition("[")[0], (str,)))


def _found(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
