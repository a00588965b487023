"""How verdicts and a run's report look to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding

from mesh_defs.cli.output import (
    coloured,
    console,
    seconds_text,
    show_table,
    table,
    tally_text,
    text,
)
from mesh_defs.contract.verdicts import blocking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.product.report import RunReport

_SHOWN_SAMPLES = 5
_CELL = 40


def show_report(report: RunReport) -> None:
    """A run's result: what was published, or why nothing was."""
    out = console()
    name = f"mesh://{report.product}"
    if report.outcome == "published":
        line = f"{name} published version {report.version}: {report.rows:,} rows"
        out.print(text(line, "green"))
    elif report.outcome == "unchanged":
        out.print(text(f"{name} is unchanged: version {report.version} stays", "green"))
    else:
        keep = f"readers keep version {report.version}" if report.version is not None else ""
        out.print(text(f"{name} was not published{'; ' if keep else ''}{keep}", "bold red"))
        show_blocking(report.verdicts)
        if report.quarantine:
            out.print(text(f"what was made lies in {report.quarantine}"))
    out.print(text("verdicts: "), tally_text(report.tally), end="", sep="")
    out.print(text(f"; {seconds_text(report.seconds)}"))
    show_warnings(report.verdicts)


def show_blocking(verdicts: Sequence[Verdict]) -> None:
    """Every verdict that stopped a version, with a few of its failing rows."""
    for verdict in blocking(verdicts):
        _show_one(verdict)
        if verdict.samples:
            show_table(Padding(_samples(verdict), (0, 0, 0, 4), expand=False))


def show_warnings(verdicts: Sequence[Verdict]) -> None:
    """Every verdict that warned, and every check that could not run without blocking."""
    for verdict in verdicts:
        if verdict.outcome != "passed" and not verdict.blocking:
            _show_one(verdict)


def _show_one(verdict: Verdict) -> None:
    out = console()
    place = f"{verdict.subject}.{verdict.column}" if verdict.column else verdict.subject
    out.print(text("  "), coloured(verdict.outcome), text(f" {place}: {verdict.rule}"), sep="")
    if verdict.reason:
        out.print(text(f"    {verdict.reason}"))
        return
    out.print(text(f"    expected {verdict.expected}, found {verdict.observed}"))


def _samples(verdict: Verdict) -> Table:
    rows = verdict.samples[:_SHOWN_SAMPLES]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    made = table([text(name).plain for name in columns])
    for row in rows:
        made.add_row(*(text(_short(row.get(name))) for name in columns))
    return made


def _short(value: object) -> str:
    shown = "NULL" if value is None else str(value)
    return shown if len(shown) <= _CELL else shown[: _CELL - 3] + "..."


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """Every verdict on one line."""
    made = table(("verdict", "rule", "expected", "found"))
    for verdict in verdicts:
        place = f"{verdict.subject}.{verdict.column}" if verdict.column else verdict.subject
        found = verdict.reason or verdict.observed
        cells = (f"{place}: {verdict.rule}", verdict.expected, found)
        made.add_row(coloured(verdict.outcome), *(text(cell) for cell in cells))
    return made
