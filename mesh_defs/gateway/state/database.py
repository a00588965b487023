"""`open_state`: the gateway's state of a mesh, in SQLite or PostgreSQL as the profile says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.gateway.state.engine import Database
from mesh_defs.gateway.state.feedback import Feedback
from mesh_defs.gateway.state.grants import Grants
from mesh_defs.gateway.state.migrate import migrate
from mesh_defs.gateway.state.outbox import Outbox
from mesh_defs.gateway.state.place import place_of
from mesh_defs.gateway.state.receipts import Receipts
from mesh_defs.gateway.state.requests import Requests
from mesh_defs.gateway.state.sessions import Sessions
from mesh_defs.gateway.state.tokens import Tokens
from mesh_defs.gateway.state.usage import Usage

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from mesh_defs.gateway.state.place import Place
    from mesh_defs.settings import Settings


class State:
    """Everything that the gateway remembers. Several threads may use one, and several processes may
    each open their own; after a fork open a new one."""

    def __init__(self, place: Place) -> None:
        self.database = Database(place)
        try:
            migrate(self.database)
        except BaseException:
            self.database.close()
            raise
        self.requests = Requests(self.database)
        self.grants = Grants(self.database)
        self.tokens = Tokens(self.database)
        self.sessions = Sessions(self.tokens)
        self.receipts = Receipts(self.database)
        self.usage = Usage(self.database)
        self.outbox = Outbox(self.database)
        self.feedback = Feedback(self.database)

    def close(self) -> None:
        """Write the receipts that wait, and close every connection."""
        self.receipts.close()
        self.database.close()

    def __enter__(self) -> State:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_state(settings: Settings) -> State:
    """The state that the profile of ``settings`` names, made or brought to the newest form.

    Raises `InvalidMesh` for a profile with faults, `MeshError` for a variable that is not set and
    for a database that a newer version has written, `SourceUnavailable` for a server out of reach,
    `StorageFailed`, `CorruptRecord`, `Busy`.
    """
    settings.check_gateway()
    return State(place_of(settings))


def requests_waiting(settings: Settings, now: datetime) -> int:
    """How many requests wait for an answer; none where no state was ever made. Raises as
    `open_state`."""
    place = place_of(settings)
    if place.dsn is None and not place.file.exists():
        return 0
    with open_state(settings) as state:
        return state.requests.pending(now)
