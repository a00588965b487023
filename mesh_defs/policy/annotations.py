"""What a contract says in custom properties (ODCS ``customProperties``) that policies go by.

Contract loading has checked them (`mesh_defs.contract.odcs.custom`), so that they can be believed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.contract.odcs.custom import (
    GROUP_SIZE,
    PERMITTED_PURPOSES,
    QUASI_IDENTIFIERS,
    REDUCED_BY,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from open_data_contract_standard.model import CustomProperty

    from mesh_defs.product.model import OutputPort


@dataclass(frozen=True, slots=True)
class Reduction:
    """How a column was made less personal: ``method`` is one of `REDUCTIONS` of the contract's
    room. ``k`` is how many are behind each value at least, ``counted_in`` the column that counts
    them; both None where the contract does not tell."""

    method: str
    k: int | None = None
    counted_in: str | None = None


@dataclass(frozen=True)
class Annotations:
    """The custom properties of one port: of its schema object, and of each column by the name that
    the column has in the data. ``names`` maps properties' names to those."""

    of_port: Mapping[str, object] = field(default_factory=dict)
    of_columns: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def port(self, name: str) -> object:
        """The value of the schema object's custom property ``name``; None when there is none."""
        return self.of_port.get(name)

    def column(self, column: str, name: str) -> object:
        """The value of the custom property ``name`` of ``column``; None when there is none."""
        return self.of_columns.get(column, {}).get(name)

    @property
    def quasi_identifiers(self) -> tuple[str, ...]:
        """The columns that together may single somebody out; empty when none are declared."""
        return tuple(self._named(name) for name in _listed(self.port(QUASI_IDENTIFIERS)))

    @property
    def group_size(self) -> str | None:
        """The column that counts the rows behind each row of an aggregate."""
        found = self.port(GROUP_SIZE)
        return self._named(found) if isinstance(found, str) else None

    def reduced_by(self, column: str) -> Reduction | None:
        """How ``column`` was reduced, as the contract declares it."""
        value = self.column(column, REDUCED_BY)
        if not isinstance(value, dict) or not isinstance(value.get("method"), str):
            return None
        k, counted = value.get("k"), value.get("countedIn")
        return Reduction(
            value["method"],
            k if isinstance(k, int) else None,
            self._named(counted) if isinstance(counted, str) else None,
        )

    def permitted_purposes(self, column: str) -> tuple[str, ...] | None:
        """The purposes for which ``column`` may be used, else those of the port; None when neither
        is declared."""
        for value in (self.column(column, PERMITTED_PURPOSES), self.port(PERMITTED_PURPOSES)):
            if value is not None:
                return _listed(value)
        return None

    def source_objects(self, column: str) -> tuple[str, ...]:
        """What ``column`` is made from, as ``transformSourceObjects`` say (``input.column``)."""
        return self.sources.get(column, ())

    def _named(self, name: str) -> str:
        return self.names.get(name, name)


def annotations_of(output: OutputPort) -> Annotations:
    """The annotations of ``output``, read from its contract's document: linear in its columns."""
    objects = output.contract.document.schema_ or ()
    found = next((each for each in objects if each.name == output.promise.name), None)
    if found is None:
        return Annotations()
    properties = [p for p in found.properties or () if p.name]
    names = {str(p.name): str(p.physicalName or p.name) for p in properties}
    columns = {names[str(p.name)]: p for p in properties}
    return Annotations(
        of_port=_values(found.customProperties),
        of_columns={column: _values(p.customProperties) for column, p in columns.items()},
        sources={name: tuple(p.transformSourceObjects or ()) for name, p in columns.items()},
        names=names,
    )


def _values(properties: Sequence[CustomProperty] | None) -> dict[str, object]:
    return {str(p.property): p.value for p in properties or () if p.property}


def _listed(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()
