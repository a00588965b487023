"""Shapes of JSON values, declared once: as a JSON Schema, as words, and to hold a value against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Word = Literal["text", "integer", "number", "boolean", "any"]

_TYPES: dict[Word, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "any": (str, int, float, bool, dict, list),
}
_JSON: dict[Word, str | None] = {
    "text": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "any": None,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One value: a scalar (``word``), or with ``keys`` an object; ``many`` tells that it is a list
    of such values, ``by`` that it is an object of them by what ``by`` says. ``null`` is allowed
    where it is said."""

    word: Word = "any"
    keys: tuple[Key, ...] = ()
    many: bool = False
    by: tuple[str, ...] = ()
    null: bool = False

    def or_null(self) -> Shape:
        """The same, or null."""
        return Shape(self.word, self.keys, self.many, self.by, null=True)

    @property
    def words(self) -> str:
        """The shape in words."""
        one = "object" if self.keys else self.word
        one = f"list of {one}s" if self.many and one != "any" else "list" if self.many else one
        for each in reversed(self.by):
            one = f"{one} by {each}"
        return f"{one} or null" if self.null else one


@dataclass(frozen=True, slots=True)
class Key:
    """A key of an object: its name, shape and meaning. ``added`` tells that it is not stored, and
    comes with some answers; ``optional`` that some documents do not have it."""

    name: str
    shape: Shape
    means: str
    added: bool = False
    optional: bool = False

    @property
    def wanted(self) -> bool:
        """Whether every document has it."""
        return not (self.added or self.optional)


TEXT, INTEGER, NUMBER = Shape("text"), Shape("integer"), Shape("number")
BOOLEAN, ANY = Shape("boolean"), Shape("any", null=True)
TEXTS = Shape("text", many=True)


def objects(*keys: Key) -> Shape:
    """A list of objects with ``keys``."""
    return Shape(keys=keys, many=True)


def an_object(*keys: Key) -> Shape:
    """An object with ``keys``."""
    return Shape(keys=keys)


def schema(shape: Shape) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``shape``."""
    found = _one(shape)
    if shape.many:
        found = {"type": "array", "items": found}
    for _ in shape.by:
        found = {"type": "object", "additionalProperties": found}
    return {"anyOf": [found, {"type": "null"}]} if shape.null and found else found


def _one(shape: Shape) -> dict[str, Any]:
    if not shape.keys:
        word = _JSON[shape.word]
        return {"type": word} if word is not None else {}
    return {
        "type": "object",
        "properties": {
            key.name: {"description": key.means, **schema(key.shape)} for key in shape.keys
        },
        "required": [key.name for key in shape.keys if key.wanted],
    }


def faults(value: object, shape: Shape, path: str = "") -> Iterator[str]:
    """What of ``value`` is not of ``shape``, each as one phrase that names its place."""
    if value is None and shape.null:
        return
    here = path or "the document"
    if shape.by:
        if type(value) is not dict:
            yield f"{here} is not an object"
            return
        inner = Shape(shape.word, shape.keys, shape.many, shape.by[1:])
        for name, each in value.items():
            yield from faults(each, inner, f"{path}.{name}")
        return
    if shape.many:
        if type(value) is not list:
            yield f"{here} is not a list"
            return
        inner = Shape(shape.word, shape.keys, null=shape.word == "any" and not shape.keys)
        for place, each in enumerate(value):
            yield from faults(each, inner, f"{path}[{place}]")
        return
    if not shape.keys:
        if type(value) not in _TYPES[shape.word]:
            yield f"{here} is not of type {shape.word}"
        return
    if type(value) is not dict:
        yield f"{here} is not an object"
        return
    for key in shape.keys:
        if key.name in value:
            yield from faults(
                value[key.name], key.shape, f"{path}.{key.name}" if path else key.name
            )
        elif key.wanted:
            yield f"{here} has no '{key.name}'"
