"""``mesh export``: products as documents of open standards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import ForProfile, cell, console, text
from mesh_defs.standards.forms import Form

if TYPE_CHECKING:
    from mesh_defs.discovery.exports import Exported
    from mesh_defs.errors import MeshError
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.settings import Settings
    from mesh_defs.urls import MeshUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def export(
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="A product's URL; for odcs also a port's.")
    ] = None,
    form: Annotated[
        Form,
        typer.Option("--format", metavar="FORM", help="odps, odcs, dprod, turtle or openlineage."),
    ] = "odps",
    everything: Annotated[
        bool, typer.Option("--all", help="Every product that you may know of.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="PATH", help="A file; with --all a folder."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="URL", help="The gateway's address (default: profile's)."),
    ] = None,
    waiting: Annotated[
        bool,
        typer.Option("--send-waiting", help="Send OpenLineage events that could not be sent."),
    ] = False,
    profile: ForProfile = None,
) -> None:
    """Write products as documents of open standards.

    odps: Open Data Product Standard 1.0.0; odcs: the contracts, Open Data Contract Standard; dprod:
    DPROD over DCAT 3 as JSON-LD, turtle: the same as Turtle; openlineage: the event of the newest
    version's run, OpenLineage 2-0-2. They have what you may know: who looks is MESH_PRINCIPAL, or
    the profile's. Of what has no version they say what is declared. --all writes one file for each
    product, in a folder for each domain. mesh import reads odps and odcs back. --send-waiting
    writes nothing: it sends the events of runs that the profile's server could not be told of.

    \b
    Examples:
      mesh export mesh://fleet/aircraft
      mesh export mesh://fleet/aircraft --format turtle --output aircraft.ttl
      mesh export --all --format odcs --output exported
      mesh export --send-waiting
    """
    from mesh_defs.discovery.exports import Exports
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.settings import find_root, load_settings

    if waiting:
        if everything or url is not None:
            raise typer.BadParameter(
                "it goes with no URL and not with --all", param_hint="--send-waiting"
            )
        _send_waiting(load_settings(find_root(), profile))
        return
    if everything == (url is not None):
        raise typer.BadParameter("write a product's URL, or --all", param_hint="URL")
    if everything and output is None:
        raise typer.BadParameter("--all writes many files: name a folder", param_hint="--output")
    _check_output(output, everything=everything)
    settings = load_settings(find_root(), profile)
    access = MeshAccess(settings)
    start = _base(settings) if base is None else _address_of(base)
    exports = Exports(access, access.caller, start.rstrip("/"))
    if url is not None:
        _one(exports.one(_address(access, url), form), url, output)
        return
    broken: list[str] = []

    def told(product: str, error: MeshError) -> None:
        broken.append(product)
        console(stderr=True).print(text(f"{product} is left out: {error}", "yellow"))

    _write(exports.all(form, told), output or Path())
    raise typer.Exit(1 if broken else 0)


def _check_output(output: Path | None, *, everything: bool) -> None:
    """A folder for many files, a file for one."""
    if output is None:
        return
    if everything and output.exists() and not output.is_dir():
        found, fix = "a file", "name a folder, which need not exist"
    elif not everything and output.is_dir():
        found, fix = "a folder", f"name a file, such as {output / 'product.yaml'}"
    else:
        return
    raise typer.BadParameter(f"'{output}' is {found}; {fix}", param_hint="--output")


def _address_of(base: str) -> str:
    """``base``, which HTTP addresses can start with."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(base)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.query or parts.fragment or not base.isprintable() or " " in base:
        raise typer.BadParameter(
            f"'{base}' is not the address of a gateway; write one such as https://mesh.example",
            param_hint="--base",
        )
    return base


def _send_waiting(settings: Settings) -> None:
    from mesh_defs.errors import MeshError
    from mesh_defs.product.tell import NotTold
    from mesh_defs.standards.openlineage.teller import send_waiting

    if settings.profile.openlineage.address is None:
        console().print(text("nothing waits: the profile names no url under 'openlineage'"))
        return
    try:
        sent, waited = send_waiting(settings)
    except NotTold as error:
        raise MeshError(settings.redact(str(error))) from None
    console().print(text(f"sent {sent} of {waited} events that waited"))


def _address(access: MeshAccess, url: str) -> MeshUrl:
    from mesh_defs.cli.arguments import product_url, require_known, require_port

    address = product_url(url)
    require_known(access, address)
    require_port(access, address)
    return address


def _base(settings: Settings) -> str:
    """Where the gateway answers, or would by the profile."""
    from mesh_defs.gateway.address import serving

    place = serving(settings)
    if place is not None:
        return place.base
    from mesh_defs.gateway.serve import DEFAULT_PORT

    declared = settings.profile.gateway
    return declared.address(declared.port or DEFAULT_PORT)


def _one(found: list[Exported], url: str, output: Path | None) -> None:
    if len(found) > 1:
        ports = ", ".join(each.name.split(".")[1] for each in found)
        raise typer.BadParameter(
            f"{url} has {len(found)} contracts; name one of the ports {ports}", param_hint="URL"
        )
    if output is None:
        typer.echo(found[0].text, nl=False)
        return
    _save(output, found[0].text)
    console().print(cell(f"wrote {output}"))


def _write(found: list[Exported], folder: Path) -> None:
    for each in found:
        _save(folder / each.name, each.text)
    files = "1 file" if len(found) == 1 else f"{len(found)} files"
    console().print(cell(f"wrote {files} in {folder}"))


def _save(path: Path, content: str) -> None:
    from mesh_defs.errors import StorageFailed

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise StorageFailed(f"'{path}' cannot be written: {error.strerror or error}") from None
