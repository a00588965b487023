"""The conditions that most readers send, recognised without a parser: columns compared with numbers
and texts, joined by AND; and statements of nothing else. Anything more is for the engine's parser.

Nothing of the text survives but names that are known and constants of two plain forms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.gateway.query.prune import Comparison
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WORD = "[A-Za-z_][A-Za-z0-9_]*"
_NAME = f'(?:{_WORD}|"[^"]+")'
_COMPARISON = re.compile(
    rf"\s*(?P<name>{_NAME})\s*(?P<op>>=|<=|=|>|<)\s*"
    r"(?P<constant>-?[0-9]{1,18}|'(?:[^']|'')*')(?=\s|\Z)"
)
_AND = re.compile(r"\s+AND(?=\s)", re.IGNORECASE)
_STATEMENT = re.compile(
    rf"\s*SELECT\s+(?P<columns>\*|{_NAME}(?:\s*,\s*{_NAME})*)\s+"
    rf"FROM\s+(?P<relation>{_WORD}(?:\.{_WORD}){{1,2}}|\"mesh://[^\"]+\")\s+"
    r"WHERE(?P<where>\s.*)",
    re.IGNORECASE | re.DOTALL,
)
# Looked for at the end alone: nothing here may take more than one look at a long text.
_LIMIT = re.compile(r"\sLIMIT\s{1,9}(?P<limit>[0-9]{1,18})\Z", re.IGNORECASE)
_LONGEST_LIMIT = 40
_OPS = {
    "=": "COMPARE_EQUAL",
    "<": "COMPARE_LESSTHAN",
    "<=": "COMPARE_LESSTHANOREQUALTO",
    ">": "COMPARE_GREATERTHAN",
    ">=": "COMPARE_GREATERTHANOREQUALTO",
}


@dataclass(frozen=True, slots=True)
class Simple:
    """A condition: ``sql`` in brackets, and what it says."""

    sql: str
    wanted: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """Rows of one ``relation`` (the parts of its name) by a condition that is simple, if it names
    columns that there are; no ``columns`` are all."""

    columns: tuple[str, ...]
    relation: tuple[str, ...]
    where: str
    limit: int | None


def simple_statement(sql: str) -> Statement | None:
    """What ``sql`` says; None when it is not that simple."""
    sql = sql.strip()
    last = _LIMIT.search(sql, max(0, len(sql) - _LONGEST_LIMIT))
    found = _STATEMENT.fullmatch(sql[: last.start()] if last is not None else sql)
    if found is None or _read(found["where"], None) is None:
        return None
    listed, relation = found["columns"], found["relation"]
    columns = () if listed == "*" else tuple(map(_plain, re.findall(_NAME, listed)))
    parts = (relation[1:-1],) if relation.startswith('"') else tuple(relation.split("."))
    limit = int(last["limit"]) if last is not None else None
    return Statement(columns, parts, found["where"], limit)


def simple_condition(where: str, known: Sequence[str]) -> Simple | None:
    """What ``where`` says of the columns ``known``, whatever the case of their names; None when it
    is not that simple."""
    names = {name.lower(): name for name in known}
    return _read(where, names) if len(names) == len(known) else None


def _read(where: str, names: Mapping[str, str] | None) -> Simple | None:
    """``names`` by how they are written in lower case; None: any."""
    where = where.strip()
    if where.startswith("(") and where.endswith(")"):
        where = where[1:-1]
    parts: list[str] = []
    wanted: list[Comparison] = []
    place = 0
    while (found := _COMPARISON.match(where, place)) is not None:
        given = _plain(found["name"])
        name = given if names is None else names.get(given.lower())
        if name is None:
            return None
        parts.append(f"{quote(name)} {found['op']} {found['constant']}")
        wanted.append(Comparison(name.lower(), _OPS[found["op"]], _constant(found["constant"])))
        place = found.end()
        if not where[place:].strip():
            return Simple(f"({' AND '.join(parts)})", tuple(wanted))
        following = _AND.match(where, place)
        if following is None:
            return None
        place = following.end()
    return None


def _plain(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name


def _constant(text: str) -> dict[str, object]:
    """As DuckDB's own tree has it."""
    quoted = text.startswith("'")
    value: object = text[1:-1].replace("''", "'") if quoted else int(text)
    kind = {"id": "VARCHAR" if quoted else "BIGINT", "type_info": None}
    return {"class": "CONSTANT", "value": {"type": kind, "is_null": False, "value": value}}
