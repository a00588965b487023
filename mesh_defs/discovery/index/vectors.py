"""Vectors on disk: a file of keys and a file of rows, to which is only ever added. What is cut off
in the middle is not read; what nobody refers to any more goes when the index is built anew."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.float32]

_KEY_BYTES, _NUMBER_BYTES = 8, 4
_EVEN = 1e-3


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of unit length and their keys, row by row. The rows lie in a file that is mapped."""

    keys: Keys
    rows: Rows

    def missing(self, keys: Keys) -> Keys:
        """Those of ``keys`` that have no vector yet, each once."""
        import numpy as np

        return np.setdiff1d(keys, self.keys)

    def places(self, keys: Keys) -> NDArray[np.int64]:
        """The row of each key; -1 where it has none."""
        import numpy as np

        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        order = np.argsort(self.keys, kind="stable")
        at = np.searchsorted(self.keys, keys, sorter=order)
        rows = order[np.minimum(at, len(order) - 1)]
        found: NDArray[np.int64] = np.where(self.keys[rows] == keys, rows, -1)
        return found


class VectorStore:
    """The vectors of one model below ``folder``."""

    def __init__(self, folder: Path, model: str, dimension: int) -> None:
        self.folder = folder
        self.dimension = dimension
        name = hashlib.sha256(model.encode()).hexdigest()[:16]
        self._keys = folder / f"vectors-{name}.keys"
        self._rows = folder / f"vectors-{name}.f32"

    def stamp(self) -> int:
        """What grows with every vector."""
        return self._keys.stat().st_size if self._keys.is_file() else 0

    def read(self) -> Vectors:
        """All vectors that there are."""
        import numpy as np

        count = self._count()
        if not count:
            empty = np.empty((0, self.dimension), dtype=np.float32)
            return Vectors(np.empty(0, dtype=np.uint64), empty)
        keys = np.fromfile(self._keys, dtype="<u8", count=count)
        shape = (count, self.dimension)
        return Vectors(keys, np.memmap(self._rows, dtype="<f4", mode="r", shape=shape))

    def add(self, keys: Keys, rows: Rows) -> None:
        """Add vectors. Raises ValueError for such as are none: their length is not 1."""
        import numpy as np

        lengths = np.linalg.norm(rows, axis=1)
        if rows.shape != (len(keys), self.dimension) or not np.all(abs(lengths - 1) < _EVEN):
            raise ValueError("a model made no vectors of length 1")
        with self._locked():
            count = self._count()
            # Rows first: a key that is there has its row.
            _append(self._rows, rows.astype("<f4").tobytes(), count * self._row_bytes)
            _append(self._keys, keys.astype("<u8").tobytes(), count * _KEY_BYTES)

    def keep(self, keys: Keys) -> None:
        """Forget all vectors but those of ``keys``, where most of them are not used any more."""
        import numpy as np

        with self._locked():
            held = self.read()
            used = np.isin(held.keys, keys)
            if 2 * int(used.sum()) >= len(held.keys):
                return
            rows = held.rows[used].tobytes()
            for file, content in ((self._keys, b""), (self._rows, rows)):
                beside = file.with_suffix(".new")
                beside.write_bytes(content)
                beside.replace(file)
            _append(self._keys, held.keys[used].tobytes(), 0)

    @property
    def _row_bytes(self) -> int:
        return self.dimension * _NUMBER_BYTES

    def _count(self) -> int:
        """How many vectors are whole."""
        sizes = [f.stat().st_size if f.is_file() else 0 for f in (self._keys, self._rows)]
        return min(sizes[0] // _KEY_BYTES, sizes[1] // self._row_bytes)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "vectors.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _append(file: Path, content: bytes, at: int) -> None:
    """Write ``content`` from ``at`` on; what was behind it was never finished."""
    with file.open("ab") as stream:
        os.truncate(stream.fileno(), at)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
