"""Search for who works in the mesh's own folder, without a gateway."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mesh_defs.discovery.index.entry import HERE
from mesh_defs.discovery.index.visible import subject_of
from mesh_defs.errors import MeshError
from mesh_defs.policy.access.remembered import Remembered
from mesh_defs.product.access import MeshAccess
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.discovery.index.find import Found
    from mesh_defs.discovery.index.live import LiveIndex
    from mesh_defs.discovery.index.question import Question


def find_here(live: LiveIndex, question: Question, *, meaning: bool = True) -> Found:
    """What the local principal may discover. Products of other meshes are found by everybody who
    says who they are, and what is public there by all. Raises `MeshError`."""
    access = MeshAccess(live.settings)
    caller = access.caller
    decided = Remembered(access.access, caller)

    def decide(entry: Entry) -> bool:
        if entry.origin != HERE:
            return entry.open or caller.known
        subject = subject_of(entry)
        return subject is not None and decided.may_discover(subject)

    def still(entry: Entry) -> bool:
        if entry.origin != HERE:
            return decide(entry)
        with suppress(MeshError):
            address = MeshUrl(entry.domain, entry.product, entry.port)
            return access.decide(caller, address, "discover").allowed
        return False

    return live.search(question, caller, decide, still, meaning=meaning)
