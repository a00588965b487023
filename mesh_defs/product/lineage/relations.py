"""Which relations a query may read: the product's inputs, and what dbt built on the way."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlglot import exp

from mesh_defs.product.lineage.reading import DIALECT, read
from mesh_defs.product.transforms import dbt_database

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

MAX_CHARACTERS = 500_000

Key = tuple[str, ...]
Schema = dict[str, object]

_INPUTS = (dbt_database.NAME, dbt_database.SCHEMA)


class Relations:
    """Names of relations. DuckDB does not tell upper from lower case, so all are kept in lower.

    ``inputs`` has the columns, in their order, by input; ``intermediate`` the SQL by quoted name,
    or None when inputs are relations of their bare name and nothing is between.
    """

    def __init__(
        self,
        inputs: Mapping[str, Mapping[str, str]],
        intermediate: Mapping[str, str] | None,
    ) -> None:
        self.columns = {
            name.lower(): {column.lower(): column for column in columns}
            for name, columns in inputs.items()
        }
        self.names = {name.lower(): name for name in inputs}
        self.bare = intermediate is None
        self.intermediate = {_key(name): text for name, text in (intermediate or {}).items()}
        self._placed: dict[str, Key] = {}

    def parse(self, query: str, columns_of: Callable[[Key], Sequence[str] | None]) -> Placed:
        """``query`` as a tree in which every relation has a bare name, with the columns that are
        known by it. ``columns_of`` gives an intermediate relation's columns, None if not known.

        Raises `sqlglot.errors.SqlglotError`, `ValueError`.
        """
        if len(query) > MAX_CHARACTERS:
            raise ValueError(f"a query of {len(query)} characters; up to {MAX_CHARACTERS} are read")
        expression = read(query, partial(self._may_have, columns_of))
        _hide_variables(expression)
        schema: Schema = {}
        if self.bare:
            schema = {name: dict.fromkeys(columns, "ANY") for name, columns in self.columns.items()}
        qualifiers: set[Key] = set()
        for table in list(expression.find_all(exp.Table)):
            key = self._known(table)
            if key is None:
                continue
            qualifiers |= {key, key[1:]}
            name = _place(table, key)
            self._placed[name] = key
            known = list(self.columns[key[2]]) if key[:2] == _INPUTS else columns_of(key)
            if known is not None:
                schema[name] = dict.fromkeys(known, "ANY")
        for column in expression.find_all(exp.Column):
            # relation.column.field looks like schema.relation.column: only the latter is shortened.
            if _lower(column.parts[:-1]) in qualifiers:
                column.set("db", None)
                column.set("catalog", None)
        return Placed(expression, schema)

    def _may_have(
        self, columns_of: Callable[[Key], Sequence[str] | None], tree: exp.Expr, name: str
    ) -> bool:
        """Whether a relation that ``tree`` reads may have a column of that name."""
        for table in tree.find_all(exp.Table):
            if not isinstance(table.this, exp.Identifier):
                return True
            key = self._known(table)
            if key is None or key[:2] == _INPUTS:
                columns: Collection[str] | None = self.columns.get(table.name.lower(), ())
            else:
                columns = columns_of(key)
            if columns is None or name in columns:
                return True
        return False

    def input_of(self, table: exp.Table) -> str | None:
        """The input that ``table`` of a parsed query stands for."""
        key = self._placed.get(table.name)
        if key is not None:
            return key[2] if key[:2] == _INPUTS else None
        return table.name if self.bare and not table.db and table.name in self.columns else None

    def intermediate_of(self, table: exp.Table) -> Key | None:
        """The intermediate relation that ``table`` of a parsed query stands for."""
        key = self._placed.get(table.name)
        return key if key in self.intermediate else None

    def _known(self, table: exp.Table) -> Key | None:
        """The full name of a relation that is written with its schema, or also its database."""
        if self.bare or not table.db or not isinstance(table.this, exp.Identifier):
            return None
        parts = _lower(table.parts)
        key = parts if len(parts) > 2 else (dbt_database.NAME, *parts)
        if key[:2] == _INPUTS:
            return key if key[2] in self.columns else None
        return key if key in self.intermediate else None


class Placed:
    """A parsed query, and the columns of the relations in it by their bare names."""

    def __init__(self, expression: exp.Expr, schema: Schema) -> None:
        self.expression = expression
        self.schema = schema


def _place(table: exp.Table, key: Key) -> str:
    """Give ``table`` one bare name, which sqlglot resolves like any other."""
    name = f"__mesh__{'__'.join(key)}"
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
    table.set("db", None)
    table.set("catalog", None)
    table.set("this", exp.to_identifier(name, quoted=True))
    return name


def _hide_variables(expression: exp.Expr) -> None:
    """Variables of list comprehensions are no columns (sqlglot sees to those of lambdas)."""
    for comprehension in list(expression.find_all(exp.Comprehension)):
        variable = comprehension.args["expression"].name.lower()
        for part in ("this", "condition"):
            inner = comprehension.args.get(part)
            for column in list(inner.find_all(exp.Column)) if inner is not None else ():
                if column.parts[0].name.lower() == variable:
                    column.replace(exp.to_identifier(variable))


def _key(relation: str) -> Key:
    return _lower(exp.to_table(relation, dialect=DIALECT).parts)


def _lower(parts: Sequence[exp.Expr]) -> Key:
    return tuple(part.name.lower() for part in parts)
