"""How the result of ``mesh up`` looks to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.cli.check import show_fault
from mesh_defs.cli.output import (
    COLOURS,
    coloured,
    console,
    passed_text,
    seconds_text,
    show_table,
    table,
    text,
)
from mesh_defs.cli.verdicts import show_blocking
from mesh_defs.contract.verdicts import blocking, tally
from mesh_defs.product.status import product_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.orchestration.build import Built
    from mesh_defs.product.check import Findings
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import Mesh
    from mesh_defs.product.prepare import Prepared
    from mesh_defs.product.report import RunReport
    from mesh_defs.serving import Served

_WORDS = {"current": "up to date", "waiting": "not run", "failed": "refused"}


def show_findings(findings: Findings) -> None:
    """Faults that are there before anything runs, on standard error."""
    err = console(stderr=True)
    for owner, faults in findings.groups.items():
        err.print(text(owner, "bold red"))
        for fault in faults:
            show_fault(fault, stderr=True)
    if findings.groups:
        err.print(text("going on with what can be read", "bold"))


def ended(built: Built) -> tuple[str, str]:
    """One line about a product that has ended, and its colour."""
    line = f"mesh://{built.product.identity}: {_word(built)}"
    if built.report is not None and built.report.outcome == "failed":
        line += f", {_stopped(built.report)}"
    elif built.report is not None:
        counts = built.report.tally
        line += f", {built.report.rows:,} rows, {counts['passed']} of {sum(counts.values())} checks"
    if built.error is not None:
        line += f": {built.error.splitlines()[0]}"
    return f"{line} ({seconds_text(built.seconds)})", COLOURS.get(_word(built), "")


def show_built(mesh: Mesh, prepared: Sequence[Prepared], built: Sequence[Built]) -> None:
    """The table of what is published and how the last run ended; then why runs published nothing.

    Version, rows and checks are always those of the published version, never of a refused run.
    """
    made = table(("product", "last run", "published", "rows", "passed"), right=("rows", "passed"))
    words = {one.product.identity: _word(one) for one in built}
    words |= dict.fromkeys(sorted(mesh.broken), "broken")
    records = {identity: product_status(mesh, identity).record for identity in words}
    for identity, word in words.items():
        record = records[identity]
        made.add_row(
            text(identity),
            coloured(word),
            text("nothing" if record is None else f"version {record.version}"),
            text("-" if record is None else f"{_rows(record):,}"),
            passed_text(None if record is None else record.tally),
        )
    show_table(made)
    for service in prepared:
        if service.error is not None:
            line = f"service {service.service} was not prepared: {service.error}"
            console().print(text(line, "red"))
    for one in built:
        if not one.ok:
            console().print()
            _show_failure(one, records[one.product.identity])


def _show_failure(one: Built, record: Record | None) -> None:
    out = console()
    line = f"mesh://{one.product.identity}: the last run was {_word(one)}"
    if one.outcome == "error":
        line = f"mesh://{one.product.identity}: the last run broke"
    elif one.outcome == "waiting":
        line = f"mesh://{one.product.identity} was not run"
    elif one.report is not None:
        line += f", {_stopped(one.report)}"
    out.print(text(line, "bold red"))
    keep = "nothing is published" if record is None else f"readers keep version {record.version}"
    out.print(text(f"  {keep}" if record is None else f"  {keep}, {_rows(record):,} rows"))
    if one.error is not None:
        out.print(text(f"  {one.error}"))
    if one.report is not None:
        show_blocking(one.report.verdicts)


def _word(built: Built) -> str:
    return _WORDS.get(built.outcome, built.outcome)


def _rows(record: Record) -> int:
    return sum(port.rows for port in record.ports.values())


def _stopped(report: RunReport) -> str:
    """How many checks of a refused run stopped it: ``1 failed, 2 error of 33 checks``."""
    counts = tally(blocking(report.verdicts))
    found = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{found} of {len(report.verdicts)} checks"


def show_served(served: Served) -> None:
    """Where the mesh is served."""
    out = console()
    for name, reason in served.broken.items():
        out.print(text(f"code location {name} could not be loaded", "bold red"))
        out.print(text(f"  {reason}"))
    if not served.started:
        out.print(text("everything was running already"))
    out.print(text(f"Dagster's web page is at {served.url}", "bold green"))
    out.print(text(f"products are served at {served.gateway} (try: mesh open URL)", "bold green"))
    shown = ("webserver", "gateway")
    others = ", ".join(sorted(name for name in served.processes if name not in shown))
    out.print(text(f"in the background: {others}; logs in .mesh/logs; stop with: mesh down"))


def as_dict(
    mesh: Mesh,
    findings: Findings,
    prepared: Sequence[Prepared],
    built: Sequence[Built],
    served: Served | None,
) -> dict[str, Any]:
    """All of it as JSON values."""
    return {
        "faults": [fault.as_dict() for fault in findings.faults],
        "prepared": [
            {"service": p.service, "seconds": round(p.seconds, 3), "error": p.error}
            for p in prepared
        ],
        "products": [_built_dict(mesh, one) for one in built],
        "broken": sorted(f"mesh://{identity}" for identity in mesh.broken),
        "served": served
        and {
            "webserver": served.url,
            "gateway": served.gateway,
            "started": list(served.started),
            "processes": {name: p.pid for name, p in served.processes.items()},
            "broken_locations": dict(served.broken),
        },
    }


def _built_dict(mesh: Mesh, one: Built) -> dict[str, Any]:
    """``version``, ``rows`` and ``verdicts`` are of what is published; ``last_run`` is of the run
    that was made now, None when none was."""
    record = product_status(mesh, one.product.identity).record
    return {
        "product": f"mesh://{one.product.identity}",
        "outcome": one.outcome,
        "version": record.version if record else None,
        "rows": _rows(record) if record else None,
        "verdicts": record.tally if record else None,
        "seconds": round(one.seconds, 3),
        "error": one.error or (one.report.explanation() if not one.ok and one.report else None),
        "last_run": one.report
        and {
            "run_id": one.report.run_id,
            "result": one.report.outcome,
            "rows": one.report.rows,
            "verdicts": one.report.tally,
            "stopped_by": [verdict.as_dict() for verdict in blocking(one.report.verdicts)],
            "quarantine": one.report.quarantine,
        },
    }
