"""The graph as a picture: Mermaid and DOT.

Names come from whoever wrote a contract, so nothing of them reaches either language as it is.
Mermaid takes ``#<code point>;`` within quotes for any character (mermaid.js.org, "Entity codes to
escape characters"); DOT has strings in double quotes, in which its labels read backslashes and
entities of HTML (graphviz.org, "The DOT Language" and "escString").
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from mesh_defs.faults import one_line, short

if TYPE_CHECKING:
    from mesh_defs.discovery.lineage.model import Edge, NodeKind, Place
    from mesh_defs.discovery.lineage.walk import Found

_LONGEST = 200
_PLAIN = frozenset(string.ascii_letters + string.digits + " _-./:,?=@")
_SHAPES: dict[NodeKind, tuple[str, str]] = {
    "product": ("[", "]"),
    "port": ("([", "])"),
    "column": ("(", ")"),
    "source": ("[(", ")]"),
    "foreign": ("{{", "}}"),
}
_DOT_SHAPES: dict[NodeKind, str] = {
    "product": "box",
    "port": "ellipse",
    "column": "plaintext",
    "source": "cylinder",
    "foreign": "hexagon",
}


def mermaid(found: Found) -> str:
    """A Mermaid flowchart, from left to right."""
    names = _names(found)
    lines = ["flowchart LR"]
    for place, name in names.items():
        left, right = _SHAPES[found.graph.kind(place)]
        lines.append(f'  {name}{left}"{mermaid_text(place.id)}"{right}')
    for edge in found.edges:
        arrow = "-.->" if _is_vague(edge) else "-->"
        label = edge_words(edge)
        between = f'{arrow}|"{mermaid_text(label)}"|' if label else arrow
        lines.append(f"  {names[edge.source]} {between} {names[edge.target]}")
    lines.append(f"  style {names[found.start]} stroke-width:3px")
    return "\n".join(lines) + "\n"


def dot(found: Found) -> str:
    """A DOT digraph, from left to right."""
    names = _names(found)
    lines = ["digraph lineage {", "  rankdir=LR;"]
    for place, name in names.items():
        shape = _DOT_SHAPES[found.graph.kind(place)]
        told = [f"label={dot_text(place.id)}", f"shape={shape}"]
        facts = found.graph.products.get(place.owner) if not place.source else None
        if facts is not None and facts.told is not None:
            told.append(f"tooltip={dot_text(facts.told.purpose)}")
        if place == found.start:
            told.append("penwidth=3")
        lines.append(f"  {name} [{', '.join(told)}];")
    for edge in found.edges:
        told = [f"label={dot_text(edge_words(edge))}"] if edge_words(edge) else []
        told += ["style=dashed"] if _is_vague(edge) else []
        more = f" [{', '.join(told)}]" if told else ""
        lines.append(f"  {names[edge.source]} -> {names[edge.target]}{more};")
    return "\n".join([*lines, "}"]) + "\n"


def edge_words(edge: Edge) -> str:
    """What an edge says, in a few words; nothing where that is plain."""
    words = []
    if edge.kind == "reads":
        words.append("not read yet" if edge.declared else "")
        words.append(f"version {edge.version}" if edge.version is not None else "")
    elif edge.kind == "flows":
        words.append("" if edge.way == "direct" else edge.way)
        words.append("by a condition" if edge.equal else "")
        words.append("assumed, by its name" if edge.assumed else "")
    elif edge.kind == "unknown":
        words.append(f"not known: {edge.reason}")
    return ", ".join(word for word in words if word)


def mermaid_text(value: str) -> str:
    """``value`` within quotes of Mermaid."""
    text = short(one_line(value), _LONGEST)
    return "".join(c if c in _PLAIN else f"#{ord(c)};" for c in text)


def dot_text(value: str) -> str:
    """``value`` as a string of DOT, which its labels show as it is."""
    text = short(one_line(value), _LONGEST)
    text = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _names(found: Found) -> dict[Place, str]:
    return {place: f"n{number}" for number, place in enumerate(found.places)}


def _is_vague(edge: Edge) -> bool:
    return edge.kind == "unknown" or edge.declared or edge.assumed
