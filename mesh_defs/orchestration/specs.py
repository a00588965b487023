"""What Dagster shows of a port before it ever ran: description, schema, owners, tags, code."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from mesh_defs.orchestration.conditions import condition_of
from mesh_defs.orchestration.names import (
    PORT,
    PORTAL,
    PRODUCT,
    STUB,
    entity_key,
    input_key,
    port_key,
    tag_value,
    upstream_key,
)
from mesh_defs.orchestration.partitions import partitions_of
from mesh_defs.portal_address import portal_address
from mesh_defs.product.load import FILE
from mesh_defs.product.manifest import ServiceInput

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.contract.model import Column, PortContract
    from mesh_defs.product.model import Mesh, OutputPort, Product

_TRANSFORM_KINDS = {"sql": "sql", "python": "python", "dbt": "dbt"}


def port_specs(mesh: Mesh, product: Product) -> list[dg.AssetSpec]:
    """One spec per port of ``product``, in the manifest's order."""
    return [_port_spec(mesh, product, output) for output in product.outputs]


def _port_spec(mesh: Mesh, product: Product, output: OutputPort) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=port_key(product.identity, output.name),
        deps=_deps(mesh, product),
        description=_description(product, output),
        metadata=_metadata(mesh, product, output),
        # A run that finds nothing new records no materialization.
        skippable=True,
        group_name=product.domain,
        code_version=product.digest,
        automation_condition=condition_of(mesh, product),
        owners=_owners(product.manifest.owner),
        tags=_tags(product, output),
        kinds={output.compute, _TRANSFORM_KINDS[product.transform.kind], "delta"},
        partitions_def=partitions_of(product),
        freshness_policy=_freshness(output.promise),
    )


def _deps(mesh: Mesh, product: Product) -> list[dg.AssetKey]:
    return list(dict.fromkeys(input_key(mesh, port) for port in product.inputs))


def _description(product: Product, output: OutputPort) -> str:
    parts = [product.manifest.purpose.strip()]
    if output.promise.description:
        parts.append(output.promise.description.strip())
    if product.manifest.limitations:
        parts.append(f"**Limitations**\n\n{product.manifest.limitations.strip()}")
    if product.manifest.usage:
        parts.append(f"**Usage**\n\n{product.manifest.usage.strip()}")
    return "\n\n".join(parts)


def _owners(owner: str) -> list[str] | None:
    # The manifest allows addresses that Dagster's own pattern does not, such as quoted local parts.
    try:
        dg.AssetSpec("owner", owners=[owner])
    except dg.DagsterInvalidDefinitionError:
        return None
    return [owner]


def _tags(product: Product, output: OutputPort) -> dict[str, str]:
    words = (tag_value(word) for word in product.manifest.tags)
    classes = {column.classification for column in output.promise.columns}
    personal = any(column.personal for column in output.promise.columns)
    return {
        **{word: "" for word in words if word},
        "domain": product.domain,
        "archetype": product.manifest.archetype,
        "status": product.manifest.status,
        "mode": output.mode,
        **({"classification": "personal"} if personal else {}),
        **({"classification": "confidential"} if classes == {"confidential"} else {}),
    }


def _metadata(mesh: Mesh, product: Product, output: OutputPort) -> dict[str, Any]:
    manifest, contract = product.manifest, output.contract
    metadata: dict[str, Any] = {
        "dagster/column_schema": table_schema(output.promise),
        "dagster/uri": str(product.url.with_port(output.name)),
        "dagster/code_references": _code(product, output),
        PRODUCT: product.identity,
        PORT: output.name,
        "version": manifest.version,
        "contract": f"{contract.id} {contract.version} (ODCS {contract.api_version})",
        "mode": _mode(output),
    }
    portal = portal_address(mesh.settings)
    if portal is not None:
        url = f"{portal}/{product.identity}/{output.name}"
        metadata[PORTAL] = dg.MetadataValue.url(url)
    if manifest.limitations:
        metadata["limitations"] = dg.MetadataValue.md(manifest.limitations)
    if manifest.usage:
        metadata["usage"] = dg.MetadataValue.md(manifest.usage)
    if manifest.tags:
        metadata["words"] = ", ".join(manifest.tags)
    if output.promise.texts:
        # Shown, never counted as executed.
        lines = [
            f"- {t.column}: {t.description}" if t.column else f"- {t.description}"
            for t in output.promise.texts
        ]
        metadata["rules for people"] = dg.MetadataValue.md("\n".join(lines))
    return metadata | _links(output)


