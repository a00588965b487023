"""``mesh``: finds the command, runs it, and turns what went wrong into words and an exit code."""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import click
import typer

from mesh_defs.cli.command import Group
from mesh_defs.errors import (
    AccessDenied,
    InvalidMesh,
    InvalidRequest,
    MeshError,
    NoMesh,
    NotPublished,
    PromiseBroken,
    UnknownProfile,
    UnknownRecord,
    WrongState,
)
from mesh_defs.interrupts import is_interrupt, listening, terminated_as_interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

OK, NO, WRONG_USE, BROKE, INTERRUPTED = 0, 1, 2, 3, 130

# Each command and the module that has it; a module is imported when its command is asked for.
COMMANDS = {
    "up": "mesh_defs.cli.up",
    "down": "mesh_defs.cli.down",
    "reset": "mesh_defs.cli.reset",
    "check": "mesh_defs.cli.check",
    "plan": "mesh_defs.cli.plan",
    "run": "mesh_defs.cli.run",
    "serve": "mesh_defs.cli.serve",
    "open": "mesh_defs.cli.open",
    "status": "mesh_defs.cli.status",
    "find": "mesh_defs.cli.find",
    "show": "mesh_defs.cli.show",
    "lineage": "mesh_defs.cli.lineage",
    "trust": "mesh_defs.cli.trust",
    "verify": "mesh_defs.cli.verify",
    "feedback": "mesh_defs.cli.feedback",
    "index": "mesh_defs.cli.index",
    "export": "mesh_defs.cli.export",
    "import": "mesh_defs.cli.import_",
    "new": "mesh_defs.cli.new",
    "policies": "mesh_defs.cli.policies",
    "waivers": "mesh_defs.cli.waivers",
    "access": "mesh_defs.cli.access",
    "request": "mesh_defs.cli.request",
    "requests": "mesh_defs.cli.requests",
    "approve": "mesh_defs.cli.approve",
    "deny": "mesh_defs.cli.deny",
    "withdraw": "mesh_defs.cli.withdraw",
    "grants": "mesh_defs.cli.grants",
    "revoke": "mesh_defs.cli.revoke",
    "token": "mesh_defs.cli.token",
    "audit": "mesh_defs.cli.audit",
    "usage": "mesh_defs.cli.usage",
    "schema": "mesh_defs.cli.schema",
}


class LazyGroup(Group):
    """Commands that are imported one by one, so that each costs only what it needs itself."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names of all commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, imported now."""
        home = COMMANDS.get(cmd_name)
        if home is None:
            return None
        command = typer.main.get_command(import_module(home).app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"mesh {version('mesh-defs')}")
        except PackageNotFoundError:
            typer.echo("mesh (a source tree that is not installed)")
        raise typer.Exit


@app.callback()
def mesh(
    _: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    """A data mesh of autonomous data products, on Dagster.

    Works on the mesh of the working folder: the nearest folder above with a mesh.yaml, or the one
    that MESH_ROOT names. NO_COLOR takes the colours away.

    Exit codes: 0 fine, 1 the answer is no, 2 wrong use, 3 something broke, 130 stopped by Ctrl-C or
    SIGTERM.

    \b
    Example:
      mesh --version
    """


def run() -> NoReturn:
    """The entry point of the command ``mesh``."""
    code = main(sys.argv[1:])
    if code == INTERRUPTED:
        _leave()
    sys.exit(code)


def _leave() -> NoReturn:
    """End the process without waiting for threads: one of an engine may be inside a product's own
    code for as long as that likes, and an interpreter that shuts down waits for it in vain."""
    atexit._run_exitfuncs()  # there is no public name
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)


def main(arguments: Sequence[str]) -> int:
    """Run ``mesh`` with ``arguments``; its exit code.

    Raises nothing but typer's `SystemExit`, when who reads the output went away (``| head``).
    """
    with terminated_as_interrupted(), listening():
        return _main(arguments)


def _main(arguments: Sequence[str]) -> int:
    try:
        command = typer.main.get_command(app)
        result = command.main(args=list(arguments), prog_name="mesh", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _interrupted()
    except MeshError as error:
        if is_interrupt(error):
            return _interrupted()
        typer.echo(f"mesh: {error}", err=True)
        return _code_of(error)
    except Exception as error:  # noqa: BLE001  the last resort: a bug becomes one line and a file
        if is_interrupt(error):
            return _interrupted()
        return _crashed(error)
    return _interrupted() if result == INTERRUPTED else result if isinstance(result, int) else OK


def _code_of(error: MeshError) -> int:
    if isinstance(error, NoMesh | UnknownProfile | InvalidRequest | UnknownRecord):
        return WRONG_USE
    answer = InvalidMesh | PromiseBroken | NotPublished | AccessDenied | WrongState
    return NO if isinstance(error, answer) else BROKE


def _interrupted() -> int:
    typer.echo("mesh: stopped", err=True)
    return INTERRUPTED


def _crashed(error: Exception) -> int:
    text = "".join(traceback.format_exception(error))
    name = f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    file = _log_folder() / name
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError:
        typer.echo(text, err=True)
        return BROKE
    first = (str(error).strip().splitlines() or [""])[0]
    typer.echo(
        f"mesh: something broke that should not: {type(error).__name__}: {first}\n"
        f"the traceback is in {file}",
        err=True,
    )
    return BROKE


def _log_folder() -> Path:
    from mesh_defs.settings import find_root

    try:
        return find_root() / ".mesh" / "logs"
    except MeshError:
        return Path(tempfile.gettempdir())
