"""``mesh approve``: let somebody read who has asked."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.desk import desk, length, now, show_terms, told
from mesh_defs.cli.output import AsJson, ForProfile, print_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def approve(
    number: Annotated[str, typer.Argument(metavar="ID", help="The request's id.")],
    long: Annotated[
        str | None,
        typer.Option("--for", metavar="LENGTH", help="For how long (default: as was asked)."),
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Approve a request for access.

    Who may is whoever the access rules let control the product, other than who asks. Exit code 1
    when you may not, or when it was answered already.

    \b
    Examples:
      mesh approve req_3f9a61c0b2de
      mesh approve req_3f9a61c0b2de --for 30d --json
    """
    from mesh_defs.gateway.asking import approve as approved

    wanted = length(long) if long is not None else None
    with desk(profile) as at:
        moment = now()
        end = moment + wanted if wanted is not None else None
        grant = approved(at.state, at.access, at.caller, number, moment, until=end, admin=at.admin)
        if as_json:
            print_json({"grant": grant.as_dict(moment)})
        else:
            show_terms(grant)
        told(at)