def _links(output: OutputPort) -> dict[str, dg.MetadataValue[Any]]:
    """The contract's authoritative definitions, those that are web addresses."""
    definitions = getattr(output.contract.document, "authoritativeDefinitions", None) or []
    return {
        f"link: {item.type or item.url}": dg.MetadataValue.url(item.url)
        for item in definitions
        if item.url and item.url.startswith(("https://", "http://"))
    }


def _mode(output: OutputPort) -> str:
    details = {
        "append": f" by {output.cursor}",
        "upsert": f" by {', '.join(output.key)}",
        "partition": f" by {output.by}, every {output.every} from {output.start}",
    }
    return output.mode + details.get(output.mode, "")


def _code(product: Product, output: OutputPort) -> dg.CodeReferencesMetadataValue:
    files: list[tuple[Path, int, str]] = [
        (product.folder / FILE, product.line, "manifest"),
        (output.contract.path, 1, "contract"),
        *((file, 1, file.name) for file in product.transform.files[:8]),
    ]
    return dg.CodeReferencesMetadataValue(
        code_references=[
            dg.LocalFileCodeReference(file_path=str(file), line_number=line, label=label)
            for file, line, label in files
        ]
    )


def table_schema(promise: PortContract) -> dg.TableSchema:
    """The columns of a contract as Dagster shows them, with what each promises."""
    key = promise.primary_key
    constraints = [f"primary key: {', '.join(key)}"] if key else []
    return dg.TableSchema(
        columns=[_column(column) for column in promise.columns],
        constraints=dg.TableConstraints(other=constraints),
    )


def _column(column: Column) -> dg.TableColumn:
    described = [text for text in (column.business_name, column.description) if text]
    keyed = column.primary_key_position is not None
    return dg.TableColumn(
        name=column.name,
        type=column.physical_type or column.logical_type or "unknown",
        description=": ".join(described) or None,
        constraints=dg.TableColumnConstraints(
            nullable=not (column.required or keyed),
            unique=column.unique,
            other=["primary key"] if keyed else [],
        ),
        tags={"classification": tag_value(column.classification)},
    )


def _freshness(promise: PortContract) -> dg.FreshnessPolicy | None:
    seconds = promise.service_levels.freshness_seconds
    if not seconds:
        return None
    # Dagster looks at freshness once a minute and refuses shorter windows.
    return dg.FreshnessPolicy.time_window(timedelta(seconds=max(seconds, 60.0)))


def input_stub(mesh: Mesh, product: Product, name: str) -> dg.AssetSpec:
    """An external asset for the input ``name`` of ``product`` that another code location, or an
    operational system, makes: with its partitions, else partition mappings are lost between
    locations."""
    source = next(port.source for port in product.inputs if port.name == name)
    if isinstance(source, ServiceInput):
        driver = str(mesh.settings.services.get(source.service, {}).get("driver", "service"))
        return dg.AssetSpec(
            key=entity_key(source),
            description=f"'{source.entity}' of the operational service '{source.service}'.",
            kinds={driver.lower()},
            group_name=source.service,
            metadata={STUB: True, "dagster/uri": str(source)},
        )
    upstream = mesh.products.get(source.identity)
    key = upstream_key(mesh, source)
    return dg.AssetSpec(
        key=key,
        description=upstream.manifest.purpose if upstream else "This product is broken.",
        group_name=source.domain,
        partitions_def=partitions_of(upstream) if upstream else None,
        metadata={
            STUB: True,
            "dagster/uri": str(source.with_port(key.path[-1])),
        },
    )
