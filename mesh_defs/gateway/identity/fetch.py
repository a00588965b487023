"""A small JSON document from an issuer: bounded in size and time, and from nowhere else."""

from __future__ import annotations

from mesh_defs import fetching
from mesh_defs.fetching import Fetched, NotFetched

__all__ = ["MOST_BYTES", "SECONDS", "Fetched", "NotFetched", "fetch_json"]

MOST_BYTES = 262_144
SECONDS = 5.0


def fetch_json(url: str, seconds: float = SECONDS) -> Fetched:
    """As `mesh_defs.fetching.fetch_json`, of at most `MOST_BYTES`."""
    return fetching.fetch_json(url, seconds=seconds, most_bytes=MOST_BYTES)
