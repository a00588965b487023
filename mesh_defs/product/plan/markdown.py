"""A plan as Markdown, for a pull request's comment. What people wrote stays text in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.product.plan.words import (
    build_words,
    headline,
    holder_words,
    state_words,
    summary,
    touched_words,
    way_words,
)
from mesh_defs.product.report import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.policy.compatibility.model import PortChanges
    from mesh_defs.product.plan.model import Plan, ProductPlan, Touched

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~@!&])")
_LONGEST = 300


def as_markdown(plan: Plan) -> str:
    """The whole plan, with a line end at its end."""
    mark = "❌" if plan.stops else "✅"
    lines = [
        f"## {mark} mesh plan: {_safe(summary(plan))}",
        "",
        f"Compared with {_safe(plan.against)}.",
    ]
    for product in plan.products:
        lines += ["", *_product(product)]
    return "\n".join(lines) + "\n"


def _product(product: ProductPlan) -> Iterator[str]:
    yield f"### `mesh://{product.identity}`: {_safe(headline(product))}"
    yield ""
    if product.problem is not None:
        yield _safe(product.problem)
        return
    yield f"{_safe(state_words(product)).capitalize()}."
    for port in product.comparison.ports:
        yield ""
        yield from _port(port)
    for shortfall in product.comparison.shortfalls:
        yield ""
        yield f"{'❌' if shortfall.stops else '⚠️'} {_safe(shortfall.message)}."
    if product.build is not None:
        yield ""
        yield _safe(build_words(product.build))
        for verdict in product.build.verdicts:
            yield f"- {_safe(describe(verdict))}"
    if product.touched:
        yield ""
        yield from _consumers(product.touched)
    if product.holders.found or product.holders.problem is not None:
        yield ""
        yield from (f"- {_safe(holder_words(holder))}" for holder in product.holders.found)
        if product.holders.problem is not None:
            yield f"- {_safe(product.holders.problem)}"


def _port(port: PortChanges) -> Iterator[str]:
    yield f"| {_safe(port.port)} | level | was | is | why |"
    yield "| --- | --- | --- | --- | --- |"
    for change in port.changes:
        cells = (
            change.column or "the port",
            change.level,
            change.before or "",
            change.after or "",
            f"{change.kind}: {change.reason}",
        )
        yield f"| {' | '.join(_safe(cell) for cell in cells)} |"


def _consumers(touched: tuple[Touched, ...]) -> Iterator[str]:
    yield "| consumer | owner | how | expectations |"
    yield "| --- | --- | --- | --- |"
    for one in touched:
        ways = "".join(f"<br>{_safe(way_words(way))}" for way in one.ways)
        how = _safe(touched_words(one)) + ways
        yield f"| `mesh://{one.product}` | {_safe(one.owner)} | {how} | {_expectations(one)} |"


def _expectations(touched: Touched) -> str:
    if touched.unmet is None:
        return "not run"
    if not touched.unmet:
        return "hold"
    return "<br>".join(f"❌ {_safe(describe(unmet.verdict))}" for unmet in touched.unmet)


def _safe(text: str) -> str:
    """``text`` on one line, cut when it is long, without anything that Markdown or HTML reads."""
    line = " ".join(text.split())
    cut = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    return _MARKUP.sub(r"\\\1", cut)
