"""How verdicts and a run's report look to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.cli.output import (
    coloured,
    console,
    seconds_text,
    show_table,
    table,
    tally_text,
    text,
)
from mesh_defs.contract.verdicts import blocking, tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.product.report import RunReport

_SHOWN_SAMPLES = 5
_CELL = 40
_ORDER = ("error", "failed", "warned", "passed")


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
            show_table(_samples(verdict), indent=4)


def show_warnings(verdicts: Sequence[Verdict]) -> None:
    """Every verdict that warned, and every check that could not run without blocking."""
    for verdict in verdicts:
        if verdict.outcome != "passed" and not verdict.blocking:
            _show_one(verdict)


def _show_one(verdict: Verdict) -> None:
    out = console()
    place = f"{verdict.subject}.{verdict.column}" if verdict.column else verdict.subject
    out.print(text("  "), coloured(verdict.outcome), text(f" {place}: {verdict.rule}"), sep="")
    if verdict.stage == "policy":
        out.print(text(f"    asks for {verdict.expected}"))
        show_findings(verdict, indent=4)
        return
    if verdict.reason:
        out.print(text(f"    {verdict.reason}"))
        return
    out.print(text(f"    expected {verdict.expected}, found {verdict.observed}"))


def show_findings(verdict: Verdict, indent: int) -> None:
    """What a policy found, with the way back to the source, the fix, and what was waived."""
    out, lead = console(), " " * indent
    if verdict.reason:
        out.print(text(f"{lead}{verdict.reason}"))
    for finding in verdict.findings:
        waived = " (waived)" if finding.get("waived") else ""
        out.print(text(f"{lead}found    {finding['message']}{waived}"))
        for step in finding.get("path") or ():
            out.print(text(f"{lead}         <- {step}"))
        if finding.get("fix"):
            out.print(text(f"{lead}fix      {finding['fix']}", "green"))
        if finding.get("file"):
            line = f":{finding['line']}" if finding.get("line") else ""
            out.print(text(f"{lead}where    {finding['file']}{line}", "cyan"))
    for waiver in verdict.waivers:
        out.print(
            text(
                f"{lead}waived   until {waiver['until']} ({waiver['days_left']} days left) by "
                f"{waiver['approved_by']}: {waiver['reason']}",
                "yellow",
            )
        )


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


def show_verdicts(verdicts: Sequence[Verdict], *, every: bool) -> None:
    """Their count; then ``every`` one of them, or those that did not pass."""
    out = console()
    shown = [verdict for verdict in verdicts if every or verdict.outcome != "passed"]
    out.print(text("verdicts: "), tally_text(tally(verdicts)), sep="")
    for verdict in sorted(shown, key=lambda v: _ORDER.index(v.outcome)):
        _show_one(verdict)
    if len(shown) < len(verdicts):
        out.print(text("  --all shows those that passed too"))
