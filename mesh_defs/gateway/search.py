"""Search for one caller of a gateway: over the index that it keeps, of what the caller may
discover."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.discovery.index.entry import HERE
from mesh_defs.discovery.index.follow import Follower
from mesh_defs.discovery.index.live import LiveIndex
from mesh_defs.discovery.index.visible import subject_of
from mesh_defs.errors import MeshError
from mesh_defs.policy.access.remembered import Remembered
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.discovery.index.find import Found
    from mesh_defs.discovery.index.question import Question
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller

_MOST_GRANTS = 1000


class Search:
    """Finds products. The index is opened with the first question, or by `start`, which also keeps
    it up to date until `close`. Threads may share it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._lock = threading.Lock()
        self._live: LiveIndex | None = None
        self._follower: Follower | None = None

    @property
    def live(self) -> LiveIndex:
        """The index."""
        with self._lock:
            if self._live is None:
                self._live = LiveIndex(self._gateway.settings)
            return self._live

    def start(self, *, looked: bool = False) -> None:
        """Follow what is published, in the background; ``looked`` as for `Follower.start`."""
        self._follower = Follower(self.live)
        self._follower.start(looked=looked)

    def close(self) -> None:
        """End what runs in the background."""
        if self._follower is not None:
            self._follower.stop()
        elif self._live is not None:
            self._live.close()

    def find(
        self, caller: Caller, question: Question, *, meaning: bool = True, waiting: bool = True
    ) -> Found:
        """The results of ``question`` that ``caller`` may discover; nothing else is found, counted
        or suggested. ``meaning`` and ``waiting`` as for `LiveIndex.search`."""
        gateway = self._gateway
        access = gateway.catalog.access
        granted = self._granted(caller)
        public = gateway.profile.public_discovery
        key = (caller.principal, caller.anonymous, access, granted)
        return self.live.search(
            question,
            key,
            self._decide(caller, granted, public=public),
            self._still(caller, public=public),
            meaning=meaning,
            waiting=waiting,
        )

    def _decide(
        self, caller: Caller, granted: frozenset[str], *, public: bool
    ) -> Callable[[Entry], bool]:
        """Whether an entry may be discovered, by what the index knows of it: `_still` decides by
        what is true now on what is shown."""
        decided = Remembered(self._gateway.catalog.access.access, caller.principal)

        def decide(entry: Entry) -> bool:
            if caller.anonymous and not public:
                return False
            if entry.origin != HERE:
                return entry.open or not caller.anonymous
            subject = subject_of(entry)
            if subject is None:
                return False
            if decided.may_discover(subject):
                return True
            named = f"{entry.domain}/{entry.product}"
            return named in granted and self._now(caller, entry)

        return decide

    def _still(self, caller: Caller, *, public: bool) -> Callable[[Entry], bool]:
        def still(entry: Entry) -> bool:
            if entry.origin != HERE:
                return entry.open and public if caller.anonymous else True
            return self._now(caller, entry)

        return still

    def _now(self, caller: Caller, entry: Entry) -> bool:
        """Whether the port may be discovered as it is now."""
        address = MeshUrl(entry.domain, entry.product, entry.port)
        if self._gateway.overview.knows(caller, address):
            return True
        with suppress(MeshError):
            return self._gateway.reads.decide(caller, address, "discover").allowed
        return False

    def _granted(self, caller: Caller) -> frozenset[str]:
        """The products that the caller holds a grant of."""
        if caller.anonymous:
            return frozenset()
        held = self._gateway.state.grants.listed(
            datetime.now(UTC), principal=str(caller.principal), most=_MOST_GRANTS
        )
        return frozenset(grant.identity for grant in held)
