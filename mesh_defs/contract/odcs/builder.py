"""What grows while one schema object is read: its rules, texts and faults, under unique names."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from open_data_contract_standard.model import SchemaProperty

from mesh_defs.contract.model import Inside
from mesh_defs.contract.rules import Unrunnable
from mesh_defs.faults import did_you_mean
from mesh_defs.validation import shown
from mesh_defs.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from open_data_contract_standard.model import CustomProperty, SchemaObject

    from mesh_defs.contract.model import Column, TextRule
    from mesh_defs.contract.rules import Rule
    from mesh_defs.contract.verdicts import Severity
    from mesh_defs.faults import Fault
    from mesh_defs.yaml_source import Document, KeyPath

SEVERITIES: Mapping[str, Severity] = {"error": "error", "warning": "warning", "info": "warning"}
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Property:
    """A property with the name that its column has in the data, or the name by which rules call
    its place inside a column."""

    name: str
    column: str
    model: SchemaProperty
    path: KeyPath


@dataclass(slots=True)
class Builder:
    """Collects what one schema object says. ``objects`` are all objects of the document, for
    references; ``broken`` the paths that already have a fault."""

    document: Document
    path: KeyPath
    name: str
    model: SchemaObject
    objects: Sequence[SchemaObject]
    broken: set[KeyPath]
    faults: list[Fault] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    texts: list[TextRule] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    properties: dict[str, Property] = field(default_factory=dict)
    key: list[Property] = field(default_factory=list)
    places: dict[str, Inside] = field(default_factory=dict)
    _given: Counter[str] = field(default_factory=Counter)
    _taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._given = Counter(name for name in _given_names(self.model) if name)

    def fault(self, path: KeyPath, *, found: object, allowed: str, fix: str) -> None:
        """Add a fault; ``found`` is shown with its type unless it is a sentence already."""
        text = found if isinstance(found, Sentence) else shown(found)
        self.faults.append(self.document.fault(path, found=text, allowed=allowed, fix=fix))

    def unknown(self, path: KeyPath, word: str, known: Iterable[str]) -> None:
        """Add the fault of a word that is not one of the ``known``."""
        names = list(known)
        self.fault(path, found=word, allowed=", ".join(names), fix=did_you_mean(word, names))

    def identify(self, *candidates: str) -> str:
        """The first of ``candidates`` that no rule of this port has, else the last with a number.

        Derived names give way to names that somebody wrote down, wherever those stand.
        """
        for name in map(slug, candidates):
            if name not in self._taken and name not in self._given:
                self._taken.add(name)
                return name
        return self._numbered(slug(candidates[-1]))

    def named(self, given: str, column: str | None, derived: str) -> str:
        """The id of a rule that has the name ``given``; the same name on two columns gets the
        column in front."""
        name = slug(given) or slug(derived)
        if self._given[name] > 1 and column is not None:
            name = f"{slug(column)}.{name}"
        if name in self._taken:
            return self._numbered(name)
        self._taken.add(name)
        return name

    def severity(self, path: KeyPath, word: str | None) -> Severity:
        """``error`` or ``warning``; anything unknown is a fault."""
        if word is None:
            return "error"
        if word not in SEVERITIES:
            self.unknown((*path, "severity"), word, SEVERITIES)
        return SEVERITIES.get(word, "error")

    def unrunnable(
        self, path: KeyPath, name: str, column: str | None, dimension: str, reason: str
    ) -> None:
        """Add a rule that is understood and cannot be run."""
        self.rules.append(
            Unrunnable(
                id=self.identify(name),
                dimension=dimension,
                column=column,
                line=self.line(path),
                key=dotted(path),
                reason=reason,
            )
        )

    def line(self, path: KeyPath) -> int:
        """The line of ``path`` in the document."""
        return self.document.line(path)

    def written(self, path: KeyPath) -> Mapping[str, Any]:
        """The mapping that stands at ``path`` of the document, as it was written."""
        node = self.document.data
        for key in path:
            if isinstance(node, dict):
                node = {str(name): value for name, value in node.items()}.get(str(key))
            elif isinstance(node, list) and isinstance(key, int) and key < len(node):
                node = node[key]
            else:
                return {}
        return {str(key): value for key, value in node.items()} if isinstance(node, dict) else {}

    def column_of(self, name: str) -> str | None:
        """The column in the data of the property ``name`` (logical or physical name)."""
        if name in self.properties:
            return self.properties[name].column
        return next((p.column for p in self.properties.values() if p.column == name), None)

    def inside(self, place: Inside) -> Inside:
        """``place`` under a name that no column and no other place has."""
        taken = {column.column.lower(): None for column in self.properties.values()}
        others = {name.lower(): other for name, other in self.places.items()}
        while {**others, **taken}.get(place.name.lower(), place) != place:
            place = replace(place, name=f"{place.name} in {place.column}")
        self.places[place.name] = place
        return place

    def _numbered(self, name: str) -> str:
        number = 2
        while f"{name}_{number}" in self._taken or f"{name}_{number}" in self._given:
            number += 1
        self._taken.add(f"{name}_{number}")
        return f"{name}_{number}"


class Sentence(str):
    """Text that a fault shows as it is, without quotes and type."""

    __slots__ = ()


def slug(text: str) -> str:
    """``text`` as a rule's id: letters and digits of any script, ``_``, ``.`` and ``-``."""
    return _NOT_IN_NAMES.sub("_", text).strip("_")


def custom_value(properties: Sequence[CustomProperty] | None, name: str) -> object:
    """The value of the custom property ``name``, None when it is not there."""
    return next((p.value for p in properties or () if p.property == name), None)


def _given_names(model: SchemaObject | SchemaProperty) -> Iterator[str]:
    for rule in model.quality or ():
        yield slug(rule.id or rule.name or "")
    for relationship in model.relationships or ():
        yield slug(relationship.id or "")
    below = [*(model.properties or ())]
    if isinstance(model, SchemaProperty):
        below += [model.items] if model.items is not None else []
        below += [model.map.value] if model.map is not None and model.map.value is not None else []
    for inner in below:
        yield from _given_names(inner)
