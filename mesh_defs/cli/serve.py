"""``mesh serve``: the gateway, in this terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, console, print_json, text

if TYPE_CHECKING:
    from mesh_defs.gateway.address import Place

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def serve(
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, help="HTTP (default: the profile's, or 8080)."),
    ] = None,
    flight_port: Annotated[
        int | None,
        typer.Option("--flight-port", min=1, max=65535, help="Flight SQL (default: the next)."),
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Serve products by their address.

    By HTTP, SQL, Arrow Flight SQL and Delta Sharing. Who calls, what they may and that they
    did is decided and written down here, whatever the protocol. It runs until Ctrl-C; mesh up
    runs it in the background. The admin token of this machine lies in
    .mesh/gateway/admin.token.

    \b
    Examples:
      mesh serve
      mesh serve --port 9000 --flight-port 9001
    """
    from mesh_defs.gateway.serve import serve as serve_mesh
    from mesh_defs.settings import find_root, load_settings

    def ready(place: Place) -> None:
        if as_json:
            print_json(place.as_dict())
            return
        out = console()
        out.print(text(f"{settings.name} is served at {place.base}"))
        out.print(text(f"  Flight SQL      {place.flight}"))
        out.print(text(f"  Delta Sharing   {place.base}/-/sharing"))
        out.print(text("  Ctrl-C ends it"))

    def told(line: str) -> None:
        if not as_json:
            console(stderr=True).print(text(line))

    settings = load_settings(find_root(), profile)
    serve_mesh(settings, port=port, flight_port=flight_port, ready=ready, told=told)
