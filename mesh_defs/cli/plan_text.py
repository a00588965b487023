"""A plan for people, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.cli.output import console, seconds_text, show_table, table, text
from mesh_defs.product.plan.words import (
    build_words,
    headline,
    holder_words,
    state_words,
    summary,
    touched_words,
    version_words,
    wanted_version,
    way_words,
)
from mesh_defs.product.report import describe

if TYPE_CHECKING:
    from mesh_defs.policy.compatibility.model import Change, PortChanges
    from mesh_defs.product.plan.model import Plan, ProductPlan, Touched

_COLOURS = {"breaking": "red", "compatible": "yellow", "none": "green"}
_SHOWN_TEXT = 300


def show_plan(plan: Plan) -> None:
    """Every product that changed, with its changes, its versions and whom it touches."""
    out = console()
    out.print(text(f"compared with {plan.against}"))
    if len(plan.products) > 1:
        _show_overview(plan)
    for product in plan.products:
        out.print()
        _show_product(product)
    out.print()
    out.print(text(summary(plan), "bold red" if plan.stops else "green"))


def _show_overview(plan: Plan) -> None:
    made = table(("product", "state", "level", "version", "wanted", "touches"), right=("touches",))
    for product in plan.products:
        level = product.comparison.level if product.comparison.changes else "-"
        made.add_row(
            text(product.identity),
            text(product.state),
            text(level, _COLOURS.get(level, "")),
            text(version_words(product)),
            text(wanted_version(product) or "", "red" if product.stops else "yellow"),
            text(len(product.touched)),
        )
    console().print()
    show_table(made)


def _show_product(product: ProductPlan) -> None:
    out = console()
    out.print(text(f"mesh://{product.identity}", "bold"), text(f"  {headline(product)}"), sep="")
    if product.problem is not None:
        for line in product.problem.splitlines():
            out.print(text(f"  {line}", "red"))
        return
    out.print(text(f"  {state_words(product)}"))
    for port in product.comparison.ports:
        _show_port(port)
    for shortfall in product.comparison.shortfalls:
        out.print(text(f"  {shortfall.message}", "red" if shortfall.stops else "yellow"))
    _show_build(product)
    for touched in product.touched:
        _show_touched(touched)
    _show_holders(product)


def _show_port(port: PortChanges) -> None:
    out = console()
    before, after = port.contract_before or "-", port.contract_after or "-"
    versions = before if before == after else f"{before} -> {after}"
    out.print(text(f"  port {port.port}, contract {versions}"))
    for change in port.changes:
        _show_change(change)


def _show_change(change: Change) -> None:
    out = console()
    subject = change.column or "the port"
    out.print(
        text(f"    {change.level:<10} ", _COLOURS[change.level]),
        text(f"{subject}, {change.kind}: {change.reason}"),
        sep="",
    )
    for word, value in (("was", change.before), ("is", change.after)):
        if value is not None:
            cut = value if len(value) <= _SHOWN_TEXT else f"{value[:_SHOWN_TEXT]}…"
            out.print(text(f"               {word:<3} {cut}"))


def _show_build(product: ProductPlan) -> None:
    if product.build is None:
        return
    out, build = console(), product.build
    style = "green" if build.outcome == "built" else "red"
    took = f" ({seconds_text(build.seconds)})" if build.outcome != "failed" else ""
    first, *more = f"{build_words(build)}{took}".splitlines()
    out.print(text(f"  {first}", style))
    for line in more:
        out.print(text(f"    {line}"))
    for verdict in build.verdicts:
        out.print(text(f"    {describe(verdict)}"))


def _show_holders(product: ProductPlan) -> None:
    out = console()
    for holder in product.holders.found:
        out.print(text(f"  {holder_words(holder)}"))
    if product.holders.problem is not None:
        out.print(text(f"  {product.holders.problem}", "red"))


def _show_touched(touched: Touched) -> None:
    out = console()
    out.print(
        text(f"  touches mesh://{touched.product}", "bold"), text(f" ({touched.owner})"), sep=""
    )
    out.print(text(f"    {touched_words(touched)}"))
    for way in touched.ways:
        out.print(text(f"    {way_words(way)}"))
    for unmet in touched.unmet or ():
        out.print(text(f"    would fail on '{unmet.input}': {describe(unmet.verdict)}", "red"))
    if touched.unmet == ():
        out.print(text("    its expectations hold on the new version", "green"))
