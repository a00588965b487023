"""``mesh withdraw``: take back a request of one's own."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.desk import desk, now, told
from mesh_defs.cli.output import AsJson, ForProfile, console, print_json, text

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def withdraw(
    number: Annotated[str, typer.Argument(metavar="ID", help="The request's id.")],
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Take back a request of your own.

    Exit code 1 when it is somebody else's, or was answered already.

    \b
    Examples:
      mesh withdraw req_3f9a61c0b2de
    """
    from mesh_defs.gateway.asking import withdraw as withdrawn

    with desk(profile) as at:
        request = withdrawn(at.state, at.access, at.caller, number, now(), admin=at.admin)
        if as_json:
            print_json({"request": request.as_dict()})
        else:
            console().print(text(f"{request.id} is withdrawn"))
        told(at)
