"""What a physical type says in its brackets: ``VARCHAR(3)``, ``BINARY(16)``, ``ENUM('a', 'b')``.

An engine that keeps the type keeps the promise; Parquet and most engines keep text of any length,
so the promise is checked as a rule of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.physical_types import UnknownType, parse
from mesh_defs.contract.rules import Length, Metric, Threshold

if TYPE_CHECKING:
    from mesh_defs.contract.odcs.builder import Builder, Property

_WITH_LENGTH = frozenset({"VARCHAR", "BLOB"})


def add_type_arguments(builder: Builder, prop: Property) -> None:
    """Add the rules of the longest length (characters of text, bytes of a blob) and of the values
    that the property's physical type names, unless its options or its enumeration say as much."""
    if not prop.model.physicalType:
        return
    try:
        kind = parse(prop.model.physicalType)
    except UnknownType:
        return  # the rule on the column's type says so
    line = builder.line((*prop.path, "physicalType"))
    if kind.name in _WITH_LENGTH and kind.numbers and not _bounded(prop, kind.numbers[0]):
        builder.rules.append(
            Length(
                id=builder.identify(f"{prop.name}.physicalType_length"),
                dimension="conformity",
                column=prop.column,
                line=line,
                maximum=kind.numbers[0],
            )
        )
    if kind.values and not _enumerated(prop, kind.values):
        builder.rules.append(
            Metric(
                id=builder.identify(f"{prop.name}.physicalType_values"),
                dimension="conformity",
                column=prop.column,
                line=line,
                metric="invalidValues",
                threshold=Threshold(must_be=0),
                arguments={"validValues": list(kind.values)},
            )
        )


def _bounded(prop: Property, longest: int) -> bool:
    written = (prop.model.logicalTypeOptions or {}).get("maxLength")
    return isinstance(written, int) and not isinstance(written, bool) and written <= longest


def _enumerated(prop: Property, values: tuple[str, ...]) -> bool:
    return prop.model.enum is not None and all(e.value in values for e in prop.model.enum)
