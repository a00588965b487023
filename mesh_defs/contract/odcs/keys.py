"""Uniqueness: ``unique`` of one property, and the primary key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.odcs.builder import Sentence
from mesh_defs.contract.odcs.places import objects_below
from mesh_defs.contract.rules import Unique

if TYPE_CHECKING:
    from mesh_defs.contract.odcs.builder import Builder, Property


def add_unique(builder: Builder, prop: Property) -> None:
    """Add the rule that ``prop`` is unique, unless it is the primary key, whose own rule says the
    same and more: two hash aggregates would say it twice."""
    if prop.model.unique and [each.column for each in builder.key] != [prop.column]:
        builder.rules.append(
            Unique(
                id=builder.identify(f"{prop.name}.unique"),
                dimension="uniqueness",
                column=prop.column,
                line=builder.line((*prop.path, "unique")),
                columns=(prop.column,),
            )
        )


def add_primary_key(builder: Builder) -> None:
    """Add the rule of the primary key, if there is one."""
    if not builder.key:
        return
    names = tuple(prop.column for prop in builder.key)
    builder.rules.append(
        Unique(
            id=builder.identify("primary_key"),
            dimension="uniqueness",
            column=names[0] if len(names) == 1 else None,
            line=builder.line((*builder.key[0].path, "primaryKey")),
            columns=names,
            primary_key=True,
        )
    )


def primary_key(builder: Builder) -> list[Property]:
    """The properties of the primary key in their order, those inside objects too."""
    keyed: list[tuple[int, Property]] = []
    for prop in _with_members(builder):
        position = prop.model.primaryKeyPosition
        placed = position is not None and position > 0
        if placed and not prop.model.primaryKey:
            builder.fault(
                (*prop.path, "primaryKeyPosition"),
                found=Sentence("a position in a primary key that the property is no part of"),
                allowed="primaryKeyPosition only beside 'primaryKey: true'",
                fix="add 'primaryKey: true', or remove primaryKeyPosition",
            )
        elif prop.model.primaryKey:
            keyed.append((position if placed and position else 0, prop))
    positions = [position for position, _ in keyed]
    if len(keyed) > 1 and any(positions) and sorted(positions) != list(range(1, len(keyed) + 1)):
        builder.fault(
            (*keyed[0][1].path, "primaryKeyPosition"),
            found=Sentence(f"positions {', '.join(map(str, positions))} (0: none given)"),
            allowed=f"each of 1 to {len(keyed)} once, or no positions at all",
            fix="number the columns of the primary key in their order, from 1",
        )
    return [prop for _, prop in sorted(keyed, key=lambda pair: pair[0])]


def _with_members(builder: Builder) -> list[Property]:
    """All properties, and those of them inside objects that say something of the primary key."""
    found = []
    for prop in builder.properties.values():
        found.append(prop)
        found += [
            spot.place(builder, model)
            for spot, model in objects_below(prop)
            if model.primaryKey or (model.primaryKeyPosition or 0) > 0
        ]
    return found
