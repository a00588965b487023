"""References to properties: ``object.property``, ``schema/<id>/properties/<id>`` and global URLs
(ODCS 3.1, "References")."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh_defs.contract.odcs.builder import Sentence
from mesh_defs.contract.odcs.places import find
from mesh_defs.errors import UnknownAddress
from mesh_defs.urls import MeshUrl, is_mesh_url, parse

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaObject, SchemaProperty

    from mesh_defs.contract.model import Inside
    from mesh_defs.contract.odcs.builder import Builder
    from mesh_defs.yaml_source import KeyPath

FORMS = "object.property, schema/<id>/properties/<id>, mesh://<domain>/<product>/<port>#<column>"
_FILE = re.compile(r"(?P<file>[^#]*\.ya?ml)#(?P<rest>.+)\Z", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


@dataclass(frozen=True, slots=True)
class Reference:
    """A property somewhere. ``target`` is None for the port itself, the name of another port of
    the product, or a global URL without its column. ``problem`` says why it cannot be followed
    although it is well formed. ``inside`` is set for a place inside a column of another port."""

    target: MeshUrl | str | None
    column: str
    problem: str | None = None
    inside: Inside | None = None


def resolve(builder: Builder, path: KeyPath, text: str) -> Reference | None:
    """``text``, which stands at ``path``, as a reference; None when it is wrong (then a fault)."""
    text = text.strip()
    if is_mesh_url(text):
        return _url(builder, path, text)
    outside = _FILE.match(text)
    if outside is not None:
        reason = (
            f"'{outside['file']}' is a contract outside the mesh; write the product's global URL"
        )
        return Reference(text, outside["rest"], reason)
    if "/" in text:
        return _qualified(builder, path, text)
    names = text.split(".")
    if len(names) < 2 or not all(_NAME.match(name) for name in names):
        _malformed(builder, path, text)
        return None
    return _shorthand(builder, path, names)


def _url(builder: Builder, path: KeyPath, text: str) -> Reference | None:
    try:
        url = parse(text)
    except UnknownAddress as error:
        builder.fault(path, found=Sentence(str(error)), allowed=FORMS, fix="mend the URL")
        return None
    if url.column is None:
        builder.fault(
            path,
            found=Sentence(f"'{text}', which names no column"),
            allowed="mesh://<domain>/<product>/<port>#<column>",
            fix=f"write '{text}#<column>'",
        )
        return None
    return Reference(replace(url, column=None), url.column)


def _shorthand(builder: Builder, path: KeyPath, names: list[str]) -> Reference | None:
    owner = builder.model if names[0] == builder.name else _by_name(builder, names[0])
    target = None if owner is builder.model else names[0]
    if owner is None:  # another port of the product, which has its own contract
        if len(names) > 2:
            return Reference(target, ".".join(names[1:]), _nested(names))
        return Reference(target, names[1])
    column = _member(owner, names[1], by_id=False)
    if column is None:
        builder.unknown(path, ".".join(names), _known(owner, by_id=False))
        return None
    if len(names) > 2:
        return _inside(builder, path, owner, names[1:], by_id=False)
    return Reference(target, column.physicalName or column.name or names[1])


def _qualified(builder: Builder, path: KeyPath, text: str) -> Reference | None:
    parts = text.removeprefix("#").strip("/").split("/")
    if (
        len(parts) < 4
        or parts[0] != "schema"
        or len(parts) % 2
        or set(parts[2::2]) != {"properties"}
    ):
        _malformed(builder, path, text)
        return None
    owner = next((o for o in builder.objects if o.id == parts[1]), None)
    owner = owner or _by_name(builder, parts[1])
    if owner is None:
        known = [str(o.id or o.name) for o in builder.objects]
        builder.unknown(path, parts[1], [f"schema/{name}" for name in known])
        return None
    column = _member(owner, parts[3], by_id=True)
    if column is None:
        builder.unknown(path, parts[3], _known(owner, by_id=True))
        return None
    target = None if owner is builder.model else owner.name
    if len(parts) > 4:
        return _inside(builder, path, owner, parts[3::2], by_id=True)
    return Reference(target, column.physicalName or column.name or parts[3])


def _inside(
    builder: Builder, path: KeyPath, owner: SchemaObject, names: list[str], *, by_id: bool
) -> Reference | None:
    """A reference into a column of ``owner``, through objects alone."""
    place = find(owner, names, by_id=by_id)
    if place is None:
        builder.fault(
            path,
            found=Sentence(f"no property {' > '.join(names)} of {owner.name}"),
            allowed="properties of objects; one item of a list cannot be referred to",
            fix="write the names of the properties on the way",
        )
        return None
    if owner is builder.model:
        return Reference(None, builder.inside(place).name)
    return Reference(owner.name, place.name, inside=place)


def _by_name(builder: Builder, name: str) -> SchemaObject | None:
    return next((o for o in builder.objects if o.name == name), None)


def _member(owner: SchemaObject, name: str, *, by_id: bool) -> SchemaProperty | None:
    properties = owner.properties or []
    if by_id:
        found = next((p for p in properties if p.id == name), None)
        if found is not None:
            return found
    return next((p for p in properties if name in (p.name, p.physicalName)), None)


def _known(owner: SchemaObject, *, by_id: bool) -> list[str]:
    if by_id:
        return [str(p.id or p.name) for p in owner.properties or ()]
    return [f"{owner.name}.{p.name}" for p in owner.properties or ()]


def _nested(names: list[str]) -> str:
    return (
        f"'{names[-1]}' lies inside a column of a port whose contract is another document; only "
        "whole columns can be joined there"
    )


def _malformed(builder: Builder, path: KeyPath, text: str) -> None:
    builder.fault(path, found=text, allowed=FORMS, fix="write one of these forms")
