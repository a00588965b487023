"""What its owner says of a product: as a version was published with it, or as it is declared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mesh_defs.product.described.ports import continued
from mesh_defs.product.described.stored import stored_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.manifest import Manifest

# It is in force for every version as soon as the manifest says so: nobody is given any more data.
RETIRED = "retired"
_GOES_BY = {"append": "cursor", "partition": "by"}


@dataclass(frozen=True, slots=True)
class Said:
    """One product. ``version`` is its interface's, ``inputs`` are the addresses that it reads, by
    name; ``continues`` has by port how its versions follow each other
    (`mesh_defs.product.described.ports.continued`)."""

    version: str
    purpose: str
    owner: str
    archetype: str
    status: str
    limitations: str | None = None
    usage: str | None = None
    tags: tuple[str, ...] = ()
    licence: str | None = None
    purposes: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    continues: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def declared(manifest: Manifest) -> Said:
    """What a manifest says."""
    return Said(
        manifest.version,
        manifest.purpose,
        manifest.owner,
        manifest.archetype,
        manifest.status,
        manifest.limitations,
        manifest.usage,
        tuple(manifest.tags),
        manifest.licence,
        tuple(manifest.purposes),
        {name: each.from_ for name, each in manifest.inputs.items()},
        {name: continued(each) for name, each in manifest.outputs.items()},
    )


def published(
    store: ProductStore, identity: str, record: Record, manifest: Manifest | None
) -> Said | None:
    """What was published with the version of ``record``, by its discovery document. Of a version
    that has none, what ``manifest`` says, as far as the record does not know better; None where
    there is no manifest either. What is retired by now is retired. Raises `CorruptRecord`."""
    document = stored_document(store, identity, record.version)
    found = written(document, record) if document is not None else None
    if manifest is None:
        return found
    if found is None:
        found = of_record(declared(manifest), record)
    return replace(found, status=RETIRED) if manifest.status == RETIRED else found


def of_record(found: Said, record: Record) -> Said:
    """What was ``found``, as far as the record of a version does not know better."""
    inputs = {name: each.source for name, each in record.inputs.items()}
    ports = {
        name: _as_recorded(found.continues.get(name), port.continues)
        for name, port in record.ports.items()
    }
    return replace(
        found,
        version=record.product_version,
        status=record.status or found.status,
        inputs=inputs,
        continues=ports,
    )


def written(document: Mapping[str, Any], record: Record) -> Said | None:
    """What the discovery document of ``record``'s version says; None of one that was composed when
    there was no manifest."""
    if document["purpose"] is None:
        return None
    found = Said(
        document["product_version"],
        document["purpose"],
        document["owner"],
        document["archetype"],
        document["status"],
        document["limitations"],
        document["usage"],
        tuple(document["tags"]),
        document["licence"],
        tuple(document["permitted_purposes"]),
        continues={port["port"]: port.get("continues") or {} for port in document["ports"]},
    )
    return of_record(found, record)


def _as_recorded(said: Mapping[str, Any] | None, recorded: str) -> Mapping[str, Any]:
    """What was ``said``, where the record of the version says the same; else what that says."""
    mode, _, columns = recorded.partition(" by ")
    if said is not None and (not recorded or said.get("mode", "snapshot") == mode):
        key = said.get(_GOES_BY.get(mode, "key"))
        by = key if isinstance(key, str) else ",".join(key or ())
        if not recorded or not by or by == columns:
            return said
    if mode in ("", "snapshot"):
        return {}
    if mode == "upsert":
        return {"mode": mode, "key": columns.split(",")}
    return {"mode": mode, _GOES_BY[mode]: columns}
