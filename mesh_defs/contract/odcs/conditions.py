"""What options of several types come to: a condition over one row, and sizes between two ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.contract.odcs.builder import Sentence
from mesh_defs.contract.rules import Length, RowCondition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.odcs.builder import Builder, Property


def add_condition(
    builder: Builder,
    prop: Property,
    name: str,
    violation: str,
    expected: str,
    option: str | None = None,
) -> None:
    """Add a condition over one row that an option of ``prop`` states; ``option`` is where it
    stands, when that is not its ``name``."""
    builder.rules.append(
        RowCondition(
            id=builder.identify(f"{prop.name}.{name}"),
            dimension="conformity",
            column=prop.column,
            line=builder.line((*prop.path, "logicalTypeOptions", option or name)),
            violation=violation,
            expected=expected,
        )
    )


def read_sizes(
    builder: Builder, prop: Property, options: Mapping[str, Any], low: str, high: str
) -> dict[str, int]:
    """Those of the options ``low`` and ``high`` that are given; none, and a fault, when they
    contradict each other."""
    sizes = {name: int(options[name]) for name in (low, high) if name in options}
    if len(sizes) == 2 and sizes[low] > sizes[high]:
        builder.fault(
            (*prop.path, "logicalTypeOptions", low),
            found=Sentence(f"{low} {sizes[low]} above {high} {sizes[high]}"),
            allowed=f"{low} up to {high}",
            fix="swap the two, or change one",
        )
        return {}
    return sizes


def add_length(
    builder: Builder, prop: Property, options: Mapping[str, Any], low: str, high: str
) -> None:
    """Add the rule of two options that bound the length of a text or a list."""
    sizes = read_sizes(builder, prop, options, low, high)
    if not sizes:
        return
    builder.rules.append(
        Length(
            id=builder.identify(f"{prop.name}.{'_'.join(sizes)}"),
            dimension="conformity",
            column=prop.column,
            line=builder.line((*prop.path, "logicalTypeOptions", next(iter(sizes)))),
            minimum=sizes.get(low),
            maximum=sizes.get(high),
        )
    )
