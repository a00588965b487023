"""``mesh token``: credentials for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command, Group
from mesh_defs.cli.desk import Every, desk, length, now, until
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

    from mesh_defs.gateway.state.tokens import Token

app = typer.Typer(
    cls=Group,
    help="Make, list and revoke service tokens.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)

_COLOURS = {"valid": "green", "revoked": "red"}


@app.command(cls=Command)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is to be called.")],
    who: Annotated[
        str, typer.Option("--as", metavar="PRINCIPAL", help="Whom it stands for: service:NAME.")
    ],
    urls: Annotated[
        list[str],
        typer.Option("--url", metavar="URL", help="A domain, product or port; may be repeated."),
    ],
    long: Annotated[
        str, typer.Option("--for", metavar="LENGTH", help="For how long: 12h, 90d or 12w.")
    ],
    purpose: Annotated[
        str | None, typer.Option("--purpose", metavar="PURPOSE", help="The one that it is for.")
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Make a service token, and show it once.

    It reads what its principal may, of the named products alone. What is kept is a digest of it.

    \b
    Examples:
      mesh token create nightly --as service:reports --url mesh://fleet/aircraft --for 90d
      mesh token create hourly --as service:reports --url mesh://fleet --for 12h --json
    """
    from mesh_defs.gateway.issuing import issue

    wanted = length(long)
    with desk(profile) as at:
        moment = now()
        issued = issue(
            at.state,
            at.access,
            name,
            who,
            urls,
            moment + wanted,
            by=str(at.caller),
            now=moment,
            purpose=purpose,
        )
    if as_json:
        print_json({"token": issued.token.as_dict(moment), "secret": issued.secret})
        return
    typer.echo(issued.secret)
    made = issued.token
    console(stderr=True).print(
        text(
            f"{made.name} stands for {made.principal} until {until(made.expires_at)} UTC; "
            "it is not shown again"
        )
    )


@app.command("list", cls=Command)
def list_(every: Every = False, profile: ForProfile = None, as_json: AsJson = False) -> None:
    """List the service tokens and leases that are valid.

    \b
    Examples:
      mesh token list
      mesh token list --all --json
    """
    with desk(profile) as at:
        moment = now()
        found = at.state.tokens.listed(moment, every=every)
    if as_json:
        print_json({"tokens": [token.as_dict(moment) for token in found]})
    elif found:
        _show(found, moment)
    else:
        console().print(text("no token; make one with: mesh token create"))


@app.command(cls=Command)
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The token's name or id.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why.")
    ] = "no reason was given",
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """End a token at once, and the leases that came of it.

    \b
    Examples:
      mesh token revoke nightly
      mesh token revoke hourly --reason "It was in a log."
    """
    with desk(profile) as at:
        moment = now()
        token = at.state.tokens.named(name, moment)
        token = at.state.tokens.revoke(token, str(at.caller), reason, moment)
    if as_json:
        print_json({"token": token.as_dict(moment)})
    else:
        console().print(text(f"{token.name} ({token.id}) is revoked"))


def _show(found: list[Token], moment: datetime) -> None:
    made = table(["token", "name", "kind", "state", "for", "urls", "until (UTC)"])
    for token in found:
        state = token.state(moment)
        made.add_row(
            cell(token.id),
            cell(token.name),
            cell(token.kind),
            cell(state, _COLOURS.get(state, "")),
            cell(token.principal),
            cell(", ".join(token.urls)),
            cell(until(token.expires_at)),
        )
    show_table(made)
