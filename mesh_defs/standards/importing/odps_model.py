"""An ODPS document as what its schema allows, so that every fault in one is told on its line.

Format: github.com/bitol-io/open-data-product-standard, ``schema/odps-json-schema-v1.0.0.json``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mesh_defs.validation import Strict


def _as_text(value: object) -> object:
    """A day or moment, which YAML reads as such without quotes, as text."""
    iso = getattr(value, "isoformat", None)
    return iso() if iso is not None else value


Moment = Annotated[str, BeforeValidator(_as_text)]


class Custom(Strict):
    """A custom property."""

    property: str
    value: object = None
    description: str | None = None


class Link(Strict):
    """An authoritative definition."""

    type: str
    url: str
    description: str | None = None


class _Part(Strict):
    tags: list[str] = Field(default_factory=list)
    customProperties: list[Custom] = Field(default_factory=list)  # noqa: N815
    authoritativeDefinitions: list[Link] = Field(default_factory=list)  # noqa: N815

    def custom(self, name: str) -> object:
        """The value of a custom property; None when there is none."""
        return next((each.value for each in self.customProperties if each.property == name), None)


class Description(Strict):
    """What the product is for."""

    purpose: str | None = None
    limitations: str | None = None
    usage: str | None = None
    customProperties: list[Custom] = Field(default_factory=list)  # noqa: N815
    authoritativeDefinitions: list[Link] = Field(default_factory=list)  # noqa: N815


class InputPort(_Part):
    """What the product reads, by the id of its contract."""

    name: str
    version: str
    contractId: str  # noqa: N815


class InputContract(Strict):
    """A contract that an output is made from."""

    id: str
    version: str


class Sbom(Strict):
    """A bill of materials."""

    type: str = "external"
    url: str


class OutputPort(_Part):
    """What the product serves."""

    name: str
    version: str
    description: str | None = None
    type: str | None = None
    contractId: str | None = None  # noqa: N815
    sbom: list[Sbom] = Field(default_factory=list)
    inputContracts: list[InputContract] = Field(default_factory=list)  # noqa: N815


class ManagementPort(_Part):
    """Where the product is managed."""

    name: str
    content: str
    type: str = "rest"
    url: str | None = None
    channel: str | None = None
    description: str | None = None


class Support(_Part):
    """Where one may ask."""

    channel: str
    url: str
    description: str | None = None
    tool: str | None = None
    scope: str | None = None
    invitationUrl: str | None = None  # noqa: N815


class Member(_Part):
    """One of the team."""

    username: str
    name: str | None = None
    description: str | None = None
    role: str | None = None
    dateIn: Moment | None = None  # noqa: N815
    dateOut: Moment | None = None  # noqa: N815
    replacedByUsername: str | None = None  # noqa: N815


class Team(_Part):
    """Who answers for the product."""

    name: str | None = None
    description: str | None = None
    members: list[Member] = Field(default_factory=list)


class DataProduct(_Part):
    """A document of the standard."""

    apiVersion: Literal["v0.9.0", "v1.0.0"]  # noqa: N815
    kind: Literal["DataProduct"]
    id: str
    status: str
    name: str | None = None
    version: str | None = None
    domain: str | None = None
    tenant: str | None = None
    description: Description = Field(default_factory=Description)
    inputPorts: list[InputPort] = Field(default_factory=list)  # noqa: N815
    outputPorts: list[OutputPort] = Field(default_factory=list)  # noqa: N815
    managementPorts: list[ManagementPort] = Field(default_factory=list)  # noqa: N815
    support: list[Support] = Field(default_factory=list)
    team: Team = Field(default_factory=Team)
    productCreatedTs: Moment | None = None  # noqa: N815
