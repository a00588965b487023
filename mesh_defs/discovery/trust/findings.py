"""What `mesh_defs.discovery.trust.verify` finds: which link of a chain of versions is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

# Stands where the name of a product would that who asks may not know of.
HIDDEN = "a product that you may not know of"

Kind = Literal[
    "no attestation",  # it was published before versions were attested
    "missing attestation",  # it had one
    "malformed attestation",
    "wrong key",
    "wrong signature",
    "swapped attestation",  # that of another version, product or mesh
    "changed record",
    "missing record",
    "replaced commit",
    "missing file",
    "tampered file",
    "tampered contract",
    "tampered document",
    "missing parent",
    "changed parent",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """A link that is broken: of the version at ``url``, in the words of ``text``."""

    kind: Kind
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """An entity of an operational system at the end of the chain, as it was when it was read."""

    source: str
    fingerprint: str | None
    read_by: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A version that was looked at. ``files`` are those of all its ports, ``hashed`` of which
    every byte was read again; ``key`` is the id of the key that signed it."""

    url: str
    key: str | None
    files: int
    hashed: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found of the version at ``url`` and of all that it was made of; ``whole`` when every
    file that any of it has was read again. Of versions of products that who asks may not know of
    there is their number alone, ``hidden``, and that one of them has a problem."""

    url: str
    deep: bool
    versions: tuple[Checked, ...]
    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]
    whole: bool
    hidden: int = 0

    @property
    def sound(self) -> bool:
        """Whether every link holds."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"sound": self.sound, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Hashed:
    """How far the hashing of one version's files has come, in bytes."""

    url: str
    bytes: int
    of: int


Watch = Callable[[Hashed], None]


def version_url(identity: str, version: int) -> str:
    """The global URL of a version of a product."""
    return f"mesh://{identity}?version={version}"
