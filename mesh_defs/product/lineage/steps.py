"""What one column of a query is made of directly, and where one column comes from in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.product.lineage.reductions import AS_IT_IS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_defs.policy.flow.ways import Way
    from mesh_defs.product.lineage.reductions import Reduction

Source = tuple[str, str]
Node = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Flow:
    """Where one column comes from: (input, column) pairs, or the reason why that is unknown.

    ``ways`` tells of each source what happened to its values on the way; ``counters`` are columns
    of the same query (lower case) each of which counts the rows behind every aggregate on the way,
    but for those over some rows of a group alone. ``equal`` are sources whose values it gives away
    although they do not flow in, or more of them than flows in
    (`mesh_defs.product.lineage.equal`).
    """

    sources: frozenset[Source] = frozenset()
    reason: str | None = None
    ways: Mapping[Source, Way] = field(default_factory=dict)
    counters: frozenset[str] = frozenset()
    equal: Mapping[Source, Way] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    """One place at which a value comes in: a column of an input, or another ``node``.

    ``relation`` is what the query calls the relation that ``node`` is a column of, and ``names``
    that relation's columns as it sees them; None where rows of the two are not the same rows.
    ``positional`` is a side of a set operation, whose columns have the same positions.
    """

    source: Source | None = None
    node: Node | None = None
    reduction: Reduction = AS_IT_IS
    relation: str | None = None
    names: Sequence[str] = ()
    positional: bool = False


@dataclass(slots=True)
class Step:
    """What one column is made of directly. ``plain`` is a column that is passed on as it is.

    ``equal`` are values that do not stand in it and that it gives away all the same; ``hidden`` is
    why these are not known.
    """

    edges: list[Edge] = field(default_factory=list)
    reason: str | None = None
    plain: bool = False
    equal: list[Edge] = field(default_factory=list)
    hidden: str | None = None

    def unknown(self, reason: str) -> None:
        """Keep the first reason."""
        self.reason = self.reason or reason
