"""What there is to index of this mesh: which products have changed, and what they tell."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.index.entry import HERE, Entry, NotADocument, entries_of
from mesh_defs.discovery.index.visible import subject_dict
from mesh_defs.errors import CorruptRecord, MeshError
from mesh_defs.product.access import MeshAccess, read_manifest
from mesh_defs.product.described.document import FOLDER as DOCUMENTS
from mesh_defs.product.ledger import FOLDER
from mesh_defs.product.protection import DOMAINS
from mesh_defs.product.stores import known_products, product_store
from mesh_defs.settings import FILE
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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
            entries = entries_of(_document(settings, product, compose, found))
        except (MeshError, NotADocument) as error:
            found.failed[f"mesh://{product}"] = str(error)
            known = [_guarded(access, each, stamp) for each in _broken(settings, product)]
            found.entries += known
            if identity in stamps and not known:
                found.gone.append(identity)
            continue
        damaged = f"mesh://{product}" in found.failed
        found.entries += [_guarded(access, entry, stamp, damaged=damaged) for entry in entries]
    return found


def _document(settings: Settings, product: str, compose: Compose, found: Crawled) -> dict[str, Any]:
    """The product's document. Where the stored one cannot be read that is told, and what is known
    without it is found: who looks for the product sees that it is broken. Raises `MeshError`."""
    try:
        return compose(settings, product)
    except CorruptRecord as error:
        from mesh_defs.discovery.documents import discovery_document

        found.failed[f"mesh://{product}"] = str(error)
        return discovery_document(settings, product, damaged=lambda _: None)


def _broken(settings: Settings, identity: str) -> list[Entry]:
    """What the manifest tells of a product that cannot be loaded and was never published; nothing
    where that cannot be read either."""
    from mesh_defs.product.broken import broken_ports
    from mesh_defs.product.load import load_product
    from mesh_defs.product.model import BrokenProduct

    folder = settings.root / DOMAINS / identity
    manifest = read_manifest(folder, settings.root)
    if manifest is None or product_store(settings, *identity.split("/")).names(FOLDER):
        return []
    product = load_product(folder, settings)
    if not isinstance(product, BrokenProduct):
        return []
    told = {
        "domain": product.domain,
        "product": product.name,
        "mesh": settings.name,
        "purpose": manifest.purpose,
        "owner": manifest.owner,
        "archetype": manifest.archetype,
        "status": manifest.status,
        "tags": list(manifest.tags),
        "ports": [{"port": name} for name in broken_ports(product, manifest)],
    }
    return entries_of(told)


def _guarded(access: MeshAccess, entry: Entry, stamp: str, *, damaged: bool = False) -> Entry:
    """The entry with what decides who may discover it; without, where that cannot be read."""
    subject = None
    with suppress(MeshError):
        address = MeshUrl(entry.domain, entry.product, entry.port)
        subject = subject_dict(access.subject(address))
    return replace(entry, subject=subject, stamp=stamp, damaged=damaged)


def _stamps(settings: Settings) -> Iterator[tuple[str, str]]:
    """What changes when a product publishes, or is declared otherwise: for each that is declared or
    was ever published."""
    for domain, product in known_products(settings):
        yield f"{HERE} {domain}/{product}", stamp_of(settings, f"{domain}/{product}")


def stamp_of(settings: Settings, identity: str) -> str:
    """The `Entry.stamp` of ``<domain>/<product>`` now. Raises as storage does."""
    store = product_store(settings, *identity.split("/"))
    newest = store.names(FOLDER)[-1:]
    parts = [_changed(f"{settings.root}/{FILE}", FILE)]
    # Storage that was made anew begins with the same numbers.
    # A document may be damaged and mended beside its record.
    folders = (FOLDER, DOCUMENTS)
    parts += [_changed(store.location(f"{at}/{name}"), name) for name in newest for at in folders]
    parts += sorted(_declared(f"{settings.root}/{DOMAINS}/{identity}", ""))
    return " ".join(parts)


def _declared(folder: str, below: str) -> Iterator[str]:
    """The stamps of a product's manifest and contracts, wherever in its folder they lie."""
    # All of a mesh in turn, and before a page is shown: paths take longer than looking.
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(folder) as it:
        for each in it:
            if each.is_dir(follow_symlinks=False):
                yield from _declared(each.path, f"{below}{each.name}/")
            elif each.name.endswith((".yaml", ".yml")):
                yield _changed(each.path, f"{below}{each.name}")


def _changed(file: str, name: str) -> str:
    with suppress(OSError):
        status = os.stat(file)  # noqa: PTH116  as above
        return f"{name}:{status.st_mtime_ns:x}:{status.st_ctime_ns:x}:{status.st_size:x}"
    return name
