"""The gateway's parts, made once per process and shared by every protocol."""

from __future__ import annotations

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.discovery.lineage.kept import KeptGraph
from mesh_defs.discovery.lineage.saved import FILE as LINEAGE
from mesh_defs.gateway.changes.kept import ChangeFiles
from mesh_defs.gateway.downloads import Downloads
from mesh_defs.gateway.extracts import Extracts
from mesh_defs.gateway.handed import SignedFiles
from mesh_defs.gateway.identity.authenticate import Authenticator
from mesh_defs.gateway.limits import Limiter
from mesh_defs.gateway.notify.deliver import Courier
from mesh_defs.gateway.portal.overview import Overview
from mesh_defs.gateway.portal.standings import FILE as STANDINGS
from mesh_defs.gateway.query.engine import Engine
from mesh_defs.gateway.reads.catalog import Catalog, Kept
from mesh_defs.gateway.reads.reads import Reads
from mesh_defs.gateway.row_groups import Footers
from mesh_defs.gateway.search import Search
from mesh_defs.gateway.state.database import open_state
from mesh_defs.processes import identity
from mesh_defs.product.masked import Snapshots

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.settings import Settings

_SNAPSHOT_BYTES = 20_000_000_000
_EXTRACT_BYTES = 10_000_000_000
_MASKING_GB = 0.25
_MB = 1_000_000
# With less, two threads cannot scan wide row groups of Parquet.
_QUERY_BYTES = 100 * _MB
_WAIT_SECONDS = 20.0
_SCHEMAS_KEPT = 1024
_ENCODERS = 2
FOLDER = "gateway"


class Gateway:
    """What all protocols of one gateway share. ``base`` is the address that its HTTP is reached at,
    without a slash at its end, ``flight`` that of Flight, which may be told later. Raises as
    `open_state` does."""

    def __init__(self, settings: Settings, base: str, flight: str = "") -> None:
        self.base = base
        self.flight = flight
        self.settings = settings
        self.profile = settings.profile.gateway
        self.state = open_state(settings)
        self.catalog = Catalog(settings)
        self.lineage = KeptGraph(self.catalog, file=settings.state / FOLDER / LINEAGE)
        self.scratch = _scratch(settings.state / FOLDER / "scratch")
        folder = self.scratch / "snapshots"
        folder.mkdir()
        self.snapshots = Snapshots(folder, most_bytes=_SNAPSHOT_BYTES, memory_gb=_MASKING_GB)
        self.reads = Reads(self.catalog, self.state, self.snapshots)
        self.authenticator = Authenticator(settings, self.state.tokens)
        self.limiter = Limiter(self.profile.limits)
        limits = self.profile.limits
        self.engine = Engine(
            self.scratch / "engine",
            memory_mb=limits.memory_bytes // _MB,
            running=max(1, limits.memory_bytes // _QUERY_BYTES),
            temp_mb=limits.temporary_bytes // _MB,
            threads=limits.threads,
            wait=_WAIT_SECONDS,
        )
        self.encoders = ThreadPoolExecutor(_ENCODERS, "encode")
        self.footers = Footers()
        self.schemas: Kept[pa.Schema] = Kept(_SCHEMAS_KEPT)
        self.signer = SignedFiles(settings)
        self.extracts = Extracts(self.scratch / "extracts", most_bytes=_EXTRACT_BYTES)
        self.downloads = Downloads(settings)
        self.changes = ChangeFiles(self.scratch / "changes")
        self.search = Search(self)
        self.overview = Overview(self, settings.state / FOLDER / STANDINGS)
        self._access = self.catalog.access
        self._courier = Courier(self.state, settings)
        self._courier.start()

    def authenticate(self, authorization: str | None) -> Caller:
        """Who shows the header ``authorization`` now. Raises as `Authenticator.authenticate`."""
        access = self.catalog.access
        if access is not self._access:
            self.authenticator.reload()
            self._access = access
        return self.authenticator.authenticate(authorization, datetime.now(UTC))

    def close(self) -> None:
        """End everything; receipts that wait are written."""
        self._courier.stop()
        self.overview.close()
        self.search.close()
        self.engine.close()
        self.encoders.shutdown()
        self.signer.close()
        self.downloads.close()
        self.state.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


def _scratch(parent: Path) -> Path:
    """A folder of this process alone, which only its user can enter; those of processes that are
    gone are removed."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in parent.iterdir():
        number, _, who = left.name.partition("-")
        if not number.isdecimal() or _digits(identity(int(number))) != who:
            shutil.rmtree(left, ignore_errors=True)
    folder = parent / f"{os.getpid()}-{_digits(identity(os.getpid()))}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def _digits(who: str | None) -> str:
    """What identifies a process, as part of a file's name."""
    return hashlib.sha256((who or "").encode()).hexdigest()[:12]
