"""``mesh waivers``: what deviates from a policy, why, and for how long yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, console, print_json, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh_defs.faults import Fault
    from mesh_defs.policy.waivers import Waiver
    from mesh_defs.product.model import Mesh

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_SOON = 30
_KNOWN = {
    True: "",
    False: ", whom principals.yaml does not declare",
    None: ", whom no principals.yaml declares",
}
# A waiver, the faults for which it lets nothing pass, and whether the mesh knows who approved it.
Row = tuple["Waiver", tuple["Fault", ...], bool | None]


@app.command(cls=Command)
def waivers(profile: ForProfile = None, as_json: AsJson = False) -> None:
    """List the waivers with the days that they have left.

    A waiver lets findings of one policy pass for one product, until its last day. One that has
    ended lets nothing pass any more, and neither does one with a fault.

    \b
    Examples:
      mesh waivers
      mesh waivers --json
    """
    from mesh_defs.product.load import load_mesh

    mesh = load_mesh(profile=profile)
    now = datetime.now(UTC)
    found = sorted(_rows(mesh), key=lambda row: (row[0].until, row[0].identity, row[0].policy))
    if as_json:
        print_json({"waivers": [_as_dict(row, now) for row in found]})
        return
    out = console()
    if not found:
        out.print(text("no waiver is declared; a domain declares them in its defs.yaml"))
        return
    for row in found:
        _show(row, now)
    ended = sum(waiver.days_left(now) <= 0 for waiver, _, _ in found)
    faulty = sum(bool(faults) for _, faults, _ in found)
    more = f", {faulty} with faults" if faulty else ""
    counted = "1 waiver" if len(found) == 1 else f"{len(found)} waivers"
    out.print(text(f"{counted}, {ended} of them ended{more}"))


def _rows(mesh: Mesh) -> Iterable[Row]:
    from mesh_defs.policy.access.principals import load_principals
    from mesh_defs.policy.waivers import approver_known

    rules, principals = mesh.settings.waiver_rules, load_principals(mesh.root)
    every: list[tuple[Waiver, tuple[Fault, ...]]]
    every = [(waiver, ()) for waiver in mesh.governance.waivers]
    every += [(refused.waiver, refused.faults) for refused in mesh.governance.refused]
    for waiver, faults in every:
        yield waiver, faults, approver_known(waiver.approved_by, rules, principals)


def _as_dict(row: Row, now: datetime) -> dict[str, object]:
    waiver, faults, known = row
    return {
        **waiver.as_dict(now),
        "approver_known": known,
        "faults": [fault.as_dict() for fault in faults],
    }


def _show(row: Row, now: datetime) -> None:
    waiver, faults, known = row
    out = console()
    left = waiver.days_left(now)
    place = f"mesh://{waiver.identity}" + (f"/{waiver.port}" if waiver.port else "")
    place += f"#{waiver.column}" if waiver.column else ""
    if faults:
        state, style = "has a fault, lets nothing pass", "red"
    elif left <= 0:
        state, style = f"ended on {waiver.until}, lets nothing pass", "red"
    else:
        days = "its last day" if left == 1 else f"{left} days left"
        state, style = f"{days}, until {waiver.until}", "yellow" if left <= _SOON else "green"
    out.print(text(waiver.policy, "bold"), text(f" for {place}: "), text(state, style), sep="")
    out.print(text(f"  reason       {waiver.reason}"))
    out.print(text(f"  approved by  {waiver.approved_by}{_KNOWN[known]}"))
    out.print(text(f"  declared in  {waiver.file}:{waiver.line}", "cyan"))
    for fault in faults:
        out.print(text(f"  fault        {fault}", "red"))
