"""The discovery document: how a product describes itself, one JSON document per version.

It lies in the product's own store and is written by its container with each version
(`mesh_defs.product.publish`). Its keys are those of `mesh_defs.product.described.keys`. What people
wrote and values of the data stand in it as they are: whoever shows them escapes them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mesh_defs.product.described.examples import access, examples
from mesh_defs.product.described.ports import port_entry, verdict_entry
from mesh_defs.urls import is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.product.described.facts import ProductFacts

DOCUMENT_FORMAT = 1
FOLDER = "discovery"
_DIGITS = 12
_PRODUCT_SOURCE_PARTS = 3  # <domain>/<product>/<port>; that of an operational system has two


def document_name(version: int) -> str:
    """Where the document of ``version`` lies in the product's store."""
    return f"{FOLDER}/{version:0{_DIGITS}d}.json"


def rendered(document: Mapping[str, Any]) -> str:
    """The text of a document."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def compose(facts: ProductFacts) -> dict[str, Any]:
    """The document of a version, or of what is declared, as JSON values."""
    record = facts.record
    expectations = record.expectations if record is not None else ()
    return {
        "format": DOCUMENT_FORMAT,
        "mesh": facts.mesh,
        "url": facts.url,
        "domain": facts.domain,
        "product": facts.product,
        **_declared(facts),
        "product_version": _product_version(facts),
        "version": record.version if record is not None else None,
        "published_at": record.published_at if record is not None else None,
        "run_id": record.run_id if record is not None else None,
        "transform": {"kind": facts.transform, "digest": facts.digest},
        "inputs": _inputs(facts),
        "expectations": [verdict_entry(each) for each in expectations],
        "main_port": facts.main_port,
        "ports": [port_entry(facts, output) for output in facts.outputs],
        "lineage": _lineage(facts),
        "access": access(facts),
        "examples": examples(facts),
        "history": [dict(entry) for entry in facts.history],
    }


def _declared(facts: ProductFacts) -> dict[str, Any]:
    """What the manifest says; what is published says it alone where there is none."""
    manifest, record = facts.manifest, facts.record
    main = next((o for o in facts.outputs if o.name == facts.main_port), None)
    title = main.contract.document.name if main is not None else None
    recorded = record.status if record is not None else None
    return {
        "title": title,
        "purpose": manifest.purpose if manifest is not None else None,
        "limitations": manifest.limitations if manifest is not None else None,
        "usage": manifest.usage if manifest is not None else None,
        "owner": manifest.owner if manifest is not None else None,
        "archetype": manifest.archetype if manifest is not None else None,
        "status": recorded or (manifest.status if manifest is not None else None),
        "tags": list(manifest.tags) if manifest is not None else [],
        "licence": manifest.licence if manifest is not None else None,
        "permitted_purposes": list(manifest.purposes) if manifest is not None else [],
    }


def _product_version(facts: ProductFacts) -> str | None:
    if facts.record is not None:
        return facts.record.product_version
    return facts.manifest.version if facts.manifest is not None else None


def _inputs(facts: ProductFacts) -> list[dict[str, Any]]:
    if facts.record is not None:
        read = facts.record.inputs.items()
        return [{"name": n, "source": r.source, "version": r.version} for n, r in read]
    declared = facts.manifest.inputs if facts.manifest is not None else {}
    return [{"name": n, "source": i.from_, "version": None} for n, i in declared.items()]


def _lineage(facts: ProductFacts) -> dict[str, Any]:
    """The products that were read with their versions, the columns that flow into each column, and
    the entities of operational systems."""
    inputs = _inputs(facts)
    products = [
        {"url": str(parse(each["source"])), "version": each["version"]}
        for each in inputs
        if is_mesh_url(each["source"])
    ]
    sources = [each["source"] for each in inputs if not is_mesh_url(each["source"])]
    recorded = facts.record.lineage if facts.record is not None else {}
    columns = {
        port: {name: [source_url(*source) for source in found] for name, found in each.items()}
        for port, each in recorded.get("ports", {}).items()
    }
    unknown = {port: dict(reasons) for port, reasons in recorded.get("unknown", {}).items()}
    return {"products": products, "columns": columns, "unknown": unknown, "sources": sources}


def source_url(asset: str, column: str) -> str:
    """The URL of a column that lineage names: of a product's port, or ``ops://flights#carrier``."""
    names = asset.split("/")
    if len(names) == _PRODUCT_SOURCE_PARTS:
        return f"mesh://{asset}#{column}"
    service, _, entity = asset.partition("/")
    return f"{service}://{entity}#{column}"
