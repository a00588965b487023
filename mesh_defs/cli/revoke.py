"""``mesh revoke``: end somebody's access at once."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.desk import Reason, desk, now, told
from mesh_defs.cli.output import AsJson, ForProfile, console, print_json, text

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def revoke(
    number: Annotated[str, typer.Argument(metavar="GRANT", help="The grant's id.")],
    reason: Reason,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """End a grant at once.

    Who reads under it at this moment is stopped, and its leases end. Who may is whoever may approve
    it, and its holder. Exit code 1 when you may not, or when it has ended already.

    \b
    Examples:
      mesh revoke grant_3f9a61c0b2de --reason "The project is over."
    """
    from mesh_defs.gateway.asking import revoke as revoked

    with desk(profile) as at:
        grant = revoked(at.state, at.access, at.caller, number, reason, now(), admin=at.admin)
        if as_json:
            print_json({"grant": grant.as_dict(now())})
        else:
            console().print(text(f"{grant.id} is revoked: {grant.principal} and {grant.url}"))
        told(at)
