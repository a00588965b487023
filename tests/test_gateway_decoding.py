"""Row groups of many answers take little memory together, and every reader gets all of its rows."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.gateway.decoding import Decoding
from mesh_defs.gateway.query.faults import Cancelled
from mesh_defs.gateway.row_groups import Footers, GroupBatches

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROWS, GROUP = 2_000, 200


class Reader:
    """A decoder that notes that it was set aside."""

    def __init__(self, decoding: Decoding, paused_at: float | None = None) -> None:
        self.decoding = decoding
        self.paused_at = paused_at
        self.aside = 0

    def set_aside(self) -> None:
        self.aside += 1
        self.decoding.give_back(self)


def quiet() -> None:
    """Nobody ended it."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("groups") / "rows.parquet"
    rows = pa.table({"i": list(range(ROWS)), "t": [f"text {i}" for i in range(ROWS)]})
    pq.write_table(rows, path, row_group_size=GROUP)
    return path


def reading(file: Path, footers: Footers, batch_rows: int = 60) -> GroupBatches:
    schema = pq.read_schema(file)
    parts = footers.parts([str(file)], schema, 1)
    assert parts is not None
    return GroupBatches(parts[0], schema, footers, batch_rows)


def test_who_paused_the_longest_is_set_aside_for_another() -> None:
    decoding, now = Decoding(100), time.monotonic()
    busy, long, short = Reader(decoding), Reader(decoding, now - 9), Reader(decoding, now - 5)
    for each in (busy, short, long):
        decoding.take(each, 30, quiet)
    decoding.take(Reader(decoding), 30, quiet)
    assert (busy.aside, long.aside, short.aside) == (0, 1, 0)


def test_who_has_room_keeps_it_and_who_is_alone_may_be_larger() -> None:
    decoding = Decoding(100)
    large = Reader(decoding)
    decoding.take(large, 500, quiet)
    decoding.take(large, 500, quiet)
    decoding.give_back(large)
    decoding.give_back(large)
    decoding.take(Reader(decoding), 100, quiet)
    assert large.aside == 0


def test_who_has_waited_long_enough_goes_on_beside_those_who_never_pause() -> None:
    decoding = Decoding(100, patience=0.1)
    busy, asked = Reader(decoding), []
    decoding.take(busy, 80, quiet)
    decoding.take(Reader(decoding), 80, lambda: asked.append(1))
    assert asked
    assert busy.aside == 0


def test_while_all_are_busy_one_waits_until_room_is_given_back_or_it_is_ended() -> None:
    decoding = Decoding(100, patience=600)
    busy = Reader(decoding)
    decoding.take(busy, 80, quiet)

    def ended() -> None:
        raise Cancelled("whoever asked is gone")

    with pytest.raises(Cancelled):
        decoding.take(Reader(decoding), 80, ended)
    waiting = threading.Thread(target=decoding.take, args=(Reader(decoding), 80, quiet))
    waiting.start()
    decoding.give_back(busy)
    waiting.join(30)
    assert not waiting.is_alive()


@given(turns=st.lists(st.integers(0, 3), max_size=60), batch_rows=st.integers(1, 500))
def test_readers_in_any_order_get_every_row_once(
    file: Path, turns: Sequence[int], batch_rows: int
) -> None:
    """There is room for one row group alone, so that each takes it from the others."""
    footers = Footers()
    footers.decoding = Decoding(1, grace=0.0)
    readers = [reading(file, footers, batch_rows) for _ in range(4)]
    found: list[list[int]] = [[] for _ in readers]
    for each in readers:
        each.pause()

    def step(number: int) -> bool:
        readers[number].resume()
        batch = next(readers[number], None)
        readers[number].pause()
        if batch is not None:
            found[number] += batch.column("i").to_pylist()
        return batch is not None

    for number in turns:
        step(number)
    for number, each in enumerate(readers):
        while step(number):
            pass
        each.close()
    assert found == [list(range(ROWS))] * 4


def test_what_was_ended_says_why_also_after_it_was_set_aside(file: Path) -> None:
    footers = Footers()
    footers.decoding = Decoding(1)
    first, second = reading(file, footers), reading(file, footers)
    next(first)
    first.pause()
    assert next(second).num_rows == 60
    first.cancel()
    with pytest.raises(Cancelled):
        next(first)
    second.close()
    first.close()
