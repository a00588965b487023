"""The shape of an ODCS document: every key is known and every value has its type.

The pydantic models of the standard ignore unknown keys below the top level and cannot name lines,
so the document is walked here against the very fields of those models. What does not fit becomes a
fault and is left out, so that everything else can still be read and all faults are told at once.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from datetime import date, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from open_data_contract_standard.model import DataQuality, Relationship
from pydantic import BaseModel

from mesh_defs.faults import did_you_mean
from mesh_defs.validation import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.faults import Fault
    from mesh_defs.yaml_source import Document, KeyPath

# Keys that the standard's text knows and its model does not: `description` in the examples of
# relationships (3.1), `validValues` beside the deprecated `rule: validValues` (3.0).
_ALSO: Mapping[type[BaseModel], tuple[str, ...]] = {
    Relationship: ("description",),
    DataQuality: ("validValues",),
}
_MAX_DEPTH = 64
_SCALARS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What one place may hold; several of these at once for a union. ``size`` is the number of
    items that a list must have."""

    anything: bool = False
    scalars: frozenset[type] = frozenset()
    model: type[BaseModel] | None = None
    free_mapping: bool = False
    items: Shape | None = None
    size: int | None = None

    def __str__(self) -> str:
        words = [text for kind, text in _SCALARS.items() if kind in self.scalars]
        if float in self.scalars and int in self.scalars:
            words.remove(_SCALARS[int])
        if self.model is not None:
            words.append(f"a mapping of {', '.join(_fields(self.model))}")
        if self.free_mapping:
            words.append("a mapping")
        if self.items is not None:
            size = "a list" if self.size is None else f"a list of {self.size} values"
            words.append(f"{size}, each {self.items}")
        return " or ".join(words)


@dataclass(slots=True)
class Cleaned:
    """The document with what does not fit left out. ``broken`` has the path of every mapping
    or list that lost something, so that no second fault is told about the same mistake."""

    value: Any
    faults: list[Fault] = field(default_factory=list)
    broken: set[KeyPath] = field(default_factory=set)


def clean(
    document: Document,
    path: KeyPath,
    data: object,
    model: type[BaseModel],
    only: tuple[str, ...] | None = None,
) -> Cleaned:
    """``data``, which stands at ``path``, as plain values that fit ``model``.

    ``only`` narrows the keys that are allowed at the top. Dates and times come back as ISO 8601
    text. Raises nothing for what a person wrote.
    """
    cleaned = Cleaned(None)
    walker = _Walker(document, cleaned)
    if isinstance(data, dict):
        cleaned.value = walker.mapping(data, model, path, 0, only)
    else:
        known = ", ".join(only or _fields(model))
        walker.refuse(path, data, f"a mapping of {known}", "write 'key: value' lines below it")
        cleaned.value = {}
    return cleaned


