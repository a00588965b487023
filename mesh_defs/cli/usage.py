"""``mesh usage``: who reads a product, and how much of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.desk import desk, known_product, length, now
from mesh_defs.cli.output import (
    AsJson,
    ForProfile,
    age,
    cell,
    console,
    print_json,
    seconds_text,
    show_table,
    table,
    text,
)

if TYPE_CHECKING:
    from mesh_defs.gateway.state.usage import Use

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def usage(
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="Only this product or port.")
    ] = None,
    by_day: Annotated[bool, typer.Option("--by-day", help="A line per consumer and day.")] = False,
    long: Annotated[
        str, typer.Option("--for", metavar="LENGTH", help="Of the last so many, such as 90d.")
    ] = "90d",
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Show who reads a product, and how much.

    From the receipts of reads through the gateway. Reads are those that were completed; rows and
    bytes count what was sent of others as well.

    \b
    Examples:
      mesh usage mesh://fleet/aircraft
      mesh usage --by-day --for 4w --json
    """
    since = now() - length(long)
    with desk(profile) as at:
        address = known_product(at.access, url) if url is not None else None
        found = at.state.usage.of(
            address.identity if address is not None else None,
            port=address.port if address is not None else None,
            since=since,
            by="consumer and day" if by_day else "consumer",
        )
    if as_json:
        print_json({"since": since.isoformat(), "usage": [use.as_dict() for use in found]})
    elif found:
        _show(found, by_day=by_day)
    else:
        whose = str(address) if address is not None else "anything"
        console().print(text(f"nobody has read {whose} through the gateway since {since:%Y-%m-%d}"))


def _show(found: list[Use], *, by_day: bool) -> None:
    numbers = ["reads", "refused", "rows", "bytes", "time"]
    days = ["day"] if by_day else []
    made = table([*days, "port", "consumer", *numbers, "last read"], right=numbers)
    for use in found:
        last = f"{age(use.last_read)} ago" if use.last_read is not None else "never"
        made.add_row(
            *([cell(use.day)] if by_day else []),
            cell(f"{use.identity}/{use.port}"),
            cell(use.principal),
            cell(f"{use.reads:,}"),
            cell(f"{use.refused:,}"),
            cell(f"{use.rows:,}"),
            cell(f"{use.bytes:,}"),
            cell(seconds_text(use.seconds)),
            cell(last),
        )
    show_table(made)
