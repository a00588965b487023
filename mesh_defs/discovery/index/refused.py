"""What the operating system refuses of the index's files, in words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mesh_defs.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def index_files(root: Path) -> Iterator[None]:
    """Raise `StorageFailed`, which names the file, for an OSError of what is done with the index
    below ``root`` (`mesh_defs.discovery.index.shelf.Shelf.root`)."""
    try:
        yield
    except OSError as error:
        name = error.filename if error.filename is not None else root
        raise StorageFailed(
            f"the index cannot be used: '{name}': {error.strerror or error}. Fix: give the rights, "
            f"make room, or move '{root}' away: it is built anew"
        ) from error
