"""``mesh reset``: remove the state of the mesh."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import console, text
from mesh_defs.errors import MeshError
from mesh_defs.settings import find_root

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove .mesh: everything that was published, prepared and logged. Asks first.

    Data that a profile keeps outside of .mesh stays. Refuses while the mesh's servers run.

    \b
    Example:
      mesh reset --yes
    """
    from mesh_defs.cli.down import waiting
    from mesh_defs.serving import supervisor_of

    root = find_root()
    state = root / ".mesh"
    if not state.exists():
        console().print(text("nothing to remove"))
        return
    if not yes and not typer.confirm(f"Remove {state} with everything published?", default=False):
        console().print(text("nothing was removed"))
        raise typer.Exit(1)
    supervisor = supervisor_of(root)
    with supervisor.lock(lambda pid: console(stderr=True).print(waiting(pid))):
        if supervisor.running():
            names = ", ".join(supervisor.running())
            raise MeshError(f"still running: {names}. Fix: run mesh down first")
        _remove(state)
    console().print(text(f"removed {state}"))


def _remove(state: Path) -> None:
    if state.is_symlink():
        raise MeshError(f"{state} is a link to '{state.resolve()}'; remove what it names yourself")
    # One rename first, so that whoever looks sees all of the state or nothing.
    going = state.with_name(f"{state.name}.removed")
    shutil.rmtree(going, ignore_errors=True)
    state.rename(going)
    shutil.rmtree(going)
