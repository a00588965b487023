"""Extracts: written once, kept while they are used and for a while, never beyond their room."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mesh_defs.errors import StorageFailed
from mesh_defs.gateway import extracts
from mesh_defs.gateway.errors import NotAcceptable, Overloaded, TooLarge
from mesh_defs.gateway.extracts import Extracts


class Given:
    """Record batches of a table, as the engine gives them."""

    deadline = 0.0

    def __init__(self, table: pa.Table, *, failing: bool = False) -> None:
        self.table = table
        self.failing = failing
        self.closed = False

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        yield from self.table.to_batches(max_chunksize=1000)
        if self.failing:
            raise ZeroDivisionError

    def cancel(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def numbers(count: int = 10) -> pa.Table:
    return pa.table({"id": list(range(count))})


def files(home: Path) -> list[Path]:
    return sorted(home.glob("*"))


def test_it_is_written_once_and_whole(tmp_path: Path) -> None:
    kept = Extracts(tmp_path, most_bytes=10**9)
    made: list[Given] = []

    def batches() -> Given:
        made.append(Given(numbers(300_000)))
        return made[-1]

    paths: list[Path] = []

    def read() -> None:
        with kept.held("a", batches) as path:
            paths.append(path)
            assert pq.read_table(path).equals(numbers(300_000))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(paths)) == len(made) == 1
    assert made[0].closed
    assert pq.read_metadata(paths[0]).num_row_groups == 3


def test_what_nobody_uses_makes_room(tmp_path: Path) -> None:
    with Extracts(tmp_path / "size", most_bytes=10**9).held("a", lambda: Given(numbers())) as path:
        size = path.stat().st_size
    kept = Extracts(tmp_path / "kept", most_bytes=2 * size)
    with kept.held("a", lambda: Given(numbers())) as used:
        for name in "bcd":
            with kept.held(name, lambda: Given(numbers())):
                assert used.exists()
                assert len(files(tmp_path / "kept")) == 2
        with (
            kept.held("e", lambda: Given(numbers())),
            pytest.raises(Overloaded, match="take all the room"),
            kept.held("f", lambda: Given(numbers())),
        ):
            pass
        assert len(files(tmp_path / "kept")) == 2


def test_what_is_larger_than_all_room_is_refused(tmp_path: Path) -> None:
    kept = Extracts(tmp_path, most_bytes=100)
    with pytest.raises(TooLarge, match="choose columns"), kept.held("a", lambda: Given(numbers())):
        pass
    assert not files(tmp_path)


def test_what_was_not_used_for_long_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Extracts(tmp_path, most_bytes=10**9)
    with kept.held("a", lambda: Given(numbers())):
        pass
    assert len(files(tmp_path)) == 1
    monkeypatch.setattr(extracts, "KEPT_SECONDS", -1.0)
    with kept.held("b", lambda: Given(numbers())) as path:
        pass
    assert path not in files(tmp_path)
    assert not files(tmp_path)


def test_what_fails_leaves_nothing_and_may_be_tried_again(tmp_path: Path) -> None:
    kept = Extracts(tmp_path, most_bytes=10**9)
    broken = Given(numbers(200_000), failing=True)
    with pytest.raises(ZeroDivisionError), kept.held("a", lambda: broken):
        pass
    assert broken.closed
    assert not files(tmp_path)
    with kept.held("a", lambda: Given(numbers())) as path:
        assert pq.read_table(path).num_rows == 10


def test_types_without_a_form_in_parquet_are_told(tmp_path: Path) -> None:
    spans = pa.table({"span": pa.array([(1, 2, 3)], pa.month_day_nano_interval())})
    kept = Extracts(tmp_path, most_bytes=10**9)
    with (
        pytest.raises(NotAcceptable, match="month_day_nano_interval"),
        kept.held("a", lambda: Given(spans)),
    ):
        pass
    assert not files(tmp_path)


def test_a_disk_that_refuses_is_told_without_its_path(tmp_path: Path) -> None:
    home = tmp_path / "home"
    kept = Extracts(home, most_bytes=10**9)
    home.rmdir()
    with pytest.raises(StorageFailed), kept.held("a", lambda: Given(numbers())):
        pass
