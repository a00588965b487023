"""Facts by which to judge a port, in words, each with how it was over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.gateway.portal.render import count, span
from mesh_defs.product.ledger import recent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.gateway.describe import PortView, ProductView
    from mesh_defs.gateway.portal.visit import Visit

_VERSIONS = 30
# Facts for which all, or nothing, is what one wants.
_ALL = frozenset({"promises_kept", "freshness_kept"})
_NONE = frozenset({"incidents"})


@dataclass(frozen=True, slots=True)
class Fact:
    """A measured fact: its name, its value in words, over what it was measured and how. ``series``
    is how it was over time, the oldest first; ``good`` None: it is neither good nor bad."""

    name: str
    value: str
    window: str
    how: str
    series: tuple[float | None, ...] = ()
    good: bool | None = None


def measured(
    visit: Visit, product: ProductView, port: PortView, told: Mapping[str, Any]
) -> list[Fact]:
    """The facts of ``port`` that who visits may know of, as `mesh_defs.gateway.trust.trust_of` has
    ``told`` them; nothing as long as nothing is published."""
    if product.record is None:
        return []
    facts = next(each["facts"] for each in told["ports"] if each["port"] == port.name)
    found = [_fact(each) for each in facts if each["value"] is not None]
    return [*found, _rows(visit, product, port)] if port.rows is not None else found


def _fact(told: Mapping[str, Any]) -> Fact:
    value = float(told["value"])
    good: bool | None = None
    if told["id"] in _ALL:
        good = value >= 1
    elif told["id"] in _NONE:
        good = value == 0
    series = tuple(float(each["value"]) for each in told["series"])
    shown = series if told["id"] not in _NONE else ()
    words = _words(value, told["unit"])
    return Fact(told["title"], words, told["window"], told["how"], shown, good)


def _words(value: float, unit: str) -> str:
    if unit == "share":
        # What is not all of it never reads as if it was.
        return "100 %" if value >= 1 else f"{min(value, 0.999):.1%}".replace("%", " %")
    if unit == "seconds":
        return span(value)
    if unit == "days":
        return f"{value:.0f} d" if value >= 1 else span(value * 86_400)
    if unit == "stars":
        return f"{value:.1f} of 5"
    return count(int(value)) if value == int(value) else f"{value:.3g}"


def _rows(visit: Visit, product: ProductView, port: PortView) -> Fact:
    records = reversed(recent(visit.mesh.catalog.ledger(product.identity), _VERSIONS))
    rows = tuple(float(each.ports[port.name].rows) for each in records if port.name in each.ports)
    how = f"Rows of the newest version; over time, of the last {_VERSIONS} at most."
    return Fact("Rows", count(port.rows), "newest version", how, rows)
