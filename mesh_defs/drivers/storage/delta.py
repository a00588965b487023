"""Delta tables on a local file system: the table's own log points to its versions."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.drivers.registry import DELTA_CANNOT
from mesh_defs.drivers.storage.delta_form import CHECKPOINTS, foreign, needs_more
from mesh_defs.drivers.storage.delta_statistics import statistics_json, told_json
from mesh_defs.drivers.storage.objects import LocalObjects, said, storing
from mesh_defs.drivers.storage.protocol import TableFile
from mesh_defs.errors import CorruptRecord, MeshError, PublishConflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deltalake import DeltaTable

    from mesh_defs.drivers.compute.protocol import StagedFile
    from mesh_defs.drivers.source.protocol import Value
    from mesh_defs.drivers.storage.protocol import Commit

_LEDGER = "ledger"
_PORTS = "ports"
_QUARANTINE = "quarantine"
_INFO = "mesh"
_LOG = "_delta_log"
_LOG_ENTRY = re.compile(r"(\d{20})\.(?:json|checkpoint\.(?:.*\.)?parquet)")
_CHECKPOINT_INTERVAL = 20


class DeltaStorage:
    """Settings: ``path``, relative to the mesh's root. A product lies in ``<domain>/<product>``."""

    def __init__(self, settings: Mapping[str, Value], root: Path) -> None:
        path = settings.get("path")
        if not isinstance(path, str):
            raise MeshError(
                "'storage' in mesh.yaml needs 'path:' with the folder of published data"
            )
        self.root = Path(root, path).resolve()
        if DELTA_CANNOT.search(str(self.root)):
            raise MeshError(
                f"the storage's folder '{self.root}' has a path that Delta's library cannot read "
                "back; allowed: a path without '%' before two hex digits and without '\\'"
            )

    def product(self, domain: str, product: str) -> DeltaProductStore:
        """The store of one product; nothing is created by asking."""
        return DeltaProductStore(self.root / domain / product)

    def products(self) -> list[tuple[str, str]]:
        """Domain and name of every product that keeps a ledger here, sorted."""
        root = str(self.root)
        return [
            (domain, product)
            for domain in _folders(root)
            for product in _folders(f"{root}/{domain}")
            if os.path.isdir(f"{root}/{domain}/{product}/{_LEDGER}")  # noqa: PTH112
        ]


def _folders(parent: str) -> list[str]:
    """The names of the folders in ``parent``, sorted. This is asked for all products at once: what
    pathlib makes of each name takes longer than the rest."""
    try:
        with os.scandir(parent) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


