"""What a lineage, as records keep it, lists as the sources of one column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.policy.flow.ways import DIRECT, parse, source_key, way

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_defs.policy.flow.ways import Way

NOT_RECORDED = "its lineage was not recorded"


@dataclass(frozen=True, slots=True)
class Listed:
    """One source of a column: the asset's path and the column there, and what is left of it on the
    way. ``equal``: it shows, at least in part, through a condition, or by an order that chooses;
    without ``flows`` in that way alone."""

    asset: str
    column: str
    way: Way
    equal: bool = False
    flows: bool = True


def listed(lineage: Mapping[str, Any], port: str, column: str) -> Iterator[Listed] | None:
    """The sources of ``column`` that ``lineage`` (`mesh_defs.product.lineage.record`) lists; None
    where it does not know them. One source may come twice, on ways that count apart."""
    known = lineage.get("ports", {}).get(port, {}).get(column)
    if known is None:
        return None
    ways = lineage.get("ways", {}).get(port, {}).get(column, {})
    equal = lineage.get("equal", {}).get(port, {}).get(column, {})
    return _listed(known, ways, equal)


def unknown(lineage: Mapping[str, Any], port: str, column: str) -> str:
    """Why the sources of ``column`` are not known."""
    reasons = lineage.get("unknown", {}).get(port, {})
    return str(reasons.get(column) or reasons.get("*") or NOT_RECORDED)


def _listed(
    known: list[list[str]], ways: Mapping[str, str], equal: Mapping[str, str]
) -> Iterator[Listed]:
    for asset, source in known:
        named = source_key(asset, source)
        told = parse(ways[named]) if named in ways else (DIRECT,)
        more = [path for path in parse(equal.get(named, "chosen")) if not path.chosen]
        yield Listed(asset, source, way([*told, *more]), bool(more))
    for named, words in equal.items():
        asset, _, source = named.partition("#")
        given = parse(words)
        chosen = tuple(path for path in given if path.chosen)
        rest = () if [asset, source] in known else way(set(given).difference(chosen))
        yield from (Listed(asset, source, one, True, False) for one in (rest, chosen) if one)
