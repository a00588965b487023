"""``mesh requests``: who asks for access, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.desk import desk, now
from mesh_defs.cli.output import (
    AsJson,
    ForProfile,
    age,
    cell,
    console,
    print_json,
    show_table,
    table,
    text,
)

if TYPE_CHECKING:
    from mesh_defs.gateway.state.requests import Request

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_COLOURS = {"approved": "green", "pending": "yellow", "denied": "red"}


@app.command(cls=Command)
def requests(
    every: Annotated[
        bool, typer.Option("--all", help="Show those that were answered, too.")
    ] = False,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """List the requests for access that wait for an answer.

    One that nobody answers expires after 30 days.

    \b
    Examples:
      mesh requests
      mesh requests --all --json
    """
    with desk(profile) as at:
        found = at.state.requests.listed(now(), pending=not every)
        untold, problem = at.state.outbox.undelivered()
    if as_json:
        missing = {"count": untold, "problem": problem}
        print_json({"requests": [each.as_dict() for each in found], "not_told": missing})
        return
    out = console()
    if not found:
        out.print(text("no request waits for an answer" if not every else "nobody has asked yet"))
    else:
        _show(found)
    if untold:
        why = f": {problem}" if problem else ""
        many = "message about requests was" if untold == 1 else "messages about requests were"
        out.print(text(f"{untold} {many} not told{why}", "yellow"))


def _show(found: list[Request]) -> None:
    made = table(["request", "state", "who", "port", "purpose", "days", "role", "age"], ["days"])
    for each in found:
        made.add_row(
            cell(each.id),
            cell(each.state, _COLOURS.get(each.state, "")),
            cell(each.principal),
            cell(each.url),
            cell(each.purpose),
            cell(each.days),
            cell(each.role or "-"),
            cell(age(each.asked_at)),
        )
    show_table(made)
    for each in found:
        if each.message:
            console().print(cell(f"{each.id}: {each.message}"))
        if each.reason:
            why = each.reason
            console().print(cell(f"{each.id} {each.state} by {each.decided_by}: {why}"))
