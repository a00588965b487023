"""``mesh run``: one product's container as a plain process."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh_defs.cli.arguments import product_of, window_of
from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, print_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def run(
    url: Annotated[str, typer.Argument(metavar="URL", help="mesh://<domain>/<product>")],
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Ignore what was published; make everything anew.")
    ] = False,
    partition: Annotated[
        str | None,
        typer.Option(
            "--partition",
            metavar="START[:END]",
            help="Only the periods from day START until before END (default: the one of START).",
        ),
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Run one product here and now, without Dagster.

    The checks and the published result are the same as in Dagster. Exit code 1 when a check kept
    the new version from being published, or an input has no version yet; what readers see then has
    not moved.

    \b
    Examples:
      mesh run mesh://fleet/aircraft
      mesh run mesh://fleet/aircraft --rebuild --json
    """
    from mesh_defs.cli.progress import RunProgress
    from mesh_defs.cli.verdicts import show_report
    from mesh_defs.product.container import run_product
    from mesh_defs.product.load import load_mesh
    from mesh_defs.product.prepare import enter

    mesh = load_mesh(profile=profile)
    product = product_of(mesh, url)
    window = window_of(product, partition)
    enter(mesh.settings)
    with RunProgress(quiet=as_json) as progress:
        report = run_product(
            mesh, product, window=window, rebuild=rebuild, observer=progress.observe
        )
    if as_json:
        print_json(report.as_dict())
    else:
        show_report(report)
    raise typer.Exit(1 if report.outcome == "failed" else 0)
