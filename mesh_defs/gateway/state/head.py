"""The head of the chain as a file beside the database, so that a cut tail is noticed.

Who can change the database can remove its last receipts and what it says of its end. The file,
which is replaced within half a second of each commit, still names one of them. A crash between
commit and file leaves it behind the database and never ahead, which is no fault: what it names is
in the chain all the same.
"""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING

from mesh_defs.errors import CorruptRecord, StorageFailed
from mesh_defs.gateway.state.chain import Head
from mesh_defs.gateway.state.place import locked
from mesh_defs.private_files import make_private, write_private

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_defs.gateway.state.chain import Key
    from mesh_defs.gateway.state.place import Place

FILE = "audit.head"
_LOCK = "audit.lock"


class HeadFile:
    """The file of one machine. Several processes and threads may use it."""

    def __init__(self, place: Place, key: Key) -> None:
        self.path = place.folder / FILE
        self.key = key

    def read(self) -> Head | None:
        """What the file says; None when there is none. Raises `CorruptRecord` for what the key has
        not signed, `StorageFailed`."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StorageFailed(f"'{self.path}' cannot be read: {error}") from None
        try:
            values = json.loads(text)
            head = Head(int(values["seq"]), str(values["hash"]))
            signed = hmac.compare_digest(str(values["mac"]), self.key.mac(head))
        except (ValueError, KeyError, TypeError):
            signed = False
        if not signed:
            raise CorruptRecord(f"'{self.path}' was changed: its signature is not the gateway's")
        return head

    def make(self, head: Head) -> None:
        """Write the file unless there is one. Raises `StorageFailed`."""
        self._replace(lambda old: old is None, head)

    def advance(self, head: Head, in_chain: Callable[[Head], bool]) -> None:
        """Let the file name ``head``, unless it names a later one already.

        One that names what is no longer in the chain (``in_chain`` tells) is left as it is: it is
        the evidence. Raises `CorruptRecord`, `StorageFailed`.
        """
        self._replace(lambda old: old is not None and old.seq < head.seq and in_chain(old), head)

    def _replace(self, wanted: Callable[[Head | None], bool], head: Head) -> None:
        fresh = self.path.with_name(f"{FILE}.new")
        values = {"seq": head.seq, "hash": head.hash, "mac": self.key.mac(head)}
        try:
            make_private(self.path.parent)
            with locked(self.path.with_name(_LOCK)):
                if wanted(self.read()):
                    write_private(fresh, json.dumps(values).encode())
                    fresh.replace(self.path)
        except OSError as error:
            raise StorageFailed(f"'{self.path}' cannot be written: {error.strerror}") from None
