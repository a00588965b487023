"""What one caller may discover: decided once for each entry, when it first matters, and kept as
long as rules and principals are the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from mesh_defs.policy.access.entities import PortSubject

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from typing import Any

    import tantivy

    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.discovery.index.shelf import Opened

    Decide = Callable[[Entry], bool]

_UNKNOWN, _NO, _YES = 0, 1, 2
_KEPT = 256


class Visible:
    """The entries of one index folder that ``decide`` lets through, a byte for each number."""

    def __init__(self, decide: Decide) -> None:
        self._decide = decide
        self._known = bytearray()

    def may(self, opened: Opened, number: int, address: tantivy.DocAddress) -> bool:
        """Whether the entry of that number may be discovered."""
        if number >= len(self._known):
            self._known.extend(bytes(number + 1024 - len(self._known)))
        state = self._known[number]
        if state == _UNKNOWN:
            state = _YES if self._decide(opened.card(address)) else _NO
            self._known[number] = state
        return state == _YES


class Everything(Visible):
    """All entries, for tests and for who guards the result otherwise."""

    def __init__(self) -> None:
        super().__init__(lambda _: True)

    def may(self, opened: Opened, number: int, address: tantivy.DocAddress) -> bool:  # noqa: ARG002
        """Yes."""
        return True


class Views:
    """What each caller may discover, for the callers that came last. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Visible] = OrderedDict()

    def of(self, key: Hashable, decide: Decide) -> Visible:
        """The view of ``key``, which names the caller, the index's folder and the rules: whatever
        ``decide`` depends on."""
        with self._lock:
            view = self._kept.setdefault(key, Visible(decide))
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return view


def subject_dict(subject: PortSubject) -> dict[str, Any]:
    """What decisions about discovering need of a port: no columns, no roles."""
    return {
        "classification": subject.classification,
        "archetype": subject.archetype,
        "status": subject.status,
        "tags": None if subject.tags is None else list(subject.tags),
        "purposes": list(subject.purposes),
        "owner": subject.owner,
    }


def subject_of(entry: Entry) -> PortSubject | None:
    """The port of an entry as decisions see it; None where nobody knows."""
    known: Mapping[str, Any] | None = entry.subject
    if known is None:
        return None
    tags = known["tags"]
    return PortSubject(
        entry.domain,
        entry.product,
        entry.port,
        (),
        known["classification"],
        archetype=known["archetype"],
        status=known["status"],
        tags=None if tags is None else tuple(tags),
        purposes=tuple(known["purposes"]),
        owner=known["owner"],
    )
