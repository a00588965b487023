"""No receipt can be changed, removed, added or swapped, and no tail cut, without being found."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from state_places import ONE_SERVER, append, entry, place_in, server

from mesh_defs.errors import CorruptRecord, MeshError
from mesh_defs.gateway.errors import NotWhole
from mesh_defs.gateway.state.chain import EMPTY, Head, load_key, read_head
from mesh_defs.gateway.state.database import State
from mesh_defs.gateway.state.facts import EVENTS
from mesh_defs.gateway.state.head import HeadFile
from mesh_defs.gateway.state.place import Place
from mesh_defs.gateway.state.verify import Verification

pytestmark = ONE_SERVER

COUNT = 8
COLUMNS = (
    "seq",
    "body",
    "previous",
    "hash",
    "receipt",
    "event",
    "time",
    "identity",
    "port",
    "principal",
    "rows",
    "bytes",
    "seconds",
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a state of `COUNT` receipts."""
    folder = tmp_path_factory.mktemp("written")
    with State(place_in(folder)) as state:
        append(state, COUNT)
    return folder


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copy"))


def tamper(folder: Path, *statements: str, values: tuple[object, ...] = ()) -> None:
    """What somebody can do who may write the file: the triggers are dropped first."""
    connection = sqlite3.connect(folder / "gateway" / "state.db")
    for name in ("update", "delete", "replace"):
        connection.execute(f"DROP TRIGGER IF EXISTS mesh_receipts_no_{name}")
    for statement in statements:
        connection.execute(statement, values)
    connection.commit()
    connection.close()


def verified(folder: Path, known: Head | None = None) -> Verification:
    with State(place_in(folder)) as state:
        return state.receipts.verify(known)


def test_what_was_written_is_whole(copy: Path) -> None:
    found = verified(copy)
    assert (found.sound, found.receipts, found.head.seq) == (True, COUNT, COUNT)
    with State(place_in(copy)) as state:
        newest, *_ = state.receipts.listed(most=1)
        assert str(found.head) == f"{newest.seq}:{newest.hash}"
        assert newest.body["rows"] == COUNT - 1
        assert newest.body["url"] == "mesh://shop/sales/sales?version=3"
        assert newest.body["masked"] == ["email"]


