"""``mesh index``: the copy of what products tell of themselves that is searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, console, print_json, seconds_text, text

if TYPE_CHECKING:
    from mesh_defs.discovery.index.live import Refreshed

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def index(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Throw away what there is, and crawl everything.")
    ] = False,
    others: Annotated[
        bool, typer.Option("--others/--no-others", help="Ask the other meshes, too.")
    ] = True,
    meaning: Annotated[
        bool, typer.Option("--meaning/--no-meaning", help="Embed what is new or changed.")
    ] = True,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Bring the index of products up to date.

    Reads the discovery document of every product that has changed, of this mesh and of the other
    meshes that the profile names. The gateway does the same in the background while it runs. The
    index lies in .mesh/index and can be thrown away at any time.

    \b
    Examples:
      mesh index
      mesh index --rebuild --json
    """
    from mesh_defs.cli.progress import RunProgress
    from mesh_defs.discovery.index.live import LiveIndex
    from mesh_defs.discovery.index.refused import index_files
    from mesh_defs.settings import find_root, load_settings

    live = LiveIndex(load_settings(find_root(), profile))
    with RunProgress(quiet=as_json, steps=False) as progress:
        try:
            with index_files(live.shelf.root):
                done = live.refresh(others=others, rebuild=rebuild, told=progress.now)
                embedded = 0
                if meaning:
                    embedded = live.embed(lambda now, of: progress.now(f"embedded {now} of {of}"))
                    live.tidy()
        finally:
            live.close()
    if as_json:
        print_json({**done.as_dict(), "embedded": embedded, "words_only": live.no_meaning})
    else:
        _show(done, embedded, live.no_meaning)
    if done.failed:
        raise typer.Exit(1)


def _show(done: Refreshed, embedded: int, words_only: str | None) -> None:
    out = console()
    how = "built anew" if done.rebuilt else "up to date"
    took = seconds_text(done.seconds)
    out.print(
        text(
            f"the index is {how}: {done.known} products, {done.changed} read, {done.gone} gone, "
            f"{embedded} embedded ({took})"
        )
    )
    if words_only is not None:
        out.print(text(words_only, "yellow"))
    for who, why in done.failed.items():
        out.print(text(f"{who} could not be read", "bold red"))
        out.print(text(f"  {why}"))
