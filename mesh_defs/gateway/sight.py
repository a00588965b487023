"""Who may know of which port, by what the index keeps of it: no document is read for it. It is
decided once for each principal and port, until rules, principals or the port are others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.discovery.index.crawl import stamp_of
from mesh_defs.discovery.index.visible import subject_of
from mesh_defs.gateway.reads.catalog import Kept
from mesh_defs.gateway.reads.decisions import Decisions
from mesh_defs.policy.access.many import discoverable
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.policy.access.decide import Access

_VIEWS_KEPT = 64
Name = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _View:
    """What was decided of each port under the rules of ``access``."""

    access: Access
    decided: dict[Name, tuple[Entry, bool]]


class Sight:
    """Decides on discovering for the callers of one gateway. Threads may share it."""

    def __init__(self, mesh: Gateway) -> None:
        self._mesh = mesh
        self._views: Kept[_View] = Kept(_VIEWS_KEPT)
        self._decisions = Decisions()

    def prepare(self, domains: Iterable[str]) -> None:
        """Read the rules of ``domains``, which are kept: everybody's first visit needs them."""
        rules = self._mesh.catalog.access.access.rulebook
        for domain in domains:
            self._decisions.lasting(rules.in_force(domain))

    def seen(self, who: Caller, entries: Iterable[Entry]) -> list[Entry]:
        """Those of this mesh's ``entries`` that ``who`` may know of, as they are in the index."""
        if who.anonymous and not self._mesh.profile.public_discovery:
            return []
        listed = list(entries)
        allowed = self._decided(who, listed)
        granted: frozenset[tuple[str, str]] | None = None
        found = []
        for entry, may in zip(listed, allowed, strict=True):
            if not may:
                granted = granted if granted is not None else self._granted(who)
                held = (entry.domain, entry.product) in granted
                may = held and self._mesh.reads.knows(who, MeshUrl(*_name(entry)))
            if may:
                found.append(entry)
        return found

    def knows(self, who: Caller, entry: Entry) -> bool:
        """Whether ``who`` may know of the port of ``entry`` as it is now."""
        address = MeshUrl(entry.domain, entry.product, entry.port)
        # What the index has is a little old; of what has changed since, its files are read.
        if entry.subject is None or not self._true(entry):
            return self._mesh.reads.knows(who, address)
        return bool(self.seen(who, [entry]))

    def _true(self, entry: Entry) -> bool:
        settings = self._mesh.settings
        return stamp_of(settings, f"{entry.domain}/{entry.product}") == entry.stamp

    def _view(self, who: Caller) -> _View:
        access = self._mesh.catalog.access.access
        key = (id(access), who.principal)
        view = self._views.get(key, lambda: _View(access, {}))
        if view.access is not access:
            view = _View(access, {})
            self._views.put(key, view)
        return view

    def _decided(self, who: Caller, entries: list[Entry]) -> list[bool]:
        """Whether each is allowed; those that are new are decided on all at once."""
        view = self._view(who)
        kept = [view.decided.get(_name(entry)) for entry in entries]
        found = [
            known[1] if known is not None and known[0] is entry else None
            for known, entry in zip(kept, entries, strict=True)
        ]
        new = [
            (place, subject)
            for place, entry in enumerate(entries)
            if found[place] is None and (subject := subject_of(entry)) is not None
        ]
        answers = discoverable(view.access, who.principal, [subject for _, subject in new])
        for (place, subject), allowed in zip(new, answers, strict=True):
            found[place] = allowed
            if self._decisions.lasting(view.access.rulebook.in_force(subject.domain)):
                view.decided[_name(entries[place])] = (entries[place], allowed)
        return [each is True for each in found]

    def _granted(self, who: Caller) -> frozenset[tuple[str, str]]:
        """Domain and name of the products that ``who`` holds a grant of."""
        if who.anonymous:
            return frozenset()
        now, principal = datetime.now(UTC), str(who.principal)
        held = self._mesh.state.grants.listed(now, principal=principal)
        names = (grant.identity.partition("/") for grant in held)
        return frozenset((domain, product) for domain, _, product in names)


def _name(entry: Entry) -> Name:
    return entry.domain, entry.product, entry.port
