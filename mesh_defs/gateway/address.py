"""Where the gateway of a mesh answers on this machine, for the commands that ask it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.processes import identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mesh_defs.settings import Settings

FILE = "gateway/serving.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway answers: ``base`` over HTTP, ``flight`` over Flight SQL; by which process
    (its number, and what identifies it)."""

    base: str
    flight: str
    pid: int
    identity: str

    def as_dict(self) -> dict[str, Any]:
        """The place as JSON values."""
        return {"url": self.base, "flight": self.flight, "pid": self.pid}


def serving(settings: Settings) -> Place | None:
    """Where the gateway of this mesh answers that was started last here; None when it runs no
    more."""
    return running_at(settings.state)


def running_at(state: Path) -> Place | None:
    """As `serving`, of the mesh whose state lies in ``state`` (``.mesh``)."""
    try:
        place = Place(**json.loads((state / FILE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return place if identity(place.pid) == place.identity else None


@contextmanager
def noted(settings: Settings, place: Place) -> Iterator[None]:
    """Note where this process answers while the block lasts."""
    file = settings.state / FILE
    draft = file.with_suffix(f".{place.pid}")
    draft.write_text(json.dumps(asdict(place)), encoding="utf-8")
    draft.replace(file)
    try:
        yield
    finally:
        if serving(settings) == place:
            file.unlink(missing_ok=True)
