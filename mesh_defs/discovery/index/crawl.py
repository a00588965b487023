"""What there is to index of this mesh: which products have changed, and what they tell."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.index.entry import HERE, Entry, NotADocument, entries_of
from mesh_defs.discovery.index.visible import subject_dict
from mesh_defs.errors import MeshError
from mesh_defs.product.access import MeshAccess
from mesh_defs.product.ledger import FOLDER
from mesh_defs.product.protection import DOMAINS, MANIFEST
from mesh_defs.product.stores import product_store, stored_products
from mesh_defs.settings import FILE
from mesh_defs.urls import NAME, MeshUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mesh_defs.settings import Settings

    Compose = Callable[[Settings, str], dict[str, Any]]


@dataclass(slots=True)
class Crawled:
    """What a crawl found. ``entries`` are of products that are new or changed, ``gone`` the
    `Entry.identity` of those that are no more, ``known`` how many there are, ``failed`` says of
    products and meshes why nothing could be read."""

    entries: list[Entry] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    known: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def composed(settings: Settings, identity: str) -> dict[str, Any]:
    """The product's own discovery document. Raises `MeshError`."""
    from mesh_defs.discovery.documents import discovery_document

    return discovery_document(settings, identity)


def crawl(
    settings: Settings,
    stamps: Mapping[str, str],
    compose: Compose = composed,
    told: Callable[[str], None] = lambda _: None,
) -> Crawled:
    """What of this mesh is new since ``stamps`` (of each product, by `Entry.identity`). ``told``
    hears of each product that is read. Raises as storage does."""
    found = Crawled()
    now = dict(_stamps(settings))
    found.known = len(now)
    found.gone = [identity for identity in stamps if identity not in now]
    changed = {who: stamp for who, stamp in now.items() if stamps.get(who) != stamp}
    if not changed:
        return found
    access = MeshAccess(settings)
    for identity, stamp in changed.items():
        product = identity.partition(" ")[2]
        told(f"mesh://{product}")
        try:
            entries = entries_of(compose(settings, product))
        except (MeshError, NotADocument) as error:
            found.failed[f"mesh://{product}"] = str(error)
            if identity in stamps:
                found.gone.append(identity)
            continue
        found.entries += [_guarded(access, entry, stamp) for entry in entries]
    return found


def _guarded(access: MeshAccess, entry: Entry, stamp: str) -> Entry:
    """The entry with what decides who may discover it; without, where that cannot be read."""
    subject = None
    with suppress(MeshError):
        address = MeshUrl(entry.domain, entry.product, entry.port)
        subject = subject_dict(access.subject(address))
    return replace(entry, subject=subject, stamp=stamp)


def _stamps(settings: Settings) -> Iterator[tuple[str, str]]:
    """What changes when a product publishes, or is declared otherwise: for each that is declared or
    was ever published."""
    folders = {
        f"{file.parent.parent.name}/{file.parent.name}": file.parent
        for file in settings.root.glob(f"{DOMAINS}/*/*/{MANIFEST}")
    }
    stored = {f"{domain}/{product}" for domain, product in stored_products(settings)}
    mesh = _changed(settings.root / FILE)
    for identity in sorted(folders.keys() | stored):
        domain, _, product = identity.partition("/")
        if not NAME.match(domain) or not NAME.match(product):
            continue
        parts = [mesh]
        if identity in stored:
            parts += product_store(settings, domain, product).names(FOLDER)[-1:]
        if identity in folders:
            parts += [_changed(file) for file in sorted(folders[identity].glob("*.y*ml"))]
        yield f"{HERE} {identity}", " ".join(parts)


def _changed(file: Path) -> str:
    with suppress(OSError):
        status = file.stat()
        return f"{file.name}:{status.st_mtime_ns:x}:{status.st_size:x}"
    return file.name
