"""How results look: tables and colours for people, JSON for programs, plain text for pipes."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.faults import one_line
from mesh_defs.unseen import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

# Where no terminal says how wide it is: text is never cut, and a table is one up to this width.
_PIPE_COLUMNS = 4096
_PIPE_TABLE_COLUMNS = 120
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

COLOURS = {
    "passed": "green",
    "published": "green",
    "running": "cyan",
    "unchanged": "green",
    "warned": "yellow",
    "never published": "yellow",
    "killed": "yellow",
    "failed": "red",
    "refused": "red",
    "error": "red",
    "not run": "yellow",
    "up to date": "green",
    "broken": "red",
}

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ForProfile = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="The infra profile (default: mesh.yaml's)."),
]


def console(*, stderr: bool = False) -> Console:
    """Where text for people goes. Nothing in it is read as markup.

    Lines are never cut or folded, so that what is copied from them is whole; tables fit the
    terminal (`show_table`).
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_COLUMNS
    return Console(
        file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=True
    )


def print_json(value: object) -> None:
    """``value`` as JSON on standard output."""
    typer.echo(json_text(value, indent=2, default=str))


def text(value: object, style: str = "") -> Text:
    """``value`` for a terminal: control characters, which could rewrite it, are spelled out."""
    from rich.text import Text

    return Text(printable(str(value)), style=style)


def cell(value: object, style: str = "") -> Text:
    """As `text`, on one line: what others wrote must not look like lines of our own."""
    from rich.text import Text

    return Text(one_line(str(value)), style=style)


def printable(value: str) -> str:
    """``value`` with every character that is not printable spelled out, but for line ends."""
    if value.isprintable():
        return value
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in value
    )


def coloured(word: str) -> Text:
    """A word of state in its colour."""
    return text(word, COLOURS.get(word, ""))


def table(columns: Sequence[str], right: Iterable[str] = ()) -> Table:
    """An empty table; the columns in ``right`` hold numbers."""
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD,
        header_style="bold",
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    numbers = set(right)
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", no_wrap=True)
    return made


def show_table(made: Table, indent: int = 0) -> None:
    """Print a table on standard output, ``indent`` columns from the left.

    One that is wider than the terminal (in a pipe: than 120 columns) is printed row by row, each
    cell on a line of its own, so that nothing is cut or folded. A pipe's output is the same
    wherever it is made.
    """
    from rich.measure import Measurement
    from rich.padding import Padding

    out = console()
    unbound = out.options.update(max_width=_PIPE_COLUMNS)
    wide = Measurement.get(out, unbound, made).maximum
    limit = out.width if out.file.isatty() else _PIPE_TABLE_COLUMNS
    if wide + indent <= limit:
        out.print(Padding(made, (0, 0, 0, indent), expand=False), soft_wrap=False)
        return
    names = [str(column.header) for column in made.columns]
    longest = max(map(len, names))
    for row in zip(*(column.cells for column in made.columns), strict=True):
        for position, (name, cell) in enumerate(zip(names, row, strict=True)):
            lead = " " * indent + ("" if position == 0 else "  ")
            out.print(f"{lead}{name:<{longest}}  ", cell, sep="")


def passed_text(counts: Mapping[str, int] | None) -> Text:
    """How many of all checks passed, such as ``12 of 13``, in the colour of the worst outcome."""
    if counts is None:
        return text("-")
    total = sum(counts.values())
    worst = next((word for word in ("error", "failed", "warned") if counts.get(word)), "passed")
    return text(f"{counts.get('passed', 0)} of {total}", COLOURS[worst])


def tally_text(counts: Mapping[str, int] | None) -> Text:
    """Counts of verdicts such as ``12 passed, 1 warned``."""
    from rich.text import Text

    if counts is None:
        return Text("-")
    parts = [text(f"{n} {word}", COLOURS[word]) for word, n in counts.items() if n]
    return Text(", ").join(parts) if parts else Text("none")


def age(moment: datetime) -> str:
    """How long ago ``moment`` (aware) was, in its largest unit, such as ``3 min``."""
    seconds = max(0.0, (datetime.now(UTC) - moment).total_seconds())
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY:
        return f"{seconds / _HOUR:.0f} h"
    return f"{seconds / _DAY:.0f} d"


def seconds_text(seconds: float | None) -> str:
    """Seconds with as many digits as say something."""
    if seconds is None:
        return "-"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
