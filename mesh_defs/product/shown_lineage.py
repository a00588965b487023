"""What a reader is shown of a version's lineage: of ports and inputs that they may not know of,
nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import UnknownAddress
from mesh_defs.urls import MeshUrl, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# Whether a reader may know that there is what a global URL names.
Knows = Callable[[MeshUrl], bool]

NOT_KNOWN = "not shown: it is made of what you may not know of"
_OF_SOURCES = ("ways", "equal")
_SOURCE_PARTS = 3  # <domain>/<product>/<port>; that of an operational system has two


def shown_lineage(
    lineage: Mapping[str, Any], ports: Collection[str], knows: Knows, *, whole: bool
) -> dict[str, Any]:
    """``lineage`` (`mesh_defs.product.lineage.record`) of ``ports`` alone, and of columns whose
    sources the reader ``knows``; other columns are unknown. Unless the reader knows the ``whole``
    of the inputs, reasons, which may name any of them, are left out too."""
    shown = {
        name: {port: value for port, value in each.items() if port in ports}
        if isinstance(each, dict)
        else each
        for name, each in lineage.items()
    }
    if whole and len(shown.get("ports", {})) == len(lineage.get("ports", {})):
        return shown
    if "key" in shown:
        shown["key"] = ""  # a digest of all inputs' names, from which they could be guessed
    if whole:
        return shown
    shown["unknown"] = {
        port: dict.fromkeys(reasons, NOT_KNOWN)
        for port, reasons in shown.get("unknown", {}).items()
    }
    for port, columns in shown.get("ports", {}).items():
        shown["ports"][port] = _of_known(shown, port, columns, knows)
    for name in _OF_SOURCES:
        for port, columns in shown.get(name, {}).items():
            left = {
                column: {s: way for s, way in sources.items() if _known(_asset(s), knows)}
                for column, sources in columns.items()
            }
            shown[name][port] = {column: sources for column, sources in left.items() if sources}
    return shown


def _of_known(
    shown: dict[str, Any], port: str, columns: Mapping[str, Any], knows: Knows
) -> dict[str, Any]:
    """The ``columns`` all of whose sources are known; the others become unknown ones."""
    kept = {}
    for column, sources in columns.items():
        if all(_known(path, knows) for path, _ in sources):
            kept[column] = sources
        else:
            shown["unknown"].setdefault(port, {})[column] = NOT_KNOWN
    return kept


def known_source(source: str, knows: Knows) -> bool:
    """Whether the reader may know of what an input reads: a product's port, or an operational
    system, of which every reader of the product may."""
    try:
        address = parse(source)
    except UnknownAddress:
        return True
    return knows(MeshUrl(address.domain, address.product, address.port))


def _asset(source: str) -> str:
    return source.rpartition("#")[0]


def _known(path: str, knows: Knows) -> bool:
    names = path.split("/")
    if len(names) != _SOURCE_PARTS:
        return True
    domain, product, port = names
    return knows(MeshUrl(domain, product, port))
