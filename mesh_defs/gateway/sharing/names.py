"""Shares, schemas and tables: what a recipient may read, in pages (protocol: "List Shares" ff.)."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import MeshError, UnknownAddress
from mesh_defs.gateway.errors import BadRequest
from mesh_defs.gateway.reads.reads import RETIRED
from mesh_defs.urls import NAME, MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.gateway.reads.reads import Reads

MOST_ITEMS = 500
Item = tuple[str, ...]  # share, schema, table, as far as it goes


@dataclass(frozen=True, slots=True)
class Listing:
    """One page: ``items`` sorted by name, and the token of the next one, if there is one."""

    items: tuple[Item, ...]
    next: str | None

    def as_dict(self) -> dict[str, Any]:
        """The page as the protocol writes it."""
        told: dict[str, Any] = {"items": [_item(item) for item in self.items]}
        if self.next is not None:
            told["nextPageToken"] = self.next
        return told


def table_address(share: str, schema: str, table: str) -> MeshUrl:
    """The port that the protocol's names mean; they are the same in upper and lower case. Raises
    `UnknownAddress`."""
    names = (share.lower(), schema.lower(), table.lower())
    if not all(NAME.match(name) for name in names):
        raise UnknownAddress("there is no such table. Fix: list those that there are")
    return MeshUrl(names[0], names[1], names[2])


def readable(reads: Reads, caller: Caller, purpose: str | None) -> Iterator[Item]:
    """Every table that ``caller`` may read, sorted. What cannot be opened is left out."""
    for domain, product in sorted(reads.catalog.products()):
        try:
            record = reads.catalog.ledger(f"{domain}/{product}").latest()
        except MeshError:
            continue
        for port in sorted(record.ports if record is not None else ()):
            if _may(reads, caller, MeshUrl(domain, product, port), purpose):
                yield (domain, product, port)


def page(items: Sequence[Item], most: int | None, token: str | None) -> Listing:
    """The page of ``items`` (sorted) behind that of ``token``, of at most ``most``. Raises
    `BadRequest` for a token that nobody gave."""
    after = _read_token(token) if token else ()
    rest = [item for item in items if item > after]
    count = MOST_ITEMS if most is None else min(most, MOST_ITEMS)
    shown = tuple(rest[:count])
    left = len(rest) > count
    return Listing(shown, _token(shown[-1] if shown else after) if left else None)


def below(items: Sequence[Item], *names: str) -> list[Item]:
    """The items one level below ``names`` (a share, or a share and a schema), each once. Raises
    `UnknownAddress` when nothing there may be read."""
    wanted = tuple(name.lower() for name in names)
    depth = len(wanted)
    found = [item for item in items if item[:depth] == wanted]
    if not found and wanted:
        raise UnknownAddress(
            f"there is no {('share', 'schema')[depth - 1]} of that name which you may read. Fix: "
            "list those that there are"
        )
    return list(dict.fromkeys(item[: depth + 1] for item in found))


def identifier(*names: str) -> str:
    """An id that is the same for ever."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mesh://{'/'.join(names)}"))


def _may(reads: Reads, caller: Caller, address: MeshUrl, purpose: str | None) -> bool:
    if caller.may(address, "read") is not None:
        return False
    try:
        decision = reads.decide(caller, address, "read", purpose)
    except MeshError:
        return False
    return decision.allowed and decision.subject.status != RETIRED


def _item(item: Item) -> dict[str, str]:
    named = {"name": item[-1], "id": identifier(*item)}
    if len(item) > 1:
        named["share"] = item[0]
    if len(item) > 2:
        named |= {"schema": item[1], "shareId": identifier(item[0])}
    return named


def _token(item: Item) -> str:
    return base64.urlsafe_b64encode(json.dumps(item).encode()).decode()


def _read_token(token: str) -> Item:
    try:
        found = json.loads(base64.b64decode(token, b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise BadRequest("pageToken: found a text that no answer had as its nextPageToken")
    return tuple(found)