class _Walker:
    def __init__(self, document: Document, cleaned: Cleaned) -> None:
        self.document = document
        self.cleaned = cleaned

    def refuse(self, path: KeyPath, found: object, allowed: str, fix: str) -> None:
        self.cleaned.broken.update((path, path[:-1]))
        self.cleaned.faults.append(
            self.document.fault(path, found=shown(found), allowed=allowed, fix=fix)
        )

    def mapping(
        self,
        data: Mapping[Any, Any],
        model: type[BaseModel],
        path: KeyPath,
        depth: int,
        only: tuple[str, ...] | None = None,
    ) -> dict[str, Any]:
        fields = _fields(model)
        known = only or tuple(fields)
        clean_values: dict[str, Any] = {}
        for key, value in data.items():
            where = (*path, str(key))
            if key not in known:
                self._unknown(where, str(key), known)
                continue
            fitting, kept = self._value(value, fields[key], where, depth + 1)
            if fitting:
                clean_values[key] = kept
        return clean_values

    def _unknown(self, where: KeyPath, key: str, known: tuple[str, ...]) -> None:
        self.cleaned.broken.update((where, where[:-1]))
        self.cleaned.faults.append(
            self.document.fault(
                where,
                found=f"unknown key '{key}'",
                allowed=", ".join(known),
                fix=did_you_mean(key, known),
            )
        )

    def _value(self, value: object, shape: Shape, path: KeyPath, depth: int) -> tuple[bool, Any]:
        if depth > _MAX_DEPTH:
            self.refuse(path, value, f"at most {_MAX_DEPTH} levels", "nest less deeply")
            return False, None
        if value is None:
            return True, None
        if isinstance(value, dict) and shape.model is not None:
            return True, self.mapping(value, shape.model, path, depth)
        if shape.anything or (isinstance(value, dict) and shape.free_mapping):
            if _deeper(value, _MAX_DEPTH - depth):
                self.refuse(path, value, f"at most {_MAX_DEPTH} levels", "nest less deeply")
                return False, None
            return True, plain(value)
        if isinstance(value, list) and shape.items is not None:
            return self._items(value, shape, path, depth)
        if isinstance(value, date | time) and str in shape.scalars:
            return True, value.isoformat()
        if type(value) in shape.scalars or (type(value) is int and float in shape.scalars):
            return True, value
        self.refuse(path, value, str(shape), _fix(value, shape))
        return False, None

    def _items(
        self, values: list[Any], shape: Shape, path: KeyPath, depth: int
    ) -> tuple[bool, Any]:
        if shape.items is None or (shape.size is not None and len(values) != shape.size):
            self.refuse(path, f"{len(values)} values", str(shape), f"write {shape.size} values")
            return False, None
        kept: list[Any] = []
        whole = True
        for index, value in enumerate(values):
            where = (*path, index)
            if value is None and not shape.items.anything:
                self.refuse(where, value, str(shape.items), "remove the empty item, or fill it")
                fitting, item = False, None
            else:
                fitting, item = self._value(value, shape.items, where, depth + 1)
            if fitting:
                kept.append(item)
            elif shape.items.model is not None:
                kept.append({})  # the items after it keep their positions, and so their lines
            else:
                whole = False
        if not whole:  # half a list of values would say something else
            self.cleaned.broken.add(path[:-1])
        return whole, kept


def plain(value: object) -> object:
    """``value`` with dates and times as ISO 8601 text and text as keys, all the way down."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {
            str(plain(key)) if key is not None else "null": plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _deeper(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper(item, levels - 1) for item in inner)


def _fix(value: object, shape: Shape) -> str:
    if str in shape.scalars and isinstance(value, int | float):
        return f"put it in quotes: '{value}'"
    if bool in shape.scalars and isinstance(value, str):
        return "write true or false, without quotes"
    if shape.items is not None and not isinstance(value, list):
        return "write a list: one '- ' line for each item"
    return "write a value of the allowed form"


@lru_cache(maxsize=64)
def _fields(model: type[BaseModel]) -> dict[str, Shape]:
    model.model_rebuild()  # references forward in the standard's module are resolved late
    fields: dict[str, Shape] = {}
    for name, info in model.model_fields.items():
        sizes = {n for part in info.metadata if (n := getattr(part, "min_length", None))}
        fields[info.alias or name] = _shape(info.annotation, max(sizes, default=None))
    for name in _ALSO.get(model, ()):
        fields[name] = Shape(anything=True)
    return fields


def _shape(annotation: object, size: int | None = None) -> Shape:
    options = (
        get_args(annotation)
        if get_origin(annotation) in (Union, types.UnionType)
        else (annotation,)
    )
    lists = [option for option in options if get_origin(option) is list]
    models = [o for o in options if isinstance(o, type) and issubclass(o, BaseModel)]
    return Shape(
        anything=Any in options,
        scalars=frozenset(option for option in options if option in _SCALARS),
        model=models[0] if models else None,
        free_mapping=any(get_origin(option) is dict for option in options),
        items=_shape(get_args(lists[0])[0]) if lists else None,
        size=size,
    )
