"""What a run would publish, as plain data: the next ledger record and one commit per port."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mesh_defs.drivers.compute.protocol import StagedFile
from mesh_defs.drivers.storage.protocol import Commit
from mesh_defs.policy.compatibility.model import ENDING
from mesh_defs.product.ledger import PortRecord, Record
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import duckdb

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.drivers.storage.protocol import ProductStore, TableFile
    from mesh_defs.product.ledger import InputRecord
    from mesh_defs.product.model import Product
    from mesh_defs.product.staging import PortPlan


@dataclass(frozen=True, slots=True)
class Versioner:
    """Makes the next version of ``product`` after ``last`` (None: the first one), numbered
    ``version``, in ``environment``.

    ``rebuild`` trusts what the tables say instead of what the ledger says.
    """

    product: Product
    store: ProductStore
    run_id: str
    inputs: Mapping[str, InputRecord]
    last: Record | None
    version: int
    rebuild: bool
    environment: str

    def next(
        self,
        plans: Mapping[str, PortPlan],
        verdicts: Mapping[str, tuple[Verdict, ...]],
        expectations: tuple[Verdict, ...],
        seconds: Mapping[str, float],
        lineage: Mapping[str, Any],
        profiles: Mapping[str, Mapping[str, Any]],
        turned_out: Collection[str],
        connection: duckdb.DuckDBPyConnection,
    ) -> tuple[Record, dict[str, Commit]]:
        """The record and the commits. A port without a change has no commit and keeps its table's
        version; ``turned_out`` are ports with personal data that their contract does not tell."""
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        ports: dict[str, PortRecord] = {}
        commits: dict[str, Commit] = {}
        for name, plan in plans.items():
            table = self._table_version(name)
            if plan.changed and (plan.staged_files or plan.removed):
                table += 1
                bounds = not (plan.port.promise.personal_columns or name in turned_out)
                commits[name] = self._commit(plan, table, at, bounds=bounds)
            actual = _actual_time(connection, plan)
            profile = profiles.get(name, {})
            ports[name] = _port_record(plan, table, verdicts[name], actual, profile)
        record = Record(
            version=self.version,
            run_id=self.run_id,
            published_at=at,
            product_version=self.product.manifest.version,
            digest=self.product.digest,
            inputs=dict(self.inputs),
            ports=ports,
            expectations=expectations,
            seconds=dict(seconds),
            lineage=lineage,
            environment=self.environment,
            status=self.product.manifest.status,
        )
        return record, commits

    def _table_version(self, port: str) -> int:
        """The version of the port's table that the ledger knows, or what is there without one."""
        if self.last is not None and port in self.last.ports and not self.rebuild:
            return self.last.ports[port].table_version
        found = self.store.table_version(port)
        return -1 if found is None else found

    def _commit(self, plan: PortPlan, table_version: int, at: str, *, bounds: bool) -> Commit:
        schema, adds = self._prepare(plan, bounds=bounds)
        contract = plan.port.contract
        read = {
            name: record.version if record.version is not None else record.fingerprint
            for name, record in self.inputs.items()
        }
        return Commit(
            version=table_version,
            schema=schema,
            adds=tuple(adds),
            removes=plan.removed,
            overwrite=plan.overwrite,
            info={
                "run_id": self.run_id,
                "product": str(self.product.url),
                "product_version": self.product.manifest.version,
                "version": self.version,
                "published_at": at,
                "inputs": read,
                "contract": {
                    "id": contract.id,
                    "version": contract.version,
                    "digest": contract.digest,
                },
            },
        )

    def _prepare(self, plan: PortPlan, *, bounds: bool) -> tuple[str, list[TableFile]]:
        """The table's schema and the files to add. When rows were only taken away, a file that
        stays tells the schema."""
        if plan.staged_files:
            return self.store.prepare(plan.port.name, plan.staged_files, bounds=bounds)
        stays = plan.kept[0]
        file = StagedFile(str(plan.folder / stays.path), stays.rows, stays.bytes)
        return self.store.prepare(plan.port.name, [file])[0], []


def announces(product: Product, last: Record | None) -> bool:
    """Whether the manifest tells for the first time that the product goes, which is worth a version
    of its own: who reads what is published has to learn it, and ``mesh plan`` asks for it before
    the product is removed."""
    status = product.manifest.status
    return last is not None and status in ENDING and status != last.status


def _port_record(
    plan: PortPlan,
    table_version: int,
    verdicts: tuple[Verdict, ...],
    actual: tuple[str | None, str | None],
    profile: Mapping[str, Any],
) -> PortRecord:
    contract = plan.port.contract
    return PortRecord(
        table_version=table_version,
        rows=plan.rows,
        added_rows=plan.added_rows,
        bytes=plan.bytes,
        files=len(plan.staged_files) + len(plan.kept),
        contract_id=contract.id,
        contract_version=contract.version,
        contract_digest=contract.digest,
        verdicts=verdicts,
        cursor=plan.cursor,
        actual_from=actual[0],
        actual_to=actual[1],
        changed=plan.changed,
        continues=plan.port.continues,
        profile=profile,
    )


def _actual_time(
    connection: duckdb.DuckDBPyConnection, plan: PortPlan
) -> tuple[str | None, str | None]:
    """First and last value of the column that tells the data's own time; Parquet's statistics
    answer it without a scan."""
    column = plan.port.actual_time or plan.port.cursor or plan.port.by
    declared = plan.port.promise.column(column) if column else None
    if column is None or declared is None or declared.logical_type not in ("date", "timestamp"):
        return None, None
    name = quote(column)
    row = connection.execute(
        f"SELECT min({name})::VARCHAR, max({name})::VARCHAR FROM {plan.staged().whole.sql}"
    ).fetchone()
    return (row[0], row[1]) if row else (None, None)
