"""Pieces of one value: what masks show of it in several columns, ports and products is added up
where these are shown together."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mesh_defs.policy.flow.agreement import MASKED_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mesh_defs.policy.flow.graph import Flows, Inflow, Ref

# By column that a value is from: the columns that show a piece of it, with its characters.
Shown = dict["Ref", dict["Ref", int]]


class Pieces:
    """What every column of ``flows`` shows of values that were masked on the way to it."""

    def __init__(self, flows: Flows) -> None:
        self.flows = flows
        self._known: dict[Ref, Shown] = {}

    def of(self, ref: Ref) -> Shown:
        """The pieces in one column. Raises `MeshError`."""
        if ref not in self._known:
            self._known[ref] = {}  # A cycle adds nothing to what is on it.
            found: Shown = defaultdict(dict)
            for inflow in self.flows.inflows(ref):
                self._add(found, ref, inflow)
            self._known[ref] = dict(found)
        return self._known[ref]

    def _add(self, found: Shown, ref: Ref, inflow: Inflow) -> None:
        paths = [
            path
            for path in inflow.way
            if not (path.hashed or path.condition or path.chosen) and path.aggregated is None
        ]
        if not paths or inflow.reason:
            return
        bounds = [path.masked for path in paths if path.masked is not None]
        bound = max(bounds) if len(bounds) == len(paths) else None
        if inflow.assumed and bound is None and self._is_masked(ref):
            bound = MASKED_CHARACTERS  # Nobody knows what Python shows of it.
        if bound is not None:
            found[self.flows.sensitivity(inflow.source).path[-1]][ref] = bound
        for origin, shown in self.of(inflow.source).items():
            for piece, characters in shown.items():
                least = characters if bound is None else min(characters, bound)
                found[origin][piece] = max(found[origin].get(piece, 0), least)

    def _is_masked(self, ref: Ref) -> bool:
        annotations = self.flows.version(ref.key).annotations.get(ref.port)
        reduction = annotations.reduced_by(ref.column) if annotations is not None else None
        return reduction is not None and reduction.method == "masked"

    def together(self, refs: Iterable[Ref], origin: Ref) -> Mapping[Ref, int]:
        """The pieces of values of ``origin`` that columns show together."""
        pieces: dict[Ref, int] = {}
        for ref in refs:
            for piece, characters in self.of(ref).get(origin, {}).items():
                pieces[piece] = max(pieces.get(piece, 0), characters)
        return pieces
