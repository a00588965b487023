"""A domain's ``defs.yaml``: who owns it and what it is for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from mesh_defs.faults import Fault, relative
from mesh_defs.names import folder_faults
from mesh_defs.policy.declare import Written
from mesh_defs.policy.entry import PolicyEntry, WaiverEntry
from mesh_defs.policy.waivers import waivers_of
from mesh_defs.product.envelope import (
    DOMAIN_TYPE,
    FOLDER_TYPE,
    SMALLEST_DOMAIN,
    envelope_faults,
)
from mesh_defs.product.manifest import check_owner
from mesh_defs.product.model import Domain
from mesh_defs.validation import Strict, validate
from mesh_defs.yaml_source import read_documents

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.yaml_source import Document


class DomainManifest(Strict):
    """The attributes of a domain's ``defs.yaml``."""

    owner: str = Field(description="who answers for the domain: an address or team:<name>")
    purpose: str = Field(description="what the domain is about, in a sentence or two", min_length=1)
    policies: list[PolicyEntry] = Field(
        default_factory=list, description="policies for all products of the domain"
    )
    waivers: list[WaiverEntry] = Field(
        default_factory=list, description="what its products may deviate from, and until when"
    )

    @field_validator("owner")
    @classmethod
    def _reachable(cls, value: str) -> str:
        return check_owner(value)


def load_domain(folder: Path, root: Path) -> tuple[Domain, list[Fault]]:
    """Read ``<folder>/defs.yaml``. A domain with faults is still a domain, so that its products
    keep working."""
    file = folder / "defs.yaml"
    name = relative(file, root)
    faults = folder_faults("domain", folder.name, name)
    nameless = Domain(folder.name, folder, "", "")
    command = f"mesh new domain {folder.name}"
    if not file.is_file():
        fix = f"write it, or run: {command}"
        return nameless, [*faults, Fault(name, 0, "", "no file", SMALLEST_DOMAIN, fix)]
    documents, unreadable = read_documents(file, name, smallest=SMALLEST_DOMAIN, command=command)
    if unreadable:
        return _unread(nameless, file, unreadable), faults + unreadable
    wrong = _shape_faults(documents)
    first = documents[0]
    if wrong and not isinstance(first.data, dict):
        return _unread(nameless, file, wrong), faults + wrong
    result = None
    if "attributes" in first.data or not wrong:
        result = validate(DomainManifest, first, ("attributes",), first.data.get("attributes"))
    if isinstance(result, list):
        wrong += result
    if wrong or not isinstance(result, DomainManifest):
        return _unread(nameless, file, wrong), faults + wrong
    policies = Written(result.policies, first, ("attributes", "policies"), folder.name, folder)
    waivers = waivers_of(folder.name, result.waivers, first, ("attributes", "waivers"))
    domain = Domain(folder.name, folder, result.owner, result.purpose, policies, tuple(waivers))
    return domain, faults


def _unread(domain: Domain, file: Path, faults: list[Fault]) -> Domain:
    """A domain whose file cannot be read. When it speaks of policies, nobody knows which ones hold,
    and that must not be a way around them."""
    speaks = "policies" in file.read_text(encoding="utf-8", errors="replace")
    return replace(domain, unread_policies=tuple(faults)) if speaks else domain


def _shape_faults(documents: list[Document]) -> list[Fault]:
    """A domain's file has two documents: its own, and the one that loads its products."""
    first, *others = documents
    faults = envelope_faults(first, DOMAIN_TYPE)
    if not others:
        last = Fault(
            first.file,
            max(first.lines.values(), default=1),
            "",
            "one document",
            f"two: the domain's own, and 'type: {FOLDER_TYPE}', which loads its products",
            f"add '---' and 'type: {FOLDER_TYPE}' at the end",
        )
        return [*faults, last]
    faults += envelope_faults(others[0], FOLDER_TYPE, ("type",))
    if len(documents) > 2:
        faults.append(
            documents[2].fault(
                (),
                found=f"{len(documents)} documents",
                allowed="two: the domain's own, and the one that loads its products",
                fix="remove what follows the second '---'",
            )
        )
    return faults
