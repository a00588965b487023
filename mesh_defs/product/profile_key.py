"""The key of the digests that stand for values in a product's profiles.

It is a random one of each product, in its storage beside the ledger and in no record: who is shown
a record cannot try out likely values, and who may read the storage can read the values themselves.
Once it is removed, nobody can tell what the digests of earlier versions stand for.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from mesh_defs.errors import CorruptRecord

if TYPE_CHECKING:
    from mesh_defs.drivers.storage.protocol import ProductStore

NAME = "profile.key"
_BYTES = 32


def profile_key(store: ProductStore, *, make: bool) -> str:
    """The key as hex digits. Where there is none yet, one is made and kept; unless ``make``, it is
    for this once, so that nothing can be compared. Raises `CorruptRecord`, `StorageFailed`."""
    fresh = secrets.token_hex(_BYTES)
    content = store.read(NAME)
    if content is None:
        if not make:
            return fresh
        store.put_if_absent(NAME, fresh.encode())
        content = store.read(NAME) or b""
    try:
        found = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        found = b""
    if len(found) != _BYTES:
        raise CorruptRecord(
            f"{store.location(NAME)} is no key of {_BYTES} bytes in hex digits. Fix: restore it "
            "from a backup, or remove it: categories are then compared from the next version on"
        )
    return found.hex()
