"""The database in which dbt works: the run's inputs as schema ``inputs``, and dbt's profile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

from mesh_defs.drivers.compute.duckdb import default_memory_gb
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb

    from mesh_defs.product.resolve import Resolved

NAME = "mesh_dbt"  # dbt names the database after its file
SCHEMA = "inputs"
THREADS = 2
_DATA = frozenset({".csv", ".json", ".ndjson", ".parquet"})


def create(
    connection: duckdb.DuckDBPyConnection, inputs: Mapping[str, Resolved], folder: Path
) -> Path:
    """A new database file in ``folder`` with one relation per input.

    Inputs are Parquet and read in place. Raises `duckdb.Error`.
    """
    file = folder / f"{NAME}.duckdb"
    connection.execute(f"ATTACH {literal(str(file))} AS {quote(NAME)}")
    try:
        connection.execute(f"CREATE SCHEMA {quote(NAME)}.{quote(SCHEMA)}")
        for name, resolved in inputs.items():
            connection.execute(f"CREATE VIEW {relation(name)} AS SELECT * FROM {resolved.rows.sql}")
    finally:
        connection.execute(f"DETACH {quote(NAME)}")
    return file


def relation(name: str) -> str:
    """The relation of input ``name``, as dbt writes it too."""
    return f"{quote(NAME)}.{quote(SCHEMA)}.{quote(name)}"


def walls(inputs: Mapping[str, Resolved], project: Path, scratch: Path) -> list[str]:
    """Statements that keep dbt's connection to the inputs' files, the project's own data files and
    ``scratch``, which alone it may fill with new files."""
    files = [path for resolved in inputs.values() for path in resolved.paths]
    files += sorted(str(f) for f in project.rglob("*") if f.suffix in _DATA and f.is_file())
    paths = ", ".join(literal(path) for path in files)
    folders = literal(f"{scratch}/")
    return [
        "SET TimeZone = 'UTC'",
        "SET enable_progress_bar = false",
        f"SET memory_limit = '{default_memory_gb():.2f}GB'",
        f"SET temp_directory = {literal(str(scratch))}",
        f"SET allowed_paths = [{paths}]",
        f"SET allowed_directories = [{folders}]",
        "SET enable_external_access = false",
    ]


def write_profile(folder: Path, profile: str, file: Path, *, guarded: bool) -> Path:
    """``profiles.yml`` in ``folder`` with the one profile ``profile`` over the database ``file``.

    ``guarded`` names our plugin, which sets the walls of a database that is really opened.
    """
    output: dict[str, object] = {
        "type": "duckdb",
        "path": _no_jinja(str(file)),
        "schema": "main",
        "threads": THREADS,
        "config_options": {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    }
    if guarded:
        output["plugins"] = [{"module": "mesh_defs.product.transforms.dbt_plugin"}]
    content = {profile: {"target": "mesh", "outputs": {"mesh": output}}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profiles.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def _no_jinja(text: str) -> str:
    return "{{ " + json.dumps(text) + " }}" if "{" in text else text
