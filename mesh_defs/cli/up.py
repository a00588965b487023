"""``mesh up``: prepare, build, show, serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, console, print_json

if TYPE_CHECKING:
    from mesh_defs.cli.progress import RunProgress
    from mesh_defs.orchestration.build import Built
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.serving import Served

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def up(
    once: Annotated[
        bool, typer.Option("--once", help="Stop after building; start no servers.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=1,
            max=65535,
            help="The webserver's port (default: 3000 or the next free).",
        ),
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Build what is not up to date, show what is published, serve it.

    Prepares the operational systems, builds every product through Dagster, and starts Dagster's
    webserver, its daemon and one code server per domain in the background, unless they run; mesh
    down stops them.
    Exit code 1 when any product is broken or was not published; the others are served all the same.

    \b
    Examples:
      mesh up
      mesh up --once --json
    """
    from mesh_defs.cli.built import as_dict, show_built, show_findings, show_served
    from mesh_defs.cli.down import waiting
    from mesh_defs.cli.progress import RunProgress
    from mesh_defs.product.check import check_loaded
    from mesh_defs.product.load import load_mesh
    from mesh_defs.product.prepare import enter, prepare_services
    from mesh_defs.serving import check_port, supervisor_of

    mesh = load_mesh(profile=profile)
    enter(mesh.settings)
    errors = console(stderr=True)
    with supervisor_of(mesh.root).lock(lambda pid: errors.print(waiting(pid))):
        if port is not None and not once:
            check_port(mesh.root, port)
        findings = check_loaded(mesh)
        if not as_json:
            show_findings(findings)
        with RunProgress(quiet=as_json, steps=False) as progress:
            prepared = prepare_services(
                mesh.settings, lambda name, step: progress.line(f"{name}: {step}")
            )
            built = _build(mesh, progress)
        if not as_json:
            show_built(mesh, prepared, built)
        served = None if once else _serve(mesh, port, quiet=as_json)
    if as_json:
        print_json(as_dict(mesh, findings, prepared, built, served))
    elif served is not None:
        show_served(served)
    ok = not findings.groups and all(b.ok for b in built) and not any(p.error for p in prepared)
    raise typer.Exit(0 if ok and not (served and served.broken) else 1)


def _build(mesh: Mesh, progress: RunProgress) -> list[Built]:
    from mesh_defs.cli.built import ended
    from mesh_defs.orchestration.build import build_products
    from mesh_defs.orchestration.home import open_instance

    def starts(product: Product) -> None:
        progress.now(f"mesh://{product.identity}")

    with open_instance(mesh.root) as instance:
        return build_products(
            mesh,
            instance,
            on_start=starts,
            on_progress=progress.observe,
            on_end=lambda built: progress.line(*ended(built)),
        )


def _serve(mesh: Mesh, port: int | None, *, quiet: bool) -> Served:
    from mesh_defs.cli.progress import RunProgress
    from mesh_defs.orchestration.home import dagster_home
    from mesh_defs.serving import serve

    with RunProgress(quiet=quiet) as progress:
        return serve(mesh, dagster_home(mesh.root), port=port, tell=progress.now)
