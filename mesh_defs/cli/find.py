"""``mesh find``: products by what is looked for."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, cell, console, print_json, text

if TYPE_CHECKING:
    from rich.console import Console

    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.discovery.index.find import Found, Result
    from mesh_defs.discovery.index.live import LiveIndex
    from mesh_defs.discovery.index.question import Question

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_Many = list[str] | None
_MOST_EMBEDDED = 64
_LONGEST = 190
_WIDEST = 100
_INDENT = "  "
# What is known of the newest version; `mesh trust` tells what was measured since.
_TRUST = {
    "kept": "promises kept",
    "warned": "not all promises kept",
    "unproven": "promises unproven",
}


@app.command(cls=Command)
def find(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS]", help="What you look for.")
    ] = None,
    domain: Annotated[_Many, typer.Option("--domain", help="Only of this domain.")] = None,
    archetype: Annotated[_Many, typer.Option("--archetype", help="Only of this archetype.")] = None,
    status: Annotated[_Many, typer.Option("--status", help="Only of this status.")] = None,
    tag: Annotated[_Many, typer.Option("--tag", help="Only with this tag.")] = None,
    owner: Annotated[_Many, typer.Option("--owner", help="Only of this owner.")] = None,
    classification: Annotated[
        _Many, typer.Option("--classification", help="Only ports classified so.")
    ] = None,
    trust: Annotated[_Many, typer.Option("--trust", help="kept, warned or unproven.")] = None,
    mode: Annotated[_Many, typer.Option("--mode", help="Only ports published so.")] = None,
    column: Annotated[
        _Many, typer.Option("--column", help="Only with a column that is so called or told of.")
    ] = None,
    fresh: Annotated[
        str | None, typer.Option("--fresh", metavar="AGE", help="At most so old, such as 7d.")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=100, help="Results at most.")] = 10,
    words_only: Annotated[
        bool, typer.Option("--words-only", help="Do not compare meanings.")
    ] = False,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Find products, here and in the other meshes that this one knows.

    By words and by meaning; typing errors are forgiven, and each result says why it was found.
    Only what you may discover is found; who looks is MESH_PRINCIPAL, or the profile's. Of an option
    that is given several times any value fits. Without words: all, the newest first. The index is
    brought up to date first; mesh index builds it anew, and asks other meshes.

    \b
    Examples:
      mesh find "which airlines are late in winter"
      mesh find delays --domain operations --fresh 7d --json
    """
    from mesh_defs.discovery.index.live import LiveIndex
    from mesh_defs.discovery.index.question import Filters, Question, age
    from mesh_defs.discovery.index.refused import index_files
    from mesh_defs.settings import find_root, load_settings

    filters = Filters(
        domain=tuple(domain or ()),
        archetype=tuple(archetype or ()),
        status=tuple(status or ()),
        tag=tuple(tag or ()),
        owner=tuple(owner or ()),
        classification=tuple(classification or ()),
        trust=tuple(trust or ()),
        mode=tuple(mode or ()),
        column=tuple(column or ()),
        fresh=age(fresh) if fresh is not None else None,
    )
    question = Question(" ".join(words or ()), filters, most)
    live = LiveIndex(load_settings(find_root(), profile))
    try:
        with index_files(live.shelf.root):
            found = _search(live, question, meaning=not words_only)
    finally:
        live.close()
    if as_json:
        print_json({"mesh": live.settings.name, **found.as_dict()})
    else:
        _show(found, question)


def _search(live: LiveIndex, question: Question, *, meaning: bool) -> Found:
    """The results for who looks here. What is new is embedded now where it is little: it would be
    longer to wait for the next `mesh index`."""
    from mesh_defs.discovery.index.here import find_here

    live.refresh(others=False)
    if meaning and question.text:
        live.embed(most=_MOST_EMBEDDED)
    return find_here(live, question, meaning=meaning)


def _show(found: Found, question: Question) -> None:
    out = console()
    for word, others in found.read_as.items():
        out.print(text(f"nothing has '{word}'; read as {' or '.join(others)}", "yellow"))
    if found.results and not question.text.strip():
        every = question.filters == type(question.filters)()
        which = "all products that you may discover" if every else "all products that fit"
        out.print(text(f"{which}, the newest first", "dim"))
    for at, result in enumerate(found.results):
        if at and out.is_terminal:
            out.print()
        _show_result(out, result)
    if not found.results:
        out.print(text("nothing found that you may discover"))
    elif found.more:
        out.print(text("there is more: --most shows more of it"))
    if found.meaning not in ("used", "not asked"):
        out.print(text(found.meaning, "dim"))


def _show_result(out: Console, result: Result) -> None:
    entry = result.entry
    where = f" at {entry.origin}" if entry.origin else ""
    title = f"  {entry.title}" if entry.title else ""
    out.print(cell(f"{entry.url}{where}", "bold green"), cell(title), sep="")
    purpose = entry.purpose
    if len(purpose) > _LONGEST:
        purpose = f"{purpose[:_LONGEST].rpartition(' ')[0] or purpose[:_LONGEST]} …"
    _show_lines(out, purpose, "")
    _show_lines(out, _facts(entry), "dim")
    why = _why(result)
    if why:
        _show_lines(out, f"why: {why}", "dim")


def _show_lines(out: Console, words: str, style: str) -> None:
    """One line, so that programs and who copies find it whole; as many as a terminal needs."""
    width = min(out.width, _WIDEST) - len(_INDENT)
    folded = textwrap.wrap(words, width) if out.is_terminal and width > 0 else [words]
    for line in folded:
        out.print(cell(f"{_INDENT}{line}", style))


def _facts(entry: Entry) -> str:
    """What else decides whether it is looked at."""
    told = [each for each in (entry.archetype, entry.classification) if each]
    if entry.published_at is None:
        return ", ".join([*told, "nothing published yet"])
    published = f"version {entry.version} of {entry.published_at[:10]}"
    return ", ".join([*told, published, _TRUST.get(entry.trust, entry.trust)])


def _why(result: Result) -> str:
    parts = []
    for match in result.matches:
        word = match.word if match.word == match.found else f"{match.word} as {match.found}"
        parts.append(f"{word} in {', '.join(match.places)}")
    if result.likeness is not None:
        parts.append(f"it means the like ({result.likeness:.2f})")
    return "; ".join(parts)
