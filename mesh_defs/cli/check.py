"""``mesh check``: every fault of every manifest and contract at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.arguments import check_target
from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, console, print_json, text
from mesh_defs.faults import one_line

if TYPE_CHECKING:
    from mesh_defs.faults import Fault
    from mesh_defs.product.check import Findings

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def check(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH/URL]", help="Only this file, folder or product (default: everything)."
        ),
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Find all that is wrong in manifests, contracts and code.

    Nothing is run. Each fault says file and line, key, what was found, what is allowed and how to
    mend it. Exit code 1 when there is any.

    \b
    Examples:
      mesh check
      mesh check mesh://fleet/aircraft
      mesh check domains/fleet --json
    """
    from mesh_defs.product.check import check_mesh

    root, only = check_target(target)
    findings = check_mesh(root, profile, only)
    if as_json:
        faults = [fault.as_dict() for fault in findings.faults]
        warnings = [f.as_dict() for group in findings.warnings.values() for f in group]
        print_json({"faults": faults, "warnings": warnings, "products": findings.products})
    else:
        _show(findings)
    raise typer.Exit(1 if findings.groups else 0)


def _show(findings: Findings) -> None:
    out = console()
    for owner, faults in findings.groups.items():
        out.print(text(one_line(owner), "bold"))
        for fault in faults:
            show_fault(fault)
        out.print()
    for owner, faults in findings.warnings.items():
        out.print(text(one_line(owner), "bold"), text(" (warning)", "yellow"), sep="")
        for fault in faults:
            show_fault(fault)
        out.print()
    products = f"{findings.products} product{'' if findings.products == 1 else 's'}"
    count = len(findings.faults)
    if count:
        faulty = f"{count} fault{'' if count == 1 else 's'} in {products}"
        out.print(text(faulty, "bold red"))
    else:
        out.print(text(f"{products}, no faults", "green"))


def show_fault(fault: Fault, *, stderr: bool = False) -> None:
    """One fault on a few lines."""
    out = console(stderr=stderr)
    where = one_line(f"{fault.file}:{fault.line}" if fault.line else fault.file)
    key = f"  {one_line(fault.key)}" if fault.key else ""
    out.print(text(f"  {where}", "cyan"), text(key), sep="")
    out.print(text(f"    found    {one_line(fault.found)}", "red"))
    out.print(text(f"    allowed  {one_line(fault.allowed)}"))
    out.print(text(f"    fix      {one_line(fault.fix)}", "green"))