class DeltaProductStore(LocalObjects):
    """One product's objects and tables (`mesh_defs.drivers.storage.protocol.ProductStore`)."""

    def port_folder(self, port: str) -> Path:
        """``ports/<port>``, a Delta table's folder."""
        return self.root / _PORTS / port

    def table_version(self, port: str) -> int | None:
        """The newest version in the log; None when there is no log."""
        # The log's names say it (Delta protocol, "Delta Log Entries"); opening the table reads the
        # log back to its last checkpoint.
        found = (_LOG_ENTRY.fullmatch(name) for name in self.names(f"{_PORTS}/{port}/{_LOG}"))
        return max((int(entry[1]) for entry in found if entry is not None), default=None)

    def table_files(self, port: str, version: int) -> list[TableFile]:
        """The files of one version, in the order of the log. Raises `CorruptRecord`."""
        actions = self._open(port, version).get_add_actions(flatten=False)
        # Column by column, because anything that makes an Arrow table of it imports pandas.
        names = ("path", "num_records", "size_bytes")
        columns = (actions.column(name).to_pylist() for name in names)
        return [
            TableFile(path, int(rows or 0), int(size), "")
            for path, rows, size in zip(*columns, strict=True)
        ]

    def table_statistics(self, port: str, version: int) -> dict[str, str]:
        """What the log says of each file. Raises `CorruptRecord`."""
        actions = self._open(port, version).get_add_actions(flatten=False)
        names = ("path", "num_records", "null_count", "min", "max")
        known = set(actions.schema.names)
        columns = (
            actions.column(name).to_pylist() if name in known else [None] * actions.num_rows
            for name in names
        )
        return {path: told_json(*found) for path, *found in zip(*columns, strict=True)}

    def table_foreign(self, port: str, version: int, files: Sequence[str]) -> list[str]:
        """What the log says besides its files. Raises `CorruptRecord`."""
        folder = self.port_folder(port)
        return list(foreign(self._open(port, version), [folder / file for file in files]))

    def expect(self, port: str, version: int) -> None:
        """Compare with the newest version in the log."""
        current = self.table_version(port)
        if (-1 if current is None else current) != version:
            raise PublishConflict(self._foreign(port, current, version))

    def prepare(
        self, port: str, files: Sequence[StagedFile], *, bounds: bool = True
    ) -> tuple[str, list[TableFile]]:
        """Read the schema from the first file's footer; statistics are those of the writer."""
        import pyarrow.parquet as pq
        from deltalake import Schema

        arrow = pq.read_schema(files[0].path)
        folder = self.port_folder(port)
        return Schema.from_arrow(arrow).to_json(), [
            TableFile(
                str(Path(file.path).relative_to(folder)),
                file.rows,
                file.bytes,
                statistics_json(file, arrow, bounds=bounds),
            )
            for file in files
        ]

    def commit(self, port: str, commit: Commit) -> None:
        """One transaction of the Delta log, which refuses a version that exists."""
        from deltalake.exceptions import DeltaError

        current = self.table_version(port)
        if current is not None and current >= commit.version:
            self._same(port, commit, current)
            return
        self.expect(port, commit.version - 1)
        folder = self.port_folder(port)
        try:
            with storing(folder / _LOG):
                self._write(port, commit)
        except DeltaError as error:
            newest = self.table_version(port)
            if newest is not None and newest >= commit.version:
                self._same(port, commit, newest)
                return
            raise PublishConflict(f"{folder}: the commit was refused: {said(error)}") from error

    def _write(self, port: str, commit: Commit) -> None:
        from deltalake import Schema
        from deltalake.transaction import (
            AddAction,
            CommitProperties,
            PostCommitHookProperties,
            RemoveAction,
            create_table_with_add_actions,
        )

        now = int(time.time() * 1000)
        adds = [AddAction(f.path, f.bytes, {}, now, True, f.statistics) for f in commit.adds]
        properties = CommitProperties(
            custom_metadata={_INFO: dict(commit.info)}, max_commit_retries=0
        )
        # Old versions stay readable: the log is never cut behind the owner's back.
        hooks = PostCommitHookProperties(cleanup_expired_logs=False)
        try:
            schema = Schema.from_json(commit.schema)
        except ValueError as error:
            raise CorruptRecord(
                f"what was decided to be published in {self.port_folder(port)} has no schema "
                f"({error}). Fix: run the product with --rebuild to give it up and publish from "
                "its own sources again"
            ) from error
        before = self._open(port, commit.version - 1) if commit.version else None
        if before is None or (commit.overwrite and needs_more(before, commit.schema)):
            # It removes what was there before, as a commit that overwrites does.
            create_table_with_add_actions(
                str(self.port_folder(port)),
                schema,
                adds,
                mode="error" if before is None else "overwrite",
                configuration={CHECKPOINTS: str(_CHECKPOINT_INTERVAL)},
                commit_properties=properties,
                post_commithook_properties=hooks,
            )
            return
        removes = [RemoveAction(f.path, True, now, f.bytes) for f in commit.removes]
        before.create_write_transaction(
            [*removes, *adds],
            "overwrite" if commit.overwrite else "append",
            schema,
            commit_properties=properties,
            post_commithook_properties=hooks,
        )

    def quarantine(self, run_id: str, port: str, files: Sequence[str]) -> Path:
        """Rename the files into ``quarantine/<run>/<port>``."""
        target = self.root / _QUARANTINE / run_id / port
        with storing(target):
            target.mkdir(parents=True, exist_ok=True)
            for file in files:
                Path(file).replace(target / Path(file).name)
        return target

    def _open(self, port: str, version: int) -> DeltaTable:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        folder = self.port_folder(port)
        try:
            return DeltaTable(str(folder), version=version)
        except (DeltaError, OSError, ValueError) as error:
            raise CorruptRecord(
                f"{folder / _LOG} cannot be read back to version {version}: {said(error)}. "
                f"Fix: restore {folder} from a backup; without one, move {self.root} away and run "
                "the product: its versions then begin anew"
            ) from error

    def _same(self, port: str, commit: Commit, current: int) -> None:
        """Fine when version ``commit.version`` is this very commit; else somebody else's."""
        history = self._open(port, current).history(current - commit.version + 1)
        for entry in history:
            if entry.get("version") == commit.version:
                info = entry.get(_INFO)
                if isinstance(info, dict) and _maker(info) == _maker(commit.info):
                    return
        raise PublishConflict(self._foreign(port, current, commit.version - 1))

    def _foreign(self, port: str, current: int | None, expected: int) -> str:
        found = "there is no" if current is None else f"version {current} of the"
        return (
            f"the table {self.port_folder(port)} is not at version {expected}, as this product's "
            f"ledger says ({found} table): somebody wrote to it from outside; run the product with "
            "--rebuild to publish from its own sources again"
        )


def _maker(info: Mapping[str, object]) -> tuple[object, object]:
    """Which attempt made a commit; a run's id alone may be used again."""
    return info.get("run_id"), info.get("published_at")
