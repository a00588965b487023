"""A manifest's key ``access``: how a product answers who asks, and what it serves when late."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.faults import did_you_mean
from mesh_defs.policy.access.principals import Kind
from mesh_defs.validation import Strict

WhenStale = Literal["serve", "refuse"]

LONGEST_DAYS = 3650


def _classification(value: str) -> str:
    if value not in CLASSIFICATIONS:
        allowed = ", ".join(CLASSIFICATIONS)
        raise ValueError(f"{allowed}; fix: {did_you_mean(value, CLASSIFICATIONS)}")
    return value


Days = Annotated[int, Field(gt=0, le=LONGEST_DAYS)]
Names = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class AutoApproval(Strict):
    """A rule that approves a request at once. Every condition that is named has to hold."""

    purposes: Names | None = Field(default=None, description="what the request is for: one of them")
    domains: Names | None = Field(default=None, description="who asks belongs to one of them")
    roles: Names | None = Field(default=None, description="who asks has one of these roles")
    kinds: Annotated[list[Kind], Field(min_length=1)] | None = Field(
        default=None, description="who asks is one of them: person, service, agent"
    )
    classification: Annotated[str, AfterValidator(_classification)] | None = Field(
        default=None, description="the port is classified so at most"
    )
    longest_days: Days | None = Field(default=None, description="it is for so many days at most")
    may_grant: Names | None = Field(
        default=None,
        description="roles that a request may ask for (default: one that asks for a role waits "
        "for a person)",
    )

    @model_validator(mode="after")
    def _limited(self) -> AutoApproval:
        if not (self.purposes or self.domains or self.roles or self.kinds or self.classification):
            raise ValueError(
                "found a rule that approves whoever asks for whatever; allowed: one at least of "
                "purposes, domains, roles, kinds, classification; fix: name who may have it"
            )
        return self


class Offer(Strict):
    """How a product answers who asks for access, and what it serves when it is late."""

    auto_approve: list[AutoApproval] = Field(
        default_factory=list, description="requests that are approved without a person"
    )
    longest_days: Days = Field(default=365, description="for how long access is granted at most")
    when_stale: WhenStale = Field(
        default="serve",
        description="serve reads of data that is older than its contract promises, or refuse them",
    )
