"""The roles by which a contract lets people and programs read (ODCS, section Roles)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.compatibility.model import Change
from mesh_defs.policy.compatibility.words import word_change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from open_data_contract_standard.model import Role


def role_changes(before: Sequence[Role] | None, after: Sequence[Role] | None) -> Iterator[Change]:
    """Changes of the roles, by name: who reads by one that is gone may not read any more."""
    old, new = ({role.role or "": role for role in each or ()} for each in (before, after))
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name), new.get(name)
        if one is None:
            reason = "one more role: nobody who reads loses anything"
            yield Change("role", None, None, _text(other), "compatible", reason)
        elif other is None:
            reason = "removed: who reads by this role may not any more"
            yield Change("role", None, _text(one), None, "breaking", reason)
        else:
            yield from _same_name(name, one, other)


def _same_name(name: str, before: Role, after: Role) -> Iterator[Change]:
    old, new = _access(before), _access(after)
    if old != new:
        reason = "another access: whether who reads by this role still may cannot be told"
        yield Change("role", None, _text(before), _text(after), "breaking", reason)
    first, second = (
        role.model_dump(exclude_none=True, exclude={"role", "access", "id"})
        for role in (before, after)
    )
    if first != second:
        yield word_change(f"role {name}", first or None, second or None, None)


def _access(role: Role) -> str:
    return (role.access or "").strip().lower()


def _text(role: Role | None) -> str | None:
    if role is None:
        return None
    return f"role {role.role} ({role.access})" if role.access else f"role {role.role}"
