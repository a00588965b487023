"""``mesh feedback``: say something of a product, read what others say, and answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.desk import desk, known_product, now, told
from mesh_defs.cli.output import AsJson, ForProfile, cell, console, print_json, text

if TYPE_CHECKING:
    from mesh_defs.cli.desk import Desk
    from mesh_defs.gateway.state.feedback import Item, Standing

_ONE = "--rate, --ask, --report, --answer, --acknowledge and --solve are one at a time"
_WORDS = {"rating": "ratings", "question": "questions", "problem": "problems"}
app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def feedback(
    url: Annotated[str, typer.Argument(metavar="URL", help="The product's URL.")],
    rate: Annotated[
        int | None, typer.Option("--rate", min=1, max=5, metavar="N", help="1 to 5 stars.")
    ] = None,
    ask: Annotated[
        str | None, typer.Option("--ask", metavar="TEXT", help="A question to the owner.")
    ] = None,
    report: Annotated[
        str | None, typer.Option("--report", metavar="TEXT", help="A problem with it.")
    ] = None,
    answer: Annotated[
        str | None, typer.Option("--answer", metavar="ID", help="Answer, with --text.")
    ] = None,
    acknowledge: Annotated[
        str | None, typer.Option("--acknowledge", metavar="ID", help="A problem is looked at.")
    ] = None,
    solve: Annotated[
        str | None, typer.Option("--solve", metavar="ID", help="A problem is solved.")
    ] = None,
    words: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="Of an answer, or a rating.")
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Say something of a product, or read what others say.

    Without an option it shows ratings, questions with their answers, and problems. Who says it is
    MESH_PRINCIPAL, or the infra profile's principal; the owner is told as the profile's
    gateway.notify says. Who controls the product answers.

    \b
    Examples:
      mesh feedback mesh://fleet/aircraft
      mesh feedback mesh://fleet/aircraft --rate 5 --text "Always there by nine."
      mesh feedback mesh://fleet/aircraft --ask "Are helicopters in it?"
      mesh feedback mesh://fleet/aircraft --report "N912AN is missing."
    """
    given = [rate, ask, report, answer, acknowledge, solve]
    if sum(one is not None for one in given) > 1:
        raise typer.BadParameter(_ONE)
    if words is not None and rate is None and answer is None:
        raise typer.BadParameter("it goes with --rate or --answer", param_hint="--text")
    with desk(profile) as at:
        identity = _known(at, url)
        item = _said(at, identity, rate, ask, report, words)
        if item is None:
            item = _answered(at, identity, answer, acknowledge, solve, words)
        _print(at, identity, item, as_json=as_json)
        if item is not None:
            told(at)


def _known(at: Desk, url: str) -> str:
    """The product, which the caller may know of; another one is wrong use."""
    from mesh_defs.errors import UnknownAddress
    from mesh_defs.gateway.feedback import check_known

    identity = known_product(at.access, url).identity
    try:
        check_known(at.access, at.caller, identity)
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    return identity


def _said(
    at: Desk,
    identity: str,
    rate: int | None,
    ask: str | None,
    report: str | None,
    words: str | None,
) -> Item | None:
    from mesh_defs.gateway.feedback import say

    who, time = at.caller, now()
    if rate is not None:
        return say(at.state, at.access, who, identity, "rating", time, text=words, stars=rate)
    if ask is not None:
        return say(at.state, at.access, who, identity, "question", time, text=ask)
    if report is not None:
        return say(at.state, at.access, who, identity, "problem", time, text=report)
    return None


def _answered(
    at: Desk,
    identity: str,
    answered: str | None,
    acknowledge: str | None,
    solve: str | None,
    words: str | None,
) -> Item | None:
    from mesh_defs.errors import UnknownRecord
    from mesh_defs.gateway.feedback import answer, settle

    number = answered or acknowledge or solve
    if number is None:
        return None
    if at.state.feedback.get(number).identity != identity:
        raise UnknownRecord(f"mesh://{identity} has no rating, question or problem '{number}'")
    who, time = at.caller, now()
    if answered is not None:
        return answer(at.state, at.access, who, number, words or "", time, admin=at.admin)
    standing: Standing = "acknowledged" if acknowledge is not None else "solved"
    return settle(at.state, at.access, who, number, standing, time, admin=at.admin)


def _print(at: Desk, identity: str, item: Item | None, *, as_json: bool) -> None:
    from mesh_defs.gateway.feedback import told as said

    if item is not None:
        if as_json:
            print_json({"feedback": item.as_dict()})
        else:
            console().print(text(f"{item.id}: {_state(item.as_dict())}", "green"))
        return
    found = said(at.state, identity)
    if as_json:
        print_json(found)
    else:
        _show(identity, found)


def _show(identity: str, found: dict[str, Any]) -> None:
    out, ratings = console(), found["ratings"]
    mean = f"{ratings['mean']} of 5, by {ratings['count']}" if ratings["count"] else "by nobody yet"
    out.print(text(f"mesh://{identity} is rated {mean}", "bold"))
    for kind, items in (
        ("rating", [one for one in ratings["newest"] if one["text"]]),
        ("question", found["questions"]),
        ("problem", found["problems"]),
    ):
        if items:
            out.print(text(f"  {_WORDS[kind]}"))
        for one in items:
            out.print(cell(f"    {one['id']}  {_state(one)}"))
            out.print(cell(f"      {one['text'] or ''}"))
            for each in one["answers"]:
                out.print(cell(f"      {each['principal']}: {each['text']}"))


def _state(one: dict[str, Any]) -> str:
    stars = f"{one['stars']} of 5, " if one["stars"] is not None else ""
    return f"{stars}{one['state']}, {one['created_at'][:10]} by {one['principal']}"