def other_value(old: object, data: st.DataObject) -> object:
    """A value of the same kind that is not ``old``."""
    if isinstance(old, str):
        position = data.draw(st.integers(0, len(old) - 1))
        letter = data.draw(st.characters(codec="ascii", min_codepoint=32).filter(str.isprintable))
        changed = old[:position] + letter + old[position + 1 :]
        return changed if changed != old else old[:position] + old[position + 1 :]
    if isinstance(old, float):
        return old + data.draw(st.sampled_from([1e-6, 1.0, -0.5]))
    assert isinstance(old, int)
    return data.draw(st.integers(-(2**62), 2**62).filter(lambda value: value != old))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_single_change_is_found(
    written: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("changed") / "copy"
    shutil.copytree(written, folder)
    seq = data.draw(st.integers(1, COUNT))
    column = data.draw(st.sampled_from(COLUMNS))
    connection = sqlite3.connect(folder / "gateway" / "state.db")
    query = f"SELECT {column} FROM mesh_receipts WHERE seq = ?"
    (old,) = connection.execute(query, (seq,)).fetchone()
    connection.close()
    new = other_value(old, data)
    if column == "seq" and isinstance(new, int) and 1 <= new <= COUNT:
        new += COUNT
    if column == "time":
        new = str(old).replace("2026", "2025")
    tamper(folder, f"UPDATE mesh_receipts SET {column} = ? WHERE seq = ?", values=(new, seq))
    assert not verified(folder).sound, (column, old, new)
    shutil.rmtree(folder)


@settings(max_examples=40, deadline=None)
@given(gone=st.sets(st.integers(1, COUNT), min_size=1))
def test_any_receipts_that_are_gone_are_missed(
    written: Path, tmp_path_factory: pytest.TempPathFactory, gone: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("gone") / "copy"
    shutil.copytree(written, folder)
    tamper(folder, *(f"DELETE FROM mesh_receipts WHERE seq = {seq}" for seq in gone))
    found = verified(folder)
    assert not found.sound
    assert found.receipts == COUNT - len(gone)
    shutil.rmtree(folder)


def test_two_that_were_swapped_are_found(copy: Path) -> None:
    tamper(
        copy,
        "UPDATE mesh_receipts SET seq = 100 WHERE seq = 3",
        "UPDATE mesh_receipts SET seq = 3 WHERE seq = 4",
        "UPDATE mesh_receipts SET seq = 4 WHERE seq = 100",
    )
    problems = verified(copy).problems
    assert any("receipt 3" in problem for problem in problems)
    assert any("receipt 4" in problem for problem in problems)


def test_one_that_was_copied_to_the_end_is_found(copy: Path) -> None:
    columns = ", ".join(COLUMNS[1:])
    tamper(
        copy,
        f"INSERT INTO mesh_receipts (seq, {columns}) "
        f"SELECT {COUNT + 1}, {columns} FROM mesh_receipts WHERE seq = 2",
    )
    assert verified(copy).problems == (
        f"receipt {COUNT + 1} does not follow the one before it",
        f"receipt {COUNT + 1} was changed, or was not written by the gateway",
    )


def test_a_cut_tail_is_found_although_the_database_agrees_with_itself(copy: Path) -> None:
    # What the database said of its end when it had three receipts less, which is soundly signed.
    with State(place_in(copy)) as state:
        chain = "SELECT seq, hash, mac, key FROM mesh_chain"
        with state.database.reading() as connection:
            before = connection.exec_driver_sql(chain).one()
        append(state, 3)
    seq, digest, mac, _ = before
    tamper(
        copy,
        f"DELETE FROM mesh_receipts WHERE seq > {COUNT}",
        f"UPDATE mesh_chain SET seq = {seq}, hash = '{digest}', mac = '{mac}'",
    )
    missing = f"receipts {COUNT + 1} to {COUNT + 3} are missing: 'audit.head' names {COUNT + 3}"
    assert [p[: len(missing)] for p in verified(copy).problems] == [missing]

    # Nothing is written over what was cut, and so nothing is read.
    with State(place_in(copy)) as state, pytest.raises(NotWhole, match="mesh audit verify"):
        append(state, 1)
    # It is found as well when somebody with the key wrote others in place of those that were cut.
    file, place = copy / "gateway" / "audit.head", place_in(copy)
    kept = file.read_bytes()
    file.unlink()
    HeadFile(place, load_key(place, make=False)).make(Head(seq, digest))
    with State(place) as state:
        append(state, 6)
    file.write_bytes(kept)
    (problem,) = verified(copy).problems
    assert problem == f"receipt {COUNT + 3} is another one than 'audit.head' says"


def test_a_head_file_that_is_behind_is_no_alarm(copy: Path) -> None:
    file = copy / "gateway" / "audit.head"
    behind = file.read_bytes()
    with State(place_in(copy)) as state:
        append(state, 5)
    file.write_bytes(behind)  # as after a crash between the commit and the file
    assert verified(copy).sound
    with State(place_in(copy)) as state:
        append(state, 1)
    assert json.loads(file.read_text())["seq"] == COUNT + 6


@pytest.mark.parametrize("changed", [b"", b"{}", b'{"seq": 2, "hash": "0", "mac": "0"}'])
def test_a_head_file_that_was_changed_is_found_and_kept(copy: Path, changed: bytes) -> None:
    file = copy / "gateway" / "audit.head"
    file.write_bytes(changed)
    with State(place_in(copy)) as state, pytest.raises(NotWhole, match="was changed"):
        append(state, 1)
    assert "its signature is not the gateway's" in verified(copy).problems[0]
    assert file.read_bytes() == changed


def test_a_head_file_that_is_gone_is_found(copy: Path) -> None:
    (copy / "gateway" / "audit.head").unlink()
    with State(place_in(copy)) as state, pytest.raises(NotWhole, match="is gone"):
        append(state, 1)
    (problem,) = verified(copy).problems
    assert problem.endswith("which says where the receipts end, is gone")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE mesh_chain SET seq = 3",
        "UPDATE mesh_chain SET hash = 'a'",
        "UPDATE mesh_chain SET mac = 'a'",
    ],
)
def test_nothing_is_appended_to_an_end_that_was_changed(copy: Path, statement: str) -> None:
    tamper(copy, statement)
    with State(place_in(copy)) as state, pytest.raises(CorruptRecord, match="was changed"):
        append(state, 1)


