"""Enumerations of a property (ODCS 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.contract.odcs.builder import Sentence
from mesh_defs.contract.odcs.values import NESTED, fits, type_text
from mesh_defs.contract.rules import Metric, Threshold

if TYPE_CHECKING:
    from mesh_defs.contract.odcs.builder import Builder, Property


def add_enum(builder: Builder, prop: Property) -> None:
    """Add the rule that every value of ``prop`` is one of its ``enum``."""
    values = listed_values(builder, prop)
    if values is None:
        return
    builder.rules.append(
        Metric(
            id=builder.identify(f"{prop.name}.enum"),
            dimension="conformity",
            column=prop.column,
            line=builder.line((*prop.path, "enum")),
            metric="invalidValues",
            threshold=Threshold(must_be=0),
            arguments={"validValues": values},
        )
    )


def listed_values(builder: Builder, prop: Property) -> list[Any] | None:
    """The values of the ``enum`` of ``prop``, None without one. Values that are none of the
    property's type are faults."""
    if prop.model.enum is None:
        return None
    path = (*prop.path, "enum")
    if prop.model.logicalType in NESTED or not prop.model.enum:
        builder.fault(
            path,
            found=Sentence(f"{len(prop.model.enum)} values on a {prop.model.logicalType} column"),
            allowed="at least one value, on a column of single values",
            fix="remove 'enum', or list the values",
        )
        return None
    values = []
    for index, entry in enumerate(prop.model.enum):
        if (*path, index) in builder.broken:
            continue
        if entry.value is None or not fits(entry.value, prop.model.logicalType):
            builder.fault(
                (*path, index),
                found=entry.value,
                allowed=f"'value': {type_text(prop.model.logicalType)}",
                fix="write a value of the column's type",
            )
        values.append(entry.value)
    return values
