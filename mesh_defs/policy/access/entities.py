"""What a decision is about, as Cedar entities: a port with its product, its domain and its columns,
and who asks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.policy.annotations import annotations_of

if TYPE_CHECKING:
    import cedarpy

    from mesh_defs.policy.access.principals import Kind, Principal
    from mesh_defs.product.manifest import Manifest
    from mesh_defs.product.model import OutputPort

_TYPES: dict[Kind, str] = {"person": "Person", "service": "Service", "agent": "Agent"}
_KEPT = 4096  # pairs of port and principal whose entities stay parsed


@dataclass(frozen=True, slots=True)
class ColumnSubject:
    """One column as decisions see it. ``because`` says why it is classified higher than its
    contract says; None when it is not. ``purposes`` are those that contracts limit it to: its own,
    and those of what flows into it (None: none of them does)."""

    name: str
    classification: str
    tags: tuple[str, ...] = ()
    because: str | None = None
    purposes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class PortSubject:
    """A port as decisions see it.

    ``columns`` are those that its contract names. ``archetype``, ``status`` and ``tags`` are the
    product's, None when its manifest cannot be read: a rule that asks for them then denies.
    ``purposes`` are those that the product permits (empty: it names none), ``roles`` those that its
    contract names for readers, ``owner`` who may be asked, and who controls the product.
    """

    domain: str
    product: str
    port: str
    columns: tuple[ColumnSubject, ...]
    classification: str
    archetype: str | None = None
    status: str | None = None
    tags: tuple[str, ...] | None = None
    purposes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    owner: str = ""

    @property
    def path(self) -> str:
        """``<domain>/<product>/<port>``."""
        return f"{self.domain}/{self.product}/{self.port}"

    @property
    def url(self) -> str:
        """The port's global URL."""
        return f"mesh://{self.path}"


def higher(one: str, other: str) -> str:
    """The more protected of two classifications."""
    return max(one, other, key=CLASSIFICATIONS.index)


def subject_of(
    domain: str, product: str, output: OutputPort, manifest: Manifest | None
) -> PortSubject:
    """A port as its contract and its product's manifest describe it; None for a manifest that
    cannot be read."""
    annotations = annotations_of(output)
    columns = tuple(
        ColumnSubject(
            column.name,
            column.classification,
            column.tags,
            purposes=annotations.permitted_purposes(column.name),
        )
        for column in output.promise.columns
    )
    # A port without a column has nothing that would make it public.
    classification = "public" if columns else "internal"
    for column in columns:
        classification = higher(classification, column.classification)
    roles = output.contract.document.roles or ()
    return PortSubject(
        domain,
        product,
        output.name,
        columns,
        classification,
        archetype=manifest.archetype if manifest is not None else None,
        status=manifest.status if manifest is not None else None,
        tags=tuple(manifest.tags) if manifest is not None else None,
        purposes=tuple(manifest.purposes) if manifest is not None else (),
        roles=tuple(role.role for role in roles if role.role),
        owner=manifest.owner if manifest is not None else "",
    )


def principal_uid(principal: Principal) -> dict[str, str]:
    """Who asks, as Cedar names it."""
    return {"type": _TYPES[principal.kind], "id": principal.name}


@lru_cache(maxsize=_KEPT)
def entities(subject: PortSubject, principal: Principal) -> cedarpy.Entities:
    """The parsed entities of a decision, kept for the next one of the same port and principal."""
    import cedarpy

    return cedarpy.Entities.from_json_str(
        json.dumps([*own_entities(subject), principal_entity(principal)], separators=(",", ":"))
    )


def own_entities(subject: PortSubject) -> list[dict[str, Any]]:
    """A port, its columns, its product and its domain, as Cedar's JSON has entities."""
    domain, product = subject.domain, f"{subject.domain}/{subject.product}"
    # What a broken manifest does not tell is left out: a rule that asks for it fails, and denies.
    owner = subject.owner or None
    known = (("archetype", subject.archetype), ("owner", owner), ("status", subject.status))
    common: dict[str, Any] = {"domain": domain}
    common.update({name: value for name, value in known if value is not None})
    tags = subject.tags
    port = {**common, "classification": subject.classification}
    columns = [
        _entity(
            ("Column", f"{subject.path}#{column.name}"),
            {**common, "classification": column.classification},
            None if tags is None else (*tags, *column.tags),
            ("Port", subject.path),
        )
        for column in subject.columns
    ]
    return [
        _entity(("Domain", domain), {"domain": domain}),
        _entity(("Product", product), common, tags, ("Domain", domain)),
        _entity(("Port", subject.path), port, tags, ("Product", product)),
        *columns,
    ]


def _entity(
    uid: tuple[str, str],
    attributes: dict[str, Any],
    tags: tuple[str, ...] | None = None,
    parent: tuple[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "uid": _uid(uid),
        "attrs": attributes if tags is None else {**attributes, "tags": list(tags)},
        "parents": [_uid(parent)] if parent is not None else [],
    }


def _uid(uid: tuple[str, str]) -> dict[str, str]:
    return {"type": uid[0], "id": uid[1]}


def principal_entity(principal: Principal) -> dict[str, Any]:
    """Who asks, as Cedar's JSON has entities."""
    attributes: dict[str, Any] = {"known": principal.known, "name": principal.name}
    if principal.domain is not None:
        attributes["domain"] = principal.domain
    return {
        "uid": principal_uid(principal),
        "attrs": attributes,
        "parents": [{"type": "Role", "id": role} for role in principal.roles],
    }
