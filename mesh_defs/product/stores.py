"""Where a mesh's products lie: from settings to storage and sources."""

from __future__ import annotations

from os import listdir
from os.path import isfile
from typing import TYPE_CHECKING, cast

from mesh_defs.drivers.registry import SOURCES, STORAGES, load
from mesh_defs.errors import UnknownAddress
from mesh_defs.faults import did_you_mean
from mesh_defs.product.ledger import Ledger
from mesh_defs.urls import NAME

if TYPE_CHECKING:
    from mesh_defs.drivers.source.protocol import Source
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.settings import Settings

_DOMAINS, _MANIFEST = "domains", "defs.yaml"


def product_store(settings: Settings, domain: str, product: str) -> ProductStore:
    """The storage of one product. Raises `MissingDriver`, `InvalidMesh`, `MeshError`."""
    settings.check_storage()
    resolved = settings.resolved(settings.profile.storage)
    driver = load(STORAGES, str(resolved.get("driver", "delta")))
    return cast("ProductStore", driver(resolved, settings.root).product(domain, product))


def stored_products(settings: Settings) -> list[tuple[str, str]]:
    """Domain and name of every product that was ever published, declared or not. Raises as
    `product_store` does."""
    settings.check_storage()
    resolved = settings.resolved(settings.profile.storage)
    driver = load(STORAGES, str(resolved.get("driver", "delta")))
    return cast("list[tuple[str, str]]", driver(resolved, settings.root).products())


def known_products(settings: Settings) -> list[tuple[str, str]]:
    """Domain and name of every product that is declared or was ever published, sorted. Raises as
    `product_store` does."""
    # All of a mesh at once, so with names alone: paths take longer than looking.
    parent = str(settings.root / _DOMAINS)
    declared = {
        (domain, product)
        for domain in _names(parent)
        for product in _names(f"{parent}/{domain}")
        if isfile(f"{parent}/{domain}/{product}/{_MANIFEST}")  # noqa: PTH113
    }
    found = declared | set(stored_products(settings))
    return sorted(pair for pair in found if all(NAME.match(name) for name in pair))


def _names(folder: str) -> list[str]:
    try:
        return listdir(folder)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def ledger(settings: Settings, domain: str, product: str) -> Ledger:
    """The ledger of one product."""
    return Ledger(product_store(settings, domain, product))


def source(settings: Settings, service: str) -> Source:
    """The driver of a named service. Raises `UnknownAddress`, `MissingDriver`, `InvalidMesh`,
    `MeshError`."""
    found = settings.services.get(service)
    if found is None:
        names = list(settings.services)
        raise UnknownAddress(
            f"no service '{service}' in profile '{settings.profile_name}' of mesh.yaml; it has "
            f"{', '.join(names) or 'none'}. Fix: {did_you_mean(service, names)}"
        )
    settings.check_service(service)
    resolved = settings.resolved(found)
    driver = load(SOURCES, str(resolved["driver"]))
    return cast("Source", driver(service, resolved, settings.root))
