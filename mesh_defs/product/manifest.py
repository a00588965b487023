"""The manifest: what a domain team writes about one data product (``defs.yaml``, attributes)."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from mesh_defs.cron import fault_in
from mesh_defs.drivers.compute.row_groups import Reading
from mesh_defs.errors import UnknownAddress
from mesh_defs.faults import did_you_mean, nearest
from mesh_defs.names import Named, wrong_name
from mesh_defs.policy.entry import PolicyEntry
from mesh_defs.product.envelope import PRODUCT_TYPE
from mesh_defs.product.offer import Offer
from mesh_defs.product.training import Training
from mesh_defs.urls import MeshUrl, is_mesh_url, parse
from mesh_defs.validation import Day, Strict

if TYPE_CHECKING:
    from collections.abc import Sequence

Archetype = Literal["source-aligned", "aggregate", "consumer-aligned"]
Status = Literal["proposed", "draft", "active", "deprecated", "retired"]
Mode = Literal["snapshot", "append", "upsert", "partition"]
Grain = Literal["day", "week", "month"]

COMPONENT_TYPE = PRODUCT_TYPE

# https://semver.org/#is-there-a-suggested-regular-expression-regex-to-check-a-semver-string
SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\Z"
)
OWNER = re.compile(r"(team:[\w.-]+|[^@\s]+@[^@\s]+\.[^@\s]+)\Z")
_SERVICE = re.compile(r"([a-z][a-z0-9_]*)://([^\s/][^\s]*)\Z")


_INPUT_FORM = "<service>://<entity> or mesh://<domain>/<product>[/<port>][@<major>]"


def _instead(value: object, known: Sequence[str]) -> str:
    close = nearest(value, known) if isinstance(value, str) else None
    return f"write '{close}' instead of '{value}'" if close else "write one of these"


def _input_name(value: str) -> str:
    return _named("input", value)


def _output_name(value: str) -> str:
    return _named("output", value)


def _named(what: Named, value: str) -> str:
    wrong = wrong_name(what, value)
    if wrong is not None:
        raise ValueError(f"{wrong[1]}; fix: {wrong[2]}")
    return value


InputName = Annotated[str, AfterValidator(_input_name)]
OutputName = Annotated[str, AfterValidator(_output_name)]


def check_owner(value: str) -> str:
    """``value`` when it names somebody who can be reached; raises `ValueError`."""
    if not OWNER.match(value):
        raise ValueError("an e-mail address or team:<name>")
    return value


class ServiceInput:
    """An input from an operational system: ``<service>://<entity>``."""

    def __init__(self, service: str, entity: str) -> None:
        self.service = service
        self.entity = entity

    def __str__(self) -> str:
        return f"{self.service}://{self.entity}"


def service_input(text: str) -> ServiceInput | None:
    """What ``<service>://<entity>`` names; None for another form."""
    match = _SERVICE.match(text)
    return ServiceInput(match.group(1), match.group(2)) if match is not None else None


class Input(Strict):
    """One input port."""

    from_: str = Field(
        alias="from",
        description="a service of the infra profile (ops://flights) or a product's global URL "
        "(mesh://operations/flights@1)",
    )
    expect: dict[str, Any] | None = Field(
        default=None,
        description="expectations: properties and quality as in an ODCS schema object",
    )
    allow_empty: bool = Field(
        default=False, description="whether an input without any row is fine (else the run stops)"
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"from": value} if isinstance(value, str) else value

    @field_validator("from_")
    @classmethod
    def _address(cls, value: str) -> str:
        if is_mesh_url(value):
            try:
                url = parse(value)
            except UnknownAddress as error:
                fix = "write mesh://<domain>/<product>[/<port>][@<major>]"
                raise ValueError(f"found {error}; allowed: {_INPUT_FORM}; fix: {fix}") from None
            if url.version is not None or url.as_of is not None or url.column is not None:
                raise ValueError(
                    "a product's URL without version, as_of or column; fix: a run always reads the "
                    "newest version; write " + str(MeshUrl(url.domain, url.product, url.port))
                )
        elif not _SERVICE.match(value):
            raise ValueError(_INPUT_FORM)
        return value

    @property
    def source(self) -> MeshUrl | ServiceInput:
        """Where the input comes from."""
        if is_mesh_url(self.from_):
            return parse(self.from_)
        found = service_input(self.from_)
        assert found is not None  # noqa: S101  held by the validator above
        return found


