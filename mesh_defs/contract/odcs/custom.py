"""Custom properties that the operating system itself reads: their names, and what is wrong with
them. All others are their author's own and are left alone."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from mesh_defs.contract.odcs.builder import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from open_data_contract_standard.model import CustomProperty

    from mesh_defs.contract.odcs.builder import Builder
    from mesh_defs.yaml_source import KeyPath

QUASI_IDENTIFIERS = "quasiIdentifiers"
GROUP_SIZE = "groupSize"
REDUCED_BY = "reducedBy"
PERMITTED_PURPOSES = "permittedPurposes"
REDUCTIONS = ("aggregated", "hashed", "masked", "dropped")

_OF_OBJECTS = (QUASI_IDENTIFIERS, GROUP_SIZE, PERMITTED_PURPOSES)
_OF_PROPERTIES = (REDUCED_BY, PERMITTED_PURPOSES)
_KEYS = ("method", "k", "countedIn")
# Names of one's own are welcome; nearer than this to one of ours is a slip of the pen.
_SLIP = 0.85
_WORD = re.compile(r"[\w.-]+\Z")


def check_custom(builder: Builder) -> None:
    """Add a fault for every custom property of ours that is misspelt, misplaced or cannot be
    understood, on the schema object and on its properties."""
    path = builder.path
    for name, value, where in _ours(builder, builder.model.customProperties, path, _OF_OBJECTS):
        if name == QUASI_IDENTIFIERS:
            _columns(builder, value, where)
        elif name == GROUP_SIZE:
            _count(builder, value, where, "the column that counts the rows behind each row")
        else:
            _words(builder, value, where)
    for prop in builder.properties.values():
        found = _ours(builder, prop.model.customProperties, prop.path, _OF_PROPERTIES)
        for name, value, where in found:
            if name == REDUCED_BY:
                _reduction(builder, value, where)
            else:
                _words(builder, value, where)


def _meant(word: str, known: Mapping[str, str]) -> str | None:
    """Which name of ours ``word`` is, or is a slip of the pen of; None for somebody's own."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=_SLIP)
    return known[near[0]] if near else None


def _ours(
    builder: Builder,
    properties: Sequence[CustomProperty] | None,
    path: KeyPath,
    allowed: tuple[str, ...],
) -> Iterator[tuple[str, object, KeyPath]]:
    """Each custom property of ours that may stand here, with its value and where that is."""
    meant = {_plain(name): name for name in (*_OF_OBJECTS, *_OF_PROPERTIES)}
    seen: set[str] = set()
    for index, prop in enumerate(properties or ()):
        where = (*path, "customProperties", index)
        name = _meant(_plain(prop.property or ""), meant)
        if name is None or where in builder.broken:
            continue
        key = (*where, "property")
        if prop.property != name:
            builder.fault(key, found=prop.property, allowed=name, fix=f"write '{name}'")
        elif name not in allowed:
            on, other = ("a property", "the schema object")
            if name in _OF_PROPERTIES:
                on, other = other, on
            found = Sentence(f"'{name}' on {on}")
            fix = f"move it to 'customProperties' of {other}"
            builder.fault(key, found=found, allowed=f"'{name}' on {other}", fix=fix)
        elif name in seen:
            found = Sentence(f"'{name}' a second time")
            builder.fault(key, found=found, allowed=f"'{name}' once", fix="put both into one")
        else:
            seen.add(name)
            yield name, prop.value, (*where, "value")


def _plain(name: str) -> str:
    """``name`` without capitals, separators and plural: how close a misspelling must come."""
    return re.sub(r"[^a-z]", "", name.lower()).rstrip("s")


def _columns(builder: Builder, value: object, where: KeyPath) -> None:
    if not isinstance(value, list) or not value:
        allowed = "a list of columns, at least one"
        builder.fault(where, found=value, allowed=allowed, fix="write [column, another]")
        return
    for index, each in enumerate(value):
        _column(builder, each, (*where, index), "a column of this object")
    if len(set(map(str, value))) < len(value):
        found = Sentence("a column twice")
        builder.fault(where, found=found, allowed="each column once", fix="remove one of the two")


def _column(builder: Builder, value: object, where: KeyPath, what: str) -> None:
    known = [prop.name for prop in builder.properties.values()]
    if not isinstance(value, str):
        fix = "write the name of a column"
        builder.fault(where, found=value, allowed=f"{what}: {', '.join(known)}", fix=fix)
    elif builder.column_of(value) is None:
        builder.unknown(where, value, known)


def _count(builder: Builder, value: object, where: KeyPath, what: str) -> None:
    _column(builder, value, where, what)
    props = (p for p in builder.properties.values() if value in (p.name, p.column))
    prop = next(props, None)
    if prop is not None and prop.model.logicalType not in (None, "integer", "number"):
        found = Sentence(f"'{prop.name}' of type {prop.model.logicalType}")
        fix = "name the column with the count"
        builder.fault(where, found=found, allowed="a column of whole numbers", fix=fix)


def _words(builder: Builder, value: object, where: KeyPath) -> None:
    fine = isinstance(value, list) and all(isinstance(v, str) and _WORD.match(v) for v in value)
    if not fine:
        builder.fault(
            where,
            found=value,
            allowed="a list of purposes, each one word (letters, digits, '_', '.', '-')",
            fix="write [operations, analytics]; [] permits none",
        )


def _reduction(builder: Builder, value: object, where: KeyPath) -> None:
    shape = f"{{method: {'|'.join(REDUCTIONS)}, k: a whole number, countedIn: a column}}"
    if not isinstance(value, dict):
        builder.fault(where, found=value, allowed=shape, fix="write {method: hashed}")
        return
    for key in value:
        if key not in _KEYS:
            builder.unknown((*where, str(key)), str(key), _KEYS)
    method, k, counted = (value.get(key) for key in _KEYS)
    if method is None:
        allowed = ", ".join(REDUCTIONS)
        found = Sentence("a reduction without a method")
        builder.fault(where, found=found, allowed=allowed, fix="add 'method:'")
    elif method not in REDUCTIONS:
        builder.unknown((*where, "method"), str(method), REDUCTIONS)
    if k is not None and (not isinstance(k, int) or isinstance(k, bool) or k < 1):
        fix = "write how many are behind each value at least"
        builder.fault((*where, "k"), found=k, allowed="a whole number from 1", fix=fix)
    if counted is not None:
        _count(builder, counted, (*where, "countedIn"), "the column that counts them")
    if method == "aggregated" and k is None:
        found = Sentence("'aggregated' without k")
        fix = "add 'k: 20', how many are behind each value at least"
        builder.fault((*where, "method"), found=found, allowed="k beside it", fix=fix)
