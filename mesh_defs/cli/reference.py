"""The reference pages in ``docs/``, made from the commands and the models themselves.

``python -m mesh_defs.cli.reference`` writes them; a test holds them up to date.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import typer

from mesh_defs.cli.main import app
from mesh_defs.policy.reference import policies_page
from mesh_defs.product.described.keys import discovery_page
from mesh_defs.product.reference import escaped, manifest_page

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# The command line

Made from the commands' own help by `python -m mesh_defs.cli.reference`; change it there.

Every command works on the mesh of the working folder: the nearest folder above with a `mesh.yaml`,
or the one that `MESH_ROOT` names. `MESH_PROFILE` chooses the infra profile, `NO_COLOR` takes the
colours away.

| exit code | means |
| --- | --- |
| 0 | fine |
| 1 | the answer is no: a check failed, a product was not published, nothing was removed |
| 2 | wrong use: an unknown command, option, product, file or profile, no mesh here, nobody to ask |
| 3 | something broke: a system was out of reach, code failed, a bug (traceback in `.mesh/logs`) |
| 130 | stopped by Ctrl-C or SIGTERM |
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its whole name (``mesh new product``)."""
    yield from _below("mesh", typer.main.get_command(app))


def _below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    if command.invoke_without_command:
        yield name, command
    context = click.Context(command, info_name=name)
    for child in command.list_commands(context):
        found = command.get_command(context, child)
        assert found is not None  # noqa: S101  the group itself listed it
        yield from _below(f"{name} {child}", found)


def examples(command: click.Command) -> list[str]:
    """The example lines of a command's help."""
    return [line for part in _parts(command)[1:] for line in part.splitlines() if line]


def cli_page() -> str:
    """The text of ``docs/reference/cli.md``."""
    return "\n".join([_HEAD, *(_section(name, command) for name, command in commands())])


def _parts(command: click.Command) -> list[str]:
    """A command's help: the text before its examples, and the examples."""
    text = inspect.cleandoc(command.help or "")
    head, _, tail = text.partition("\b\n")
    if not tail:
        return [head.strip()]
    lines = [line.strip() for line in tail.splitlines()[1:]]
    return [head.strip(), "\n".join(lines).strip()]


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    parts = _parts(command)
    lines = [f"## {name}", "", parts[0], "", "```", usage, "```", ""]
    rows = [_row(parameter) for parameter in command.params]
    if rows:
        lines += ["| argument or option | |", "| --- | --- |", *rows, ""]
    if len(parts) > 1:
        lines += ["```console", *(f"$ {line}" for line in parts[1].splitlines()), "```", ""]
    return "\n".join(lines)


def _row(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        kind = "" if parameter.is_flag else f" {parameter.metavar or parameter.type.name.upper()}"
        written = ", ".join(
            f"`{name}{kind}`" for name in (*parameter.opts, *parameter.secondary_opts)
        )
        return f"| {written} | {escaped(parameter.help or '')} |"
    described = getattr(parameter, "help", None) or ""
    return f"| `{(parameter.metavar or parameter.name or '').strip('[]')}` | {escaped(described)} |"


def pages() -> dict[str, str]:
    """The text of every generated page by its name in ``docs/reference``."""
    return {
        "cli.md": cli_page(),
        "discovery.md": discovery_page(),
        "manifest.md": manifest_page(),
        "policies.md": policies_page(),
    }


def write(folder: Path) -> None:
    """Write every page into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 2 or any(each.startswith("-") for each in sys.argv[1:]):
        sys.exit("usage: python -m mesh_defs.cli.reference [FOLDER]; default: docs/reference")
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
