"""Who holds access grants, for those who plan a change."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.product.plan.readers import Held, nobody

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.product.plan.readers import HeldOn
    from mesh_defs.settings import Settings


@contextmanager
def held_grants(settings: Settings) -> Iterator[HeldOn]:
    """The access grants in force on a port, as the gateway's state has them; none where there is no
    state yet. Raises as `mesh_defs.gateway.state.database.open_state`."""
    from mesh_defs.gateway.asking import holders
    from mesh_defs.gateway.state.database import open_state
    from mesh_defs.gateway.state.place import place_of

    place = place_of(settings)
    if place.dsn is None and not place.file.exists():
        yield nobody
        return
    now = datetime.now(UTC)
    with open_state(settings) as state:

        def held(identity: str, port: str) -> list[Held]:
            return [
                Held(grant.principal, grant.id, grant.role, grant.until.date().isoformat())
                for grant in holders(state, identity, port, now)
            ]

        yield held
