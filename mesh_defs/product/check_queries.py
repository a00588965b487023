"""Whether an SQL rule can run, told by DuckDB's parser and binder on empty tables.

Names of columns, relations and functions are told, the number of statements and of columns, and a
result that is no number. What depends on the types of columns is told where the contract says them:
its types need not be those that DuckDB would give the data.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.contract import physical_types
from mesh_defs.faults import did_you_mean
from mesh_defs.product.check_relations import is_suspect, outside
from mesh_defs.product.check_sql import in_short, unreadable
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import duckdb

    from mesh_defs.contract.model import Column
    from mesh_defs.contract.rules import Query

# Text in quotes and comments may hold braces that are no placeholder (`'\p{L}'`).
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_BRACES = re.compile(r"\$?\{\s*([A-Za-z_][\w.-]*)\s*\}")
_PLACEHOLDERS = ("object", "property")
_NO_COLUMN = re.compile(
    r'Referenced column "(?P<name>.*?)" not found|'
    r'Table "(?P<table>.*?)" does not have a column named "(?P<column>.*?)"'
)
_NO_TABLE = re.compile(
    r'Table with name "?(?P<name>.*?)"? does not exist|Referenced table "(?P<table>.*?)" not found'
)
_NO_FUNCTION = re.compile(
    r"Function with name .* (does not exist|is not in the catalog)|is a table function but",
    re.DOTALL,
)
_NUMBER = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?\Z|(?:FLOAT|DOUBLE|DECIMAL|BOOLEAN)\b")
_NULL = re.compile(r"\s*SELECT\s+NULL\b[\s\w:]*\Z", re.IGNORECASE)
_ONE_COLUMN = "one column: a number, or true or false"
_WIDEST = 38
_TYPES = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "string": "VARCHAR",
}
_UNTOLD = '"NULL"'  # it casts to whatever a query makes of a column


@dataclass(frozen=True, slots=True)
class QueryProblem:
    """What is wrong with a query."""

    found: str
    allowed: str
    fix: str


@dataclass(frozen=True, slots=True)
class Surface:
    """What a query may name: relations with their columns; ``dim`` are relations whose columns are
    not known. ``object`` is the relation of the rule."""

    object: str
    relations: Mapping[str, Sequence[Column]]
    dim: frozenset[str] = frozenset()

    @property
    def columns(self) -> list[str]:
        """Names of all columns of the known relations, the rule's own first."""
        own = [column.name for column in self.relations.get(self.object, ())]
        others = [c.name for name in self.relations for c in self.relations[name]]
        return list(dict.fromkeys([*own, *others]))


def query_problems(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Query], surface: Surface
) -> list[QueryProblem | None]:
    """For each query what keeps it from running, None when nothing is known to."""
    texts = [_text(connection, rule, surface) for rule in rules]
    sound = [text for text in texts if isinstance(text, str)]
    if not sound or surface.object not in surface.relations:
        return [None if isinstance(text, str) else text for text in texts]
    with _tables(connection, surface, " ".join(sound).lower()):
        if _all_bind(connection, sound):
            return [None if isinstance(text, str) else text for text in texts]
        return [
            _bound(connection, text, surface) if isinstance(text, str) else text for text in texts
        ]


def _create(connection: duckdb.DuckDBPyConnection, name: str, columns: Sequence[Column]) -> None:
    import duckdb

    def listed(kinds: Iterable[str]) -> str:
        return ", ".join(f"{quote(c.name)} {k}" for c, k in zip(columns, kinds, strict=True))

    create = f"CREATE OR REPLACE TEMP TABLE {quote(name)}"
    try:
        connection.execute(f"{create} ({listed(_told(column) or _UNTOLD for column in columns)})")
    except duckdb.Error:  # a type that DuckDB has not, such as a struct with a field twice
        connection.execute(f"{create} ({listed([_UNTOLD] * len(columns))})")


@contextmanager
def _tables(connection: duckdb.DuckDBPyConnection, surface: Surface, texts: str) -> Iterator[None]:
    """Empty temporary tables for the relations of ``surface`` that ``texts`` may name, for as long
    as the block runs."""
    made: list[str] = []
    try:
        for name, columns in surface.relations.items():
            if name == surface.object or name.lower() in texts:
                _create(connection, name, columns)
                made.append(name)
        yield
    finally:
        for name in made:
            connection.execute(f"DROP TABLE temp.main.{quote(name)}")


def _text(
    connection: duckdb.DuckDBPyConnection, rule: Query, surface: Surface
) -> str | QueryProblem:
    """The query of ``rule`` as it would run, or why it is none."""
    from mesh_defs.contract.checks.queries import filled  # it brings DuckDB

    unknown = _unknown_placeholder(rule.query)
    if unknown is not None:
        return unknown
    query = filled(rule.query, quote(surface.object), _property(rule, surface))
    problem = unreadable(connection, query)
    if problem is None:
        return query.strip().rstrip(";")
    where = f" (line {problem.line} of the query)" if problem.line > 1 else ""
    allowed = "one SELECT that yields one number, or true or false"
    return QueryProblem(f"{problem.found}{where}", allowed, problem.fix)


