"""Policies and waivers as people write them in YAML."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.policy.model import Consequence
from mesh_defs.validation import Day, Strict

ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}\Z")
ID_RULE = "letters, digits and _, starting with a letter"
APPROVER = re.compile(r"(team:[\w.-]+|[^@\s]+@[^@\s]+\.[^@\s]+)\Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

# A leap year: what nobody looks at for longer is no deviation for a while.
LONGEST_DAYS = 366
_MOST_DAYS = 36_525
_REASON_WORDS = 3

_ARCHETYPES = ("source-aligned", "aggregate", "consumer-aligned")
_STATUSES = ("proposed", "draft", "active", "deprecated", "retired")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Words = Annotated[list[str], BeforeValidator(_listed)]


class Where(Strict):
    """Which products and ports a policy is about; what is left out does not narrow."""

    domain: Words = Field(default_factory=list, description="domains, by name")
    archetype: Words = Field(default_factory=list, description="archetypes")
    tag: Words = Field(
        default_factory=list, description="products with one of these tags, in upper or lower case"
    )
    classification: Words = Field(
        default_factory=list, description="ports with a column so classified"
    )
    status: Words = Field(default_factory=list, description="products of this status")

    @field_validator("archetype", "classification", "status")
    @classmethod
    def _known(cls, values: list[str], info: Any) -> list[str]:  # noqa: ANN401  pydantic's
        known = {
            "archetype": _ARCHETYPES,
            "classification": CLASSIFICATIONS,
            "status": _STATUSES,
        }[info.field_name]
        for value in values:
            if value not in known:
                raise ValueError(", ".join(known))
        return values


class PolicyEntry(Strict):
    """One policy that is put in force: the name of one alone, or a mapping."""

    policy: str | None = Field(
        default=None, description="a policy that ships, or a class in a policies/ folder"
    )
    sql: str | None = Field(
        default=None,
        description="a query that yields the rows which break the policy ({object} is the port), "
        "or a .sql file beside this one",
    )
    id: str | None = Field(
        default=None, description="the name it goes by (default: that of the policy)"
    )
    message: str | None = Field(default=None, description="sql: what the policy asks for")
    fix: str | None = Field(default=None, description="sql: what to do when rows break it")
    consequence: Consequence | None = Field(
        default=None, description="stop (the default) keeps a version from being published"
    )
    where: Where = Field(default_factory=Where, description="which products it is about")
    environment: Words = Field(
        default_factory=list, description="environments of the infra profile (default: all)"
    )
    with_: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="the policy's parameters"
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"policy": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one(self) -> PolicyEntry:
        if (self.policy is None) == (self.sql is None):
            raise ValueError("either 'policy' or 'sql'; fix: write one of the two")
        if self.sql is not None and (self.id is None or self.message is None):
            raise ValueError(
                "'sql' with 'id' and 'message'; fix: name the policy and say what it asks for"
            )
        if self.policy is not None and (self.message is not None or self.fix is not None):
            raise ValueError("'message' and 'fix' with 'sql' only; fix: remove them")
        if self.sql is not None and self.with_:
            raise ValueError("'with' with 'policy' only; fix: write the values into the query")
        return self

    @field_validator("id")
    @classmethod
    def _identifier(cls, value: str | None) -> str | None:
        if value is not None and not ID.match(value):
            raise ValueError(ID_RULE)
        return value

    @property
    def name(self) -> str:
        """The id that it goes by."""
        return self.id or (self.policy or "").rpartition(":")[2]


class WaiverEntry(Strict):
    """A deviation from one policy that somebody approved, until a day."""

    policy: str = Field(description="the id of the policy")
    product: str = Field(description="the product of this domain, by name")
    reason: str = Field(description="why it is fine for now, in at least three words")
    approved_by: str = Field(description="who approved it: an address or team:<name>")
    until: Day = Field(description="the last day on which it holds (2027-06-30)")
    port: str | None = Field(default=None, description="this port only")
    column: str | None = Field(default=None, description="findings about this column only")

    @field_validator("approved_by")
    @classmethod
    def _reachable(cls, value: str) -> str:
        if not APPROVER.match(value):
            raise ValueError("an e-mail address or team:<name>")
        return value

    @field_validator("reason")
    @classmethod
    def _said(cls, value: str) -> str:
        words = [word for word in value.split() if any(map(str.isalnum, word))]
        if len(words) < _REASON_WORDS or not any(map(str.isalpha, value)):
            raise ValueError(f"at least {_REASON_WORDS} words; fix: say why it is fine for now")
        return value

    @field_validator("until")
    @classmethod
    def _day(cls, value: str) -> str:
        try:
            if not _DAY.match(value):  # Python reads weeks and days without hyphens too
                raise ValueError
            date.fromisoformat(value)
        except ValueError:
            raise ValueError("a day such as 2027-06-30") from None
        return value


class WaiverRules(Strict):
    """What the mesh asks of waivers."""

    approvers: list[str] = Field(
        default_factory=list, description="who may approve (default: anybody who is named)"
    )
    longest_days: int = Field(
        default=LONGEST_DAYS,
        description="how far ahead a waiver may end, in days",
        ge=1,
        le=_MOST_DAYS,
    )
