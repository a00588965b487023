"""The contracts of drafted products, of ODCS documents."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.odcs.relationships import MESH_URL
from mesh_defs.errors import UnknownAddress
from mesh_defs.standards.importing.words import name_of
from mesh_defs.urls import MeshUrl, is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_defs.standards.importing.draft import Draft
    from mesh_defs.yaml_source import Document


def drafted(document: Document, draft: Draft, moved: Mapping[str, str]) -> dict[str, Any]:
    """The contract in ``document`` as one of ``draft``. ``moved`` maps products of the documents to
    what they are called here."""
    data: dict[str, Any] = copy.deepcopy(document.data)
    status = data.get("status")
    if isinstance(status, str) and status != "draft":
        draft.tell(f"{document.file}: status {status} becomes draft")
    data["status"] = "draft"
    data["domain"], data["dataProduct"] = draft.domain, draft.product
    for each in _relationships(data.get("schema")):
        _follow(each, moved)
    return data


def names(data: Mapping[str, Any]) -> list[str]:
    """The names of the schema objects of a contract."""
    objects = data.get("schema")
    listed = objects if isinstance(objects, list) else []
    return [str(each["name"]) for each in listed if isinstance(each, dict) and each.get("name")]


def ports_of(data: dict[str, Any], draft: Draft, file: str) -> list[str]:
    """A port for each schema object, by its name; one whose name no port can have is renamed."""
    found: list[str] = []
    objects = data.get("schema")
    for each in objects if isinstance(objects, list) else []:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            continue
        name = name_of("output", each["name"])
        if name != each["name"]:
            draft.tell(f"{file}: the object '{each['name']}' is called '{name}'")
            each["name"] = name
        if name not in found:
            found.append(name)
    return found


def renamed(url: str, moved: Mapping[str, str]) -> str:
    """A global URL with its product as it is called here."""
    try:
        address = parse(url)
    except UnknownAddress:
        return url
    here = moved.get(address.identity)
    if here is None:
        return url
    domain, _, product = here.partition("/")
    named = MeshUrl(domain, product, address.port, address.major, column=address.column)
    return str(named)


def _relationships(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for each in node:
            yield from _relationships(each)
    elif isinstance(node, dict):
        listed = node.get("relationships")
        yield from (e for e in (listed if isinstance(listed, list) else ()) if isinstance(e, dict))
        for key in ("properties", "items"):
            yield from _relationships(node.get(key))


def _follow(relationship: dict[str, Any], moved: Mapping[str, str]) -> None:
    """Put global URLs back where an export had to write files, and rename what is called otherwise
    here."""
    listed = relationship.get("customProperties")
    custom = listed if isinstance(listed, list) else []
    for each in list(custom):
        if isinstance(each, dict) and each.get("property") == MESH_URL:
            relationship["to"] = each.get("value")
            relationship["customProperties"] = [one for one in custom if one is not each]
    if relationship.get("customProperties") == []:
        del relationship["customProperties"]
    ends = relationship.get("to")
    if isinstance(ends, list):
        relationship["to"] = [_moved(each, moved) for each in ends]
    else:
        relationship["to"] = _moved(ends, moved)


def _moved(end: object, moved: Mapping[str, str]) -> object:
    return renamed(end, moved) if isinstance(end, str) and is_mesh_url(end) else end
