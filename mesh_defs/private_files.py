"""Files and folders that nobody but their user may look into: keys, and what beside them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600


def make_private(folder: Path) -> None:
    """Make ``folder``, which nobody else may look into, unless there is one already."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)


def touch_private(file: Path) -> None:
    """Make an empty file that nobody else may read, unless there is one already."""
    os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _PRIVATE_FILE))


def write_private(file: Path, content: bytes) -> None:
    """Write a file of mode 0600 that is on the disk when this returns."""
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC
    descriptor = os.open(file, flags, _PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(descriptor)
