"""``mesh waivers``: what deviates from a policy, why, and for how long yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, console, print_json, text

if TYPE_CHECKING:
    from mesh_defs.policy.waivers import Waiver

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_SOON = 30


@app.command(cls=Command)
def waivers(profile: ForProfile = None, as_json: AsJson = False) -> None:
    """List the waivers with the days that they have left.

    A waiver lets findings of one policy pass for one product, until its last day. One that has
    ended lets nothing pass any more.

    \b
    Examples:
      mesh waivers
      mesh waivers --json
    """
    from mesh_defs.product.load import load_mesh

    mesh = load_mesh(profile=profile)
    now = datetime.now(UTC)
    found = sorted(mesh.governance.waivers, key=lambda w: (w.until, w.identity, w.policy))
    if as_json:
        print_json({"waivers": [waiver.as_dict(now) for waiver in found]})
        return
    out = console()
    if not found:
        out.print(text("no waiver is declared; a domain declares them in its defs.yaml"))
        return
    for waiver in found:
        _show(waiver, now)
    ended = sum(waiver.days_left(now) <= 0 for waiver in found)
    out.print(text(f"{len(found)} waivers, {ended} of them ended"))


def _show(waiver: Waiver, now: datetime) -> None:
    out = console()
    left = waiver.days_left(now)
    place = f"mesh://{waiver.identity}" + (f"/{waiver.port}" if waiver.port else "")
    place += f"#{waiver.column}" if waiver.column else ""
    if left <= 0:
        state, style = f"ended on {waiver.until}, lets nothing pass", "red"
    else:
        days = "its last day" if left == 1 else f"{left} days left"
        state, style = f"{days}, until {waiver.until}", "yellow" if left <= _SOON else "green"
    out.print(text(waiver.policy, "bold"), text(f" for {place}: "), text(state, style), sep="")
    out.print(text(f"  reason       {waiver.reason}"))
    out.print(text(f"  approved by  {waiver.approved_by}"))
    out.print(text(f"  declared in  {waiver.file}:{waiver.line}", "cyan"))
