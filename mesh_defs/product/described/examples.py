"""How a product is reached and used: what stands in every document; the gateway that serves it adds
its own addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.contract.physical_types import NUMBERS, UnknownType, parse
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from mesh_defs.product.described.facts import ProductFacts
    from mesh_defs.product.described.profile import PortPicture
    from mesh_defs.product.model import OutputPort

_SHOWN_COLUMNS = 6
_MOST_GROUPS = 50


def access(facts: ProductFacts) -> list[dict[str, Any]]:
    """The ways to its main port that need no gateway's address."""
    url = f"{facts.url}/{facts.main_port}"
    python = f'import mesh_defs as mesh\n\ntable = mesh.open("{url}").arrow()'
    return [
        {"way": "Python", "language": "python", "snippet": python},
        {"way": "command line", "language": "bash", "snippet": f"mesh open {url}"},
    ]


def examples(facts: ProductFacts) -> list[dict[str, Any]]:
    """How it is meant to be used, in its owner's words, and queries that run as they stand."""
    found: list[dict[str, Any]] = []
    if facts.manifest is not None and facts.manifest.usage:
        found.append({"title": "How it is meant to be used", "text": facts.manifest.usage})
    for output in facts.outputs:
        description = output.contract.document.description
        usage = description.usage if description is not None else None
        if usage and all(usage != each.get("text") for each in found):
            found.append({"title": f"How {output.name} is used", "text": usage})
    main = next((o for o in facts.outputs if o.name == facts.main_port), None)
    if main is not None:
        found += _queries(facts, main)
    return found


def _queries(facts: ProductFacts, output: OutputPort) -> list[dict[str, Any]]:
    table = ".".join(quote(name) for name in (facts.domain, facts.product, output.name))
    names = [c.name for c in output.promise.columns][:_SHOWN_COLUMNS]
    listed = ", ".join(map(quote, names)) or "*"
    found = [{"title": "Some rows", "sql": f"SELECT {listed}\nFROM {table}\nLIMIT 10"}]
    picture = facts.pictures.get(output.name)
    group = _group(output, picture) if picture is not None else None
    if picture is not None and group is not None:
        measure = _measure(output, picture)
        more = f", avg({quote(measure)}) AS {quote(f'average {measure}')}" if measure else ""
        sql = f'SELECT {quote(group)}, count(*) AS "rows"{more}\nFROM {table}\nGROUP BY ALL'
        title = f"{measure or 'rows'} by {group}"
        found.append({"title": title, "sql": f'{sql}\nORDER BY "rows" DESC'})
    return found


def _group(output: OutputPort, picture: PortPicture) -> str | None:
    """The first column of texts with few values."""
    for column in output.promise.columns:
        seen = picture.columns.get(column.name)
        few = seen is not None and 1 < (seen.distinct or 0) <= _MOST_GROUPS and bool(seen.top)
        if few and picture.types.get(column.name) == "VARCHAR":
            return column.name
    return None


def _measure(output: OutputPort, picture: PortPicture) -> str | None:
    """The first column of numbers that is no key and of which values are told."""
    keys = {*output.promise.primary_key, *output.key}
    for column in output.promise.columns:
        seen = picture.columns.get(column.name)
        told = seen is not None and seen.least is not None
        if told and column.name not in keys and _is_number(picture.types[column.name]):
            return column.name
    return None


def _is_number(type_text: str) -> bool:
    try:
        return parse(type_text).name in NUMBERS
    except UnknownType:
        return False
