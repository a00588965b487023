"""The operational database of the reference mesh: made once, from the real data, whole or not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from reference_data import SETTINGS, airline, connection, raw

from mesh_defs.errors import MeshError, SourceUnavailable
from operational.airline import prepare


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return airline(tmp_path_factory.mktemp("airline"))


def told(folder: Path) -> list[str]:
    steps: list[str] = []
    prepare(SETTINGS, folder, steps.append)
    return steps


def test_holds_every_flight_and_plane_of_the_source(database: Path) -> None:
    with connection(database) as found:
        for table in ("flights", "planes"):
            # What the tables have in common with the source is the same, row by row.
            columns = [row[0] for row in found.execute(f"DESCRIBE ops.{table}").fetchall()]
            shared = ", ".join(column for column in columns if column != "flight_date")
            theirs = f"SELECT {shared} FROM ops.{table}"
            ours = f"SELECT {shared} FROM {raw(table)}"
            assert found.execute(f"{theirs} EXCEPT ALL {ours}").fetchall() == []
            assert found.execute(f"{ours} EXCEPT ALL {theirs}").fetchall() == []
        dates = found.execute(
            "SELECT count(*), count(DISTINCT flight_date), min(flight_date)::VARCHAR "
            "FROM ops.flights"
        ).fetchone()
    assert dates == (435_352, 365, "2023-01-01")


def test_has_keys_and_indexes_as_a_system_of_record(database: Path) -> None:
    with closing(sqlite3.connect(database)) as system:
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            system.execute("INSERT INTO planes SELECT * FROM planes LIMIT 1")
        with pytest.raises(sqlite3.IntegrityError, match="NOT NULL"):
            system.execute("INSERT INTO flights (carrier, flight) VALUES ('UA', 1)")
        plan = system.execute(
            "EXPLAIN QUERY PLAN SELECT * FROM flights WHERE tailnum = 'N101DQ'"
        ).fetchone()
    assert "flights_by_tailnum" in plan[3]


def test_a_second_time_changes_nothing(database: Path) -> None:
    before = database.stat()
    assert told(database.parent) == ["airline database is up to date"]
    after = database.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("content", [b"", b"no database at all"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "airline.db"
    file.write_bytes(content)
    assert told(tmp_path)[-1] == "airline database is ready"
    with closing(sqlite3.connect(file)) as system:
        assert system.execute("SELECT count(*) FROM planes").fetchone() == (4840,)


def test_other_data_is_replaced_and_no_draft_is_left(tmp_path: Path) -> None:
    file = tmp_path / "airline.db"
    with closing(sqlite3.connect(file)) as system:
        system.execute("CREATE TABLE planes (old TEXT)")
        system.execute("PRAGMA user_version = 7")
    assert told(tmp_path)[-1] == "airline database is ready"
    assert [path.name for path in tmp_path.iterdir()] == ["airline.db"]


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "airline.db").mkdir()
    with pytest.raises(SourceUnavailable, match="cannot be made"):
        prepare(SETTINGS, tmp_path, lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["airline.db"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"driver": "files", "path": "x"}, "driver 'files'.*sqlite or postgres"),
        ({"driver": "sqlite"}, "path:"),
        ({"driver": "postgres"}, "dsn:"),
    ],
)
def test_settings_that_do_not_fit(
    tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(MeshError, match=message):
        prepare(settings, tmp_path, lambda _: None)


@pytest.mark.xdist_group("postgres")
def test_postgresql_gets_the_same_tables_whole_or_not(tmp_path: Path) -> None:
    from mesh_defs.drivers.source.embedded_postgres import ensure
    from mesh_defs.drivers.source.postgres import PostgresSource

    settings = {"driver": "postgres", "embedded": "pg", "database": "airline"}
    steps: list[str] = []
    dsn = ensure(tmp_path / "pg", "airline")

    # A view in the way: the preparation stops half way, and leaves nothing behind.
    postgres(dsn, "CREATE VIEW flights AS SELECT 1 AS other")
    with pytest.raises(SourceUnavailable, match="flights"):
        prepare(settings, tmp_path, steps.append)
    assert PostgresSource("ops", settings, tmp_path).entities() == ["flights"]
    postgres(dsn, "DROP VIEW flights")

    prepare(settings, tmp_path, steps.append)
    source = PostgresSource("ops", settings, tmp_path)
    assert source.entities() == ["flights", "planes"]
    with connection() as found:
        relation = source.attach(found, "flights").sql
        row = found.execute(
            f"SELECT count(*), max(flight_date)::VARCHAR FROM {relation}"
        ).fetchone()
    assert row == (435_352, "2023-12-31")

    steps.clear()
    prepare(settings, tmp_path, steps.append)
    assert steps == ["airline database is up to date"]


def postgres(dsn: str, statement: str) -> None:
    from mesh_defs.drivers.duckdb_extensions import load_extension
    from mesh_defs.sql import literal

    with connection() as found:
        load_extension(found, "postgres_scanner")
        found.execute(f"ATTACH {literal(dsn)} AS pg (TYPE postgres)")
        found.execute(f"CALL postgres_execute('pg', {literal(statement)})")
