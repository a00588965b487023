"""What cannot be loaded is shown: an asset that cannot be run, with the faults to mend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mesh_defs.faults import Fault
from mesh_defs.orchestration.names import PRODUCT, port_key, tag_value
from mesh_defs.product.load import FILE
from mesh_defs.urls import NAME
from mesh_defs.yaml_source import parse, read_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mesh_defs.product.model import BrokenProduct, Mesh

BROKEN = "broken"


def broken_specs(mesh: Mesh, product: BrokenProduct) -> list[dg.AssetSpec]:
    """One external asset per port that the broken product is known to have, else one for itself.

    The keys are those of the sound product where they can be read, so that its history and its
    consumers stay connected.
    """
    keys = [port_key(product.identity, port) for port in known_ports(product.folder)]
    return [
        broken_spec(
            key,
            f"mesh://{product.identity} is broken",
            product.faults,
            mesh.root,
            group=product.domain,
            metadata={PRODUCT: product.identity},
        )
        for key in keys or [dg.AssetKey(product.identity.split("/"))]
    ]


def broken_spec(
    key: dg.AssetKey,
    title: str,
    faults: Sequence[Fault],
    root: Path,
    *,
    group: str,
    metadata: dict[str, Any] | None = None,
) -> dg.AssetSpec:
    """An asset that shows ``faults`` and cannot be materialized."""
    text = "\n".join(f"- {fault}" for fault in faults)
    return dg.AssetSpec(
        key=key,
        description=f"**{title}**, so it cannot run. Readers keep its last published version.\n\n"
        f"{text}",
        group_name=tag_value(group).replace("-", "_").replace(".", "_") or None,
        kinds={BROKEN},
        tags={"status": BROKEN},
        metadata={
            **(metadata or {}),
            "faults": dg.MetadataValue.md(text),
            "dagster/code_references": dg.CodeReferencesMetadataValue(
                code_references=list(_references(faults, root))
            ),
        },
    )


def _references(faults: Iterable[Fault], root: Path) -> Iterator[dg.LocalFileCodeReference]:
    for file, line in dict.fromkeys((fault.file, max(fault.line, 1)) for fault in faults):
        yield dg.LocalFileCodeReference(file_path=str(root / file), line_number=line, label=file)


def known_ports(folder: Path) -> list[str]:
    """Names of the output ports that a broken manifest still lets one read; may be empty."""
    try:
        text = read_source(folder / FILE).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    documents, faults = parse(text, FILE)
    if faults or len(documents) != 1 or not isinstance(documents[0].data, dict):
        return []
    attributes = documents[0].data.get("attributes")
    outputs = attributes.get("outputs") if isinstance(attributes, dict) else None
    if outputs is None:
        return [folder.name] if isinstance(attributes, dict) else []
    return [n for n in outputs if isinstance(n, str) and NAME.match(n)] if outputs else []
