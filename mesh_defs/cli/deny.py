"""``mesh deny``: refuse a request for access."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.desk import Reason, desk, now, told
from mesh_defs.cli.output import AsJson, ForProfile, console, print_json, text

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def deny(
    number: Annotated[str, typer.Argument(metavar="ID", help="The request's id.")],
    reason: Reason,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Deny a request for access.

    Who may is whoever may approve it. Exit code 1 when you may not, or when it was answered
    already.

    \b
    Examples:
      mesh deny req_3f9a61c0b2de --reason "The monthly totals are enough for this."
    """
    from mesh_defs.gateway.asking import deny as denied

    with desk(profile) as at:
        request = denied(at.state, at.access, at.caller, number, reason, now(), admin=at.admin)
        if as_json:
            print_json({"request": request.as_dict()})
        else:
            console().print(text(f"{request.id} is denied; {request.principal} may ask again"))
        told(at)
