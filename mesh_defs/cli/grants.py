"""``mesh grants``: who was granted access, until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.desk import Every, desk, known_product, now, until
from mesh_defs.cli.output import (
    AsJson,
    ForProfile,
    cell,
    console,
    print_json,
    show_table,
    table,
    text,
)

if TYPE_CHECKING:
    from datetime import datetime

    from mesh_defs.gateway.state.grants import Grant

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_COLOURS = {"in force": "green", "revoked": "red"}


@app.command(cls=Command)
def grants(
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="Only those of this product or port.")
    ] = None,
    every: Every = False,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """List the grants in force.

    A grant lets one principal read one port of one major version, for one purpose and a while. What
    access rules permit without anybody asking is not listed: see mesh access who URL.

    \b
    Examples:
      mesh grants
      mesh grants mesh://fleet/aircraft --all --json
    """
    with desk(profile) as at:
        address = known_product(at.access, url) if url is not None else None
        moment = now()
        found = at.state.grants.listed(
            moment,
            every=every,
            identity=address.identity if address is not None else None,
            port=address.port if address is not None else None,
        )
    if as_json:
        print_json({"grants": [grant.as_dict(moment) for grant in found]})
    elif found:
        _show(found, moment)
    else:
        console().print(text("no grant" if every else "no grant is in force"))


def _show(found: list[Grant], moment: datetime) -> None:
    columns = ["grant", "state", "who", "port", "purpose", "role", "until (UTC)", "approved by"]
    made = table(columns)
    for grant in found:
        state = grant.state(moment)
        made.add_row(
            cell(grant.id),
            cell(state, _COLOURS.get(state, "")),
            cell(grant.principal),
            cell(grant.url),
            cell(grant.purpose),
            cell(grant.role or "-"),
            cell(until(grant.until)),
            cell(grant.rule or grant.approved_by),
        )
    show_table(made)
    for grant in found:
        if grant.revoked_because:
            why = grant.revoked_because
            console().print(cell(f"{grant.id} revoked by {grant.revoked_by}: {why}"))
