"""How old the newest version is, beside what its contract promises of that.

A latency without a column is about publishing: nothing can be found of it when a version is
published, and something else each time that one asks.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.odcs.sla import UNITS
from mesh_defs.contract.rules import Freshness
from mesh_defs.product.described.ports import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPANS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def aged(document: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The discovery document of a product's newest version, with its age at ``now`` as what was
    found of the latency that is promised of it."""
    if document["published_at"] is None:
        return dict(document)
    age = (now - datetime.fromisoformat(document["published_at"])).total_seconds()
    ports = [
        {**port, "service_levels": [_level(each, age) for each in port["service_levels"]]}
        for port in document["ports"]
    ]
    return {**document, "ports": ports}


def _level(level: Mapping[str, Any], age: float) -> dict[str, Any]:
    promised = _promised(level)
    if promised is None:
        return dict(level)
    return {**level, "actual": f"published {_told(age)} ago", "kept": age <= promised}


def _promised(level: Mapping[str, Any]) -> float | None:
    """Seconds, of a latency that goes by no column."""
    name, unit = (str(level[key] or "").strip().lower() for key in ("property", "unit"))
    if LEVELS.get(name) is not Freshness or level["element"] is not None or unit not in UNITS:
        return None
    try:
        return float(level["promised"]) * UNITS[unit]
    except (TypeError, ValueError):
        return None


def _told(seconds: float) -> str:
    for name, length in _SPANS:
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"
