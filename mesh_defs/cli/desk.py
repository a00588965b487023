"""What commands about access, tokens and receipts work with: the mesh's state, and who is there."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.output import console, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.gateway.state.database import State
    from mesh_defs.gateway.state.grants import Grant
    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.settings import Settings
    from mesh_defs.urls import MeshUrl

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([hdw])\Z")
_HINT = "--for"

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is told.")]
Every = Annotated[bool, typer.Option("--all", help="Show those that have ended, too.")]


@dataclass(frozen=True, slots=True)
class Desk:
    """An open state; ``caller`` is who runs the command, ``admin`` whether nobody else is known."""

    settings: Settings
    state: State
    access: MeshAccess
    caller: Principal
    admin: bool


@contextmanager
def desk(profile: str | None) -> Iterator[Desk]:
    """The state of the mesh of the working folder. Whoever can open its database is trusted with
    it; who they are is MESH_PRINCIPAL, or the infra profile's principal."""
    from mesh_defs.gateway.asking import is_alone
    from mesh_defs.gateway.state.database import open_state
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.settings import find_root, load_settings

    settings = load_settings(find_root(), profile)
    access = MeshAccess(settings)
    caller = access.caller
    with open_state(settings) as state:
        yield Desk(settings, state, access, caller, is_alone(caller))


def known_product(access: MeshAccess, url: str) -> MeshUrl:
    """The URL of a product or port of this mesh that the caller may know of; anything else is wrong
    use."""
    from mesh_defs.cli.arguments import product_url, require_known

    address = product_url(url)
    require_known(access, address)
    return address


def length(written: str, option: str = _HINT) -> timedelta:
    """``12h``, ``90d`` or ``12w``; anything else is wrong use."""
    match = _LENGTH.match(written)
    if match is None:
        raise typer.BadParameter(
            f"'{written}' is no length of time; write hours, days or weeks such as 12h, 90d or 12w",
            param_hint=option,
        )
    return int(match[1]) * _UNITS[match[2]]


def days(written: str) -> int:
    """``90d`` or ``12w`` in days; what is no whole number of them is wrong use."""
    found = length(written)
    if found % timedelta(days=1):
        raise typer.BadParameter(
            f"'{written}' is no whole number of days; write days such as 90d", param_hint=_HINT
        )
    return found.days


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def until(moment: datetime) -> str:
    """A moment to come, for people: in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def told(at: Desk) -> None:
    """Tell what waits to be told, now that the command's own work is done; what cannot be told is
    said, and tried again by the gateway."""
    from mesh_defs.gateway.notify.deliver import deliver

    for problem in deliver(at.state, at.settings):
        console(stderr=True).print(text(f"not told yet: {problem}; mesh serve tries again"))


def show_terms(grant: Grant) -> None:
    """What the holder of a grant has to know."""
    out = console()
    role = f", with the role {grant.role}" if grant.role else ""
    out.print(text(f"{grant.id}: {grant.principal} may read {grant.url}{role}", "green"))
    out.print(text(f"  purpose      {grant.purpose}"))
    out.print(text(f"  until        {until(grant.until)} UTC"))
    out.print(text(f"  approved by  {grant.rule or grant.approved_by}"))
    for word, value in (
        ("contract", grant.contract_version),
        ("licence", grant.licence),
        ("limitations", grant.limitations),
    ):
        if value:
            out.print(text(f"  {word:<11}  {value}"))
