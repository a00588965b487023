"""Whether SQL can be read, without running it: files of transforms, and rules of contracts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, did_you_mean, relative
from mesh_defs.product.code import empty_query, unreadable_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb

    from mesh_defs.product.model import Mesh

_LINE = re.compile(r"\bLINE (\d+):")
_ONE_SELECT = "one SELECT over the product's inputs"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why text is not one SELECT: ``line`` counts from 1 in the text, 0 when it is not known."""

    line: int
    found: str
    fix: str


def unreadable(connection: duckdb.DuckDBPyConnection, query: str) -> Unreadable | None:
    """Why DuckDB does not read ``query`` as one SELECT; None when it does."""
    import duckdb

    try:
        statements = connection.extract_statements(query)
    except duckdb.Error as error:
        return Unreadable(line_of(error), in_short(error), "mend the syntax near this line")
    if len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT:
        return None
    kinds = ", ".join(statement.type.name for statement in statements) or "no statement"
    return Unreadable(1, kinds, "write one SELECT and nothing else")


def in_short(error: duckdb.Error) -> str:
    """What DuckDB says, in one line and without its excerpt of the query."""
    return str(error).split("\n\n", maxsplit=1)[0].strip().replace("\n", " ")


def line_of(error: duckdb.Error) -> int:
    """The line of the query that DuckDB names, 0 when it names none."""
    match = _LINE.search(str(error))
    return int(match.group(1)) if match else 0


def file_faults(mesh: Mesh, connection: duckdb.DuckDBPyConnection) -> Iterable[Fault]:
    """Faults of the SQL files of all products. Those of a broken product need only be readable:
    what it reads is not known for sure."""
    for product in mesh.products.values():
        if product.transform.kind == "sql":
            inputs = [port.name for port in product.inputs]
            for file in product.transform.files:
                yield from _file_faults(connection, file, relative(file, mesh.root), inputs)
    for broken in mesh.broken.values():
        for file in sorted(broken.folder.glob("*.sql")):
            if not file.is_dir():  # the port that it is meant for says that there is no file
                yield from _file_faults(connection, file, relative(file, mesh.root), None)


def _file_faults(
    connection: duckdb.DuckDBPyConnection, file: Path, name: str, known: Sequence[str] | None
) -> Iterable[Fault]:
    try:
        query = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        yield Fault(name, 0, "", f"an unreadable file ({error})", "UTF-8 text", "save it as UTF-8")
        return
    except OSError as error:
        yield unreadable_file(name, error)
        return
    if not query.strip():
        yield empty_query(name)
        return
    problem = unreadable(connection, query)
    if problem is not None:
        yield Fault(name, problem.line, "", problem.found, _ONE_SELECT, problem.fix)
    elif known is not None:
        yield from _unknown_relations(connection, query, name, known)


def _unknown_relations(
    connection: duckdb.DuckDBPyConnection, query: str, name: str, known: Sequence[str]
) -> Iterable[Fault]:
    import duckdb

    try:
        read = connection.get_table_names(query)
    except duckdb.Error:
        return  # A construct of which DuckDB tells the relations only when it runs.
    for relation in sorted(read - set(known)):
        yield Fault(
            name,
            _line_of(query, relation),
            "",
            f"unknown relation '{relation}'",
            ", ".join(known) or "no relation: the product has no inputs",
            f"{did_you_mean(relation, known)}, or declare it below 'inputs:' in defs.yaml",
        )


def _line_of(query: str, relation: str) -> int:
    """The line on which a relation is read: the first that names it outside of a comment."""
    word = re.compile(rf"(?<!\w){re.escape(relation)}(?!\w)", re.IGNORECASE)
    for number, line in enumerate(query.splitlines(), start=1):
        if word.search(line.split("--", maxsplit=1)[0]):
            return number
    return 1
