"""Parquet files that are read by their caller in ranges, request by request, with one receipt."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.gateway.errors import Ended
from mesh_defs.gateway.handed import SignedFiles

if TYPE_CHECKING:
    from collections.abc import Hashable
    from contextlib import ExitStack

    from mesh_defs.gateway.handed import HandedFile, Handout
    from mesh_defs.gateway.reads.reading import Reading
    from mesh_defs.settings import Settings

SECONDS = 120  # that requests for ranges of one file count as one read
_MOST = 4096


class Downloads(SignedFiles):
    """Files that were opened for a caller, who asks for them again with every range.

    Each request is decided anew; what is shared between them is the receipt. Used by all threads.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.seconds = SECONDS
        self._latest_lock = threading.Lock()
        self._latest: OrderedDict[Hashable, Handout] = OrderedDict()

    def describe(self, path: str) -> HandedFile:
        """The file at ``path`` as it is now. Raises `StorageFailed`."""
        return self.file(Path(path))

    def begin(
        self, reading: Reading, path: str, held: ExitStack, *, ranged: bool
    ) -> tuple[Handout, HandedFile]:
        """The file at ``path`` in use for ``reading``, until `release`; ``held`` keeps it there.

        A ``ranged`` request goes on with the read that the same caller began of the same file, if
        that has not ended; then ``reading`` and ``held`` are closed. Raises as `hand_out` does.
        """
        file = self.describe(path)
        decision = reading.decision
        who = (str(reading.caller.principal), reading.caller.credential)
        grant = reading.grant.id if reading.grant is not None else None
        key = (*who, reading.content, decision.purpose, grant, file.tag)
        if ranged and (going := self._going(key, file)) is not None:
            with held:
                reading.close()
            return going
        handout = self.hand_out(reading, [path], held)
        with self._latest_lock:
            self._latest[key] = handout
            self._latest.move_to_end(key)
            while len(self._latest) > _MOST:
                self._latest.popitem(last=False)
        return self._use(handout, handout.files[file.id])

    def release(self, handout: Handout) -> None:
        """As `SignedFiles.release`; what was read whole is over with it."""
        super().release(handout)
        with self._changed:
            over = handout.reading.ended and not handout.using
        if over:
            self._remove(handout, "it was read")

    def _going(self, key: Hashable, file: HandedFile) -> tuple[Handout, HandedFile] | None:
        with self._latest_lock:
            handout = self._latest.get(key)
        if handout is None or handout.reading.ended:
            return None
        with contextlib.suppress(Ended):
            return self._use(handout, file)
        return None

    def _use(self, handout: Handout, file: HandedFile) -> tuple[Handout, HandedFile]:
        proof = f"{handout.expires}-{self.key.sign(handout.claim(file.id))}"
        return self.use(handout.reading.id, proof, file.id, datetime.now(UTC))
