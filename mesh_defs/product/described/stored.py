"""The documents that lie in a product's store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import CorruptRecord
from mesh_defs.product.described.document import DOCUMENT_FORMAT, document_name
from mesh_defs.product.described.keys import document_faults
from mesh_defs.product.ledger import NOT_A_RECORD

if TYPE_CHECKING:
    from mesh_defs.drivers.storage.protocol import ProductStore


def stored_document(store: ProductStore, identity: str, version: int) -> dict[str, Any] | None:
    """The document that was published with ``version`` of ``<domain>/<product>``; None when none
    was, or one in another format than this release's. Raises `CorruptRecord` for what is none."""
    name = document_name(version)
    content = store.read(name)
    if content is None:
        return None
    try:
        found: Any = json.loads(content)
        if type(found) is not dict or type(found.get("format")) is not int:
            raise ValueError("it is no object with a 'format'")
        if found["format"] != DOCUMENT_FORMAT:
            return None
        wrong = document_faults(found)
        if wrong:
            raise ValueError(wrong[0])
        if (found["url"], found["version"]) != (f"mesh://{identity}", version):
            raise ValueError(f"it tells of version {found['version']} of {found['url']}")
    except NOT_A_RECORD as error:
        raise CorruptRecord(
            f"{store.location(name)} is no discovery document of version {version} ({error}). "
            "Fix: restore the file from a backup, or remove it: what the ledger knows is shown then"
        ) from error
    return dict(found)