@pytest.mark.parametrize("first", [False, True])
def test_nothing_is_appended_to_a_chain_that_was_cut(copy: Path, first: bool) -> None:
    with State(place_in(copy)) as state:
        if not first:
            append(state, 1)
        tamper(copy, f"DELETE FROM mesh_receipts WHERE seq > {COUNT - 2}")
        with pytest.raises(NotWhole, match="mesh audit verify"):
            append(state, 1)


@pytest.mark.parametrize("time", ["yesterday", "", 7, "2026-13-41 99:00:00"])
def test_a_time_that_is_none_is_told(copy: Path, time: object) -> None:
    tamper(copy, "UPDATE mesh_receipts SET time = ? WHERE seq = 3", values=(time,))
    assert verified(copy).problems == ("receipt 3 was changed beside what is signed",)


def test_a_key_that_is_gone_or_another_one_is_told(copy: Path) -> None:
    key = copy / "gateway" / "audit.key"
    key.unlink()
    with State(place_in(copy)) as state, pytest.raises(MeshError, match="is gone"):
        state.receipts.verify()
    key.write_text("f" * 64)
    with State(place_in(copy)) as state, pytest.raises(MeshError, match="with another key"):
        append(state, 1)


def test_a_head_that_was_noted_must_be_in_the_chain(copy: Path) -> None:
    noted = verified(copy).head
    with State(place_in(copy)) as state:
        append(state, 2)
    assert verified(copy, noted).sound
    assert read_head(str(noted)) == noted
    other = Head(noted.seq, "0" * 64)
    assert "the head that was noted" in verified(copy, other).problems[0]
    assert "are missing" in verified(copy, Head(99, noted.hash)).problems[0]


def test_the_head_of_nothing(tmp_path: Path) -> None:
    found = verified(tmp_path)
    assert (found.sound, found.receipts, found.head) == (True, 0, EMPTY)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_in(tmp_path, server() if request.param == "postgres" else None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE mesh_receipts SET rows = 0",
        "DELETE FROM mesh_receipts WHERE seq = 2",
        "INSERT OR REPLACE INTO mesh_receipts SELECT * FROM mesh_receipts WHERE seq = 2",
        "TRUNCATE mesh_receipts",
    ],
)
def test_the_database_itself_refuses_changes(place: Place, statement: str) -> None:
    if ("REPLACE" in statement and place.dsn) or ("TRUNCATE" in statement and not place.dsn):
        pytest.skip("not in this database's language")
    with State(place) as state:
        append(state, 3)
        with pytest.raises(DBAPIError, match="receipts are only ever added"):
            run(state, statement)
        assert state.receipts.verify().receipts == 3


def run(state: State, statement: str) -> Any:
    with state.database.writing() as connection:
        return connection.execute(text(statement))


def test_a_change_is_found_in_postgres_too(tmp_path: Path) -> None:
    place = place_in(tmp_path, server())
    with State(place) as state:
        append(state, 5)
        assert state.receipts.verify().sound
        run(state, "ALTER TABLE mesh_receipts DISABLE TRIGGER ALL")
        run(state, "UPDATE mesh_receipts SET principal = 'person:nobody' WHERE seq = 2")
        assert state.receipts.verify().problems == ("receipt 2 was changed beside what is signed",)


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_kept_as_it_was(place: Place, event: Any) -> None:
    made = entry(3, event)
    with State(place) as state:
        state.receipts.put(made).result()
        (found,) = state.receipts.listed(receipt=made.receipt)
        assert found.body == made.body()
        assert state.receipts.verify().sound


def test_reasons_are_one_short_line(tmp_path: Path) -> None:
    with State(place_in(tmp_path)) as state:
        state.receipts.refused(entry().read, "first\nsecond" + "x" * 10_000).result()
        (found,) = state.receipts.listed()
    assert found.body["event"] == "refused"
    assert found.body["reason"].startswith("first\\nsecondx")
    assert len(found.body["reason"]) == 500
