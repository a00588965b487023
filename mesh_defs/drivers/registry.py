"""Which driver has which name: data, not code. Heavy imports stay inside the drivers.

Another package adds drivers by entry points in the groups ``mesh_defs.source``,
``mesh_defs.storage`` and ``mesh_defs.compute``.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Literal

from mesh_defs.errors import MissingDriver
from mesh_defs.faults import did_you_mean

Kind = Literal["source", "storage", "compute"]

SOURCES: Kind = "source"
STORAGES: Kind = "storage"
COMPUTES: Kind = "compute"

_BUILT_IN: dict[Kind, dict[str, str]] = {
    "source": {
        "files": "mesh_defs.drivers.source.files:FilesSource",
        "postgres": "mesh_defs.drivers.source.postgres:PostgresSource",
        "sqlite": "mesh_defs.drivers.source.sqlite:SqliteSource",
    },
    "storage": {"delta": "mesh_defs.drivers.storage.delta:DeltaStorage"},
    "compute": {
        "duckdb": "mesh_defs.drivers.compute.duckdb:DuckDBCompute",
        "polars": "mesh_defs.drivers.compute.polars:PolarsCompute",
    },
}


def known(kind: Kind) -> list[str]:
    """Names of all drivers of ``kind``, built in or from installed packages, sorted."""
    return sorted({*_BUILT_IN[kind], *(entry.name for entry in _installed(kind))})


@cache
def _installed(kind: Kind) -> tuple[EntryPoint, ...]:
    """Drivers of installed packages. To look through all of them costs 25 ms, so once."""
    return tuple(entry_points(group=f"mesh_defs.{kind}"))


def load(kind: Kind, name: str) -> type:
    """The driver class. Raises `MissingDriver`: known names, or what is not installed."""
    target = _BUILT_IN[kind].get(name)
    if target is None:
        for entry in _installed(kind):
            if entry.name == name:
                target = entry.value
    if target is None:
        names = known(kind)
        raise MissingDriver(
            f"unknown {kind} driver '{name}'; known: {', '.join(names)}. "
            f"Fix: {did_you_mean(name, names)}"
        )
    module, _, attribute = target.partition(":")
    try:
        driver = getattr(import_module(module), attribute)
    except ImportError as error:
        raise MissingDriver(
            f"the {kind} driver '{name}' needs a package that is not installed ({error}); "
            f"install it with: pip install {error.name or name}"
        ) from error
    if not isinstance(driver, type):
        raise MissingDriver(f"the {kind} driver '{name}' ({target}) is not a class")
    return driver
