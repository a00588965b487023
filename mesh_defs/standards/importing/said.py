"""What documents say of a product, or what stands in its place and is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from mesh_defs.errors import UnknownAddress
from mesh_defs.product.described.ports import CONTINUES
from mesh_defs.product.manifest import OWNER, Archetype, Output
from mesh_defs.standards.importing.words import version_of
from mesh_defs.standards.odps import ARCHETYPE, LICENCE, OF, PURPOSES
from mesh_defs.urls import is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_defs.faults import Fault
    from mesh_defs.standards.importing.draft import Draft
    from mesh_defs.standards.importing.odps_model import DataProduct, OutputPort
    from mesh_defs.yaml_source import Document

_KNOWN = frozenset({ARCHETYPE, LICENCE, PURPOSES})


def is_product(text: str) -> bool:
    """Whether ``text`` is the global URL of a product."""
    try:
        return is_mesh_url(text) and parse(text).port is None
    except UnknownAddress:
        return False


def text(value: object) -> bool:
    """Whether ``value`` is a text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def texts(value: object) -> list[str]:
    """The texts of a list; none where there is no list."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def order(port: OutputPort) -> tuple[int, ...]:
    """What sorts ports by their versions, the oldest first."""
    version = version_of(port.version)
    return tuple(int(n) for n in version.split("-")[0].split("+")[0].split(".")) if version else ()


def archetype(product: DataProduct | None, inputs: Mapping[str, str], draft: Draft) -> str:
    """The archetype that the document names, or one by what the product reads."""
    said = product.custom(ARCHETYPE) if product is not None else None
    if said in get_args(Archetype):
        return str(said)
    found = "aggregate" if any(map(is_mesh_url, inputs.values())) else "source-aligned"
    draft.tell(f"no archetype is said: '{found}', by what it reads")
    return found


def version(text: str | None, draft: Draft) -> str:
    """``text`` as a semantic version; a first one where it means none."""
    found = version_of(text)
    if found is None or found != text:
        draft.tell(f"version {text or '(none)'} becomes {found or '0.1.0'}")
    return found or "0.1.0"


def owner(found: str | None, draft: Draft) -> str:
    """Who was ``found`` as the owner, or the domain's team."""
    if found is None:
        draft.tell(f"no owner is said who can be reached: 'team:{draft.domain}'")
    return found or f"team:{draft.domain}"


def purpose(draft: Draft) -> str:
    """The purpose of a document that says none."""
    draft.tell("no purpose is said")
    return f"What {draft.product} is for is not said yet."


def contract_owner(data: Mapping[str, Any]) -> str | None:
    """Whom a contract's team names as its owner."""
    team = data.get("team")
    members = team.get("members") if isinstance(team, dict) else team
    listed = [m for m in members if isinstance(m, dict)] if isinstance(members, list) else []
    listed.sort(key=lambda each: str(each.get("role", "")).lower() != "owner")
    named = (each.get("username") for each in listed)
    return next((each for each in named if isinstance(each, str) and OWNER.match(each)), None)


def kept(port: OutputPort, draft: Draft) -> dict[str, Any]:
    """How the port's versions follow each other, where the document says so."""
    said = {
        each.property: each.value for each in port.customProperties if each.property in CONTINUES
    }
    try:
        Output.model_validate(said)
    except ValidationError:
        draft.tell(f"port '{port.name}': {', '.join(said)} do not fit each other")
        return {}
    return said


def tell_rest(product: DataProduct, draft: Draft) -> None:
    """Tell of what a manifest has no place for."""
    others: Sequence[tuple[str, object]] = (
        ("tenant", product.tenant),
        ("managementPorts", product.managementPorts),
        ("support", product.support),
        ("authoritativeDefinitions", product.authoritativeDefinitions),
        ("productCreatedTs", product.productCreatedTs),
        ("team: members beside the owner", product.team.members[1:]),
        ("sbom", [p for p in product.outputPorts if p.sbom]),
        ("inputContracts", [p for p in product.outputPorts if p.inputContracts]),
    )
    for name, value in others:
        if value:
            draft.tell(f"not carried over: {name}")
    custom = [c.property for c in product.customProperties if c.property not in _KNOWN]
    ported = [c.property for p in product.outputPorts for c in p.customProperties]
    custom += [name for name in ported if name not in CONTINUES]
    custom += [c.property for p in product.inputPorts for c in p.customProperties]
    for name in dict.fromkeys(custom):
        if name != OF:
            draft.tell(f"not carried over: the custom property '{name}'")


def no_contract(product: DataProduct, document: Document) -> Fault:
    """The fault of a product none of whose ports has a contract here."""
    ids = ", ".join(str(port.contractId) for port in product.outputPorts) or "no output port"
    return document.fault(
        ("outputPorts",),
        found=f"no contract of any output port ({ids})",
        allowed="at least one port whose ODCS document is imported with it",
        fix="put the contracts beside this file and import the folder",
    )
