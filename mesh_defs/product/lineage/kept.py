"""Rows that stay from earlier versions were made by earlier code: their lineage holds beside that
of the code at hand, and of two ways the worse one counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.policy.flow.ways import DIRECT, parse, source_key, text, way

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mesh_defs.policy.flow.ways import Path
    from mesh_defs.product.lineage.found import Columns
    from mesh_defs.product.lineage.record import Lineage


def merge_kept(lineage: Lineage, previous: Mapping[str, Any], ports: Collection[str]) -> None:
    """Add to ``lineage`` what the ``previous`` version's says of ``ports``, which keep its rows."""
    for port in ports:
        before: Columns = previous.get("ports", {}).get(port, {})
        reasons: dict[str, str] = previous.get("unknown", {}).get(port, {})
        for column in list(lineage["ports"].get(port, {})):
            if column in before:
                _merge(lineage, previous, port, column)
            else:
                reason = reasons.get(column) or reasons.get("*") or "it was another column"
                lineage["ports"][port].pop(column)
                kept = f"rows that were kept from earlier versions: {reason}"
                lineage["unknown"].setdefault(port, {})[column] = kept


def _merge(lineage: Lineage, previous: Mapping[str, Any], port: str, column: str) -> None:
    now = lineage["ports"][port][column]
    then = previous["ports"][port][column]
    own, other = _ways(lineage, port, column), _ways(previous, port, column)
    merged: dict[str, str] = {}
    for asset, source in [*now, *then]:
        key = source_key(asset, source)
        words = [
            ways.get(key, str(DIRECT))
            for ways, listed in ((own, now), (other, then))
            if [asset, source] in listed
        ]
        paths = way(path for each in words for path in parse(each))
        if paths != (DIRECT,):
            merged[key] = text(paths)
    lineage["ports"][port][column] = sorted(now + [one for one in then if one not in now])
    _set(lineage["ways"], port, column, merged)
    _set(lineage["equal"], port, column, _equal(lineage, previous, port, column))
    counters = previous.get("counted", {}).get(port, {}).get(column, [])
    counted = lineage["counted"].get(port, {}).get(column, [])
    if then:
        counted = [name for name in counted if name in counters]
        _set(lineage["counted"], port, column, counted)


def _equal(lineage: Lineage, previous: Mapping[str, Any], port: str, column: str) -> dict[str, str]:
    """What either gives away."""
    found: dict[str, list[Path]] = {}
    for one in (lineage, previous):
        for key, words in one.get("equal", {}).get(port, {}).get(column, {}).items():
            found.setdefault(key, []).extend(parse(words))
    return {key: text(paths) for key, paths in found.items()}


def _ways(lineage: Mapping[str, Any], port: str, column: str) -> Mapping[str, str]:
    found: Mapping[str, str] = lineage.get("ways", {}).get(port, {}).get(column, {})
    return found


def _set(values: dict[str, Any], port: str, column: str, value: Collection[str]) -> None:
    """``value`` at its place; nothing where it is empty."""
    columns = values.setdefault(port, {})
    columns.pop(column, None)
    if value:
        columns[column] = value
    if not columns:
        del values[port]
