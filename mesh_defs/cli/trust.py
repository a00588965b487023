"""``mesh trust``: what was measured of each port of a product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import (
    AsJson,
    ForProfile,
    cell,
    console,
    print_json,
    show_table,
    table,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mesh_defs.discovery.trust.fact import Fact
    from mesh_defs.discovery.trust.facts import ProductTrust
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.urls import MeshUrl

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 20
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def trust(
    url: Annotated[str, typer.Argument(metavar="URL", help="The product's or port's URL.")],
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Show what was measured of a product.

    Of each port, in the last 30 days: promises and freshness kept, how steady its volume is, how
    complete its values and its lineage are, how old its contract is, incidents and how long they
    took to mend, consumers and ratings. Facts, no score: --json says how each was measured, and
    how it was over time. What tells of values that you may not read in clear is not shown.

    \b
    Examples:
      mesh trust mesh://fleet/aircraft
      mesh trust mesh://fleet/aircraft/aircraft --json
    """
    from datetime import UTC, datetime

    from mesh_defs.cli.arguments import product_url
    from mesh_defs.errors import UnknownAddress
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.settings import find_root, load_settings

    access = MeshAccess(load_settings(find_root(), profile))
    try:
        found = _measured(access, product_url(url), datetime.now(UTC))
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    if as_json:
        print_json(found.as_dict())
        return
    for port, facts in found.ports.items():
        console().print(cell(f"mesh://{found.identity}/{port}", "bold"))
        _show(facts)
    for note in found.notes:
        console(stderr=True).print(text(f"left out: {note}", "yellow"))


def _measured(access: MeshAccess, address: MeshUrl, now: datetime) -> ProductTrust:
    """The facts of the ports that the caller may know of, as they may see them. Raises
    `UnknownAddress`, also where there is none."""
    from dataclasses import replace

    from mesh_defs.discovery.trust.facts import product_trust
    from mesh_defs.errors import UnknownAddress
    from mesh_defs.gateway.feedback import ports_of
    from mesh_defs.gateway.trust import shown_fact

    caller = access.caller
    urls = {port: address.with_port(port) for port in ports_of(access, address.identity)}
    ports = [
        port
        for port, url in urls.items()
        if address.port in (None, port) and access.knows(caller, url)
    ]
    if not ports:
        raise UnknownAddress(f"no product or port {address}, or none that {caller} may know of")
    found = product_trust(access.settings, address.identity, now, ports=ports)
    facts = {}
    for port in ports:
        read = access.decide(caller, urls[port], "read", now=now)
        shown = [shown_fact(fact, read) for fact in found.ports[port]]
        facts[port] = (*shown, *_of_gateway(access, address.identity, port, now))
    return replace(found, ports=facts)


def _of_gateway(access: MeshAccess, identity: str, port: str, now: datetime) -> list[Fact]:
    """Who uses it, and what they think of it, as far as the gateway's state knows."""
    from functools import lru_cache

    from mesh_defs.discovery.lineage.kept import KeptGraph, MeshCatalogue
    from mesh_defs.discovery.trust.facts import consumers_fact
    from mesh_defs.gateway.holders import has_state
    from mesh_defs.gateway.state.database import open_state
    from mesh_defs.gateway.trust import holders_of, ratings_fact

    graph = KeptGraph(MeshCatalogue(access.settings)).graph()
    caller = access.caller
    knows = lru_cache(maxsize=None)(lambda url: access.knows(caller, url))
    if not has_state(access.settings):
        # Nobody was granted anything yet, nor has anybody rated anything.
        consumers = consumers_fact(graph, identity, port, knows, {})
        return [consumers, ratings_fact(None, identity)]
    with open_state(access.settings) as state:
        holders = holders_of(state, identity, port, now)
        return [
            consumers_fact(graph, identity, port, knows, holders),
            ratings_fact(state, identity),
        ]


def _show(facts: Sequence[Fact]) -> None:
    made = table(("fact", "value", "over", "course"), right=("value",))
    for fact in facts:
        course = _course([point.value for point in fact.series])
        made.add_row(cell(fact.title), cell(_value(fact)), cell(fact.window), cell(course))
    show_table(made, indent=2)


def _value(fact: Fact) -> str:
    value = fact.value
    if value is None:
        return "-"
    if fact.unit == "share":
        return f"{value:.1%}"
    if fact.unit == "seconds":
        size, word = next(
            (one for one in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")) if value >= one[0]),
            (1, "s"),
        )
        return f"{value / size:.1f} {word}"
    if fact.unit == "relative spread":
        return f"± {value:.1%}"
    if fact.unit == "days":
        return f"{value:.1f} d"
    return f"{value:.1f} of 5" if fact.unit == "stars" else f"{value:,.0f}"


def _course(values: Sequence[float]) -> str:
    """The last values, as small bars between the least and the greatest."""
    last = values[-_WIDTH:]
    if len(last) < 2:
        return ""
    least, most = min(last), max(last)
    if most == least:
        return _BARS[-1] * len(last)
    top = len(_BARS) - 1
    return "".join(_BARS[round((value - least) / (most - least) * top)] for value in last)
