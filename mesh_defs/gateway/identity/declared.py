"""Who a caller is by the principals that are declared now, whenever its credential was shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_defs.gateway.identity.local import admin_principal

if TYPE_CHECKING:
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.gateway_profile import Kind
    from mesh_defs.policy.access.principals import Principal, Principals
    from mesh_defs.settings import Settings


def declared_as(issued: Principal, principals: Principals) -> Principal:
    """``issued``, as a credential tells of it, with what ``principals`` declare of the same one.

    One that is ``known`` by its credential alone is known whether it is declared or not; another
    only where it is, or where nobody is declared at all. While ``principals`` have faults, nobody
    is.
    """
    found = principals.by_name.get(str(issued))
    if found is None and issued.known:
        found = _spelled(principals, issued.kind, issued.name)
    known = found is not None or issued.known or not principals.declared
    own = replace(issued, known=known and not principals.faults)
    if found is None:
        return own
    roles = tuple(dict.fromkeys([*issued.roles, *found.roles]))
    return replace(own, name=found.name, roles=roles, domain=issued.domain or found.domain)


def caller_now(caller: Caller, principals: Principals, settings: Settings) -> Caller:
    """``caller`` as ``principals`` have it now. Raises `MeshError` when MESH_PRINCIPAL, by which
    the admin token reads, is of another form."""
    if caller.admin:
        principal = admin_principal(settings, principals)
    elif caller.issued is not None:
        principal = declared_as(caller.issued, principals)
    else:
        return caller
    return caller if principal == caller.principal else replace(caller, principal=principal)


def _spelled(principals: Principals, kind: Kind, name: str) -> Principal | None:
    """The declared principal whose address is ``name`` in another spelling, so that nobody leaves a
    rule behind by one."""
    if "@" not in name or name != name.lower():
        return None
    return next((one for one in principals if (one.kind, one.name.lower()) == (kind, name)), None)