class Output(Strict):
    """One output port."""

    contract: str = Field(default="contract.yaml", description="its ODCS contract, a file beside")
    mode: Mode = Field(
        default="snapshot",
        description="snapshot replaces everything, append adds rows past the cursor, upsert "
        "replaces rows by key, partition replaces whole periods",
    )
    cursor: str | None = Field(default=None, description="append: the column that only grows")
    key: list[str] | None = Field(
        default=None, description="upsert: the key's columns (default: the contract's primary key)"
    )
    by: str | None = Field(default=None, description="partition: the date column of the period")
    every: Grain = Field(default="day", description="partition: the length of a period")
    start: Day | None = Field(
        default=None, description="partition: the first period's first day (2023-01-01)"
    )
    end: Day | None = Field(
        default=None,
        description="partition: the first day after the last period (default: it goes on)",
    )
    actual_time: str | None = Field(
        default=None,
        description="the column that tells which time the data speaks of (default: cursor or by)",
    )
    compute: str = Field(default="duckdb", description="the compute driver that makes this port")
    reads: Reading | None = Field(
        default=None,
        description="what its files are laid out for: lookups (a few rows by a condition, in "
        "milliseconds) or scans (much at once; published faster); without it lookups, and scans "
        "when the inputs' files have 256 MB and more",
    )

    @model_validator(mode="after")
    def _mode_keys(self) -> Output:
        wanted = {"append": "cursor", "partition": "by"}.get(self.mode)
        if wanted is not None and getattr(self, wanted) is None:
            raise ValueError(
                f"found no '{wanted}'; allowed: mode {self.mode} with '{wanted}: <column>'; "
                f"fix: add '{wanted}:'"
            )
        if self.mode == "partition" and self.start is None:
            raise ValueError(
                "found no 'start'; allowed: mode partition with 'start: <first day>'; "
                "fix: add 'start:' such as 2023-01-01"
            )
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(
                f"found the end '{self.end}', and '{self.start}' as the start; "
                "allowed: an 'end' after 'start'; fix: write a later day"
            )
        only = (("cursor", "append"), ("key", "upsert"), ("by", "partition"), ("end", "partition"))
        for key, mode in only:
            if getattr(self, key) is not None and self.mode != mode:
                raise ValueError(
                    f"found '{key}' with mode {self.mode}; allowed: '{key}' with mode {mode} only; "
                    f"fix: write 'mode: {mode}' or remove '{key}'"
                )
        return self

    @field_validator("start", "end")
    @classmethod
    def _day(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                date.fromisoformat(value)
            except ValueError:
                raise ValueError("a day such as 2023-01-01") from None
        return value


class DbtTransform(Strict):
    """A dbt project in ``dbt_projects/``."""

    dbt: str = Field(description="the project's folder in dbt_projects/")


class Trigger(Strict):
    """When the product runs by itself: exactly one of the two keys, or neither for manual."""

    on_update: Literal["any", "all"] | None = Field(
        default=None, description="when any input has a new version, or when all have"
    )
    cron: str | None = Field(default=None, description="a cron expression of five fields")
    timezone: str = Field(default="UTC", description="cron: the IANA time zone")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        if value == "on_update":
            return {"on_update": "any"}
        if value == "manual":
            return {}
        if isinstance(value, str):
            raise ValueError(
                "on_update, manual, {on_update: any|all} or {cron: '0 6 * * *'}; "
                f"fix: {_instead(value, ('on_update', 'manual'))}"
            )
        return value

    @model_validator(mode="after")
    def _one(self) -> Trigger:
        if self.on_update is not None and self.cron is not None:
            raise ValueError(
                "found both on_update and cron; allowed: one of them; fix: remove the other"
            )
        return self

    @field_validator("cron")
    @classmethod
    def _fields(cls, value: str | None) -> str | None:
        wrong = fault_in(value) if value is not None else None
        if wrong is not None:
            raise ValueError(
                f"a cron expression of five fields such as '0 6 * * *'; fix: mend it, {wrong}"
            )
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        from zoneinfo import available_timezones

        known = available_timezones()
        if value not in known:
            fix = did_you_mean(value, sorted(known))
            raise ValueError(f"an IANA time zone such as America/New_York; fix: {fix}")
        return value


class Budget(Strict):
    """What one version may cost at most; what is left out has no limit."""

    rows: int | None = Field(default=None, description="rows of a port", gt=0)
    bytes: int | None = Field(default=None, description="bytes of a port's files", gt=0)
    seconds: float | None = Field(
        default=None, description="seconds of a run until it was verified", gt=0
    )


class Manifest(Strict):
    """The attributes of a product's ``defs.yaml``."""

    archetype: Archetype = Field(description="source-aligned, aggregate or consumer-aligned")
    version: str = Field(description="the interface's semantic version, such as 1.0.0")
    owner: str = Field(description="who answers for it: an e-mail address or team:<name>")
    purpose: str = Field(description="what it is for, in a sentence or two", min_length=1)
    limitations: str | None = Field(default=None, description="what it is not good for, and why")
    usage: str | None = Field(default=None, description="how it is meant to be used")
    status: Status = Field(default="active", description="ODPS life cycle status")
    tags: list[str] = Field(default_factory=list, description="words to find it by")
    licence: str | None = Field(
        default=None, description="under which licence it may be used: an SPDX id, or in words"
    )
    purposes: list[str] = Field(
        default_factory=list, description="the purposes that it may be used for (analytics)"
    )
    access: Offer = Field(default_factory=Offer, description="how requests for it are answered")
    budget: Budget | None = Field(default=None, description="what one version may cost")
    training: Training | None = Field(
        default=None, description="for products that models learn from"
    )
    policies: list[PolicyEntry] = Field(
        default_factory=list, description="policies of its own, beside those of mesh and domain"
    )
    inputs: dict[InputName, Input] = Field(default_factory=dict, description="input ports by name")
    transform: Literal["sql", "python"] | DbtTransform | None = Field(
        default=None, description="how outputs are made (default: what the folder holds)"
    )
    outputs: dict[OutputName, Output] = Field(
        default_factory=dict,
        description="output ports by name (default: one, named as the product)",
    )
    trigger: Annotated[Trigger, Field(default_factory=lambda: Trigger(on_update="any"))] = Field(
        default_factory=lambda: Trigger(on_update="any"),
        description="on_update, manual, {on_update: any|all} or {cron: '0 6 * * *'}",
    )

    @field_validator("version")
    @classmethod
    def _semver(cls, value: str) -> str:
        if not SEMVER.match(value):
            raise ValueError("a semantic version such as 1.0.0")
        return value

    @field_validator("owner")
    @classmethod
    def _reachable(cls, value: str) -> str:
        return check_owner(value)

    @field_validator("transform", mode="before")
    @classmethod
    def _transform(cls, value: object) -> object:
        if value is None or value in ("sql", "python") or isinstance(value, dict):
            return value
        fix = _instead(value, ("sql", "python"))
        raise ValueError(f"sql, python or {{dbt: <project>}}; fix: {fix}")

    @property
    def major(self) -> int:
        """The interface's major version."""
        return int(self.version.split(".")[0])
