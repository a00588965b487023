"""A folder of files as a source: Parquet, CSV and JSON, each file (or folder) one entity."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.drivers.source.protocol import SourceRelation
from mesh_defs.errors import MeshError, SourceUnavailable, UnknownAddress
from mesh_defs.faults import did_you_mean, nearest
from mesh_defs.sql import file_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from mesh_defs.drivers.source.protocol import Value

_READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".json": "read_json",
    ".ndjson": "read_json",
}
_PACKAGE = "package:"


class FilesSource:
    """A folder. Settings: ``path``, relative to the mesh's root, or ``package:<package>/<folder>``
    for files that an installed Python package brings. An entity is a file's name without its
    ending, or a folder's name whose files are read together."""

    def __init__(self, name: str, settings: Mapping[str, Value], root: Path) -> None:
        path = settings.get("path")
        if not isinstance(path, str):
            raise MeshError(f"service '{name}' in mesh.yaml needs 'path:' with the folder")
        self.name = name
        self.folder = _locate(name, path, root)

    def entities(self) -> list[str]:
        """Stems of the files, and names of folders that hold such files."""
        return sorted(self._all())

    def attach(self, connection: duckdb.DuckDBPyConnection, entity: str) -> SourceRelation:
        """A table function over the entity's files."""
        files = self._files(entity)
        reader = _READERS[files[0].suffix.lower()]
        names = file_list(str(file) for file in files)
        if reader == "read_json":
            connection.execute("LOAD json")
        # Folders below the entity's own may be hive partitions; those above it never are.
        hive = "" if len(files) > 1 or reader == "read_json" else ", hive_partitioning = false"
        return SourceRelation(f"{reader}({names}{hive})", tuple(str(file) for file in files))

    def fingerprint(self, entity: str) -> str | None:
        """Names, sizes and times of the entity's files."""
        total = hashlib.sha256()
        for file in self._files(entity):
            status = file.stat()
            total.update(f"{file.name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        return f"files:{total.hexdigest()[:16]}"

    def _all(self) -> dict[str, list[Path]]:
        if not self.folder.is_dir():
            raise SourceUnavailable(
                f"service '{self.name}': there is no folder {self.folder}; mend 'path' in mesh.yaml"
            )
        found: dict[str, list[Path]] = {}
        for child in sorted(self.folder.iterdir()):
            if child.is_dir():
                inner = [f for f in sorted(child.rglob("*")) if f.suffix.lower() in _READERS]
                if inner:
                    found[child.name] = inner
            elif child.suffix.lower() in _READERS:
                found.setdefault(child.stem, []).append(child)
        return found

    def _files(self, entity: str) -> list[Path]:
        found = self._all()
        if entity not in found:
            raise UnknownAddress(
                f"{self.name}://{entity}: no such file in {self.folder}. "
                f"Fix: {_instead(entity, found)}"
            )
        files = found[entity]
        endings = {_READERS[file.suffix.lower()] for file in files}
        if len(endings) > 1:
            listed = ", ".join(file.name for file in files)
            raise UnknownAddress(
                f"{self.name}://{entity}: files of several formats ({listed}); "
                "keep one format for one entity"
            )
        return files


def _instead(entity: str, found: Mapping[str, list[Path]]) -> str:
    """What to do about an entity of which there is no file."""
    if nearest(entity, found) is not None:
        return did_you_mean(entity, found)
    endings = ", ".join(f"{entity}{ending}" for ending in _READERS)
    there = f"; there are {', '.join(found)}" if found else "; there is no other either"
    return f"put the file there, as one of {endings}{there}"


def _locate(name: str, path: str, root: Path) -> Path:
    if not path.startswith(_PACKAGE):
        return Path(root, path).resolve()
    package, _, inner = path.removeprefix(_PACKAGE).partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise SourceUnavailable(
            f"service '{name}': the package '{package}' is not installed; "
            f"install it, or mend 'path' in mesh.yaml"
        )
    return (Path(next(iter(spec.submodule_search_locations))) / inner).resolve()
