"""Opening the gateway's state: made once, by whoever comes first, and refused when it is newer."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from commands import environment
from meshes import write_mesh
from sqlalchemy import inspect, text
from state_places import ADA, NOW, ONE_SERVER, WISH, append, granted, place_in, server

from mesh_defs.errors import CorruptRecord, MeshError, SourceUnavailable, StorageFailed
from mesh_defs.gateway.state.database import State, open_state
from mesh_defs.gateway.state.place import Place
from mesh_defs.gateway.state.tables import VERSION_TABLE, metadata
from mesh_defs.settings import load_settings

pytestmark = ONE_SERVER

AT_ONCE = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from state_places import place_in, append
from mesh_defs.gateway.state.database import State

folder, dsn = Path(sys.argv[1]), sys.argv[2] or None
sys.stdin.readline()
with State(place_in(folder, dsn)) as state:
    print(state.grants.version(), append(state, 3))
"""


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_in(tmp_path, server() if request.param == "postgres" else None)


def test_what_was_written_is_there_when_it_is_opened_again(place: Place) -> None:
    with State(place) as state:
        grant = granted(state)
    with State(place) as state:
        assert state.grants.get(grant.id) == grant
        assert grant.starts_at == NOW
        assert grant.starts_at.tzinfo is not None


def test_the_migrations_make_the_tables_that_the_code_uses(place: Place) -> None:
    with State(place) as state, state.database.engine.connect() as connection:
        options = {"version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        names = set(inspect(connection).get_table_names())
        assert names == {*metadata.tables, VERSION_TABLE}


def test_several_processes_may_be_the_first(place: Place, tmp_path: Path) -> None:
    program = AT_ONCE.format(tests=str(Path(__file__).parent))
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), place.dsn or ""],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    said = [process.communicate("go\n", timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 4, said
    numbers = sorted(int(n) for out, _ in said for n in out.split("[")[1].strip(" ]\n").split(","))
    assert numbers == list(range(1, 13))
    with State(place) as state:
        found = state.receipts.verify()
        assert (found.problems, found.receipts) == ((), 12)


def test_a_database_that_is_newer_is_one_clear_error(place: Place) -> None:
    with State(place) as state, state.database.writing() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(MeshError, match=r"has the form 9999, .*its newest is 0002.*update mesh"):
        State(place)


def test_a_migration_that_fails_leaves_nothing_behind(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alembic.op.bulk_insert", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        State(place)
    monkeypatch.undo()
    with State(place) as state:
        assert state.grants.version() == 0


def test_nobody_else_may_read_the_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with State(place_in(tmp_path)) as state:
            append(state, 1)
            files = (tmp_path / "gateway").iterdir()
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in files}
    finally:
        os.umask(before)
    assert modes.keys() >= {"state.db", "state.db-wal", "audit.key", "audit.lock"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "gateway").stat().st_mode) == 0o700


def test_sqlite_keeps_what_it_has_committed(tmp_path: Path) -> None:
    with State(place_in(tmp_path)) as state, state.database.reading() as connection:
        modes = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert modes == ["wal", 2, 1]


def test_postgres_waits_for_the_disk_where_it_is_set_not_to(tmp_path: Path) -> None:
    import psycopg

    dsn = server()
    with psycopg.connect(dsn, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    with State(place_in(tmp_path, dsn)) as state, state.database.writing() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"


def test_a_server_out_of_reach_is_told_without_the_password(tmp_path: Path) -> None:
    dsn = "postgresql://mesh:pass%20word@127.0.0.1:1/state?connect_timeout=2"
    with pytest.raises(SourceUnavailable) as told:
        State(place_in(tmp_path, dsn))
    assert "start the server" in str(told.value)
    assert "word" not in str(told.value)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    place.folder.mkdir()
    place.file.write_bytes(b"no database at all" * 100)
    with pytest.raises(CorruptRecord, match=r"state\.db' of the gateway's state is damaged"):
        State(place)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "gateway").write_text("a file in its way")
    with pytest.raises(StorageFailed, match="cannot be made"):
        State(place_in(tmp_path))


def test_the_profile_says_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mesh_yaml = """
        name: test
        profiles:
          local: {gateway: {state: {path: kept/here%41.db}, audit_key: "${AUDIT}"}}
        """
    settings = load_settings(write_mesh(tmp_path, {"mesh.yaml": mesh_yaml}))
    with pytest.raises(MeshError, match=r"AUDIT.*is not set"):
        open_state(settings)
    monkeypatch.setenv("AUDIT", "0123456789abcdef")
    with open_state(settings) as state:
        append(state, 1)
        assert state.receipts.verify().sound
    names = {file.name for file in (tmp_path / "kept").iterdir()}
    assert {"here%41.db", "audit.head"} <= names
    assert "audit.key" not in names


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    with State(place_in(tmp_path)) as state:
        other = sqlite3.connect(state.database.place.file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert state.grants.in_force(ADA, WISH.identity, WISH.port, WISH.major, NOW) == ()
        other.close()
