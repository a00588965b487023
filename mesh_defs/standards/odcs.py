"""Contracts of ports as documents of the Open Data Contract Standard: as they were published.

Format: github.com/bitol-io/open-data-contract-standard, ``schema/odcs-json-schema-v3.1.0.json``,
which has no global URLs: a foreign key into another product becomes a reference into the file that
this product's contract is exported as, with the URL beside it, so that nothing is lost.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from mesh_defs.contract.odcs.relationships import MESH_URL
from mesh_defs.errors import UnknownAddress
from mesh_defs.unseen import yaml_text
from mesh_defs.urls import is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mesh_defs.product.model import OutputPort

MEDIA_TYPE = "application/odcs+yaml;version=3.1.0"
ENDING = "odcs.yaml"
_NOT_IN_REFERENCES = re.compile(r"[^A-Za-z0-9_-]")


def contract_file(product: str, port: str) -> str:
    """The name of the file for the contract of a port, in a folder of its domain."""
    return f"{product}.{port}.{ENDING}"


def odcs_document(output: OutputPort, ports: Collection[str]) -> bytes:
    """The contract of ``output`` as it was published, without what it says of ports that are not
    among ``ports`` (names of schema objects): the reader may not know of them."""
    text = output.contract.path.read_bytes()
    document: dict[str, Any] = yaml.safe_load(text)
    whole = {each.name for each in output.contract.ports} <= set(ports)
    if not whole:
        document["schema"] = [each for each in document["schema"] if each.get("name") in ports]
    changed = [_standard(each) for each in _relationships(document.get("schema"))]
    if whole and not any(changed):
        return text
    return yaml_text(document).encode()


def _relationships(node: object) -> Iterator[dict[str, Any]]:
    """Every relationship of objects and properties."""
    if isinstance(node, list):
        for each in node:
            yield from _relationships(each)
    elif isinstance(node, dict):
        for each in node.get("relationships") or ():
            if isinstance(each, dict):
                yield each
        for key in ("properties", "items"):
            yield from _relationships(node.get(key))


def _standard(relationship: dict[str, Any]) -> bool:
    """Write the relationship's global URLs as the standard does; whether there was any."""
    ends = relationship.get("to")
    listed = ends if isinstance(ends, list) else [ends]
    if not any(isinstance(each, str) and is_mesh_url(each.strip()) for each in listed):
        return False
    found = [_reference(each) for each in listed]
    relationship["to"] = found if isinstance(ends, list) else found[0]
    custom = relationship.setdefault("customProperties", [])
    custom.append({"property": MESH_URL, "value": ends})
    return True


def _reference(text: object) -> str:
    try:
        url = parse(str(text).strip())
    except UnknownAddress:
        return str(text)
    port = url.port or url.product
    names = "/properties/".join(
        _NOT_IN_REFERENCES.sub("_", name) for name in (url.column or "").split(".")
    )
    place = f"../{url.domain}/{contract_file(url.product, port)}"
    return f"{place}#schema/{port}/properties/{names}"
