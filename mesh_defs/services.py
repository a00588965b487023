"""The settings of ``mesh.yaml`` against what their drivers take, before any driver is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.drivers.registry import SOURCES, STORAGES, Kind, known, options
from mesh_defs.errors import MissingDriver
from mesh_defs.faults import did_you_mean, nearest
from mesh_defs.validation import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mesh_defs.faults import Fault
    from mesh_defs.yaml_source import Document, KeyPath

DRIVER = "driver"
PREPARE = "prepare"
# What policies ask of a service and of the storage; no driver needs them.
DOMAIN = "domain"
REGION = "region"
# What may stand beside a driver's own settings.
STORAGE_KEYS = (DRIVER, REGION)
SERVICE_KEYS = (DRIVER, PREPARE, DOMAIN)


def storage_faults(
    document: Document, root: Path, profile: str, storage: Mapping[str, object], *, used: bool
) -> list[Fault]:
    """What is wrong with one profile's ``storage``; see `service_faults`."""
    path: KeyPath = ("profiles", profile, "storage")
    values = {DRIVER: "delta", **storage}
    return _faults(document, root, path, STORAGES, values, STORAGE_KEYS, used=used)


def service_faults(
    document: Document,
    root: Path,
    profile: str,
    name: str,
    service: Mapping[str, object],
    *,
    used: bool,
) -> list[Fault]:
    """What is wrong with one service, each fault on its line of ``document``.

    Unknown drivers are faults of a profile that is ``used`` only: another environment may have
    drivers that are not installed here.
    """
    path: KeyPath = ("profiles", profile, "services", name)
    return _faults(document, root, path, SOURCES, service, SERVICE_KEYS, used=used)


def _faults(
    document: Document,
    root: Path,
    path: KeyPath,
    kind: Kind,
    values: Mapping[str, object],
    others: tuple[str, ...],
    *,
    used: bool,
) -> list[Fault]:
    driver = values.get(DRIVER)
    if not isinstance(driver, str):
        names = ", ".join(known(kind))
        misspelt = nearest(DRIVER, map(str, values)) if DRIVER not in values else None
        fix = f"write 'driver' instead of '{misspelt}'" if misspelt else "add 'driver:'"
        found = "no driver" if driver is None else shown(driver)
        return [document.fault((*path, misspelt or DRIVER), found=found, allowed=names, fix=fix)]
    if "${" in driver:
        return []  # which one it is, the environment says when it is used
    try:
        taken = options(kind, driver)
    except MissingDriver as error:
        fix = "repair or update the package that brings the driver"
        where = (*path, DRIVER)
        return [document.fault(where, found=str(error), allowed="a sound driver", fix=fix)]
    if taken is not None:
        # A service's hook is given all of its settings, so some may be the hook's own.
        return taken.faults(document, path, values, others, root=root, more=PREPARE in values)
    if not used or driver in known(kind):
        return []
    names_known = known(kind)
    return [
        document.fault(
            (*path, DRIVER),
            found=f"unknown {kind} driver '{driver}'",
            allowed=", ".join(names_known),
            fix=did_you_mean(driver, names_known),
        )
    ]
