"""Places inside columns: members of objects, items of arrays, keys and values of maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.contract.model import Inside, Step
from mesh_defs.contract.odcs.builder import Builder, Property
from mesh_defs.contract.odcs.containers import as_json, pointer
from mesh_defs.contract.odcs.storage import stored_as_text

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaObject, SchemaProperty

    from mesh_defs.yaml_source import KeyPath


def _on_row(condition: str) -> str:
    return condition


@dataclass(frozen=True, slots=True)
class Spot:
    """One place inside ``column`` (or the column itself, without steps): the SQL of its JSON value,
    and how a condition on that value becomes a condition on the row, through every list on the way.
    ``text`` tells that its values lie as text, as those of JSON text do; ``inside_text`` that what
    it is a part of does."""

    label: str
    column: str
    path: KeyPath
    value: str
    on_row: Callable[[str], str]
    steps: tuple[Step, ...] = ()
    depth: int = 0
    text: bool = False
    inside_text: bool = False

    @classmethod
    def of(cls, prop: Property) -> Spot:
        """The whole column of ``prop``."""
        text = stored_as_text(prop.model)
        return cls(prop.name, prop.column, prop.path, as_json(prop.column), _on_row, text=text)

    @property
    def is_key(self) -> bool:
        """Whether its value is the text of a map's key, and no JSON."""
        return bool(self.steps) and self.steps[-1][0] == "keys"

    @property
    def in_list(self) -> bool:
        """Whether one row may have many values in this place."""
        return self.depth > 0

    def child(self, model: SchemaProperty, index: int) -> Spot:
        """The property ``model``, the one at ``index`` of this object."""
        path = (*self.path, "properties", index)
        name = str(model.physicalName or model.name)
        found = self.member(name, path, self.text or stored_as_text(model))
        return Spot(
            f"{self.label}.{model.name}", found.column, path, found.value, found.on_row,
            found.steps, found.depth, found.text, self.text,
        )  # fmt: skip

    def member(self, name: str, path: KeyPath, text: bool) -> Spot:
        """The member ``name`` as the data calls it."""
        value = f"json_extract({self.value}, {pointer(name)})"
        steps: tuple[Step, ...] = (*self.steps, ("member", name))
        label = f"{self.label}.{name}"
        return Spot(
            label, self.column, path, value, self.on_row, steps, self.depth, text, self.text
        )

    def each(self, word: str, key: KeyPath, model: SchemaProperty | None = None) -> Spot:
        """Each of the ``items``, ``values`` or ``keys``, whose ``model`` stands at ``key``."""
        name = f"x{self.depth}"
        values = {
            "items": f"json_extract({self.value}, '$[*]')",
            "values": f"json_extract({self.value}, '$.*')",
            "keys": f"json_keys({self.value})",
        }[word]

        def on_row(condition: str) -> str:
            found = f"list_filter({values}, lambda {name}: {condition})"
            return self.on_row(f"len({found}) > 0")

        path = (*self.path, *key)
        steps: tuple[Step, ...] = (*self.steps, (word, ""))
        text = self.text or (model is not None and stored_as_text(model))
        label = f"{self.label}.{word}"
        return Spot(label, self.column, path, name, on_row, steps, self.depth + 1, text, self.text)

    def place(self, builder: Builder, model: SchemaProperty) -> Property:
        """This place as a property, whose column is a name that rules can use."""
        inside = Inside(self.label, self.column, self.steps, model.logicalType, self.text)
        return Property(self.label, builder.inside(inside).name, model, self.path)


def members(model: SchemaProperty) -> Iterator[tuple[int, SchemaProperty]]:
    """The properties of an object that have names, each name once, with their positions."""
    seen: set[str] = set()
    for index, child in enumerate(model.properties or ()):
        if child.name and child.name not in seen:
            seen.add(child.name)
            yield index, child


def objects_below(prop: Property) -> Iterator[tuple[Spot, SchemaProperty]]:
    """Every place below ``prop`` that is reached through objects alone."""
    yield from _below(Spot.of(prop), prop.model)


def _below(spot: Spot, model: SchemaProperty) -> Iterator[tuple[Spot, SchemaProperty]]:
    for index, child in members(model):
        inner = spot.child(child, index)
        yield inner, child
        yield from _below(inner, child)


def below(prop: Property) -> Iterator[tuple[KeyPath, SchemaProperty]]:
    """Everything below ``prop``, with where it stands: properties, items, values of maps."""
    yield from _deeper(prop.path, prop.model)


def _deeper(path: KeyPath, model: SchemaProperty) -> Iterator[tuple[KeyPath, SchemaProperty]]:
    inner: list[tuple[KeyPath, SchemaProperty]] = [
        ((*path, "properties", index), child) for index, child in enumerate(model.properties or ())
    ]
    if model.items is not None:
        inner.append(((*path, "items"), model.items))
    if model.map is not None and model.map.value is not None:
        inner.append(((*path, "map", "value"), model.map.value))
    for where, child in inner:
        yield where, child
        yield from _deeper(where, child)


def find(owner: SchemaObject, names: list[str], *, by_id: bool) -> Inside | None:
    """The place that ``names`` lead to through objects alone, from a property of ``owner`` on; None
    where there is none."""
    spot: Spot | None = None
    level = owner.properties or []
    model: SchemaProperty | None = None
    for name in names:
        found = next(((i, p) for i, p in enumerate(level) if _named(p, name, by_id)), None)
        if found is None:
            return None
        index, model = found
        if spot is None:
            column = str(model.physicalName or model.name)
            spot = Spot.of(Property(str(model.name), column, model, ()))
        else:
            spot = spot.child(model, index)
        level = model.properties or []
    if spot is None or model is None:
        return None
    return Inside(spot.label, spot.column, spot.steps, model.logicalType, spot.text)


def _named(model: SchemaProperty, name: str, by_id: bool) -> bool:
    return name in (model.name, model.physicalName) or (by_id and model.id == name)
