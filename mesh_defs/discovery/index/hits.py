"""What a query finds, as far as it may be seen, in an order that does not depend on how the index
was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import tantivy

    from mesh_defs.discovery.index.shelf import Opened
    from mesh_defs.discovery.index.visible import Visible

_FIRST = 64
_GROWS = 8
_MOST_TIED = 4_096
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found, of which product, and where it lies."""

    number: int
    product: int
    address: tantivy.DocAddress


def scan(
    opened: Opened,
    query: tantivy.Query,
    visible: Visible,
    *,
    first: int = _FIRST,
    order_by: str | None = None,
) -> Iterator[Hit]:
    """The visible hits of ``query``, the best first, or those with the greatest ``order_by``; equal
    ones in an order that is the same in every index of the same entries. More than the ``first``
    are asked for only when they do not suffice, and what may not be seen is left out before
    anything is counted."""
    given, limit = 0, first
    while True:
        found = opened.searcher.search(query, limit, count=False, order_by_field=order_by).hits
        whole = len(found) < limit
        # The last ones may have equals that were not asked for; very many are not waited for.
        end = len(found) if whole or limit >= _MOST_TIED else _last_tie(found, given)
        yield from _visible_of(opened, _in_order(opened, found[given:end]), visible)
        if whole:
            return
        given, limit = end, limit * _GROWS


def any_visible(opened: Opened, query: tantivy.Query, visible: Visible) -> bool:
    """Whether anything visible is found by ``query``."""
    given, limit = 0, 1
    while True:
        found = opened.searcher.search(query, limit, count=False).hits
        hits = _in_order(opened, found[given:])
        if next(_visible_of(opened, hits, visible), None) is not None:
            return True
        if len(found) < limit:
            return False
        given, limit = len(found), limit * _GROWS


def _key(score: float | int) -> float:
    """What equal hits have in common: their scores are sums that were made in any order."""
    return round(score, _DIGITS)


def _last_tie(found: Sequence[tuple[float, tantivy.DocAddress]], least: int) -> int:
    """Where the hits begin that are as good as the last one."""
    last, at = _key(found[-1][0]), len(found)
    while at > least and _key(found[at - 1][0]) == last:
        at -= 1
    return at


def _in_order(opened: Opened, found: Sequence[tuple[float, tantivy.DocAddress]]) -> list[Hit]:
    """The hits, and equal ones by what never changes."""
    addresses = [address for _, address in found]
    hits = _hits_at(opened, addresses)
    keys = [-_key(score) for score, _ in found]
    order = sorted(range(len(hits)), key=lambda at: (keys[at], hits[at].product, hits[at].number))
    return [hits[at] for at in order]


def _hits_at(opened: Opened, addresses: list[tantivy.DocAddress]) -> list[Hit]:
    """The entries at ``addresses``."""
    if not addresses:
        return []
    numbers = opened.searcher.fast_field_values("number", addresses)
    products = opened.searcher.fast_field_values("product_number", addresses)
    return [
        Hit(int(number or 0), int(product or 0), address)
        for number, product, address in zip(numbers, products, addresses, strict=True)
    ]


def _visible_of(opened: Opened, hits: Iterable[Hit], visible: Visible) -> Iterator[Hit]:
    """Those of ``hits`` that may be seen."""
    return (hit for hit in hits if visible.may(opened, hit.number, hit.address))
