"""What all quality rules share: where they stand, their id and their dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.contract.rules import DIMENSIONS

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality

    from mesh_defs.contract.odcs.builder import Builder, Property
    from mesh_defs.yaml_source import KeyPath

_DIMENSION_SYNONYMS = dict(zip(("ac", "cp", "cf", "cs", "cv", "tm", "uq"), DIMENSIONS, strict=True))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule stands: its path, and the property that it speaks of (None: the object)."""

    path: KeyPath
    owner: Property | None

    @property
    def column(self) -> str | None:
        """The name of the column in the data."""
        return self.owner.column if self.owner else None


def dimension_of(builder: Builder, rule: DataQuality, path: KeyPath, default: str) -> str:
    """The rule's quality dimension, synonyms written out; ``default`` where none is written."""
    word = rule.dimension
    if word is None:
        return default
    dimension = _DIMENSION_SYNONYMS.get(word, word)
    if dimension not in DIMENSIONS:
        builder.unknown((*path, "dimension"), word, DIMENSIONS)
    return dimension


def rule_id(builder: Builder, rule: DataQuality, place: Place, derived: str) -> str:
    """The rule's own id, else its name, else one that says what it checks."""
    full = f"{place.owner.name}.{derived}" if place.owner else derived
    given = rule.id or rule.name
    if given:
        return builder.named(given, place.owner.name if place.owner else None, full)
    return builder.identify(full)
