"""A plan in words, the same on a terminal and in a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mesh_defs.policy.compatibility.model import Shortfall
    from mesh_defs.product.plan.model import Build, Holder, Plan, ProductPlan, Touched

# Of the summary: what stops the plan, and which shortfalls it is.
_SHORT: Mapping[str, Callable[[Shortfall], bool]] = {
    "a major version is missing in": lambda s: s.breaking and s.why == "too little",
    "a version went down in": lambda s: s.why == "lowered",
    "a contract without a semantic version in": lambda s: s.why == "no version",
    "removed without an announcement:": lambda s: s.why == "removed",
}
_STATES = {
    "new": "new: nobody reads it yet",
    "removed": "removed: it is not declared any more",
    "changed": "its contract changed",
    "code": "its promises are the same; its code, its manifest or what governs it changed",
    "unchanged": "nothing changed",
    "broken": "broken",
    "unknown": "cannot be compared",
}


def headline(product: ProductPlan) -> str:
    """Level and versions, such as ``breaking, 1.0.0 -> 2.0.0``."""
    if product.problem is not None:
        return _STATES[product.state]
    level = product.comparison.level if product.comparison.changes else product.state
    wanted = wanted_version(product)
    demanded = f", demands {wanted}" if wanted is not None else ""
    return f"{level}, {version_words(product)}{demanded}"


def version_words(product: ProductPlan) -> str:
    """The manifest's versions, such as ``1.0.0 -> 2.0.0``."""
    before = product.comparison.version_before or "-"
    after = product.comparison.version_after or "-"
    return before if before == after else f"{before} -> {after}"


def wanted_version(product: ProductPlan) -> str | None:
    """The least version that the manifest would have to have, when it is too low."""
    shortfalls = product.comparison.shortfalls
    return next((s.wanted for s in shortfalls if s.of == "manifest"), None)


def state_words(product: ProductPlan) -> str:
    """What became of the product, in a sentence."""
    return _STATES[product.state]


def build_words(build: Build) -> str:
    """What became of building the new version, in one line."""
    if build.outcome == "failed":
        return f"the new version could not be built: {build.reason}"
    rows = ", ".join(f"{name} {count:,} rows" for name, count in build.rows.items())
    again = "; publish it with --rebuild" if build.rebuild else ""
    if build.outcome == "refused":
        return f"the new version was built ({rows}) and would not be published{again}:"
    return f"the new version was built ({rows}) and would be published{again}"


def touched_words(touched: Touched) -> str:
    """How a consumer is touched, in one line."""
    steps = "directly" if touched.distance == 1 else f"over {touched.distance} steps"
    columns = f" by {', '.join(touched.columns)}" if touched.columns else ""
    kept = (
        f"; it keeps to @{touched.pinned}, which gets no new data any more"
        if touched.pinned is not None
        else ""
    )
    return f"{steps}{columns}: {touched.reason}{kept}"


def holder_words(holder: Holder) -> str:
    """Who may read what of the changed columns, in one line."""
    roles = f" ({', '.join(holder.roles)})" if holder.roles else ""
    by = f", by {holder.grant}" if holder.grant is not None else ""
    return f"{holder.principal}{roles} may read {', '.join(holder.columns)}{by}"


def way_words(way: Sequence[str]) -> str:
    """A way through the mesh, without the scheme."""
    return " -> ".join(place.removeprefix("mesh://") for place in way)


def summary(plan: Plan) -> str:
    """The answer, in one line."""
    if not plan.products:
        return f"nothing changed in {_count(plan.unchanged, 'product')}"
    broken = sum(p.comparison.level == "breaking" for p in plan.products)
    touched = {t.product for p in plan.products for t in p.touched}
    text = (
        f"{_count(len(plan.products), 'product')} changed, {broken} breaking; "
        f"{_count(len(touched), 'consumer')} touched"
    )
    unmet = {t.product for p in plan.products for t in p.touched if t.unmet}
    if unmet:
        text += f", {len(unmet)} would fail"
    for words, short in _SHORT.items():
        found = [p for p in plan.products if any(short(s) for s in p.comparison.shortfalls)]
        if found:
            text += f"; {words} {_names(found)}"
    unknown = [p for p in plan.products if p.problem is not None]
    if unknown:
        text += f"; not compared: {_names(unknown)}"
    return text


def _names(products: Sequence[ProductPlan]) -> str:
    return ", ".join(f"mesh://{product.identity}" for product in products)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
