"""The key ``openlineage:`` of an infra profile: who is told of every run, by OpenLineage events."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from mesh_defs.gateway_profile import PrivateUrl, Text, Variable
from mesh_defs.validation import Strict


def _endpoint(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text or set(text) & set("?#"):
        raise ValueError("a path such as api/v1/lineage, without '?' and '#'")
    return text


class OpenLineageProfile(Strict):
    """Where events of runs go: into a file, or to a server. Neither: nowhere."""

    file: Text | None = Field(
        default=None, description="a file that events are appended to, one line of JSON each"
    )
    url: PrivateUrl | None = Field(
        default=None, description="a server that takes events: https, or http on this machine"
    )
    endpoint: Annotated[str, AfterValidator(_endpoint)] = Field(
        default="api/v1/lineage", description="the path on that server"
    )
    key: Variable | None = Field(
        default=None, description="the server's key, sent as a bearer token, as ${NAME}"
    )

    @model_validator(mode="after")
    def _fits(self) -> OpenLineageProfile:
        if self.file is not None and self.url is not None:
            raise ValueError("found both file and url; allowed: one of them; fix: remove the other")
        if self.key is not None and self.url is None:
            raise ValueError(
                "found a key without url; allowed: a key with url; fix: add 'url:', "
                "or remove 'key:'"
            )
        return self

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told."""
        return self.file is not None or self.url is not None

    @property
    def address(self) -> str | None:
        """The whole address that events are posted to."""
        return f"{self.url.rstrip('/')}/{self.endpoint.lstrip('/')}" if self.url else None
