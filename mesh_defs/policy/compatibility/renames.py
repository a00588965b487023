"""The columns of a schema, and guesses at which removed one goes on under another name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.contract.odcs.storage import effective_type
from mesh_defs.policy.compatibility.types import type_change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from open_data_contract_standard.model import SchemaProperty

_MEASURE = "measure"


@dataclass(frozen=True, slots=True)
class Found:
    """A property with its place among those beside it."""

    model: SchemaProperty
    index: int

    @property
    def name(self) -> str:
        """The name that its column has in the data."""
        return self.model.physicalName or self.model.name or ""


def columns_of(models: Sequence[SchemaProperty] | None) -> dict[str, Found]:
    """The properties that hold data, by the names of their columns."""
    held = (m for m in models or () if m.semanticType != _MEASURE)
    found = (Found(model, index) for index, model in enumerate(held))
    return {one.name: one for one in found}


def measures_of(models: Sequence[SchemaProperty] | None) -> dict[str, SchemaProperty]:
    """The measures (ODCS 3.2), which no column holds, by name."""
    return {m.name or "": m for m in models or () if m.semanticType == _MEASURE}


def renames(gone: Mapping[str, Found], come: Mapping[str, Found]) -> dict[str, tuple[str, str]]:
    """Which removed column goes on as which added one, and what tells: both have the same type, and
    they share description, business name or place. Only pairs that are each other's best are
    taken, the most alike first."""
    scored: list[tuple[int, str, str, str]] = []
    for name, old in gone.items():
        for other, new in come.items():
            shared = _shared(old, new)
            if shared:
                weight = sum(2 if word != "place" else 1 for word in shared)
                scored.append((-weight, name, other, "the same " + " and ".join(["type", *shared])))
    found: dict[str, tuple[str, str]] = {}
    taken: set[str] = set()
    for weight, name, other, why in sorted(scored):
        rivals = [s for s in scored if s[0] == weight and (s[1] == name) != (s[2] == other)]
        free = [s for s in rivals if s[1] not in found and s[2] not in taken]
        if name not in found and other not in taken and not free:
            found[name] = (other, why)
            taken.add(other)
    return found


def _shared(old: Found, new: Found) -> list[str]:
    if type_change(old.model, new.model) is not None or effective_type(old.model) is None:
        return []
    shared = []
    if old.model.description and old.model.description == new.model.description:
        shared.append("description")
    if old.model.businessName and old.model.businessName == new.model.businessName:
        shared.append("business name")
    if old.index == new.index:
        shared.append("place")
    return shared
