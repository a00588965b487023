"""``read_query``: a stranger's SQL becomes a query that may run, or one clear `BadQuery`.

Two parsers read the text, each with its own lists of what may stand in it, and must find the same
relations. What runs is written anew from the tree of the parser that will run it, with every
relation replaced by a view's name, and that text is read and checked once more. Nothing of the
stranger's text survives but what was understood: no comment, no hint, no second statement.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mesh_defs.errors import UnknownAddress
from mesh_defs.gateway.query import growth, parser, syntax, tree
from mesh_defs.gateway.query.faults import BadQuery
from mesh_defs.gateway.query.nodes import dicts
from mesh_defs.urls import MeshUrl, is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mesh_defs.gateway.query.nodes import Node
    from mesh_defs.gateway.query.prune import Some

    Resolve = Callable[[MeshUrl], MeshUrl]

MOST_CHARACTERS = 50_000
_KEPT = 256
_FORM = 'domain.product.port, domain.product, or "mesh://domain/product/port?version=3"'


@dataclass(frozen=True, slots=True)
class Query:
    """A query that may run. ``sql`` reads the views named by ``relations`` and nothing else;
    ``parameters`` are the names (``1``, ``2`` for ``?``) whose values it waits for. ``written`` is
    the text as it was sent; ``some`` is what it reads, where that was clear without a parser."""

    sql: str
    relations: Mapping[str, MeshUrl]
    parameters: tuple[str, ...]
    written: str
    some: Some | None = None


def read_query(sql: str, resolve: Resolve) -> Query:
    """``sql`` as a query over the ports that ``resolve`` gives.

    ``resolve`` is called once for each relation that is named, with an address whose port may be
    missing; it gives the address of what is read, port and all, under which the engine expects its
    files, or raises (`AccessDenied`, `UnknownAddress`, ...). Raises `BadQuery`, and what
    ``resolve`` raises.
    """
    _check_text(sql)
    resolved = tuple((parts, resolve(address_of(parts))) for parts in _read(sql).relations)
    return _written(sql, resolved)


def _check_text(sql: str) -> None:
    if len(sql) > MOST_CHARACTERS:
        found, allowed = f"{len(sql)} characters", f"{MOST_CHARACTERS} characters of SQL"
        raise BadQuery(found, allowed, "send a shorter statement")
    if not is_text(sql):
        raise BadQuery("characters that are no text", "text in UTF-8", "remove them")


def is_text(value: str) -> bool:
    """Whether the engine can be given ``value``: no NUL, no half of a surrogate pair."""
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


@dataclass(frozen=True, slots=True)
class _Read:
    """A checked statement: its tree, not to be changed, and the names of what it reads."""

    tree: Node
    relations: tuple[tuple[str, ...], ...]


@lru_cache(maxsize=_KEPT)
def _read(sql: str) -> _Read:
    """``sql``, checked; which ports its names mean is another matter. Raises `BadQuery`."""
    try:
        names = syntax.relations(sql)
    except syntax.Unlisted as error:
        raise _by_the_engine(sql) or error from None
    found = parser.parsed(sql)
    try:
        tree.check(found, sql)
        growth.check_growth(found)
        asked: dict[tuple[str, ...], tuple[str, ...]] = {}
        tree.rename(copy.deepcopy(found), lambda parts: str(asked.setdefault(_lower(parts), parts)))
    except growth.Unbounded as error:
        line, column = parser.located(sql, error.node)
        allowed = f"values that grow at most {growth.MOST_GROWTH} times"
        raise BadQuery(error.found, allowed, error.fix, line=line, column=column) from None
    except RecursionError:
        raise parser.too_deep() from None
    if asked.keys() != names:
        told = sorted(asked.keys() ^ names)
        named = ", ".join(f"'{'.'.join(parts)}'" for parts in told)
        raise BadQuery(f"the relation {named}", _FORM, "write domain.product.port")
    return _Read(found, tuple(asked.values()))


def _by_the_engine(sql: str) -> BadQuery | None:
    """The same refusal in the engine's words: sqlglot calls some functions by other names."""
    try:
        tree.check(parser.parsed(sql), sql)
    except BadQuery as error:
        return error
    return None


@lru_cache(maxsize=_KEPT)
def _written(sql: str, resolved: tuple[tuple[tuple[str, ...], MeshUrl], ...]) -> Query:
    """The query that runs: written anew, and that text checked as if it were a stranger's."""
    mine = copy.deepcopy(_read(sql).tree)
    views = {_lower(parts): str(url) for parts, url in resolved}
    renamed = tree.rename(mine, lambda parts: views[_lower(parts)])
    text = parser.written(mine)
    again = parser.parsed(text)
    tree.check(again, text)
    if strange := tree.strangers(again, renamed):
        found = f"a relation '{min(strange)}' that was not named"
        raise BadQuery(found, _FORM, "write the statement more plainly")
    return Query(text, {str(url): url for _, url in resolved}, _parameters(mine), sql)


def _lower(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.lower() for part in parts)


def _parameters(statement: Node) -> tuple[str, ...]:
    found = {str(n["identifier"]) for n in dicts(statement) if n.get("class") == "PARAMETER"}
    return tuple(sorted(found, key=lambda name: (not name.isdecimal(), len(name), name)))


def address_of(parts: tuple[str, ...]) -> MeshUrl:
    """The address that a relation's name stands for. Raises `BadQuery`."""
    name = ".".join(parts)
    try:
        if len(parts) == 1 and is_mesh_url(name):
            url = parse(name)
        elif len(parts) > 1:
            url = parse("mesh://" + "/".join(part.lower() for part in parts))
        else:
            fix = "write domain.product.port"
            raise BadQuery(f"the relation '{name}'", _FORM, fix)
    except UnknownAddress as error:
        raise BadQuery(f"the relation '{name}' ({error})", _FORM, "name a port") from None
    if url.column is not None or (len(parts) > 1 and (url.major or url.version or url.as_of)):
        raise BadQuery(f"the relation '{name}'", _FORM, "name a port, without a column")
    return url
