"""Products of other meshes, as their gateways tell of them. What they answer is hostile until it is
read: it is bounded in size, in number and in time, comes from the declared address alone, and tells
of nothing but that mesh's own products."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mesh_defs.discovery.index.crawl import Crawled
from mesh_defs.discovery.index.entry import Entry, NotADocument, clean, entries_of
from mesh_defs.errors import MeshError
from mesh_defs.fetching import NotFetched, fetch_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mesh_defs.index_profile import OtherMesh
    from mesh_defs.settings import Settings

PAGE = 100
REQUEST_SECONDS = 15.0
MESH_SECONDS = 600.0
PAGE_BYTES = 32_000_000
DOCUMENT_BYTES = 2_000_000
_NOT_ALLOWED = (401, 403)
_NOT_FOUND = 404
_LONGEST_CURSOR = 300
_AGES = frozenset({"age_seconds"})
_MOST_FAULTS = 20
_LONGEST_NAME = 200


class _Unreadable(Exception):
    """The mesh cannot be read. ``closed``: it says that we may not."""

    def __init__(self, text: str, *, closed: bool = False) -> None:
        self.closed = closed
        super().__init__(text)


def crawl_other(
    settings: Settings,
    other: OtherMesh,
    stamps: Mapping[str, str],
    told: Callable[[str], None] = lambda _: None,
) -> Crawled:
    """What of another mesh is new since ``stamps`` (of its products, by `Entry.identity`). Where it
    cannot be reached, what is known of it stays; where it refuses us, or is this mesh itself,
    nothing does."""
    found = Crawled()
    try:
        _Crawl(settings, other, stamps, found, told).run()
    except RecursionError:
        found.failed[other.base] = f"{other.base} answers what is nested too deep"
        found.entries = []
    except _Unreadable as error:
        found.failed[other.base] = str(error)
        found.entries = []
        found.gone = list(stamps) if error.closed else []
    return found


class _Crawl:
    """One look at one mesh."""

    def __init__(
        self,
        settings: Settings,
        other: OtherMesh,
        stamps: Mapping[str, str],
        found: Crawled,
        told: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.base = other.base
        self.stamps = stamps
        self.found = found
        self.told = told
        self.until = time.monotonic() + MESH_SECONDS
        self.most = settings.profile.index.most_products
        self.faults = 0
        self.token: str | None = None
        if other.token is not None:
            try:
                self.token = str(settings.resolved({"token": other.token})["token"])
            except MeshError as error:
                raise _Unreadable(str(error)) from None

    def run(self) -> None:
        seen: set[str] = set()
        for listed in self._listed():
            entries = self._read(listed)
            identity = entries[0].identity if entries else None
            if identity is None or identity in seen:
                continue
            seen.add(identity)
            stamp = _stamp(listed, self.token is not None)
            if self.stamps.get(identity) != stamp:
                self.told(f"{self.base}: {entries[0].url}")
                told = self._document(entries)
                self.found.entries += [
                    replace(each, stamp=stamp, open=self.token is None) for each in told
                ]
        self.found.known = len(seen)
        self.found.gone = [identity for identity in self.stamps if identity not in seen]

    def _listed(self) -> Iterator[object]:
        """The products that the mesh lists, page by page. A cursor that does not move on ends it:
        a mesh may not keep us for ever."""
        cursor, count = "", 0
        while True:
            query = {"limit": str(PAGE), **({"cursor": cursor} if cursor else {})}
            page = self._fetch(f"/-/products?{urlencode(query)}", PAGE_BYTES)
            products, after = page.get("products"), page.get("next")
            if not isinstance(products, list):
                raise _Unreadable(f"{self.base} lists no products")
            name = clean(page.get("mesh"))
            if name == self.settings.name:
                raise _Unreadable(
                    f"{self.base} calls itself '{name}' as this mesh does. Fix: remove it where it "
                    "is this mesh itself; else give one of them another name",
                    closed=True,
                )
            for product in products[:PAGE]:
                count += 1
                if count > self.most:
                    self._fault("", f"it has more than {self.most} products; the rest is left out")
                    return
                yield {**product, "mesh": name} if isinstance(product, dict) else product
            if after is None:
                return
            if not isinstance(after, str) or not cursor < after or len(after) > _LONGEST_CURSOR:
                raise _Unreadable(f"{self.base} lists its products without an end")
            cursor = after

    def _read(self, document: object) -> list[Entry]:
        try:
            return entries_of(document, origin=self.base)
        except NotADocument as error:
            self._fault("", f"it lists what is no product{_called(document)}: {error}")
            return []

    def _document(self, listed: list[Entry]) -> list[Entry]:
        """The product's discovery document; where the mesh has none, what its list says. It counts
        only for the ports that are listed: those are what we may know of."""
        first = listed[0]
        try:
            path = f"/{first.domain}/{first.product}/discovery"
            document = self._fetch(path, DOCUMENT_BYTES)
            told = entries_of({"mesh": first.mesh, **document}, origin=self.base)
        except _Missing:
            return listed
        except NotADocument as error:
            self._fault(first.url, str(error))
            return listed
        known = {entry.port for entry in listed}
        same = [e for e in told if e.identity == first.identity and e.port in known]
        return [replace(entry, mesh=first.mesh) for entry in same] or listed

    def _fetch(self, path: str, most_bytes: int) -> Mapping[str, Any]:
        left = self.until - time.monotonic()
        if left <= 0:
            raise _Unreadable(f"{self.base} took more than {MESH_SECONDS:.0f} s")
        try:
            return fetch_json(
                f"{self.base}{path}",
                seconds=min(REQUEST_SECONDS, left),
                most_bytes=most_bytes,
                token=self.token,
            ).data
        except NotFetched as error:
            if error.status == _NOT_FOUND:
                raise _Missing(str(error)) from None
            raise _Unreadable(str(error), closed=error.status in _NOT_ALLOWED) from None

    def _fault(self, url: str, text: str) -> None:
        if self.faults >= _MOST_FAULTS:
            return
        self.faults += 1
        who = f"{self.base} {url}".rstrip()
        before = self.found.failed.get(who)
        self.found.failed[who] = f"{before}; {clean(text)}" if before else clean(text)


def _called(document: object) -> str:
    """What it calls itself, as far as it does."""
    if not isinstance(document, dict):
        return ""
    name = clean(document.get("url"), _LONGEST_NAME)
    return f" ({name})" if name else ""


class _Missing(_Unreadable):
    """There is no such thing there."""


def _stamp(listed: object, known: bool) -> str:
    """What changes with what is listed of a product, and with who we are there; ages grow all the
    time and change nothing."""
    text = json.dumps([known, _still(listed)], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def _still(value: object) -> object:
    if isinstance(value, dict):
        return {name: _still(each) for name, each in value.items() if name not in _AGES}
    return [_still(each) for each in value] if isinstance(value, list) else value
