"""Step three of a run: each port's query becomes Parquet files that nothing refers to yet, and a
plan of how they become the next version under the port's mode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mesh_defs.contract.data import Rows, Staged
from mesh_defs.drivers.compute.protocol import QueryRefused
from mesh_defs.drivers.compute.row_groups import LARGE
from mesh_defs.drivers.registry import COMPUTES, load
from mesh_defs.errors import MeshError
from mesh_defs.product.evolution import SchemaChanged, check_same_columns, columns_of
from mesh_defs.sql import file_list, literal, quote, read_parquet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from mesh_defs.drivers.compute.duckdb import DuckDBCompute
    from mesh_defs.drivers.compute.protocol import Compute, StagedFile
    from mesh_defs.drivers.compute.row_groups import Reading
    from mesh_defs.drivers.storage.protocol import ProductStore, TableFile
    from mesh_defs.product.ledger import PortRecord
    from mesh_defs.product.model import OutputPort


_ENDLESS = frozenset({"nan", "inf", "infinity"})


_WITH_DAYS = ("DATE", "TIMESTAMP")


class UnfitPeriod(MeshError):
    """The column that tells the period of a row is of a type that no day bounds."""


@dataclass(frozen=True, slots=True)
class Window:
    """Whole periods of a partitioned port: from ``start`` (inclusive) to ``end`` (exclusive)."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Before:
    """The port's published version that the next one builds on."""

    record: PortRecord
    files: tuple[TableFile, ...]
    trusted: bool  # verified against the same contract, so its rows need no second look


@dataclass(frozen=True, slots=True)
class PortPlan:
    """What would become the port's next version.

    ``written`` are new files with rows of this run, ``rewritten`` new files with rows kept from
    replaced ones, ``kept`` and ``removed`` files of the version before. ``changed`` is False when
    there is nothing to publish for this port.
    """

    port: OutputPort
    written: tuple[StagedFile, ...]
    rewritten: tuple[StagedFile, ...]
    kept: tuple[TableFile, ...]
    removed: tuple[TableFile, ...]
    overwrite: bool
    trusted: bool
    changed: bool
    folder: Path
    cursor: str | None

    @property
    def staged_files(self) -> tuple[StagedFile, ...]:
        """All new files."""
        return (*self.written, *self.rewritten)

    @property
    def added_rows(self) -> int:
        """Rows that this run made."""
        return sum(f.rows for f in self.written)

    @property
    def rows(self) -> int:
        """Rows of the whole version."""
        return sum(f.rows for f in self.staged_files) + sum(f.rows for f in self.kept)

    @property
    def bytes(self) -> int:
        """Bytes of the whole version."""
        return sum(f.bytes for f in self.staged_files) + sum(f.bytes for f in self.kept)

    def staged(self) -> Staged:
        """The version as the contract's rules see it."""
        added = [file.path for file in self.written]
        old = [str(self.folder / f.path) for f in self.kept] + [f.path for f in self.rewritten]
        whole = Rows.parquet([*added, *old])
        if not old or not self.trusted:
            return Staged(whole, whole)
        if not added:
            return Staged(Rows(f"(SELECT * FROM {whole.sql} LIMIT 0)"), whole, whole)
        return Staged(Rows.parquet(added), whole, Rows.parquet(old))


