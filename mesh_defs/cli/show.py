"""``mesh show``: a product as it describes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.product.access import MeshAccess

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def show(
    url: Annotated[str, typer.Argument(metavar="URL", help="mesh://<domain>/<product>[/<port>].")],
    purpose: Annotated[
        str | None, typer.Option("--purpose", metavar="PURPOSE", help="What it is to be used for.")
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a product tells of itself, as far as you may see it.

    What it is for, its columns with a profile of their values, whether it keeps its promises, where
    it comes from, how to get it and what changed. Who looks is MESH_PRINCIPAL, or the profile's.
    ?version= and ?as_of= name a version; --json prints the discovery document.

    \b
    Examples:
      mesh show mesh://fleet/aircraft
      mesh show 'mesh://fleet/aircraft?version=0' --json
    """
    from mesh_defs.cli.arguments import require_known, version_url
    from mesh_defs.cli.show_text import show_document
    from mesh_defs.discovery.documents import shown_to
    from mesh_defs.errors import UnknownAddress
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.settings import find_root, load_settings

    address = version_url(url)
    access = MeshAccess(load_settings(find_root(), profile))
    try:
        document = shown_to(access, access.caller, address, purpose)
    except UnknownAddress as error:
        require_known(access, address)
        raise typer.BadParameter(str(error), param_hint="URL") from None
    _check_purpose(access, document, purpose)
    ports = [p for p in document["ports"] if address.port in (None, p["port"])]
    if not ports:
        known = ", ".join(port["port"] for port in document["ports"])
        raise typer.BadParameter(
            f"{address.product_url()} has no port '{address.port}'; it has {known}",
            param_hint="URL",
        )
    document["ports"] = ports
    if as_json:
        print_json(document)
    else:
        show_document(document)


def _check_purpose(access: MeshAccess, document: Mapping[str, Any], purpose: str | None) -> None:
    """Wrong use, with those that the product names, for a purpose that nobody named."""
    from mesh_defs.faults import did_you_mean

    columns = [column for port in document["ports"] for column in port["columns"]]
    named = {*document["permitted_purposes"]}
    named.update(each for column in columns for each in column["permitted_purposes"] or ())
    ruled = access.access.rulebook.in_force(document["domain"]).purposes
    if purpose is None or purpose in named or purpose in ruled or not (named or ruled):
        return
    allowed = sorted(named)
    fix = did_you_mean(purpose, allowed) if allowed else "write one that a rule names"
    listed = f"; allowed: {', '.join(allowed)}" if allowed else ""
    raise typer.BadParameter(
        f"nothing names '{purpose}'{listed}. Fix: {fix}", param_hint="--purpose"
    )
