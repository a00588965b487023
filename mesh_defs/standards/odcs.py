"""Contracts of ports as documents of the Open Data Contract Standard: as they were published.

Format: github.com/bitol-io/open-data-contract-standard, ``schema/odcs-json-schema-v3.1.0.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Collection

    from mesh_defs.product.model import OutputPort

MEDIA_TYPE = "application/odcs+yaml;version=3.1.0"


def odcs_document(output: OutputPort, ports: Collection[str]) -> bytes:
    """The contract of ``output`` as it was published, without what it says of ports that are not
    among ``ports`` (names of schema objects): the reader may not know of them."""
    text = output.contract.path.read_bytes()
    if {each.name for each in output.contract.ports} <= set(ports):
        return text
    document = yaml.safe_load(text)
    document["schema"] = [each for each in document["schema"] if each.get("name") in ports]
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()
