"""A run that publishes nothing: the new version is staged and judged, and nothing of it stays."""

from __future__ import annotations

import time
import uuid
from contextlib import closing
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mesh_defs.contract.data import Rows
from mesh_defs.policy.evaluate import declared_verdicts
from mesh_defs.product.ledger import InputRecord
from mesh_defs.product.resolve import (
    Resolved,
    check_unchanged,
    foreign_relations,
    resolve_inputs,
)
from mesh_defs.product.run import Run
from mesh_defs.product.stores import product_store
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.data import Unavailable
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.drivers.storage.protocol import ProductStore, TableFile
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.report import Observer


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a run would publish: each port's ``rows``, whose new files lie in the folder of the
    rehearsal, how many they are, and every verdict."""

    product: Product
    rows: Mapping[str, Rows]
    counts: Mapping[str, int]
    verdicts: tuple[Verdict, ...]
    seconds: float


def rehearse(
    mesh: Mesh,
    product: Product,
    folder: Path,
    *,
    upstream: Mapping[str, Rehearsed],
    rebuild: bool,
    observer: Observer,
) -> Rehearsed:
    """Run ``product`` up to the point where it would publish; new files go below ``folder``.

    Inputs that are in ``upstream``, by product, are read as they were rehearsed. No lock is held:
    published versions do not change. Expectations and policies that fail do not end it, so that
    consumers can be asked all the same. Raises what `mesh_defs.product.container.run_product` does.
    """
    started = time.perf_counter()
    place = folder / product.domain / product.name
    run = _Rehearsal(mesh, product, place, upstream, rebuild=rebuild, observer=observer)
    verdicts = run.rehearse()
    return Rehearsed(
        product,
        {name: plan.staged().whole for name, plan in run.plans.items()},
        {name: plan.rows for name, plan in run.plans.items()},
        verdicts,
        time.perf_counter() - started,
    )


class _Aside:
    """A product's storage whose new files are written elsewhere; all else is the storage's own."""

    def __init__(self, store: ProductStore, folder: Path) -> None:
        self._store = store
        self._folder = folder

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the storage has
        return getattr(self._store, name)

    def port_folder(self, port: str) -> Path:
        """Where new files are written."""
        return self._folder / port

    def table_files(self, port: str, version: int) -> list[TableFile]:
        """The published files, by absolute paths, which are found from any folder."""
        real = self._store.port_folder(port)
        files = self._store.table_files(port, version)
        return [replace(file, path=str(real / file.path)) for file in files]


class _Rehearsal(Run):
    def __init__(
        self,
        mesh: Mesh,
        product: Product,
        place: Path,
        upstream: Mapping[str, Rehearsed],
        *,
        rebuild: bool,
        observer: Observer,
    ) -> None:
        store = product_store(mesh.settings, product.domain, product.name)
        # What transforms keep between runs (dbt's parsed project) belongs to who holds the lock.
        aside = copy(mesh.settings)
        aside.state = place / "state"
        super().__init__(
            replace(mesh, settings=aside),
            product,
            cast("ProductStore", _Aside(store, place / "ports")),
            str(uuid.uuid4()),
            uuid.uuid4().hex,
            datetime.now(UTC),
            place / "work",
            observer,
            window=None,
            rebuild=rebuild,
        )
        self.upstream = upstream

    def rehearse(self) -> tuple[Verdict, ...]:
        """All steps but the last. Returns every verdict."""
        from mesh_defs.drivers.compute.duckdb import DuckDBCompute

        self.declared = declared_verdicts(self.mesh, self.product, self.now)
        self.inputs = self._resolve()
        self._step("resolved")
        relations = foreign_relations(self.mesh.settings, self.product, self.inputs)
        with closing(DuckDBCompute(self.scratch)) as session:
            self._open(session, {})
            self.expectations = self._expect(session)
            self._transform(session)
        check_unchanged(self.mesh.settings, self.product, self.inputs)
        with closing(DuckDBCompute(self.scratch)) as session:
            self._open(session, relations)
            found, _ = self._judge(session, relations)
        judged = (verdict for verdicts in found.values() for verdict in verdicts)
        return (*self.declared, *self.expectations, *judged)

    def _resolve(self) -> dict[str, Resolved]:
        """The inputs in their order: rehearsed ones as they are, the others as published."""
        staged = {
            port.name: found
            for port in self.product.inputs
            if (found := self._staged(port.name, port.source)) is not None
        }
        others = tuple(port for port in self.product.inputs if port.name not in staged)
        rest = replace(self.product, inputs=others)
        published = resolve_inputs(
            self.mesh.settings, rest, self.scratch / "inputs", private=self.private
        )
        return {port.name: {**published, **staged}[port.name] for port in self.product.inputs}

    def _staged(self, name: str, source: object) -> Resolved | None:
        if not isinstance(source, MeshUrl) or source.identity not in self.upstream:
            return None
        found = self.upstream[source.identity]
        if source.major not in (None, found.product.manifest.major):
            return None
        rows = found.rows.get(source.port or found.product.main_port)
        if rows is None:
            return None
        return Resolved(name, InputRecord(str(source)), rows, rows.files)

    def _readable(self, relations: Mapping[str, Rows | Unavailable]) -> list[str]:
        kept: list[str] = []
        if self.last is not None and not self.rebuild:
            for output in self.product.outputs:
                record = self.last.ports.get(output.name)
                if record is not None and output.mode != "snapshot":
                    files = self.store.table_files(output.name, record.table_version)
                    kept += [file.path for file in files]
        return [*super()._readable(relations), *kept]
