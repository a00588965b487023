"""``mesh show``: a product as it describes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, print_json

if TYPE_CHECKING:
    from mesh_defs.urls import MeshUrl

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
    from mesh_defs.cli.show_text import show_document
    from mesh_defs.discovery.documents import shown_to
    from mesh_defs.errors import UnknownAddress
    from mesh_defs.policy.access.principals import VARIABLE
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.settings import find_root, load_settings

    address = _address(url)
    access = MeshAccess(load_settings(find_root(), profile))
    try:
        document = shown_to(access, access.caller, address, purpose)
    except UnknownAddress as error:
        who = f"{VARIABLE} says who looks (now {access.caller})"
        raise typer.BadParameter(
            f"{error}, or none that you may know of: {who}", param_hint="URL"
        ) from None
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


def _address(text: str) -> MeshUrl:
    from mesh_defs.errors import UnknownAddress
    from mesh_defs.urls import parse

    try:
        url = parse(text)
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    if url.column is not None:
        raise typer.BadParameter(
            f"'{text}' names a column; write {url.product_url()}", param_hint="URL"
        )
    return url
