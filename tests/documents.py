"""Discovery documents for tests of what reads them: small, of the real shape, without a product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mesh_defs.discovery.index.entry import Entry, entries_of
from mesh_defs.policy.access.entities import higher

RELEVANCE = Path(__file__).parent / "relevance"


def column(name: str, description: str = "", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "VARCHAR",
        "description": description,
        "classification": "internal",
        "tags": [],
        "profile": None,
        **more,
    }


def port(name: str, *columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    classification = "public"
    for each in columns:
        classification = higher(classification, each["classification"])
    return {
        "port": name,
        "description": "",
        "mode": "replace",
        "columns": list(columns),
        "service_levels": [],
        "verdicts": [],
        "tally": {"passed": 3, "warned": 0, "failed": 0, "error": 0},
        "classification": classification,
        **more,
    }


def document(identity: str, purpose: str = "", *ports: dict[str, Any], **more: Any) -> dict:
    """The document of ``<domain>/<product>``; without ports, of one that is called as it is."""
    domain, _, product = identity.partition("/")
    listed = list(ports) or [port(product, column("id"))]
    return {
        "format": 1,
        "mesh": "test",
        "url": f"mesh://{identity}",
        "domain": domain,
        "product": product,
        "purpose": purpose,
        "owner": "team:test",
        "archetype": "aggregate",
        "status": "active",
        "tags": [],
        "product_version": "1.0.0",
        "version": 0,
        "published_at": "2026-11-01T00:00:00+00:00",
        "main_port": listed[0]["port"],
        "ports": listed,
        "examples": [],
        **more,
    }


def entries(*documents: dict[str, Any]) -> list[Entry]:
    return [entry for each in documents for entry in entries_of(each)]


def generated() -> list[dict[str, Any]]:
    """The documents of the generated mesh, of which questions are asked."""
    listed = yaml.safe_load((RELEVANCE / "products.yaml").read_text(encoding="utf-8"))
    return [
        _generated(domain, name, text) for domain in listed for name, text in listed[domain].items()
    ]


def _generated(domain: str, name: str, text: str) -> dict[str, Any]:
    purpose, _, columns = text.partition(" | ")
    made = [column(each) for each in columns.split(", ")]
    return document(f"{domain}/{name}", purpose, port(name, *made), owner=f"{domain}@group.example")