def _all_bind(connection: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> bool:
    """Whether all queries bind and have one column, a number: one question, which costs less than
    many."""
    import duckdb

    if any(is_suspect(text) or _NULL.match(text) for text in texts):
        return False
    together = ", ".join(f"(\n{text}\n)" for text in texts)
    try:
        found = connection.execute(f"DESCRIBE SELECT {together}").fetchall()
    except duckdb.Error:
        return False
    return all(_NUMBER.match(str(column[1])) for column in found)


def _property(rule: Query, surface: Surface) -> str | None:
    """SQL for ``{property}``. A place inside a column has a value of its own kind, which only the
    data tells; NULL stands for any."""
    own = [column.name for column in surface.relations.get(surface.object, ())]
    if rule.column is None:
        return None
    return quote(rule.column) if rule.column in own or not own else "NULL"


def _unknown_placeholder(query: str) -> QueryProblem | None:
    plain = _QUOTED.sub("", query)
    for match in _BRACES.finditer(plain):
        if match[1] not in _PLACEHOLDERS:
            return QueryProblem(
                f"unknown placeholder {match[0]}",
                "{object}, and {property} in the rules of a property",
                did_you_mean(match[1], _PLACEHOLDERS),
            )
    return None


def _bound(
    connection: duckdb.DuckDBPyConnection, query: str, surface: Surface
) -> QueryProblem | None:
    import duckdb

    known = [*surface.relations, *sorted(surface.dim)]
    try:
        if is_suspect(query) and (beside := outside(connection, query, known)) is not None:
            return QueryProblem(beside[0], ", ".join(["{object}", *known]), beside[1])
        columns = connection.execute(f"DESCRIBE SELECT * FROM (\n{query}\n)").fetchall()
    except duckdb.ParserException as error:
        return QueryProblem(f"{in_short(error)}, in brackets", _ONE_COLUMN, "write one SELECT")
    except duckdb.PermissionException as error:
        allowed = ", ".join(["{object}", *known])
        return QueryProblem(in_short(error), allowed, "read {object} or an input instead")
    except duckdb.Error as error:
        return _unbound(error, surface)
    if len(columns) == 1:
        return _no_number(query, str(columns[0][1]), surface)
    names = ", ".join(str(column[0]) for column in columns)
    found = f"a query of {len(columns)} columns ({names})"
    return QueryProblem(found, _ONE_COLUMN, "select one of them")


def _no_number(query: str, kind: str, surface: Surface) -> QueryProblem | None:
    if _NULL.match(query):
        return QueryProblem("a query that yields NULL", _ONE_COLUMN, "select what is to be checked")
    if _NUMBER.match(kind) or _names_untold(query.lower(), surface):
        return None
    fix = "count the rows that break the rule, or compare in the query"
    return QueryProblem(f"a query that yields {kind}", _ONE_COLUMN, fix)


def _names_untold(query: str, surface: Surface) -> bool:
    """Whether the result may depend on a column whose type its contract does not tell."""
    every = [column for columns in surface.relations.values() for column in columns]
    return any(_told(column) is None and column.name.lower() in query for column in every)


def _unbound(error: duckdb.Error, surface: Surface) -> QueryProblem | None:
    said = in_short(error)
    column, table = _NO_COLUMN.search(said), _NO_TABLE.search(said)
    if column is not None:
        name = column["name"] or column["column"]
        return _unknown("column", name, surface.columns)
    if table is not None:
        name = table["name"] or table["table"]
        if name.lower() in {dim.lower() for dim in surface.dim}:
            return None
        return _unknown("relation", name, ["{object}", *surface.relations, *sorted(surface.dim)])
    if _NO_FUNCTION.search(said):
        found = said.partition(": ")[2].split("! Did you mean")[0]
        return QueryProblem(found, "functions of DuckDB", "mend the function's name")
    if "Values were not provided" in said:
        return QueryProblem(
            "a parameter without a value", "a query without '?' and '$1'", "fill it"
        )
    return None


def _unknown(kind: str, name: str, known: Iterable[str]) -> QueryProblem:
    names = list(known)
    return QueryProblem(f"unknown {kind} '{name}'", ", ".join(names), did_you_mean(name, names))


def sql_type(column: Column) -> str:
    """The DuckDB type of ``column`` as its contract tells it, text where it does not."""
    return _told(column) or "VARCHAR"


def _told(column: Column) -> str | None:
    if column.physical_type:
        try:
            return _spelled(physical_types.parse(column.physical_type))
        except physical_types.UnknownType:
            return None
    return _TYPES.get(column.logical_type or "")


def _spelled(kind: physical_types.Physical) -> str:
    if kind.name == "LIST":
        return f"{_spelled(kind.parts[0][1])}[]" if kind.parts else "VARCHAR[]"
    if kind.name == "MAP":
        key, value = (_spelled(part) for _, part in kind.parts) if kind.parts else ("VARCHAR",) * 2
        return f"MAP({key}, {value})"
    if kind.name == "STRUCT":
        fields = ", ".join(f"{quote(name)} {_spelled(part)}" for name, part in kind.parts)
        return f"STRUCT({fields})" if fields else "VARCHAR"
    if kind.name == "DECIMAL" and kind.numbers and not _decimal(*kind.numbers):
        return "DOUBLE"  # wider than DuckDB's
    return kind.sql


def _decimal(width: int, scale: int = 0, *more: int) -> bool:
    return not more and 0 < width <= _WIDEST and scale <= width
