"""From a YAML document to a pydantic model, with every error as a fault on its line."""

from __future__ import annotations

import types
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema

from mesh_defs.faults import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from mesh_defs.faults import Fault
    from mesh_defs.yaml_source import Document, KeyPath

M = TypeVar("M", bound=BaseModel)

_SHOWN = 60
_MAPPINGS = ("dict_type", "model_type", "model_attributes_type")
# What a value should have been, by pydantic's name of the error.
_PLAIN = {
    "string_type": "text",
    "list_type": "a list such as [a, b]",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_too_short": "a text that is not empty",
    **dict.fromkeys(_MAPPINGS, "a mapping of 'key: value' lines"),
}


def _iso(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


# A day as text; without quotes YAML makes a date of it, which is as good.
Day = Annotated[str, BeforeValidator(_iso), WithJsonSchema({"type": "string", "format": "date"})]


class Strict(BaseModel):
    """A model whose unknown keys are errors and whose values are not bent to fit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def validate(model: type[M], document: Document, path: KeyPath, data: object) -> M | list[Fault]:
    """``data``, which stands at ``path`` of ``document``, as a ``model``; or all its faults."""
    if not isinstance(data, dict):
        return [
            document.fault(
                path,
                found=shown(data),
                allowed="a mapping of " + ", ".join(model.model_fields),
                fix=f"write 'key: value' lines, indented below this key{_needed(model)}",
            )
        ]
    try:
        return model.model_validate(data)
    except ValidationError as error:
        return [_fault(model, document, path, details) for details in error.errors()]


def shown(value: object) -> str:
    """``value`` with its YAML type, short enough for one line."""
    names = {str: "text", bool: "a boolean", int: "a number", float: "a number", list: "a list"}
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, date):
        return f"{value} (a date)"
    text = repr(value)
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return f"{text} ({names.get(type(value), type(value).__name__)})"


def _fault(
    model: type[BaseModel], document: Document, path: KeyPath, details: ErrorDetails
) -> Fault:
    # What pydantic says of a mapping's key comes with this behind the key.
    inner = tuple(part for part in details["loc"] if part != "[key]")
    where: KeyPath = (*path, *inner)
    kind = details["type"]
    context = details.get("ctx") or {}
    if kind == "extra_forbidden":
        known = list(_fields_at(model, inner[:-1]))
        return document.fault(
            where,
            found=f"unknown key '{inner[-1]}'",
            allowed=", ".join(known),
            fix=did_you_mean(str(inner[-1]), known),
        )
    if kind == "missing":
        return document.fault(
            where,
            found="nothing",
            allowed=f"'{inner[-1]}' is required",
            fix=f"add '{inner[-1]}:'{_purpose(model, inner)}",
        )
    if kind == "literal_error":
        allowed = str(context.get("expected", ""))
        words = [word.strip(" '") for word in allowed.replace(" or ", ",").split(",")]
        return document.fault(
            where,
            found=shown(details["input"]),
            allowed=allowed,
            fix=did_you_mean(str(details["input"]), words),
        )
    if kind == "value_error":
        reason = str(context.get("error", details["msg"]))
        reason, _, fix = reason.partition("; fix: ")
        found, told, allowed = reason.rpartition("; allowed: ")
        found = found.removeprefix("found ") if told else shown(details["input"])
        return document.fault(where, found=found, allowed=allowed, fix=fix or f"write {allowed}")
    allowed = _PLAIN.get(kind) or details["msg"].removeprefix("Input should be ")
    return document.fault(
        where,
        found=shown(details["input"]),
        allowed=f"{allowed}{_purpose(model, inner)}",
        fix=_type_fix(kind, allowed, details["input"], str(inner[-1]) if inner else ""),
    )


def _type_fix(kind: str, allowed: str, value: object, key: str) -> str:
    if kind == "string_type" and isinstance(value, float | int) and key == "version":
        zeros = ".0" if isinstance(value, float) else ".0.0"
        return f"write {value}{zeros}: a version has three numbers"
    if kind == "string_type" and isinstance(value, int | float | date):
        return f"put it in quotes: '{value}'"
    if kind == "list_type" and isinstance(value, str):
        return f"write it as a list: [{value}]"
    if value is None and kind in _MAPPINGS:
        return "write '{}' for the defaults, or 'key: value' lines indented below"
    if kind in _MAPPINGS:
        return "write 'key: value' lines, indented below this key"
    return f"write {allowed}"


def _needed(model: type[BaseModel]) -> str:
    """The keys that ``model`` cannot do without, as the end of a fix."""
    needed = [f.alias or name for name, f in model.model_fields.items() if f.is_required()]
    return f", for {', '.join(needed)} at least" if needed else ""


def _purpose(model: type[BaseModel], inner: tuple[int | str, ...]) -> str:
    owner = _model_at(model, inner[:-1])
    field = owner.model_fields.get(str(inner[-1])) if owner else None
    return f" ({field.description})" if field is not None and field.description else ""


def _fields_at(model: type[BaseModel], inner: tuple[int | str, ...]) -> Iterator[str]:
    owner = _model_at(model, inner) or model
    for name, field in owner.model_fields.items():
        yield field.alias or name


def _model_at(model: type[BaseModel], inner: tuple[int | str, ...]) -> type[BaseModel] | None:
    current: Any = model
    for part in inner:
        if isinstance(current, type) and issubclass(current, BaseModel):
            by_alias = {(f.alias or name): f for name, f in current.model_fields.items()}
            field = by_alias.get(str(part))
            if field is None:
                return None
            current = _unwrap(field.annotation)
        else:
            current = _unwrap(current)
        if get_origin(current) in (dict, list):
            current = _Container(get_args(current)[-1])
        elif isinstance(current, _Container):
            current = _unwrap(current.item)
    if isinstance(current, type) and issubclass(current, BaseModel):
        return current
    return None


class _Container:
    """Stands for the items of a list or mapping while walking down a path."""

    def __init__(self, item: object) -> None:
        self.item = item


def _unwrap(annotation: Any) -> Any:  # noqa: ANN401  annotations are of any kind
    if isinstance(annotation, _Container):
        return annotation.item
    if get_origin(annotation) in (Union, types.UnionType):
        options = [arg for arg in get_args(annotation) if arg is not type(None)]
        models = [a for a in options if isinstance(a, type) and issubclass(a, BaseModel)]
        return models[0] if models else options[0]
    return annotation
