"""Who holds access grants: for those who read on this machine, and for those who plan a change."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.discovery.lineage.readers import NO_GRANTS, Grants
from mesh_defs.policy.access.decision import Approved
from mesh_defs.product.plan.readers import Held, nobody

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_defs.gateway.state.grants import Grant
    from mesh_defs.product.plan.readers import HeldOn
    from mesh_defs.product.resolve import Published
    from mesh_defs.settings import Settings


def fitting(held: Sequence[Grant], purpose: str | None) -> tuple[Grant | None, str | None]:
    """The one of ``held`` under which is read for ``purpose``, and the purpose: without one, that
    of the grants, where they are for one alone."""
    purposes = {grant.purpose for grant in held}
    if purpose is None and len(purposes) == 1:
        purpose = next(iter(purposes))
    # One that carries a role shows no less than one without.
    found = sorted(
        (grant for grant in held if grant.purpose == purpose), key=lambda grant: grant.role is None
    )
    return (found[0] if found else None), purpose


def held_locally(
    settings: Settings, principal: str, version: Published, purpose: str | None
) -> tuple[Approved | None, str | None]:
    """Under which grant ``principal`` reads ``version`` on this machine, and for which purpose: as
    the gateway has it. Raises as `mesh_defs.gateway.state.database.open_state`."""
    if not has_state(settings):
        return None, purpose
    from mesh_defs.gateway.state.database import open_state

    with open_state(settings) as state:
        held = state.grants.in_force(
            principal, version.identity, version.port, version.record.major, datetime.now(UTC)
        )
    grant, asked = fitting(held, purpose)
    return (Approved(grant.id, grant.role) if grant is not None else None), asked


def has_state(settings: Settings) -> bool:
    """Whether a gateway of this mesh has remembered anything yet."""
    from mesh_defs.gateway.state.place import place_of

    place = place_of(settings)
    return place.dsn is not None or place.file.exists()


@contextmanager
def seen_grants(settings: Settings) -> Iterator[Grants]:
    """As `held_grants`, as the local principal may know of them: with the names of the holders for
    who controls the product, with none at all for who is nobody."""
    from mesh_defs.gateway.feedback import controls
    from mesh_defs.product.access import MeshAccess

    access = MeshAccess(settings)
    caller, now = access.caller, datetime.now(UTC)
    if not caller.name or not caller.known:
        yield NO_GRANTS
        return
    with held_grants(settings) as held:
        yield Grants(held, lambda identity: controls(access, caller, identity, now))


@contextmanager
def held_grants(settings: Settings) -> Iterator[HeldOn]:
    """The access grants in force on a port, as the gateway's state has them; none where there is no
    state yet. Raises as `mesh_defs.gateway.state.database.open_state`."""
    if not has_state(settings):
        yield nobody
        return
    from mesh_defs.gateway.asking import holders
    from mesh_defs.gateway.state.database import open_state

    now = datetime.now(UTC)
    with open_state(settings) as state:

        def held(identity: str, port: str) -> list[Held]:
            return [
                Held(grant.principal, grant.id, grant.role, grant.until.date().isoformat())
                for grant in holders(state, identity, port, now)
            ]

        yield held
