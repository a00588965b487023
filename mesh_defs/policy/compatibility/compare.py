"""The comparison of two contracts of a port, and of all ports of a product."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_defs.contract.rules import Custom, Metric, Query
from mesh_defs.policy.compatibility.columns import Columns
from mesh_defs.policy.compatibility.levels import level_changes
from mesh_defs.policy.compatibility.meaning import meaning_changes
from mesh_defs.policy.compatibility.model import (
    LEVELS,
    Change,
    Comparison,
    PortChanges,
)
from mesh_defs.policy.compatibility.roles import role_changes
from mesh_defs.policy.compatibility.rules import (
    reference_changes,
    rule_changes,
    under_new_names,
)
from mesh_defs.policy.compatibility.shortfall import shortfalls
from mesh_defs.policy.compatibility.words import word_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mesh_defs.policy.compatibility.model import Interface, Level, PortInterface

_OBJECT_COMPARED = frozenset(
    [
        "id",
        "name",
        "businessName",
        "authoritativeDefinitions",
        "customProperties",
        "properties",
        "relationships",
        "quality",
        "deprecated",
    ]
)
# Of the document: what other comparisons look at, and its version, which is the answer.
_DOCUMENT_COMPARED = frozenset(
    [
        "version",
        "kind",
        "apiVersion",
        "status",
        "schema_",
        "slaProperties",
        "slaDefaultElement",
        "roles",
    ]
)
_ENDED = frozenset({"retired"})


def compare(before: PortInterface, after: PortInterface) -> tuple[Change, ...]:
    """Every change of what a port promises, the worst first; empty when there is none."""
    if before.contract.digest == after.contract.digest and before.continues == after.continues:
        return ()
    columns = Columns(
        before.promise.primary_key,
        after.promise.primary_key,
        {column.name: column.line for column in after.promise.columns},
    )
    found = list(columns.compare(before.schema.properties, after.schema.properties))
    found += [
        *_schema(before, after, columns.renamed),
        *level_changes(before, after, columns.renamed),
    ]
    found += [*_mode(before, after), *_status(before, after), *_document(before, after)]
    if not any(change.level != "none" for change in found):
        found += _unseen(before, after)
    return in_order(found)


def compare_interfaces(before: Interface | None, after: Interface | None) -> Comparison:
    """Every change of what a product promises, and the versions that were not raised enough. None
    stands for a product that was not there, or is not any more."""
    old: Mapping[str, PortInterface] = before.ports if before is not None else {}
    new: Mapping[str, PortInterface] = after.ports if after is not None else {}
    ports = []
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name), new.get(name)
        changes = _port(name, one, other)
        if changes:
            ports.append(
                PortChanges(
                    name,
                    changes,
                    one.contract.version if one is not None else None,
                    other.contract.version if other is not None else None,
                )
            )
    found = Comparison(
        tuple(ports),
        before.version if before is not None else None,
        after.version if after is not None else None,
    )
    return replace(found, shortfalls=shortfalls(before, after, found))


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The worst first, and else as they were found."""
    return tuple(sorted(changes, key=lambda change: -LEVELS.index(change.level)))


def _port(
    name: str, before: PortInterface | None, after: PortInterface | None
) -> tuple[Change, ...]:
    if before is not None and after is not None:
        return compare(before, after)
    if before is not None:
        reason = "removed: who reads it fails"
        return (Change("port removed", None, f"port {name}", None, "breaking", reason),)
    return (Change("port added", None, None, f"port {name}", "compatible", "new"),)


def _schema(
    before: PortInterface, after: PortInterface, renamed: Mapping[str, str]
) -> Iterator[Change]:
    """Changes of the schema object that are about no single column."""
    old, new = before.schema, after.schema
    keys = before.promise.primary_key, after.promise.primary_key
    yield from _key(*keys, renamed)
    yield from meaning_changes(old, new, None, 0)
    yield from rule_changes(under_new_names(old.quality, renamed), new.quality, None, 0)
    yield from reference_changes(old.relationships, new.relationships, None, 0)
    first, second = (
        m.model_dump(exclude_none=True, exclude=set(_OBJECT_COMPARED)) for m in (old, new)
    )
    for key in dict.fromkeys([*first, *second]):
        if first.get(key) != second.get(key):
            yield word_change(key, first.get(key), second.get(key), None)
    if bool(old.deprecated) != bool(new.deprecated):
        words = {True: "deprecated", False: "in use"}
        yield Change(
            "status",
            None,
            words[bool(old.deprecated)],
            words[bool(new.deprecated)],
            "compatible",
            "announced to go" if new.deprecated else "stays after all",
        )


def _key(
    before: tuple[str, ...], after: tuple[str, ...], renamed: Mapping[str, str]
) -> Iterator[Change]:
    expected = tuple(renamed.get(name, name) for name in before)
    if expected == after:
        return
    was, now = ", ".join(before) or None, ", ".join(after) or None
    if set(expected) == set(after):
        reason = "the same columns in another order identify the same rows"
        yield Change("key", None, was, now, "none", reason)
    elif not before:
        reason = "a key where there was none: what readers rely on still holds"
        yield Change("key", None, was, now, "compatible", reason)
    else:
        reason = (
            "other columns identify a row: joins and upserts by the key go wrong"
            if after
            else "no key any more: who joins on it gets rows twice"
        )
        yield Change("key", None, was, now, "breaking", reason)


def _mode(before: PortInterface, after: PortInterface) -> Iterator[Change]:
    old, new = before.continues, after.continues
    if old == new or not old or not new:
        return
    same = old.partition(" ")[0] == new.partition(" ")[0]
    level: Level = "compatible" if same else "breaking"
    reason = (
        "it goes on by another column; who reads whole versions sees no difference"
        if same
        else "what becomes of a published row, and which rows a version has, is another promise"
    )
    yield Change("mode", None, old, new, level, reason)


def _status(before: PortInterface, after: PortInterface) -> Iterator[Change]:
    old, new = before.contract.document.status, after.contract.document.status
    if old == new:
        return
    ended = new in _ENDED
    reason = "it is not kept any more" if ended else "another stage of the contract's life"
    yield Change("status", None, old, new, "breaking" if ended else "compatible", reason)


def _document(before: PortInterface, after: PortInterface) -> Iterator[Change]:
    """Changes of the document that are about no port: its roles, its people and prices."""
    yield from role_changes(before.contract.document.roles, after.contract.document.roles)
    old, new = (
        i.contract.document.model_dump(exclude_none=True, exclude=set(_DOCUMENT_COMPARED))
        for i in (before, after)
    )
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key):
            yield word_change(key, old.get(key), new.get(key), None)


def _unseen(before: PortInterface, after: PortInterface) -> list[Change]:
    """One breaking change when rules of quality that are run differ and no comparison saw why (ODCS
    3.0 has keys of theirs that the document's model does not)."""
    kinds = (Custom, Metric, Query)
    old, new = (
        {_bare(rule) for rule in i.promise.rules if isinstance(rule, kinds)}
        for i in (before, after)
    )
    if old == new:
        return []
    gone, come = sorted(old - new), sorted(new - old)
    reason = "the rules that are run differ; whether they promise less cannot be told"
    return [
        Change("rule", None, "; ".join(gone) or None, "; ".join(come) or None, "breaking", reason)
    ]


def _bare(rule: Custom | Metric | Query) -> str:
    """A rule without where it stands and how it is called."""
    return repr(replace(rule, id="", line=0, key="", description=None))
