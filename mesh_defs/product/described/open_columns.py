"""How the columns of a version that is about to be published are classified, and of which of them
values may be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.model import CLASSIFICATIONS, PERSONAL
from mesh_defs.errors import MeshError
from mesh_defs.policy.access.entities import higher

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mesh_defs.policy.flow.graph import Flows
    from mesh_defs.product.model import OutputPort

# Whoever may discover a product sees samples; of these columns every reader may see values.
OPEN_TO_ALL = frozenset({"public", "internal"})


def classified(
    output: OutputPort, flows: Flows, turned_out: Collection[str] = ()
) -> dict[str, str]:
    """Each column that the contract of ``output`` names, with its classification: as the contract
    says, or higher, as what flows into it is, or as it ``turned_out`` to be. What nobody can know
    is as classified as can be."""
    personal = {name.lower() for name in turned_out}
    found = {}
    for column in output.promise.columns:
        try:
            word = flows.sensitivity(flows.ref(output.name, column.name)).classification
        except MeshError:
            word = CLASSIFICATIONS[-1]
        if column.name.lower() in personal:
            word = higher(word, "personal")
        found[column.name] = higher(word, column.classification)
    return found


def told_columns(classifications: Mapping[str, str]) -> frozenset[str]:
    """The columns of which values may stand in a document that is stored: not personal ones."""
    return frozenset(name for name, word in classifications.items() if word not in PERSONAL)
