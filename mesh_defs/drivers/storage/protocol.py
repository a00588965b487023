"""What a storage driver is: one place per product, with atomic small objects and Delta tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from mesh_defs.stored import fitting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mesh_defs.drivers.compute.protocol import StagedFile


@dataclass(frozen=True, slots=True)
class TableFile:
    """A Parquet file of a table: ``path`` relative to the table, statistics as Delta's JSON."""

    path: str
    rows: int
    bytes: int
    statistics: str

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TableFile:
        """Of JSON values. Raises ValueError for one of another type, and for a path that leaves the
        table; TypeError for one that is missing."""
        file = cls(**fitting(cls, values))
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"'path' is '{file.path}', which is not inside the table")
        return file


@dataclass(frozen=True, slots=True)
class Commit:
    """What makes one version of a port's table. It is plain data, so that an interrupted publish
    can be repeated from its record: ``version`` is the number that the commit must become,
    ``schema`` Delta's schema JSON, ``overwrite`` replaces all files, ``removes`` some."""

    version: int
    schema: str
    adds: tuple[TableFile, ...]
    removes: tuple[TableFile, ...]
    overwrite: bool
    info: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The commit as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Commit:
        """The inverse of `as_dict`. Raises ValueError for a value of another type, KeyError and
        TypeError for one that is missing."""
        fitting(cls, values)
        return cls(
            version=values["version"],
            schema=values["schema"],
            adds=tuple(TableFile.from_dict(file) for file in values["adds"]),
            removes=tuple(TableFile.from_dict(file) for file in values["removes"]),
            overwrite=values["overwrite"],
            info=values["info"],
        )


class ProductStore(Protocol):
    """One product's storage. Names are relative paths with ``/``.

    Whatever writes raises `mesh_defs.errors.StorageFailed` when it cannot be written.
    """

    def lock(self, wait_seconds: float) -> AbstractContextManager[None]:
        """Hold the product's lock, which the operating system frees when the process dies. Raises
        `mesh_defs.errors.Busy` when another run holds it longer than ``wait_seconds``."""
        ...

    def locked(self) -> bool:
        """Whether anybody holds the product's lock now. It is asked without waiting, and keeps
        nobody from asking the same; a lock that cannot be looked at counts as held."""
        ...

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """Create ``name`` with ``content``, whole or not at all; False when it exists already."""
        ...

    def replace(self, name: str, content: bytes) -> None:
        """Create or replace ``name`` atomically."""
        ...

    def read(self, name: str) -> bytes | None:
        """The content of ``name``, or None."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names of the objects directly in ``folder``, sorted, without the folder."""
        ...

    def remove(self, name: str) -> None:
        """Remove ``name``; fine when it is gone."""
        ...

    def location(self, name: str) -> str:
        """Where a person finds ``name``."""
        ...

    def sweep(self, folders: Iterable[str]) -> None:
        """Remove what writers that died in the middle left directly in ``folders``. The caller
        holds the lock."""
        ...

    def port_folder(self, port: str) -> Path:
        """Where the port's Parquet files are written in place."""
        ...

    def table_version(self, port: str) -> int | None:
        """The newest version of the port's table; None when there is no table."""
        ...

    def table_files(self, port: str, version: int) -> list[TableFile]:
        """The files of one version of the port's table."""
        ...

    def table_statistics(self, port: str, version: int) -> Mapping[str, str]:
        """Statistics (Delta's JSON) of the files of one version of the port's table, by path as in
        `table_files`."""
        ...

    def table_foreign(self, port: str, version: int, files: Sequence[str]) -> list[str]:
        """What one version of the port's table says to readers that publishing ``files``, which are
        that version's (paths as in `table_files`), never says: another schema than they have,
        columns by other names, rows that are left out. In words that follow the table's name."""
        ...

    def expect(self, port: str, version: int) -> None:
        """Raise `mesh_defs.errors.PublishConflict` unless the port's table is at ``version`` (-1:
        there is no table yet)."""
        ...

    def prepare(
        self, port: str, files: Sequence[StagedFile], *, bounds: bool = True
    ) -> tuple[str, list[TableFile]]:
        """Schema JSON and table files for staged ``files`` (at least one, all of one schema).
        Without ``bounds`` no statistics tell the least and the greatest value of a column."""
        ...

    def commit(self, port: str, commit: Commit) -> None:
        """Make the next version. Doing it again is fine when it was this very commit; raises
        `mesh_defs.errors.PublishConflict` when the version was taken by another."""
        ...

    def quarantine(self, run_id: str, port: str, files: Sequence[str]) -> Path:
        """Move staged ``files`` out of the port's folder; where they are now."""
        ...
