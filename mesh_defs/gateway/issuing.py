"""Making service tokens: whom they may stand for, and of what there is they may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.errors import InvalidRequest, MeshError
from mesh_defs.faults import did_you_mean
from mesh_defs.gateway.identity.caller import scope_names
from mesh_defs.gateway.state.tokens import NewToken
from mesh_defs.product.protection import DOMAINS, MANIFEST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from mesh_defs.gateway.state.database import State
    from mesh_defs.gateway.state.tokens import Issued
    from mesh_defs.product.access import MeshAccess


def issue(
    state: State,
    access: MeshAccess,
    name: str,
    who: str,
    urls: Sequence[str],
    expires_at: datetime,
    *,
    by: str,
    now: datetime,
    purpose: str | None = None,
) -> Issued:
    """A new service token that stands for ``who`` (``service:<name>``) within ``urls``, of domains,
    products and ports that there are. It may stand for anybody: only for admins.

    Raises `InvalidRequest` for whom principals.yaml does not declare and for what there is not,
    `WrongState` when a valid token has its name.
    """
    try:
        principal = access.principals.find(who)
        names = [scope_names(url) for url in urls]
    except MeshError as error:
        raise InvalidRequest(str(error)) from None
    if access.principals.declared and not principal.known:
        raise InvalidRequest(access.principals.unknown_reason(principal))
    for url, parts in zip(urls, names, strict=True):
        _exists(access, url, parts)
    wanted = NewToken(name, who, tuple(urls), expires_at, purpose=purpose)
    return state.tokens.create(wanted, by, now)


def _exists(access: MeshAccess, url: str, parts: tuple[str, ...]) -> None:
    folder = access.settings.root / DOMAINS
    for depth, name in enumerate(parts[:2]):
        known = _children(folder, with_manifest=depth == 1)
        if name not in known:
            raise InvalidRequest(
                f"there is no {'product' if depth else 'domain'} '{name}' ({url}). "
                f"Fix: {did_you_mean(name, known)}"
            )
        folder /= name
    if len(parts) == 3:
        try:
            access.subject(url)
        except MeshError as error:
            raise InvalidRequest(str(error)) from None


def _children(folder: Path, *, with_manifest: bool) -> list[str]:
    if not folder.is_dir():
        return []
    found = (child for child in folder.iterdir() if child.is_dir())
    return sorted(
        child.name for child in found if not with_manifest or (child / MANIFEST).is_file()
    )
