"""``mesh plan``: what a change does to those who read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.arguments import product_url
from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, print_json

if TYPE_CHECKING:
    from mesh_defs.product.model import Mesh
    from mesh_defs.product.plan.model import Plan

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def plan(
    urls: Annotated[
        list[str] | None,
        typer.Argument(metavar="[URL]...", help="Only these products (default: all that changed)."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="REVISION",
            help="A git revision to compare with (default: what is published).",
        ),
    ] = None,
    no_build: Annotated[
        bool,
        typer.Option("--no-build", help="Build no new version; run no consumer's expectations."),
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, for a pull request's comment.")
    ] = False,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a change of contracts does to those who read.

    Compares the working tree with what is published, or with a git revision: every change with its
    level (none, compatible or breaking), the version that it demands, and every consumer that it
    touches. New versions are built to run consumers' expectations on them; nothing is published.
    Exit code 1 when a breaking change lacks its major version, a version was lowered or is no
    semantic one, a product was removed that was not deprecated before, or one cannot be compared.

    \b
    Examples:
      mesh plan
      mesh plan mesh://fleet/aircraft --no-build
      mesh plan --against main --markdown
    """
    if markdown and as_json:
        raise typer.BadParameter("one of the two", param_hint="--markdown / --json")
    from mesh_defs.product.load import load_mesh

    mesh = load_mesh(profile=profile)
    found = _plan(mesh, urls or [], against, build=not no_build, quiet=as_json)
    if as_json:
        print_json(found.as_dict())
    elif markdown:
        from mesh_defs.product.plan.markdown import as_markdown

        typer.echo(as_markdown(found), nl=False)
    else:
        from mesh_defs.cli.plan_text import show_plan

        show_plan(found)
    raise typer.Exit(1 if found.stops else 0)


def _plan(mesh: Mesh, urls: list[str], against: str | None, *, build: bool, quiet: bool) -> Plan:
    from mesh_defs.cli.progress import RunProgress
    from mesh_defs.errors import UnknownAddress
    from mesh_defs.gateway.holders import held_grants
    from mesh_defs.product.plan.make import make_plan
    from mesh_defs.product.plan.revision import NoRevision
    from mesh_defs.product.prepare import enter

    only = [product_url(url).identity for url in urls]
    if build:
        enter(mesh.settings)
    try:
        with (
            held_grants(mesh.settings) as held,
            RunProgress(quiet=quiet, steps=False) as progress,
        ):
            return make_plan(
                mesh,
                only=only,
                against=against,
                build=build,
                tell=progress.now,
                observer=progress.observe,
                held=held,
            )
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    except NoRevision as error:
        raise typer.BadParameter(str(error), param_hint="--against") from None
