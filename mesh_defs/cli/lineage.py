"""``mesh lineage``: what a product, a port or a column is made of, and what is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, cell, console, print_json, text

if TYPE_CHECKING:
    from mesh_defs.discovery.lineage.graph import LineageGraph
    from mesh_defs.discovery.lineage.impact import Impact
    from mesh_defs.discovery.lineage.model import Place
    from mesh_defs.discovery.lineage.walk import Found
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.product.shown_lineage import Knows
    from mesh_defs.settings import Settings

app = typer.Typer(rich_markup_mode=None, add_completion=False)

Form = Literal["text", "mermaid", "dot", "json"]


@app.command(cls=Command)
def lineage(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="A product's or port's URL, #COLUMN for a column; or <service>://<entity>.",
        ),
    ],
    up: Annotated[bool, typer.Option("--up", help="Only what it is made of.")] = False,
    down: Annotated[
        bool, typer.Option("--down", help="Only what is made of it, and what breaks without it.")
    ] = False,
    depth: Annotated[
        int | None,
        typer.Option("--depth", min=1, metavar="N", help="So many products away (default: all)."),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", metavar="FORM", help="text, mermaid, dot or json.")
    ] = "text",
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Show what something is made of, and what is made of it.

    Goes over products, ports and columns back into the operational systems, by the records of the
    newest versions; of what has no version yet, by what its files declare. With --down alone it
    also says what breaks if the product, port or column goes: who reads it, which rules and
    policies name it, and how many hold an access grant; who controls the product sees whose they
    are. What you may not discover is left out.

    \b
    Examples:
      mesh lineage mesh://fleet/aircraft
      mesh lineage mesh://fleet/aircraft#seats --down
      mesh lineage mesh://fleet/aircraft --up --depth 2 --format mermaid
    """
    from mesh_defs.discovery.lineage.kept import KeptGraph, MeshCatalogue
    from mesh_defs.discovery.lineage.walk import walk
    from mesh_defs.errors import UnknownAddress
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.settings import find_root, load_settings

    settings = load_settings(find_root(), profile)
    start = _place(url)
    graph = KeptGraph(MeshCatalogue(settings)).graph()
    if not start.source:
        _check(MeshAccess(settings), graph, url)
    chosen: Form = "json" if as_json else form
    try:
        if down and not up:
            _show_down(settings, graph, start, depth, chosen)
        else:
            found = walk(graph, start, down=up == down, depth=depth, knows=_knows(settings))
            _show(found, chosen)
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None


def _show_down(
    settings: Settings,
    graph: LineageGraph,
    start: Place,
    depth: int | None,
    form: Form,
) -> None:
    from mesh_defs.discovery.lineage.impact import impact
    from mesh_defs.gateway.holders import seen_grants
    from mesh_defs.product.load import read_mesh

    mesh = read_mesh(settings)
    with seen_grants(settings) as grants:
        breaks = impact(mesh, graph, start, depth=depth, knows=_knows(settings), grants=grants)
    _show(breaks.found, form, breaks)


def _place(url: str) -> Place:
    """What ``url`` names; anything but a place of lineage is wrong use."""
    from mesh_defs.cli.arguments import product_url
    from mesh_defs.discovery.lineage.model import Place, place_of
    from mesh_defs.product.manifest import service_input
    from mesh_defs.urls import is_mesh_url

    if is_mesh_url(url):
        return place_of(product_url(url, columns=True))
    entity, _, column = url.partition("#")
    source = service_input(entity)
    if source is None:
        raise typer.BadParameter(
            f"'{url}' is no URL; write mesh://<domain>/<product>[/<port>][#<column>], or "
            "<service>://<entity>[#<column>]",
            param_hint="URL",
        )
    return Place(str(source), column=column or None, source=True)


def _check(access: MeshAccess, graph: LineageGraph, url: str) -> None:
    """A product that there is not is wrong use, with the nearest names; of a broken one that was
    never published its faults are told. Raises `InvalidMesh`."""
    from mesh_defs.cli.arguments import require_known
    from mesh_defs.errors import InvalidMesh
    from mesh_defs.product.load import load_product
    from mesh_defs.product.model import BrokenProduct
    from mesh_defs.urls import parse

    address, settings = parse(url), access.settings
    require_known(access, address)
    facts = graph.products.get(address.identity)
    if facts is not None and facts.version is None:
        product = load_product(settings.root / "domains" / address.identity, settings)
        if isinstance(product, BrokenProduct):
            raise InvalidMesh(product.faults)


def _knows(settings: Settings) -> Knows:
    from functools import lru_cache

    from mesh_defs.product.access import MeshAccess

    access = MeshAccess(settings)
    caller = access.caller
    return lru_cache(maxsize=None)(lambda address: access.knows(caller, address))


def _show(found: Found, form: Form, breaks: Impact | None = None) -> None:
    from mesh_defs.discovery.lineage.drawn import dot, mermaid

    if form == "json":
        told: dict[str, Any] = found.as_dict()
        if breaks is not None:
            told["impact"] = breaks.as_dict()
        print_json(told)
    elif form == "mermaid":
        typer.echo(mermaid(found), nl=False)
    elif form == "dot":
        typer.echo(dot(found), nl=False)
    else:
        _show_tree(found)
        if breaks is not None:
            _show_impact(breaks)
        if found.cut:
            console().print(text(f"only the nearest {len(found.places)} places are shown"))


def _show_tree(found: Found) -> None:
    from mesh_defs.discovery.lineage.text import DOWN, UP, tree

    out = console()
    facts = found.graph.products.get(found.start.owner)
    out.print(cell(found.start.id, "bold"), _state(facts), sep="")
    if facts is not None and facts.problem is not None:
        out.print(cell(f"  {facts.problem}", "red"))
    for upward, asked, title in ((True, found.up, UP), (False, found.down, DOWN)):
        if not asked:
            continue
        lines = list(tree(found, upward=upward))
        out.print(text(f"  {title}{'' if lines else ' nothing that is known'}"))
        for line in lines:
            said = cell(f"  {line.said}", "dim") if line.said else ""
            out.print(text(f"  {line.lead}"), cell(line.url), said, sep="")


def _state(facts: object) -> str:
    from mesh_defs.discovery.lineage.facts import ProductFacts

    if not isinstance(facts, ProductFacts):
        return ""
    return f"  version {facts.version}" if facts.version is not None else "  never published"


def _show_impact(breaks: Impact) -> None:
    from mesh_defs.product.plan.words import touched_words, way_words

    out = console()
    if not breaks.products and not breaks.named and not breaks.readers:
        out.print(text("  nothing that is known breaks without it"))
        return
    out.print(text("  without it"))
    for one in breaks.products:
        out.print(cell(f"    mesh://{one.product} ({one.owner})", "bold"))
        out.print(cell(f"      {touched_words(one)}"))
        for way in one.ways:
            out.print(cell(f"      {way_words(way)}"))
    for each in breaks.named:
        column = f"#{each.column}" if each.column is not None else ""
        out.print(cell(f"    {each.kind} {each.id} of {each.url}{column}: {each.says}"))
        out.print(cell(f"      {each.where}"))
    for readers in breaks.readers:
        of = ", ".join(f"{number} {kind}" for kind, number in readers.kinds.items())
        out.print(cell(f"    {readers.url} is read by grants of {of}"))
        for held in readers.held or ():
            role = f" as {held.role}" if held.role else ""
            out.print(cell(f"      {held.principal}{role}, until {held.until} ({held.id})"))
