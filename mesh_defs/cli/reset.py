"""``mesh reset``: remove the state of the mesh."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated

import click
import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import console, text
from mesh_defs.settings import find_root

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.supervisor import Supervisor

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove .mesh: everything published, prepared and logged. Asks first.

    Data that a profile keeps outside of .mesh stays. Refuses while the mesh's servers run. Exit
    code 1 when nothing was removed.

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
    supervisor = supervisor_of(root)
    _refuse(state, supervisor)
    if not yes and not _agrees(f"Remove {state} with everything published? [y/N]: "):
        console().print(text("nothing was removed"))
        raise typer.Exit(1)
    with supervisor.lock(lambda pid: console(stderr=True).print(waiting(pid))):
        _refuse(state, supervisor)  # what was started while a person thought
        _remove(state)
    console().print(text(f"removed {state}"))


def _refuse(state: Path, supervisor: Supervisor) -> None:
    """Leave with exit code 1 when the state is in use, or is not ours to remove."""
    reason = None
    if state.is_symlink():
        reason = f"{state} is a link to '{state.resolve()}'. Fix: remove what it names yourself"
    elif running := supervisor.running():
        reason = f"still running: {', '.join(running)}. Fix: run mesh down first"
    if reason is not None:
        console(stderr=True).print(text(f"mesh: nothing was removed; {reason}"))
        raise typer.Exit(1)


def _agrees(question: str) -> bool:
    """The answer of who sits there; no is the default. Wrong use when there is nobody to ask."""
    while True:
        try:
            answer = input(question).strip().lower()
        except (EOFError, RuntimeError):  # the input has ended, or there never was one
            typer.echo()
            raise click.UsageError(
                "nobody is there to answer, so nothing was removed. Fix: pass --yes"
            ) from None
        if answer in ("", "n", "no"):
            return False
        if answer in ("y", "yes"):
            return True


def _remove(state: Path) -> None:
    # One rename first, so that whoever looks sees all of the state or nothing.
    going = state.with_name(f"{state.name}.removed")
    shutil.rmtree(going, ignore_errors=True)
    state.rename(going)
    shutil.rmtree(going)
