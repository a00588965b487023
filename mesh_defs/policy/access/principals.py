"""``principals.yaml``: the people, services and agents of a mesh, their roles and home domains."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mesh_defs.errors import MeshError
from mesh_defs.faults import Fault, did_you_mean, nearest
from mesh_defs.settings import PRINCIPAL, PRINCIPAL_FORM, PRINCIPAL_NAME
from mesh_defs.validation import Strict, validate
from mesh_defs.yaml_source import read_documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

FILE = "principals.yaml"
VARIABLE = "MESH_PRINCIPAL"

Kind = Literal["person", "service", "agent"]
KINDS: tuple[Kind, ...] = ("person", "service", "agent")
_SECTIONS: Mapping[Kind, str] = {"person": "people", "service": "services", "agent": "agents"}
NAME = re.compile(rf"{PRINCIPAL_NAME}\Z")
NAME_RULE = "letters, digits and . _ @ + -, starting with a letter or digit"
ROLE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}\Z")
ROLE_RULE = "letters, digits and _ . -, starting with a letter"
_SMALLEST = "'people: {<address>: {roles: [<role>]}}'"


def _principal_name(name: str) -> str:
    if not NAME.match(name):
        raise ValueError(f"a name of {NAME_RULE}; fix: rename '{name}'")
    return name


def _role(name: str) -> str:
    if not ROLE.match(name):
        raise ValueError(f"a role of {ROLE_RULE}; fix: rename '{name}'")
    return name


class PrincipalEntry(Strict):
    """What is known of one principal."""

    roles: list[Annotated[str, AfterValidator(_role)]] = Field(
        default_factory=list, description="its roles, as contracts and access rules name them"
    )
    domain: str | None = Field(default=None, description="the domain that it belongs to")

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, value: object) -> object:
        return {} if value is None else value


Entries = dict[Annotated[str, AfterValidator(_principal_name)], PrincipalEntry]


class PrincipalsFile(Strict):
    """``principals.yaml`` at the mesh's root."""

    people: Entries = Field(default_factory=dict, description="people, by address")
    services: Entries = Field(default_factory=dict, description="programs, by name")
    agents: Entries = Field(default_factory=dict, description="AI agents, by name")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. ``known`` tells that the mesh declares it; ``name`` is empty for anonymous ones."""

    kind: Kind
    name: str
    roles: tuple[str, ...] = ()
    domain: str | None = None
    known: bool = True

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else f"an anonymous {self.kind}"


ANONYMOUS = Principal("person", "", known=False)
# Who uses a mesh that declares nobody: a person at the machine where it lies.
LOCAL = Principal("person", "local")


@dataclass(frozen=True, slots=True)
class Principals:
    """The declared principals by ``<kind>:<name>``. ``declared`` tells that there is a file;
    ``faults`` are those of the file, and while it has any nobody is known."""

    by_name: Mapping[str, Principal] = field(default_factory=dict)
    declared: bool = False
    faults: tuple[Fault, ...] = ()

    def __iter__(self) -> Iterator[Principal]:
        return iter(self.by_name.values())

    @property
    def roles(self) -> set[str]:
        """Every role that somebody has."""
        return {role for principal in self for role in principal.roles}

    def find(self, text: str) -> Principal:
        """The principal that ``text`` (``person:<name>``) names; one that is not ``known`` when
        nobody declares it. Raises `MeshError` for a text of another form."""
        known = self.by_name.get(text)
        if known is not None:
            return known
        match = PRINCIPAL.match(text)
        kind = next((each for each in KINDS if match is not None and each == match[1]), None)
        if match is None or kind is None:
            raise MeshError(
                f"'{text}' is no principal; the form is {PRINCIPAL_FORM}. Fix: "
                f"{self._named_alike(text) or 'write the kind before the name'}"
            )
        return Principal(kind, match[2], known=False)

    def unknown_reason(self, principal: Principal) -> str:
        """Why a principal that is not known is refused, and who may have been meant."""
        if self.faults:
            return f"nobody is known, because {FILE} is broken: {self.faults[0]}"
        if not self.declared:
            return f"unknown principal '{principal}': the mesh has no {FILE} that declares it"
        near = nearest(str(principal), self.by_name)
        hint = f"; the nearest is '{near}'" if near else ""
        return f"unknown principal '{principal}', which {FILE} does not declare{hint}"

    def _named_alike(self, text: str) -> str | None:
        for kind in KINDS:
            if f"{kind}:{text}" in self.by_name:
                return f"write '{kind}:{text}'"
        return None


def load_principals(root: Path) -> Principals:
    """Read ``principals.yaml`` below ``root``; nobody when there is none. Raises nothing for what a
    person wrote."""
    file = root / FILE
    if not file.exists():
        return Principals()
    documents, faults = read_documents(file, FILE, smallest=_SMALLEST)
    if len(documents) > 1:
        fix = "remove the line '---', and write each key once"
        found = f"{len(documents)} documents"
        faults = [documents[1].fault((), found=found, allowed="one document", fix=fix)]
    if faults:
        return Principals(declared=True, faults=tuple(faults))
    result = validate(PrincipalsFile, documents[0], (), documents[0].data)
    if isinstance(result, list):
        return Principals(declared=True, faults=tuple(result))
    by_name = {
        f"{kind}:{name}": Principal(kind, name, tuple(dict.fromkeys(entry.roles)), entry.domain)
        for kind, section in _SECTIONS.items()
        for name, entry in getattr(result, section).items()
    }
    return Principals(by_name, declared=True)


def domain_faults(root: Path, principals: Principals, domains: Iterable[str]) -> list[Fault]:
    """Home domains that there are not, each on its line."""
    known = sorted(domains)
    wrong = [one for one in principals if one.domain is not None and one.domain not in known]
    if not wrong:
        return []
    documents, _ = read_documents(root / FILE, FILE, smallest=_SMALLEST)
    return [
        document.fault(
            (_SECTIONS[one.kind], one.name, "domain"),
            found=f"unknown domain '{one.domain}'",
            allowed=", ".join(known) or "no domain at all",
            fix=did_you_mean(one.domain or "", known),
        )
        for document in documents
        for one in wrong
    ]


def local_principal(principals: Principals, profile: str | None) -> Principal:
    """Who reads here: ``MESH_PRINCIPAL``, or the infra profile's ``principal``.

    Without either it is an anonymous person; in a mesh that declares nobody, a person of the mesh
    without roles and domain. Raises `MeshError` for a text of another form.
    """
    named = os.environ.get(VARIABLE) or profile
    if named:
        return principals.find(named)
    return nameless(principals)


def nameless(principals: Principals) -> Principal:
    """Who reads here without saying who it is."""
    return ANONYMOUS if principals.declared else LOCAL
