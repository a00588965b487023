"""``mesh request``: ask for access to a port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.desk import days, desk, known_product, now, show_terms, told
from mesh_defs.cli.output import AsJson, ForProfile, console, print_json, text

if TYPE_CHECKING:
    from mesh_defs.gateway.asking import Asked

_NAMED = 3
app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def request(
    url: Annotated[str, typer.Argument(metavar="URL", help="The product's or port's URL.")],
    purpose: Annotated[
        str, typer.Option("--purpose", metavar="PURPOSE", help="What it is to be used for.")
    ],
    long: Annotated[
        str, typer.Option("--for", metavar="LENGTH", help="For how long, such as 90d or 12w.")
    ],
    role: Annotated[
        str | None,
        typer.Option("--role", metavar="ROLE", help="A role that the port's contract names."),
    ] = None,
    message: Annotated[
        str | None, typer.Option("--message", metavar="TEXT", help="What the owner should know.")
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Ask for access to a port.

    A product's URL alone is its main port. Who asks is MESH_PRINCIPAL, or the infra profile's
    principal. The owner is told as the profile's gateway.notify says; a rule of the product
    (access.auto_approve) may approve it at once.

    \b
    Examples:
      mesh request mesh://fleet/aircraft --purpose analytics --for 90d
      mesh request mesh://fleet/aircraft --purpose planning --for 2w --message "The new routes."
    """
    from mesh_defs.errors import UnknownAddress
    from mesh_defs.gateway.asking import ask, check_named

    wanted = days(long)
    with desk(profile) as at:
        check_named(at.access, at.caller)
        address = known_product(at.access, url)
        try:
            asked = ask(
                at.state,
                at.access,
                at.caller,
                address,
                purpose,
                wanted,
                now(),
                role=role,
                message=message,
            )
        except UnknownAddress as error:
            raise typer.BadParameter(str(error), param_hint="URL") from None
        if as_json:
            grant = asked.grant.as_dict(now()) if asked.grant is not None else None
            print_json({"request": asked.request.as_dict(), "grant": grant, "owner": asked.owner})
        else:
            _show(asked)
        told(at)


def _show(asked: Asked) -> None:
    if asked.grant is not None:
        show_terms(asked.grant)
        return
    made, out = asked.request, console()
    role = f", with the role {made.role}" if made.role else ""
    days = "1 day" if made.days == 1 else f"{made.days} days"
    out.print(
        text(f"{made.id}: {made.principal} asks for {made.url} for {made.purpose}, {days}{role}")
    )
    out.print(text(f"  {_who(asked)} answers it with: mesh approve {made.id}"))


def _who(asked: Asked) -> str:
    """Who can answer: whom the rules let, else whoever runs the gateway."""
    if asked.answered_by:
        return " or ".join(asked.answered_by[:_NAMED])
    return f"whoever runs the gateway (for {asked.owner}, whom no rule lets control the product)"
