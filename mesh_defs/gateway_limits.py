"""``gateway.limits`` of an infra profile: how much the callers of a gateway may take from it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from mesh_defs.validation import Strict

_SIZE = re.compile(r"([1-9][0-9]{0,5})(KB|MB|GB|KiB|MiB|GiB)")
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def size_bytes(text: str) -> int:
    """How many bytes ``200MB`` (decimal) or ``200MiB`` (binary) are. Raises ValueError."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("a number and KB, MB, GB, KiB, MiB or GiB, such as 200MB")
    return int(match[1]) * _UNITS[match[2]]


def _size(text: str) -> str:
    size_bytes(text)
    return text


Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Size = Annotated[
    str,
    AfterValidator(_size),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$"}),
]


class Limits(Strict):
    """What callers may take; over it the gateway answers 429 or 503 rather than slow down."""

    concurrent: Count = Field(default=16, description="reads at once, of all callers")
    queue: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=128, description="reads that wait for one of these"
    )
    open: Annotated[int, Field(ge=2, le=1_000_000)] = Field(
        default=32,
        description="answers on their way at once, with those whose readers take their time; one "
        "principal has half of them at most",
    )
    stalled_seconds: Count = Field(
        default=30,
        description="seconds in which a client may take nothing of an answer while others wait; "
        "ten times as many while nobody does",
    )
    memory: Size = Field(default="320MB", description="memory of all queries that run together")
    temporary: Size = Field(default="4GB", description="disk of all queries, where they spill")
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=2, description="threads of one query"
    )
    seconds: Count = Field(default=60, description="seconds that one query may take")
    rows: Count = Field(default=1_000_000, description="rows of an answer to POST /query")
    body: Size = Field(default="1MB", description="size of a request")
    per_principal_per_minute: Count = Field(
        default=600, description="requests of one principal in a minute"
    )
    failures_per_minute: Count = Field(
        default=30, description="refused credentials from one address in a minute"
    )
    lease_seconds: Count = Field(default=86_400, description="the longest that a lease may last")
    signed_url_seconds: Count = Field(default=900, description="how long a signed URL is good")

    @property
    def memory_bytes(self) -> int:
        """``memory`` in bytes."""
        return size_bytes(self.memory)

    @property
    def temporary_bytes(self) -> int:
        """``temporary`` in bytes."""
        return size_bytes(self.temporary)

    @property
    def body_bytes(self) -> int:
        """``body`` in bytes."""
        return size_bytes(self.body)
