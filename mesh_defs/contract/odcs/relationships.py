"""Relationships: foreign keys, written at a property or at the object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.odcs.builder import Sentence
from mesh_defs.contract.odcs.references import FORMS, Reference, resolve
from mesh_defs.contract.rules import ForeignKey, Unrunnable
from mesh_defs.urls import MeshUrl
from mesh_defs.yaml_source import dotted

if TYPE_CHECKING:
    from open_data_contract_standard.model import Relationship

    from mesh_defs.contract.odcs.builder import Builder, Property
    from mesh_defs.yaml_source import KeyPath


# The custom property of a relationship with the global URL that it leads to.
MESH_URL = "meshUrl"


def add_property_relationships(builder: Builder, prop: Property) -> None:
    """Add the foreign keys that start at ``prop``."""
    for index, relationship in enumerate(prop.model.relationships or ()):
        path = (*prop.path, "relationships", index)
        if path in builder.broken or not _known_type(builder, relationship, path):
            continue
        if relationship.from_ is not None:
            builder.fault(
                (*path, "from"),
                found=Sentence("'from' in the relationship of a property"),
                allowed="'to' alone; the property itself is where it starts",
                fix="remove 'from', or move the relationship to the schema object",
            )
            continue
        targets = _texts(_target(relationship))
        if len(targets) != 1:
            builder.fault(
                (*path, "to"),
                found=Sentence(f"{len(targets)} targets of one property"),
                allowed=f"one of: {FORMS}",
                fix="write one target; composite keys belong to the schema object",
            )
            continue
        reference = resolve(builder, (*path, "to"), targets[0])
        if reference is not None:
            _add(builder, relationship, path, [Reference(None, prop.column)], [reference])


def add_object_relationships(builder: Builder) -> None:
    """Add the foreign keys that are written at the object, composite ones too."""
    for index, relationship in enumerate(builder.model.relationships or ()):
        path = (*builder.path, "relationships", index)
        if path in builder.broken or not _known_type(builder, relationship, path):
            continue
        if not _both_ends(builder, relationship, path):
            continue
        sources = _resolve_all(builder, relationship.from_, (*path, "from"))
        targets = _resolve_all(builder, _target(relationship), (*path, "to"))
        if sources is None or targets is None:
            continue
        if any(source.target is not None for source in sources):
            builder.fault(
                (*path, "from"),
                found=", ".join(_texts(relationship.from_)),
                allowed=f"properties of {builder.name} itself",
                fix="write the relationship at the object that it starts from",
            )
            continue
        _add(builder, relationship, path, sources, targets)


def _add(
    builder: Builder,
    relationship: Relationship,
    path: KeyPath,
    sources: list[Reference],
    targets: list[Reference],
) -> None:
    if any(target.target != targets[0].target for target in targets):
        builder.fault(
            (*path, "to"),
            found=Sentence(f"{len({str(t.target) for t in targets})} different targets of one key"),
            allowed="columns of one and the same port",
            fix="write one relationship for each target",
        )
        return
    columns = tuple(source.column for source in sources)
    target = targets[0].target
    derived = f"fk.{'_'.join(columns)}"
    short = target.port or target.product if isinstance(target, MeshUrl) else target
    if relationship.id:
        name = builder.named(relationship.id, columns[0], derived)
    else:
        name = builder.identify(derived, f"{derived}.{short or builder.name}")
    column = columns[0] if len(columns) == 1 else None
    description = _description(builder, path)
    line = builder.line(path)
    problems = [end.problem for end in (*sources, *targets) if end.problem is not None]
    if problems:
        builder.rules.append(
            Unrunnable(
                id=name,
                dimension="consistency",
                column=column,
                description=description,
                line=line,
                key=dotted(path),
                reason=problems[0],
            )
        )
        return
    builder.rules.append(
        ForeignKey(
            id=name,
            dimension="consistency",
            column=column,
            description=description,
            line=builder.line((*path, "to")),
            key=dotted((*path, "to")),
            columns=columns,
            target=target,
            target_columns=tuple(reference.column for reference in targets),
            target_inside=tuple(end.inside for end in targets if end.inside is not None),
        )
    )


def _resolve_all(
    builder: Builder, ends: str | list[str] | None, path: KeyPath
) -> list[Reference] | None:
    found = []
    listed = isinstance(ends, list)
    for index, text in enumerate(_texts(ends)):
        found.append(resolve(builder, (*path, index) if listed else path, text))
    known = [reference for reference in found if reference is not None]
    return known if len(known) == len(found) else None


def _both_ends(builder: Builder, relationship: Relationship, path: KeyPath) -> bool:
    starts, ends = _texts(relationship.from_), _texts(relationship.to)
    missing = [name for name, texts in (("from", starts), ("to", ends)) if not texts]
    for name in missing:
        builder.fault(
            path,
            found=Sentence(f"a relationship without '{name}'"),
            allowed=f"'from' and 'to', each one of: {FORMS}; or lists of them",
            fix=f"add '{name}:'",
        )
    if missing:
        return False
    same_kind = isinstance(relationship.from_, list) == isinstance(relationship.to, list)
    if same_kind and len(starts) == len(ends):
        return True
    builder.fault(
        path,
        found=Sentence(f"{len(starts)} in 'from' and {len(ends)} in 'to'"),
        allowed="one text in each, or two lists of the same length",
        fix="write as many columns in 'to' as in 'from', in the same order",
    )
    return False


def _known_type(builder: Builder, relationship: Relationship, path: KeyPath) -> bool:
    if relationship.type in (None, "foreignKey"):
        return True
    builder.unknown((*path, "type"), str(relationship.type), ["foreignKey"])
    return False


def _target(relationship: Relationship) -> str | list[str] | None:
    """What the relationship leads to: the global URLs of `MESH_URL` where it has them, of which an
    exported document's ``to`` is what the standard has words for."""
    for entry in relationship.customProperties or ():
        value = entry.value
        if entry.property == MESH_URL and isinstance(value, str):
            return value
        if entry.property == MESH_URL and isinstance(value, list):
            return [str(each) for each in value]
    return relationship.to


def _texts(ends: str | list[str] | None) -> list[str]:
    if ends is None:
        return []
    return ends if isinstance(ends, list) else [ends]


def _description(builder: Builder, path: KeyPath) -> str | None:
    written = builder.written(path)
    text = written.get("description")
    if isinstance(text, str):
        return text
    for entry in written.get("customProperties") or ():
        if isinstance(entry, dict) and entry.get("property") == "description":
            return str(entry.get("value"))
    return None