class Stager:
    """Writes one attempt's files. Their names carry its token, so that a dead one's are known."""

    def __init__(
        self,
        session: DuckDBCompute,
        store: ProductStore,
        token: str,
        inputs: Mapping[str, Rows],
        scratch: Path,
    ) -> None:
        self.session = session
        self.store = store
        self.token = token
        self.inputs = inputs
        self.scratch = scratch
        self.count = 0

    def stage(
        self, port: OutputPort, query: str, before: Before | None, window: Window | None
    ) -> PortPlan:
        """Write the rows of ``query`` under the port's mode. Raises `duckdb.Error`,
        `mesh_defs.drivers.compute.duckdb.UnfitColumns`."""
        if before is None and port.mode != "partition":
            return self._replace_all(port, query)
        if port.mode == "append" and before is not None:
            return self._append(port, query, before)
        if port.mode == "upsert" and before is not None:
            return self._upsert(port, query, before)
        if port.mode == "partition":
            return self._partition(port, query, before, window)
        return self._replace_all(port, query)

    def _make(self, port: OutputPort, query: str) -> tuple[StagedFile, ...]:
        """Write the product's own rows, by the engine that the port names."""
        if port.compute == "duckdb":
            return self._write(port, query)
        unread = [name for name, rows in self.inputs.items() if not rows.files]
        if unread:
            raise QueryRefused(
                f"compute {port.compute} reads Parquet inputs only; {', '.join(unread)} "
                "comes from elsewhere: publish it as a product of its own, or use duckdb"
            )
        engine = cast(
            "Compute", load(COMPUTES, port.compute)(self.scratch / f"compute-{port.name}")
        )
        try:
            target, reading = self._target(port), self._reading(port)
            return tuple(engine.stage(query, self.inputs, target, reading))
        finally:
            engine.close()

    def _write(self, port: OutputPort, query: str) -> tuple[StagedFile, ...]:
        return tuple(self.session.stage(query, self._target(port), self._reading(port)))

    def _reading(self, port: OutputPort) -> Reading:
        """What the port's files are laid out for."""
        if port.reads is not None:
            return port.reads
        read = sum(_size(file) for rows in self.inputs.values() for file in rows.files)
        return "scans" if read >= LARGE else "lookups"

    def _folder(self, port: OutputPort) -> Path:
        return self.store.port_folder(port.name)

    def _target(self, port: OutputPort) -> Path:
        self.count += 1
        return self._folder(port) / f"{self.token}-{self.count:04d}"

    def _same_columns(self, port: OutputPort, written: Sequence[StagedFile], old: Before) -> None:
        """Raise `SchemaChanged` when the new rows do not fit those that stay."""
        if not old.files or not written:
            return
        old_file = str(self._folder(port) / old.files[0].path)
        check_same_columns(self.session.connection, port.mode, written[0].path, old_file)

    def _plan(
        self,
        port: OutputPort,
        written: Sequence[StagedFile],
        before: Before | None = None,
        *,
        rewritten: Sequence[StagedFile] = (),
        removed: Sequence[TableFile] = (),
        overwrite: bool = False,
        changed: bool = True,
    ) -> PortPlan:
        gone = {file.path for file in removed}
        kept = () if before is None else tuple(f for f in before.files if f.path not in gone)
        return PortPlan(
            port=port,
            written=tuple(written),
            rewritten=tuple(rewritten),
            kept=() if overwrite else kept,
            removed=tuple(removed),
            overwrite=overwrite,
            trusted=before is None or before.trusted,
            changed=changed,
            folder=self.store.port_folder(port.name),
            cursor=self._cursor(port, written, before),
        )

    def _replace_all(self, port: OutputPort, query: str) -> PortPlan:
        return self._plan(port, self._make(port, query), overwrite=True)

    def _append(self, port: OutputPort, query: str, before: Before) -> PortPlan:
        last = before.record.cursor
        if last is not None:
            query = self._past(port, query, before, last)
        written = self._make(port, query)
        if not any(file.rows for file in written):
            self._with_rows(written)
            return self._plan(port, (), before, changed=not before.trusted)
        self._same_columns(port, written, before)
        return self._plan(port, written, before, removed=_without_rows(before))

    def _past(self, port: OutputPort, query: str, before: Before, last: str) -> str:
        """The rows of ``query`` past the cursor. Those without one are kept, so that the contract's
        own rule refuses them in the open."""
        name = port.cursor or ""
        published = str(self._folder(port) / before.files[0].path)
        kind = columns_of(self.session.connection, published).get(name, "VARCHAR")
        now = self._kinds(query).get(name, "gone") if port.compute == "duckdb" else kind
        if now != kind:
            raise SchemaChanged(
                f"the cursor {name} was {kind} and is {now}: publish everything again with "
                "--rebuild, or bring it back"
            )
        cursor = quote(name)
        return (
            f"SELECT * FROM ({query}\n) "
            f"WHERE {cursor} > CAST({literal(last)} AS {kind}) OR {cursor} IS NULL"
        )

    def _kinds(self, query: str) -> dict[str, str]:
        """The columns of ``query`` with DuckDB's names of their types."""
        rows = self.session.connection.execute(f"DESCRIBE ({query}\n)").fetchall()
        return {str(row[0]): str(row[1]) for row in rows}

    def _check_period(self, port: OutputPort, query: str) -> None:
        """Raise `UnfitPeriod` unless the rows tell their period by a column that days bound."""
        if port.compute != "duckdb":
            return
        name = port.by or ""
        found = self._kinds(query).get(name)
        if found is not None and not found.startswith(_WITH_DAYS):
            raise UnfitPeriod(
                f"the column {name}, which tells the period, is {found} and not a DATE or a "
                f"TIMESTAMP (an input without rows tells no type): write {name}::DATE in the "
                "query, or run without --partition"
            )

    def _upsert(self, port: OutputPort, query: str, before: Before) -> PortPlan:
        written = self._make(port, query)
        key = ", ".join(quote(column) for column in port.key)
        new = f"(SELECT {key} FROM {read_parquet(file.path for file in written)})"
        return self._replace_rows(
            port,
            written,
            before,
            f"SEMI JOIN {new} USING ({key})",
            f"ANTI JOIN {new} USING ({key})",
        )

    def _partition(
        self, port: OutputPort, query: str, before: Before | None, window: Window | None
    ) -> PortPlan:
        if window is None:
            return self._replace_all(port, query)
        self._check_period(port, query)
        by = quote(port.by or "")
        inside = f"{by} >= DATE '{window.start}' AND {by} < DATE '{window.end}'"
        written = self._make(port, f"SELECT * FROM ({query}\n) WHERE ({inside}) OR {by} IS NULL")
        if before is None:
            return self._plan(port, written, overwrite=True)
        return self._replace_rows(port, written, before, f"WHERE {inside}", f"WHERE NOT ({inside})")

    def _replace_rows(
        self,
        port: OutputPort,
        written: Sequence[StagedFile],
        before: Before,
        replaced: str,
        remaining: str,
    ) -> PortPlan:
        """Files of ``before`` that hold a replaced row are rewritten without such rows. Nothing
        changes when nothing is replaced by nothing."""
        self._same_columns(port, written, before)
        touched = self._touched(port, before, replaced) if before.files else []
        if not touched and not any(file.rows for file in written):
            self._with_rows(written)
            return self._plan(port, (), before, changed=not before.trusted)
        rest = f"SELECT * FROM {read_parquet(self._paths(port, touched))} {remaining}"
        rewritten = self._with_rows(self._write(port, rest)) if touched else []
        removed = [*touched, *_without_rows(before)]
        if rewritten or len(before.files) > len(removed):
            written = self._with_rows(written)
        # Else it may be a version without any row, whose one file tells its columns.
        return self._plan(port, written, before, rewritten=rewritten, removed=removed)

    def _touched(self, port: OutputPort, before: Before, replaced: str) -> list[TableFile]:
        """The files of ``before`` that hold a replaced row."""
        paths = dict(zip(self._paths(port, before.files), before.files, strict=True))
        # The subquery matters: DuckDB 1.5.5 loses the file name's column in a direct semi join.
        # Its name is the attempt's, so that no column of the data can have it.
        name = f"file_{self.token}"
        old = (
            f"(SELECT * FROM read_parquet({file_list(paths)}, filename = {literal(name)}, "
            "hive_partitioning = false))"
        )
        found = self.session.connection.execute(f"SELECT DISTINCT {name} FROM {old} {replaced}")
        return [paths[row[0]] for row in found.fetchall()]

    def _paths(self, port: OutputPort, files: Sequence[TableFile]) -> list[str]:
        return [str(self._folder(port) / file.path) for file in files]

    def _with_rows(self, files: Sequence[StagedFile]) -> list[StagedFile]:
        """Those of ``files`` that hold any row; the others are deleted."""
        for file in files:
            if file.rows == 0:
                Path(file.path).unlink()
        return [file for file in files if file.rows > 0]

    def _cursor(
        self, port: OutputPort, written: Sequence[StagedFile], before: Before | None
    ) -> str | None:
        if port.cursor is None:
            return None
        last = before.record.cursor if before is not None else None
        if not any(file.rows for file in written):
            return last
        column = quote(port.cursor)
        found = self.session.connection.execute(
            f"SELECT max({column})::VARCHAR FROM {read_parquet(f.path for f in written)}"
        ).fetchone()
        value = found[0] if found is not None else None
        if value is not None and value.lstrip("-").lower() in _ENDLESS:
            raise MeshError(
                f"the cursor {port.cursor} has the value {value}, past which nothing would ever be "
                "appended again: leave such rows out"
            )
        return value if value is not None else last


def _without_rows(before: Before) -> list[TableFile]:
    """The file that tells the columns of a version without rows."""
    return [file for file in before.files if file.rows == 0]


def _size(file: str) -> int:
    """Bytes; 0 of a file that is gone, which the query that reads it tells."""
    try:
        return Path(file).stat().st_size
    except OSError:
        return 0
