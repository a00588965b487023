"""The columns of a port and what lies inside them, each compared with itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.compatibility.meaning import classification_change, meaning_changes
from mesh_defs.policy.compatibility.model import Change, column_path
from mesh_defs.policy.compatibility.renames import Found, columns_of, measures_of, renames
from mesh_defs.policy.compatibility.rules import (
    reference_changes,
    rule_changes,
    under_new_names,
)
from mesh_defs.policy.compatibility.types import type_change, type_text
from mesh_defs.policy.compatibility.values import value_changes
from mesh_defs.policy.compatibility.words import description_change, word_change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from open_data_contract_standard.model import SchemaProperty

# What is compared by itself; every other key of a property is words.
_COMPARED = frozenset(
    [
        "id",
        "name",
        "physicalName",
        "physicalType",
        "logicalType",
        "logicalTypeOptions",
        "required",
        "unique",
        "primaryKey",
        "primaryKeyPosition",
        "classification",
        "businessName",
        "authoritativeDefinitions",
        "customProperties",
        "enum",
        "relationships",
        "quality",
        "properties",
        "items",
        "map",
        "deprecated",
        "semanticType",
        "description",
    ]
)


class Columns:
    """Compares properties, at any depth. ``key_before`` and ``key_after`` are the columns of the
    primary key, which are required; ``lines`` has those of the columns after."""

    def __init__(
        self,
        key_before: Sequence[str],
        key_after: Sequence[str],
        lines: Mapping[str, int],
    ) -> None:
        self.keys = (tuple(key_before), tuple(key_after))
        self.lines = lines
        self.renamed: dict[str, str] = {}

    def compare(
        self,
        before: Sequence[SchemaProperty] | None,
        after: Sequence[SchemaProperty] | None,
        prefix: str = "",
    ) -> Iterator[Change]:
        """Changes of the properties below ``prefix``."""
        old, new = columns_of(before), columns_of(after)
        gone = {name: one for name, one in old.items() if name not in new}
        come = {name: one for name, one in new.items() if name not in old}
        pairs = renames(gone, come)
        if not prefix:
            self.renamed = {name: found for name, (found, _) in pairs.items()}
        yield from self._gone(gone, pairs, prefix)
        taken = {found for found, _ in pairs.values()}
        yield from self._come(come, taken, prefix)
        for name, one in old.items():
            successor = pairs[name][0] if name in pairs else name
            if successor in new:
                yield from self._column(one.model, new[successor].model, prefix)
        yield from self._order(list(old), list(new), prefix)
        yield from self._measures(measures_of(before), measures_of(after), prefix)

    def _gone(
        self, gone: Mapping[str, Found], pairs: Mapping[str, tuple[str, str]], prefix: str
    ) -> Iterator[Change]:
        for name, one in gone.items():
            path = prefix + column_path(name)
            if name in pairs:
                successor, why = pairs[name]
                reason = f"renamed, as far as can be told ({why}): who reads it by name fails"
                line = self._line(successor, prefix)
                yield Change("column renamed", path, name, successor, "breaking", reason, line)
            else:
                reason = "removed: who reads it fails"
                yield Change(
                    "column removed", path, type_text(one.model) or name, None, "breaking", reason
                )

    def _come(self, come: Mapping[str, Found], taken: set[str], prefix: str) -> Iterator[Change]:
        for name, one in come.items():
            if name not in taken:
                yield Change(
                    "column added",
                    prefix + column_path(name),
                    None,
                    type_text(one.model) or name,
                    "compatible",
                    "new: who names the columns to read does not see it",
                    self._line(name, prefix),
                )

    def _column(
        self, before: SchemaProperty, after: SchemaProperty, prefix: str
    ) -> Iterator[Change]:
        name = after.physicalName or after.name or ""
        path = prefix + column_path(before.physicalName or before.name or "")
        line = self._line(name, prefix)
        kind = type_change(before, after)
        if kind is not None:
            level, reason = kind
            yield Change("type", path, type_text(before), type_text(after), level, reason, line)
        for was, now, reason in value_changes(before, after):
            yield Change("values", path, was, now, "breaking", reason, line)
        yield from self._needs(before, after, path, line, top=not prefix)
        yield from meaning_changes(before, after, path, line)
        yield from classification_change(before, after, path, line)
        rules = under_new_names(before.quality, self.renamed)
        yield from rule_changes(rules, after.quality, path, line)
        yield from reference_changes(before.relationships, after.relationships, path, line)
        yield from _announced(before.deprecated, after.deprecated, path, line)
        yield from _words(before, after, path, line)
        yield from self._inside(before, after, path)

    def _needs(
        self, before: SchemaProperty, after: SchemaProperty, path: str, line: int, *, top: bool
    ) -> Iterator[Change]:
        names = [model.physicalName or model.name or "" for model in (before, after)]
        keyed = [top and name in key for name, key in zip(names, self.keys, strict=True)]
        old, new = bool(before.required) or keyed[0], bool(after.required) or keyed[1]
        if old != new:
            reason = (
                "newly required: rows that were published without it do not fit any more"
                if new
                else "no longer required: readers meet NULL"
            )
            words = {True: "required", False: "may be NULL"}
            yield Change("required", path, words[old], words[new], "breaking", reason, line)
        alone = [key == (name,) for name, key in zip(names, self.keys, strict=True)]
        old, new = bool(before.unique) or alone[0], bool(after.unique) or alone[1]
        if old and not new:
            reason = "no longer unique: who joins on it gets rows twice"
            yield Change("unique", path, "unique", "may repeat", "breaking", reason, line)
        elif new and not old:
            reason = "unique from now on: what readers rely on still holds"
            yield Change("unique", path, "may repeat", "unique", "compatible", reason, line)

    def _inside(self, before: SchemaProperty, after: SchemaProperty, path: str) -> Iterator[Change]:
        if before.properties or after.properties:
            yield from self.compare(before.properties, after.properties, f"{path}.")
        yield from self._part(before.items, after.items, path, "[]")
        old, new = before.map, after.map
        for part in ("key", "value"):
            yield from self._part(
                getattr(old, part, None), getattr(new, part, None), path, f"[{part}]"
            )

    def _part(
        self,
        before: SchemaProperty | None,
        after: SchemaProperty | None,
        path: str,
        suffix: str,
    ) -> Iterator[Change]:
        """The items of a list, or the keys and values of a map, which have no name of their own."""
        if before is not None and after is not None:
            one = before.model_copy(update={"name": suffix, "physicalName": None})
            other = after.model_copy(update={"name": suffix, "physicalName": None})
            for change in self._column(one, other, f"{path}."):
                shown = change.column or ""
                start = f"{path}.{column_path(suffix)}"
                yield _moved(change, path + suffix + shown.removeprefix(start))
        elif before is not None:
            reason = "what lies inside is no longer promised"
            yield Change("type", path + suffix, type_text(before), None, "breaking", reason)
        elif after is not None:
            reason = "what lies inside is stated for the first time"
            yield Change("type", path + suffix, None, type_text(after), "compatible", reason)

    def _order(self, old: list[str], new: list[str], prefix: str) -> Iterator[Change]:
        both = [[n for n in one if n in other] for one, other in ((old, new), (new, old))]
        if both[0] != both[1]:
            reason = "another order: columns are promised by name, not by place"
            yield Change(
                "order",
                prefix.rstrip(".") or None,
                ", ".join(both[0]),
                ", ".join(both[1]),
                "none",
                reason,
            )

    def _measures(
        self,
        old: Mapping[str, SchemaProperty],
        new: Mapping[str, SchemaProperty],
        prefix: str,
    ) -> Iterator[Change]:
        for name in dict.fromkeys([*old, *new]):
            one, other = old.get(name), new.get(name)
            first = None if one is None else f"measure {one.transformLogic or name}"
            second = None if other is None else f"measure {other.transformLogic or name}"
            if first == second:
                continue
            path = prefix + column_path(name)
            if one is None:
                yield Change("meaning", path, None, second, "compatible", "one more measure")
            else:
                reason = "a measure is computed another way, or not any more"
                yield Change("meaning", path, first, second, "breaking", reason)

    def _line(self, name: str, prefix: str) -> int:
        """The line of a column; of what lies inside one, that of the column."""
        from mesh_defs.policy.compatibility.model import top_column

        return self.lines.get(top_column(prefix) if prefix else name, 0)


def _announced(before: bool | None, after: bool | None, path: str, line: int) -> Iterator[Change]:
    if bool(before) != bool(after):
        words = {True: "deprecated", False: "in use"}
        reason = "announced to go" if after else "stays after all"
        yield Change(
            "status", path, words[bool(before)], words[bool(after)], "compatible", reason, line
        )


def _words(before: SchemaProperty, after: SchemaProperty, path: str, line: int) -> Iterator[Change]:
    described = description_change(before.description, after.description, path, line)
    if described is not None:
        yield described
    old, new = (m.model_dump(exclude_none=True, exclude=set(_COMPARED)) for m in (before, after))
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key):
            yield word_change(key, old.get(key), new.get(key), path, line)


def _moved(change: Change, column: str) -> Change:
    from dataclasses import replace

    return replace(change, column=column)
