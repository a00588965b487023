"""``mesh audit``: the receipts of reads, and whether they are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command, Group
from mesh_defs.cli.desk import desk, known_product
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
    import click

    from mesh_defs.gateway.state.receipts import Receipt
    from mesh_defs.gateway.state.verify import Verification

_SHOW = "show"
_MOST = 10_000


class _UrlOrCommand(Group):
    """``mesh audit URL`` is ``mesh audit show URL``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from mesh_defs.urls import is_mesh_url

        first = [_SHOW] if args and is_mesh_url(args[0]) else []
        return super().resolve_command(ctx, [*first, *args])


app = typer.Typer(
    cls=_UrlOrCommand,
    help="Show the receipts of reads, and verify them.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.command(cls=Command)
def show(
    url: Annotated[str, typer.Argument(metavar="URL", help="The product's or port's URL.")],
    most: Annotated[
        int, typer.Option("--most", metavar="N", min=1, max=_MOST, help="How many, newest first.")
    ] = 50,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """List the receipts of a product or port, newest first.

    mesh audit URL is the same. A read has an event when it begins and one when it ends; one that
    has begun and nothing else was killed, or goes on.

    \b
    Examples:
      mesh audit show mesh://fleet/aircraft
      mesh audit show mesh://fleet/aircraft/aircraft --most 5 --json
    """
    with desk(profile) as at:
        address = known_product(at.access, url)
        found = at.state.receipts.listed(identity=address.identity, port=address.port, most=most)
    if as_json:
        print_json({"url": str(address), "receipts": [each.as_dict() for each in found]})
    elif found:
        _show(found)
    else:
        console().print(text(f"nobody has read {address} through the gateway yet"))


@app.command(cls=Command)
def verify(
    head: Annotated[
        str | None,
        typer.Option(
            "--head", metavar="HEAD", help="A head that was noted elsewhere; it must be in them."
        ),
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Verify that no receipt was changed, removed or added.

    Exit code 1 when one was. The head that is printed, noted where this machine cannot reach it,
    shows later that nothing before it was changed by somebody who has the key as well.

    \b
    Examples:
      mesh audit verify
      mesh audit verify --json
    """
    from mesh_defs.gateway.state.chain import read_head

    try:
        known = read_head(head) if head is not None else None
    except ValueError as error:
        raise typer.BadParameter(f"'{head}': {error}", param_hint="--head") from None
    with desk(profile) as at:
        found = at.state.receipts.verify(known)
    if as_json:
        print_json(found.as_dict())
    else:
        _show_verified(found)
    raise typer.Exit(0 if found.sound else 1)


def _show_verified(found: Verification) -> None:
    out = console()
    if found.sound:
        out.print(text(f"{found.receipts:,} receipts, whole and unchanged", "green"))
        out.print(text(f"  head  {found.head}"))
        return
    out.print(text(f"{found.receipts:,} receipts, and they are not what was written", "bold red"))
    for problem in found.problems:
        out.print(cell(f"  {problem}"))


def _show(found: list[Receipt]) -> None:
    columns = ["time (UTC)", "event", "who", "port", "purpose", "by", "rows", "bytes", "receipt"]
    made = table(columns, right=("rows", "bytes"))
    for each in found:
        body = each.body
        made.add_row(
            cell(str(body["time"])[:19].replace("T", " ")),
            cell(body["event"], "red" if body["event"] == "refused" else ""),
            cell(body["principal"]),
            cell(body["url"]),
            cell(body["purpose"] or "-"),
            cell(body["protocol"]),
            cell(f"{body['rows']:,}"),
            cell(f"{body['bytes']:,}"),
            cell(body["receipt"]),
        )
    show_table(made)
