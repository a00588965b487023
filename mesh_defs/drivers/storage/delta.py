"""Delta tables on a local file system: the table's own log points to its versions."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_defs.drivers.storage.delta_statistics import statistics_json
from mesh_defs.drivers.storage.objects import LocalObjects
from mesh_defs.drivers.storage.protocol import TableFile
from mesh_defs.errors import MeshError, PublishConflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_defs.drivers.compute.protocol import StagedFile
    from mesh_defs.drivers.source.protocol import Value
    from mesh_defs.drivers.storage.protocol import Commit

_PORTS = "ports"
_QUARANTINE = "quarantine"
_INFO = "mesh"


class DeltaStorage:
    """Settings: ``path``, relative to the mesh's root. A product lies in ``<domain>/<product>``."""

    def __init__(self, settings: Mapping[str, Value], root: Path) -> None:
        path = settings.get("path")
        if not isinstance(path, str):
            raise MeshError(
                "'storage' in mesh.yaml needs 'path:' with the folder of published data"
            )
        self.root = Path(root, path).resolve()

    def product(self, domain: str, product: str) -> DeltaProductStore:
        """The store of one product; nothing is created by asking."""
        return DeltaProductStore(self.root / domain / product)


class DeltaProductStore(LocalObjects):
    """One product's objects and tables (`mesh_defs.drivers.storage.protocol.ProductStore`)."""

    def port_folder(self, port: str) -> Path:
        """``ports/<port>``, a Delta table's folder."""
        return self.root / _PORTS / port

    def table_version(self, port: str) -> int | None:
        """The newest version in the log; None when there is no log."""
        from deltalake import DeltaTable

        folder = self.port_folder(port)
        if not (folder / "_delta_log").is_dir() or not DeltaTable.is_deltatable(str(folder)):
            return None
        return int(DeltaTable(str(folder)).version())

    def table_files(self, port: str, version: int) -> list[TableFile]:
        """The files of one version, in the order of the log."""
        from deltalake import DeltaTable

        table = DeltaTable(str(self.port_folder(port)), version=version)
        actions = table.get_add_actions(flatten=False)
        rows = _dicts(actions)
        return [
            TableFile(row["path"], int(row["num_records"] or 0), int(row["size_bytes"]), "")
            for row in rows
        ]

    def prepare(self, port: str, files: Sequence[StagedFile]) -> tuple[str, list[TableFile]]:
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
                statistics_json(file, arrow),
            )
            for file in files
        ]

    def commit(self, port: str, commit: Commit) -> None:
        """One transaction of the Delta log, which refuses a version that exists."""
        from deltalake import DeltaTable, Schema
        from deltalake.exceptions import CommitFailedError, DeltaError
        from deltalake.transaction import (
            AddAction,
            CommitProperties,
            PostCommitHookProperties,
            RemoveAction,
            create_table_with_add_actions,
        )

        folder = self.port_folder(port)
        current = self.table_version(port)
        if current is not None and current >= commit.version:
            self._same(port, commit, current)
            return
        if (current if current is not None else -1) != commit.version - 1:
            raise PublishConflict(self._foreign(port, current, commit))
        now = int(time.time() * 1000)
        adds = [AddAction(f.path, f.bytes, {}, now, True, f.statistics) for f in commit.adds]
        properties = CommitProperties(
            custom_metadata={_INFO: dict(commit.info)}, max_commit_retries=0
        )
        # Old versions stay readable: the log is never cut behind the owner's back.
        hooks = PostCommitHookProperties(cleanup_expired_logs=False)
        schema = Schema.from_json(commit.schema)
        try:
            if current is None:
                create_table_with_add_actions(
                    str(folder),
                    schema,
                    adds,
                    commit_properties=properties,
                    post_commithook_properties=hooks,
                )
                return
            removes = [RemoveAction(f.path, True, now, f.bytes) for f in commit.removes]
            DeltaTable(str(folder)).create_write_transaction(
                [*removes, *adds],
                "overwrite" if commit.overwrite else "append",
                schema,
                commit_properties=properties,
                post_commithook_properties=hooks,
            )
        except (CommitFailedError, DeltaError) as error:
            newest = self.table_version(port)
            if newest is not None and newest >= commit.version:
                self._same(port, commit, newest)
                return
            raise PublishConflict(f"{folder}: the commit was refused: {error}") from error

    def quarantine(self, run_id: str, port: str, files: Sequence[str]) -> Path:
        """Rename the files into ``quarantine/<run>/<port>``."""
        target = self.root / _QUARANTINE / run_id / port
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            Path(file).replace(target / Path(file).name)
        return target

    def _same(self, port: str, commit: Commit, current: int) -> None:
        """Fine when version ``commit.version`` is this very commit; else somebody else's."""
        from deltalake import DeltaTable

        history = DeltaTable(str(self.port_folder(port))).history()
        for entry in history:
            if entry.get("version") == commit.version:
                info = entry.get(_INFO)
                if isinstance(info, dict) and info.get("run_id") == commit.info.get("run_id"):
                    return
        raise PublishConflict(self._foreign(port, current, commit))

    def _foreign(self, port: str, current: int | None, commit: Commit) -> str:
        return (
            f"the table {self.port_folder(port)} is at version {current}, not at "
            f"{commit.version - 1} as this product's ledger says: somebody wrote to it from "
            "outside; run the product with --rebuild to publish from its own sources again"
        )


def _dicts(actions: object) -> list[dict[str, Any]]:
    import pyarrow as pa

    rows: list[dict[str, Any]] = pa.table(actions).to_pylist()
    return rows
