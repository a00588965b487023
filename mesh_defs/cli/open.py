"""``mesh open``: what is behind an address, and how to use it, ready to paste."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, console, print_json, show_table, table, text

if TYPE_CHECKING:
    from mesh_defs.client.wire import Wire
    from mesh_defs.gateway.address import Place
    from mesh_defs.settings import Settings
    from mesh_defs.urls import MeshUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def open_(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="A product's or port's URL, mesh:// or https://.")
    ],
    tool: Annotated[
        str | None,
        typer.Option("--for", metavar="TOOL", help="One tool alone: python, sql, curl, ..."),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", metavar="PURPOSE", help="What it is to be used for.")
    ] = None,
    lease: Annotated[
        str | None,
        typer.Option("--lease", metavar="TIME", help="A credential for so long: 8h or 7d."),
    ] = None,
    sharing_profile: Annotated[
        Path | None,
        typer.Option("--sharing-profile", metavar="FILE", help="Write a Delta Sharing profile."),
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Show what is behind an address, and how to use it.

    Asks the gateway of this mesh (mesh up, or mesh serve), or the one that an https:// address
    names. Who asks is MESH_TOKEN; without it, on this machine, its admin token.

    \b
    Examples:
      mesh open mesh://fleet/aircraft
      mesh open mesh://fleet/aircraft --for curl
      mesh open mesh://fleet/aircraft --lease 8h
      mesh open https://mesh.example/fleet/aircraft --sharing-profile fleet.share
    """
    from mesh_defs.gateway.snippets import chosen, snippets

    wire, address = _reached(url, profile)
    about = wire.json("/-/about")
    told = _told(wire, address)
    port = address.port or str(told["main_port"])
    found = next(each for each in told["ports"] if each["port"] == port)
    ways = chosen(snippets(wire.base, about["flight"], address.identity, port, purpose), tool)
    wanted = lease or ("8h" if sharing_profile is not None else None)
    leased = _lease(wire, address, port, wanted, purpose) if wanted is not None else None
    if sharing_profile is not None and leased is not None:
        _write_profile(sharing_profile, wire.base, leased)
    if as_json:
        shown: dict[str, Any] = {"product": told, "port": found}
        shown["ways"] = [each.as_dict() for each in ways]
        if leased is not None:
            shown["lease"] = leased
        print_json(shown)
        return
    out = console()
    if tool is None:
        _show(told, found)
    for each in ways:
        if tool is None:
            out.print()
            out.print(text(f"# {each.tool}"))
        out.print(text(each.text), soft_wrap=True)
    if sharing_profile is not None:
        out.print(text(f"\nwrote {sharing_profile}; it has a credential: keep it to yourself"))
    elif leased is not None:
        out.print(text(f"\nMESH_TOKEN={leased['token']}"), soft_wrap=True)
        out.print(text(f"until {leased['expires_at']}, for {leased['url']} alone"))


def _reached(url: str, profile: str | None) -> tuple[Wire, MeshUrl]:
    """The gateway that answers for ``url``, and the address there."""
    from urllib.parse import urlsplit

    from mesh_defs.client.wire import Wire, token_of
    from mesh_defs.settings import find_root, load_settings
    from mesh_defs.urls import is_mesh_url, parse

    if not is_mesh_url(url):
        parts = urlsplit(url)
        address = parse(f"mesh:/{parts.path}" + (f"?{parts.query}" if parts.query else ""))
        return Wire(f"{parts.scheme}://{parts.netloc}", token_of(None)), address
    settings = load_settings(find_root(), profile)
    place = _place(settings)
    token = token_of(None) or _admin(settings)
    return Wire(place.base, token, certificate=_certificate(settings)), parse(url)


def _place(settings: Settings) -> Place:
    from mesh_defs.errors import SourceUnavailable
    from mesh_defs.gateway.address import serving

    place = serving(settings)
    if place is None:
        raise SourceUnavailable(
            "no gateway of this mesh runs here. Fix: start it with: mesh serve (or mesh up), or "
            "name another one's address: https://<host>/<domain>/<product>"
        )
    return place


def _admin(settings: Settings) -> str | None:
    from mesh_defs.gateway.identity.local import read_admin_token

    return read_admin_token(settings)


def _certificate(settings: Settings) -> str | None:
    """The gateway's own certificate, which need not be signed by anybody for this machine."""
    tls = settings.profile.gateway.tls
    return str(settings.path(tls.certificate)) if tls is not None else None


def _told(wire: Wire, address: MeshUrl) -> dict[str, Any]:
    at = f"@{address.major}" if address.major is not None else ""
    query = {
        "version": address.version,
        "as_of": address.as_of.isoformat() if address.as_of is not None else None,
    }
    found: dict[str, Any] = wire.json(f"/{address.identity}{at}", query)
    return found


def _lease(
    wire: Wire, address: MeshUrl, port: str, lasting: str, purpose: str | None
) -> dict[str, Any]:
    from mesh_defs.cli.desk import length

    body: dict[str, object] = {"ttl": int(length(lasting, "--lease").total_seconds())}
    if purpose is not None:
        body["purpose"] = purpose
    with wire.post(f"/{address.identity}/{port}/connect", body) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _write_profile(file: Path, base: str, leased: dict[str, Any]) -> None:
    """A Delta Sharing profile file, which its user alone may read."""
    from mesh_defs.gateway.sharing.profile import profile

    until = datetime.fromisoformat(leased["expires_at"])
    content = json.dumps(profile(base, leased["token"], until), indent=2)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(file, flags, 0o600), "w", encoding="utf-8") as target:
            os.fchmod(target.fileno(), 0o600)
            target.write(content)
    except OSError as error:
        raise typer.BadParameter(
            f"'{file}' cannot be written ({error.strerror})", param_hint="--sharing-profile"
        ) from None


def _show(told: dict[str, Any], port: dict[str, Any]) -> None:
    out = console()
    out.print(text(f"{port['url']}  {told.get('purpose') or ''}"))
    if told.get("owner"):
        out.print(text(f"{told['archetype']}, {told['status']}, owned by {told['owner']}"))
    state = port["state"]
    if state is None:
        out.print(text("nothing is published yet"))
    else:
        rows = f"{port['rows']:,} rows" if port["rows"] is not None else "rows not told"
        stale = ", older than promised" if state["stale"] else ""
        out.print(text(f"version {state['version']} of {state['published_at']}, {rows}{stale}"))
    if not port["readable"]:
        out.print(text(f"you may not read it: {port['reason']}"))
        out.print(text(f"ask with: mesh request {port['url']} --purpose <purpose> --for 90d"))
    columns = table(("column", "type", "classification", "you see"))
    for column in port["columns"]:
        columns.add_row(
            *(text(str(column[name] or "")) for name in ("name", "type", "classification", "seen"))
        )
    show_table(columns)
