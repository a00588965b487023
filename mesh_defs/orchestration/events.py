"""A published version as Dagster records it: its materializations, from a run or after the fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from mesh_defs.orchestration.checks import expectation_results, promise_results
from mesh_defs.orchestration.names import PORTAL, PRODUCT, RUN, VERSION, port_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mesh_defs.product.ledger import PortRecord, Record
    from mesh_defs.product.model import Product


def materialize_results(
    product: Product, record: Record, portal: str | None = None
) -> Iterator[dg.MaterializeResult[None]]:
    """One result per port of the version that a run just published; ``portal`` is the address of
    the pages that show it."""
    for name, port in record.ports.items():
        yield dg.MaterializeResult(
            asset_key=port_key(product.identity, name),
            metadata=version_metadata(record, name, port) | _page(product, record, name, portal),
            data_version=dg.DataVersion(data_version(record)),
            tags=version_tags(product, record),
        )


def materializations(
    product: Product, record: Record, portal: str | None = None
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """What Dagster should have heard of a version that was published without it. Checks come after
    the version: without a run, Dagster takes earlier ones for checks of the version before.
    ``portal`` as for `materialize_results`."""
    for name, port in record.ports.items():
        yield dg.AssetMaterialization(
            asset_key=port_key(product.identity, name),
            metadata=version_metadata(record, name, port) | _page(product, record, name, portal),
            tags={"dagster/data_version": data_version(record), **version_tags(product, record)},
            description="Published outside of Dagster.",
        )
    for result in expectation_results(product, record.expectations, portal):
        yield _evaluation(result)
    for name, port in record.ports.items():
        for result in promise_results(port_key(product.identity, name), port.verdicts, portal):
            yield _evaluation(result)


def _page(
    product: Product, record: Record, port: str, portal: str | None
) -> dict[str, dg.MetadataValue[Any]]:
    """The page that shows a version of a port; nothing where nobody knows where pages are."""
    if portal is None:
        return {}
    url = f"{portal}/{product.identity}/{port}?version={record.version}"
    return {PORTAL: dg.MetadataValue.url(url)}


def _evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    if result.asset_key is None or result.check_name is None:
        raise TypeError("a check's result without its check")
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        severity=result.severity,
        description=result.description,
        metadata=dict(result.metadata),
        blocking=result.severity is dg.AssetCheckSeverity.ERROR,
    )


def data_version(record: Record) -> str:
    """What Dagster compares to see whether a consumer read the newest version."""
    return f"{record.digest[:8]}-{record.version}"


def version_tags(product: Product, record: Record) -> dict[str, str]:
    """Tags that say which of the product's versions a materialization is."""
    return {
        PRODUCT: f"{product.domain}.{product.name}",
        VERSION: str(record.version),
        RUN: record.run_id,
    }


def version_metadata(record: Record, name: str, port: PortRecord) -> dict[str, Any]:
    """What was published: rows, bytes, version, times, what was read, seconds of every step."""
    metadata: dict[str, Any] = {
        "dagster/row_count": port.rows,
        "rows added": port.added_rows,
        "bytes": port.bytes,
        "files": port.files,
        "version": record.version,
        "interface": record.product_version,
        "contract": f"{port.contract_id} {port.contract_version}",
        "published at": record.published_at,
        "read": dg.MetadataValue.json(
            {
                read.source: read.fingerprint if read.version is None else read.version
                for read in record.inputs.values()
            }
        ),
        "seconds": dg.MetadataValue.json(dict(record.seconds)),
        "verdicts": ", ".join(f"{count} {outcome}" for outcome, count in record.tally.items()),
    }
    if port.actual_from is not None or port.actual_to is not None:
        metadata["actual time"] = f"{port.actual_from or ''} to {port.actual_to or ''}"
    return metadata | lineage_metadata(record.lineage, name)


def lineage_metadata(lineage: Mapping[str, Any], port: str) -> dict[str, Any]:
    """What a record's lineage (`mesh_defs.product.lineage`) says of one port; may be nothing."""
    metadata: dict[str, Any] = {}
    columns = lineage.get("ports", {}).get(port)
    if columns:
        metadata["dagster/column_lineage"] = column_lineage(columns)
    unknown = lineage.get("unknown", {}).get(port)
    if unknown:
        metadata["lineage not known"] = dg.MetadataValue.json(unknown)
    if columns and lineage.get("assumed"):
        metadata["lineage"] = "by column names: what Python does cannot be read"
    return metadata


def column_lineage(columns: Mapping[str, Sequence[Sequence[str]]]) -> dg.TableColumnLineage:
    """``{column: [[asset path, column], ...]}`` as Dagster's lineage."""
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(asset_key=dg.AssetKey(path.split("/")), column_name=name)
                for path, name in sources
            ]
            for column, sources in columns.items()
        }
    )


def seen_version(tags: Mapping[str, str] | None) -> int | None:
    """The product's version of a recorded materialization; None when it says nothing of one."""
    text = (tags or {}).get(VERSION, "")
    return int(text) if text.isdecimal() else None
