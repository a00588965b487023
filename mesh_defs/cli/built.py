"""How the result of ``mesh up`` looks to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.cli.check import show_fault
from mesh_defs.cli.output import (
    COLOURS,
    coloured,
    console,
    seconds_text,
    show_table,
    table,
    tally_text,
    text,
)
from mesh_defs.cli.verdicts import show_blocking
from mesh_defs.product.status import product_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.orchestration.build import Built
    from mesh_defs.product.check import Findings
    from mesh_defs.product.model import Mesh
    from mesh_defs.product.prepare import Prepared
    from mesh_defs.serving import Served

_WORDS = {"current": "up to date", "waiting": "not run"}


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
    line = f"mesh://{built.product.identity}: {_WORDS.get(built.outcome, built.outcome)}"
    if built.report is not None:
        tally = built.report.tally
        line += f", {built.report.rows:,} rows, {tally['passed']} of {sum(tally.values())} checks"
    if built.error is not None:
        line += f": {built.error.splitlines()[0]}"
    return f"{line} ({seconds_text(built.seconds)})", COLOURS.get(built.outcome, "")


def show_built(mesh: Mesh, prepared: Sequence[Prepared], built: Sequence[Built]) -> None:
    """The table of what is published, and why the rest is not."""
    columns = ("product", "result", "version", "rows", "checks", "seconds")
    made = table(columns, right=("version", "rows", "seconds"))
    for one in built:
        record = product_status(mesh, one.product.identity).record
        tally = one.report.tally if one.report else record.tally if record else None
        rows = sum(port.rows for port in record.ports.values()) if record else None
        made.add_row(
            text(one.product.identity),
            text(_WORDS.get(one.outcome, one.outcome), COLOURS.get(one.outcome, "")),
            text("-" if record is None else record.version),
            text("-" if rows is None else f"{rows:,}"),
            tally_text(tally),
            text(f"{one.seconds:.2f}"),
        )
    for identity in sorted(mesh.broken):
        record = product_status(mesh, identity).record
        version = text("-" if record is None else record.version)
        rows = sum(port.rows for port in record.ports.values()) if record else None
        shown = text("-" if rows is None else f"{rows:,}")
        made.add_row(text(identity), coloured("broken"), version, shown, text("-"), text("-"))
    show_table(made)
    _show_failures(prepared, built)


def _show_failures(prepared: Sequence[Prepared], built: Sequence[Built]) -> None:
    out = console()
    for service in prepared:
        if service.error is not None:
            out.print(text(f"service {service.service} was not prepared: {service.error}", "red"))
    for one in built:
        if one.ok:
            continue
        word = _WORDS.get(one.outcome, one.outcome)
        out.print(text(f"mesh://{one.product.identity} {word}", "bold red"))
        if one.error is not None:
            out.print(text(f"  {one.error}"))
        if one.report is not None:
            show_blocking(one.report.verdicts)


def show_served(served: Served) -> None:
    """Where the mesh is served."""
    out = console()
    for name, reason in served.broken.items():
        out.print(text(f"code location {name} could not be loaded", "bold red"))
        out.print(text(f"  {reason}"))
    if not served.started:
        out.print(text("everything was running already"))
    out.print(text(f"Dagster's web page is at {served.url}", "bold green"))
    others = ", ".join(sorted(name for name in served.processes if name != "webserver"))
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
            "started": list(served.started),
            "processes": {name: p.pid for name, p in served.processes.items()},
            "broken_locations": dict(served.broken),
        },
    }


def _built_dict(mesh: Mesh, one: Built) -> dict[str, Any]:
    record = product_status(mesh, one.product.identity).record
    return {
        "product": f"mesh://{one.product.identity}",
        "outcome": one.outcome,
        "version": record.version if record else None,
        "rows": sum(port.rows for port in record.ports.values()) if record else None,
        "verdicts": one.report.tally if one.report else record.tally if record else None,
        "seconds": round(one.seconds, 3),
        "error": one.error or (one.report.explanation() if not one.ok and one.report else None),
    }
