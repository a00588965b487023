"""A small picture of a port's rows, kept with each version, so that the next can be compared with
it without reading old data. It holds numbers and digests, never a value of the data."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.physical_types import NUMBERS
from mesh_defs.contract.rules import ForeignKey, Unique
from mesh_defs.policy.data.counting import categories, moments, nulls

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from mesh_defs.contract.checks.table import Table
    from mesh_defs.product.model import OutputPort

_CATEGORICAL = frozenset({"VARCHAR", "BOOLEAN"})
_KEY_DIGITS = 12


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column. ``nulls`` is a share from 0 to 1; ``mean`` and ``deviation`` (of the population)
    are of the finite numbers, None where they would say nothing or are none.

    ``categories`` are the shares of the most frequent values among those that are not NULL, by the
    digests of the values; ``other`` is the largest share of a value that is not listed (0: all are
    listed), None where values were not counted.
    """

    nulls: float
    mean: float | None = None
    deviation: float | None = None
    categories: Mapping[str, float] = field(default_factory=dict)
    other: float | None = None


@dataclass(frozen=True, slots=True)
class PortProfile:
    """All top-level columns of a port, by name; ``rows`` counts its rows. ``key`` tells keys of
    digests apart (empty: they were made without one)."""

    rows: int
    columns: Mapping[str, ColumnProfile]
    key: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The profile as JSON values."""
        columns = {n: asdict(c) for n, c in self.columns.items()}
        return {"rows": self.rows, "columns": columns, "key": self.key}

    def without(self, hidden: AbstractSet[str]) -> PortProfile:
        """The same with nothing of the columns in ``hidden`` but the share of NULL."""
        columns = {
            name: ColumnProfile(each.nulls) if name in hidden else each
            for name, each in self.columns.items()
        }
        return replace(self, columns=columns)

    def under(self, key: str) -> PortProfile:
        """The same with digests that were made with ``key`` alone: others name other values."""
        if key == self.key:
            return self
        columns = {
            name: replace(each, categories={}, other=None) for name, each in self.columns.items()
        }
        return replace(self, columns=columns)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PortProfile:
        """The inverse of `as_dict`; what another release wrote is read as far as it is known."""
        known = ColumnProfile.__dataclass_fields__
        columns = {
            name: ColumnProfile(**{"nulls": 0.0, **{k: v for k, v in each.items() if k in known}})
            for name, each in values.get("columns", {}).items()
        }
        return cls(int(values.get("rows", 0)), columns, str(values.get("key", "")))


def profile(table: Table, output: OutputPort, hidden: AbstractSet[str], key: str) -> PortProfile:
    """The profile of all rows of ``table``, which ``output`` would publish. Of the columns in
    ``hidden`` only the share of NULL is taken; of others' values digests are made with ``key``.
    Raises `duckdb.Error`."""
    rows = table.count
    missing = nulls(table)
    shown = {name: kind.name for name, kind in table.columns.items() if name not in hidden}
    keys, single = _keys(output)
    averages = moments(table, [n for n, k in shown.items() if k in NUMBERS and n not in keys])
    counted = categories(
        table, [n for n, k in shown.items() if k in _CATEGORICAL and n not in single], key
    )
    columns = {
        name: ColumnProfile(
            missing[name] / rows if rows else 0.0,
            *averages.get(name, (None, None)),
            *counted.get(name, ({}, None)),
        )
        for name in table.columns
    }
    return PortProfile(rows, columns, hashlib.sha256(key.encode()).hexdigest()[:_KEY_DIGITS])


def _keys(output: OutputPort) -> tuple[frozenset[str], frozenset[str]]:
    """Columns whose mean says nothing because their values name things or only ever rise, and those
    of them in which every value stands alone, so that there are no categories either."""
    promise = output.promise
    unique = [rule.columns for rule in promise.rules if isinstance(rule, Unique)]
    unique += [(c.name,) for c in promise.columns if c.unique]
    unique += [promise.primary_key, output.key]
    refers = [rule.columns for rule in promise.rules if isinstance(rule, ForeignKey)]
    rises = [name for name in (output.cursor, output.by, output.actual_time) if name is not None]
    alone = {columns[0] for columns in unique if len(columns) == 1}
    if output.cursor is not None:
        alone.add(output.cursor)
    return frozenset({*rises, *(n for names in (*unique, *refers) for n in names)}), frozenset(
        alone
    )
