"""Periods of partitioned ports: days, weeks that begin on Monday (ISO 8601), months."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.product.staging import Window

if TYPE_CHECKING:
    from mesh_defs.product.manifest import Grain
    from mesh_defs.product.model import Product

_DECEMBER = 12


def first_day(day: date, every: Grain) -> date:
    """The first day of the period that ``day`` lies in."""
    if every == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if every == "week" else day


def next_period(start: date, every: Grain) -> date:
    """The first day after the period that begins on ``start``."""
    if every == "month":
        next_month = start.month % _DECEMBER + 1
        return date(start.year + start.month // _DECEMBER, next_month, 1)
    return start + timedelta(days=7 if every == "week" else 1)


def product_window(product: Product, start: date, end: date | None) -> Window:
    """The window from ``start`` until before ``end`` (None: the one period that begins there).

    Raises `MeshError` when no port of ``product`` is partitioned, or when the days do not bound
    whole periods of every port that is.
    """
    grains = list(dict.fromkeys(p.every for p in product.outputs if p.mode == "partition"))
    if not grains:
        raise MeshError(
            f"mesh://{product.identity} has no port with 'mode: partition', so it has no periods"
        )
    last = end if end is not None else next_period(start, grains[0])
    for every in grains:
        for day in (start, last):
            first = first_day(day, every)
            if day != first:
                raise MeshError(
                    f"{day} is not the first day of a {every}; allowed: whole {every}s of "
                    f"mesh://{product.identity}, such as {first}:{next_period(first, every)}"
                )
    return Window(start, last)
