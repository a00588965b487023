"""The key ``attestation:`` of an infra profile: what versions are signed with, whose signatures
are believed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mesh_defs.gateway_profile import Text, Variable
from mesh_defs.validation import Strict


class AttestationProfile(Strict):
    """How published versions are attested."""

    key: Variable | None = Field(
        default=None,
        description="the ed25519 key that signs versions, as ${NAME}: PEM, or 32 bytes in base64 "
        "(default: a file in .mesh/)",
    )
    trusted: Annotated[list[Text], Field(max_length=100)] | None = Field(
        default=None,
        description="files with the public keys (PEM) whose signatures are believed, and no other, "
        "relative to mesh.yaml (default: every key that signed here)",
    )
