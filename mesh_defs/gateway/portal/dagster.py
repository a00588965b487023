"""Where Dagster shows the same things: assets, their checks, runs."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.supervisor import Supervisor

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway

_WEBSERVER = "webserver"
# What ran outside of Dagster has an id of another form, or one that Dagster does not know.
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@dataclass(frozen=True, slots=True)
class Dagster:
    """Dagster's pages at ``base``."""

    base: str

    def asset(self, identity: str, port: str) -> str:
        """The asset that a port is."""
        return f"{self.base}/assets/{identity}/{port}"

    def checks(self, identity: str, port: str) -> str:
        """Its checks."""
        return f"{self.asset(identity, port)}?view=checks"

    def run(self, run_id: str | None) -> str | None:
        """A run; None for an id that is none of Dagster's."""
        known = run_id is not None and _RUN.match(run_id)
        return f"{self.base}/runs/{run_id}" if known else None


def dagster_of(mesh: Gateway) -> Dagster | None:
    """What the profile says, else where ``mesh up`` has put them; None where nobody has."""
    if mesh.profile.dagster_url is not None:
        return Dagster(mesh.profile.dagster_url.rstrip("/"))
    root = mesh.settings.root
    # A damaged note of what runs is for `mesh up` to tell: a page has no link then.
    with suppress(MeshError):
        process = Supervisor(root, root / ".mesh").running().get(_WEBSERVER)
        return Dagster(process.address.rstrip("/")) if process is not None else None
    return None
