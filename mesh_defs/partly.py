"""What is sound in a document with faults, so that one fault does not hide what else is wrong."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import ErrorDetails

    from mesh_defs.yaml_source import KeyPath

    Values = dict[str, object]

M = TypeVar("M", bound=BaseModel)

_ROUNDS = 5  # what is left out may be missed elsewhere


def sound_part(
    model: type[M], data: object, instead: Callable[[Values, set[KeyPath]], None]
) -> tuple[M, frozenset[KeyPath]] | None:
    """``data`` as a ``model`` without what does not fit, and the paths that were left out; None
    when nothing is left.

    A list of which an item does not fit is left out whole, as positions tell lines. ``instead``
    puts into the rest what stands for what was left out.
    """
    if not isinstance(data, dict):
        return None
    values: Values = deepcopy(data)
    lost: set[KeyPath] = set()
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(values), frozenset(lost)
        except ValidationError as error:
            for details in error.errors():
                _drop(values, details, lost)
            instead(values, lost)
    return None


def _drop(values: Values, details: ErrorDetails, lost: set[KeyPath]) -> None:
    """Delete from ``values`` what an error is about: the deepest part of its path that is there and
    stands in a mapping."""
    path = details["loc"][:-1] if details["type"] == "missing" else details["loc"]
    holder: Values = values
    last: str | int | None = None
    above: KeyPath = ()
    here: object = values
    for depth, part in enumerate(path):
        if not isinstance(here, dict) or part not in here:
            break
        holder, last, above = here, part, tuple(path[: depth + 1])
        here = here[part]
    if last is not None:
        del holder[str(last)]
        lost.add(above)
