"""What a physical type says in its brackets: ``VARCHAR(3)``, ``BINARY(16)``, ``ENUM('a', 'b')``.

An engine that keeps the type keeps the promise; Parquet and most engines keep text of any length,
so the promise is checked as a rule of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.odcs.builder import Sentence
from mesh_defs.contract.physical_types import KNOWN, UnknownType, meant, parse
from mesh_defs.contract.rules import Length, Metric, Threshold
from mesh_defs.faults import short

if TYPE_CHECKING:
    from mesh_defs.contract.odcs.builder import Builder, Property
    from mesh_defs.contract.physical_types import Physical
    from mesh_defs.yaml_source import KeyPath

_SHOWN = 200
_WITH_LENGTH = frozenset({"VARCHAR", "BLOB"})


def read_type(builder: Builder, path: KeyPath, text: str) -> Physical | None:
    """The ``physicalType`` of the property at ``path``; None, with a fault, when it is none."""
    try:
        return parse(text)
    except UnknownType as error:
        close = meant(error.word) if error.word else None
        fix = "mend its spelling, such as VARCHAR(20), DECIMAL(9, 2) or ENUM('a', 'b')"
        if error.word:
            fix = f"write {close}" if close is not None else "write the nearest of these"
        builder.fault(
            (*path, "physicalType"),
            found=Sentence(short(str(error).partition("; known are ")[0], _SHOWN)),
            allowed=f"{', '.join(KNOWN)} and their usual spellings",
            fix=fix,
        )
        return None


def add_type_arguments(builder: Builder, prop: Property) -> None:
    """Add the rules of the longest length (characters of text, bytes of a blob) and of the values
    that the property's physical type names, unless its options or its enumeration say as much."""
    if not prop.model.physicalType:
        return
    kind = read_type(builder, prop.path, prop.model.physicalType)
    if kind is None:
        return
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
