"""A domain's ``defs.yaml``: who owns it and what it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from mesh_defs.faults import Fault, relative
from mesh_defs.product.manifest import check_owner
from mesh_defs.product.model import Domain
from mesh_defs.urls import NAME, NAME_RULE
from mesh_defs.validation import Strict, shown, validate
from mesh_defs.yaml_source import parse

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN_TYPE = "mesh_defs.Domain"
FOLDER_TYPE = "dagster.DefsFolderComponent"
SHAPE = f"two documents: 'type: {DOMAIN_TYPE}' with attributes, then 'type: {FOLDER_TYPE}'"


class DomainManifest(Strict):
    """The attributes of a domain's ``defs.yaml``."""

    owner: str = Field(description="who answers for the domain: an address or team:<name>")
    purpose: str = Field(description="what the domain is about, in a sentence or two", min_length=1)

    @field_validator("owner")
    @classmethod
    def _reachable(cls, value: str) -> str:
        return check_owner(value)


def load_domain(folder: Path, root: Path) -> tuple[Domain, list[Fault]]:
    """Read ``<folder>/defs.yaml``. A domain with faults is still a domain, so that its products
    keep working."""
    file = folder / "defs.yaml"
    name = relative(file, root)
    faults: list[Fault] = []
    if not NAME.match(folder.name):
        faults.append(Fault(name, 0, "", f"the folder '{folder.name}'", NAME_RULE, "rename it"))
    nameless = Domain(folder.name, folder, "", "")
    if not file.is_file():
        fix = f"write it, or run: mesh new domain {folder.name}"
        return nameless, [*faults, Fault(name, 0, "", "no file", SHAPE, fix)]
    documents, syntax = parse(file.read_text(encoding="utf-8", errors="replace"), name)
    faults += syntax
    if syntax:
        return nameless, faults
    types = [d.data.get("type") if isinstance(d.data, dict) else None for d in documents]
    if types != [DOMAIN_TYPE, FOLDER_TYPE]:
        found = f"{len(documents)} documents of type {', '.join(shown(t) for t in types)}"
        return nameless, [*faults, Fault(name, 1, "type", found, SHAPE, "write both documents")]
    result = validate(
        DomainManifest, documents[0], ("attributes",), documents[0].data.get("attributes")
    )
    if isinstance(result, list):
        return nameless, faults + result
    return Domain(folder.name, folder, result.owner, result.purpose), faults
