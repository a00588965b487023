"""A change feed in pages: rows of one form, from a position up to another."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from mesh_defs.errors import StorageFailed
from mesh_defs.gateway.changes.compare import CHANGE, INSERT, TIME, VERSION
from mesh_defs.gateway.changes.kept import Change
from mesh_defs.gateway.changes.position import Position
from mesh_defs.gateway.changes.steps import Link, Step
from mesh_defs.gateway.errors import BadRequest
from mesh_defs.sql import literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from mesh_defs.gateway.changes.kept import ChangeFiles
    from mesh_defs.gateway.changes.steps import Asked
    from mesh_defs.gateway.reads.reading import Reading

MOST_VERSIONS = 64  # of one page; each is open while it is sent
_BATCH_ROWS = 2048


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of what changed with one version: ``count`` of them behind the first ``offset``."""

    step: Step
    change: Change
    offset: int
    count: int

    @classmethod
    def none(cls, reading: Reading) -> Segment:
        """No row of what ``reading`` sees."""
        step = Step(Link(reading.opened.version.record.version, None), reading, None, (), ())
        return cls(step, Change(reading.rows(), 0, True, ""), 0, 0)

    @property
    def reading(self) -> Reading:
        """The read of the version, whose receipt counts these rows."""
        return self.step.reading

    @property
    def note(self) -> str | None:
        """What the receipt says of it, when it is not all that changed."""
        if self.count == self.change.count:
            return None
        first = self.offset + 1
        return f"changes {first} to {self.offset + self.count} of {self.change.count}"

    @property
    def query(self) -> str:
        """The rows, with ``_change_type``, ``_commit_version`` and ``_commit_timestamp``."""
        version = self.reading.opened.version.record
        kind = f"{literal(INSERT)} AS {CHANGE}, " if self.change.plain else ""
        return (
            f"SELECT *, {kind}CAST({version.version} AS BIGINT) AS {VERSION}, "
            f"CAST({literal(version.published_at)} AS TIMESTAMPTZ) AS {TIME} "
            f"FROM {self.change.rows.sql} LIMIT {self.count} OFFSET {self.offset}"
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, with constant memory; asks before each batch whether they may still be read.
        Raises `Ended`, `StorageFailed`."""
        with _connected() as connection:
            for batch in connection.execute(self.query).to_arrow_reader(_BATCH_ROWS):
                self.reading.check()
                yield batch

    def schema(self) -> pa.Schema:
        """The schema of `batches`. Raises `StorageFailed`."""
        with _connected() as connection:
            empty = connection.execute(f"SELECT * FROM ({self.query}) LIMIT 0")
            return empty.to_arrow_reader(1).schema


@dataclass(slots=True)
class Page:
    """``segments`` in their order, all of the same columns, and the ``position`` behind them;
    ``more`` tells that there is more already. ``readings`` are those of all versions that were
    looked at, with changes or without. It must be closed, best as a context manager."""

    segments: list[Segment] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    position: Position = field(default_factory=lambda: Position(0))
    more: bool = False
    held: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.held.__exit__(kind, error, traceback)

    def close(self) -> None:
        """Give everything back."""
        self.held.close()

    @property
    def rows(self) -> int:
        """How many rows are on it."""
        return sum(segment.count for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Feed:
    """The change feed of a port for one caller."""

    asked: Asked
    files: ChangeFiles

    def check(self, since: Position, links: list[Link]) -> None:
        """Raise `BadRequest` when there is no version that ``since`` names."""
        known = [link.version for link in links]
        newest = max(known, default=-1)
        if since.version > newest:
            url = self.asked.address
            raise BadRequest(
                f"since: found {since}, but the newest version of {url} is {newest}. Fix: read on "
                f"from {newest}"
            )

    def page(
        self, since: Position, links: list[Link], limit: int, versions: int = MOST_VERSIONS
    ) -> Page:
        """Up to ``limit`` rows of what changed after ``since`` with the versions of ``links``, at
        most ``versions`` of them. Raises as `Reads.open` and `ChangeFiles.held`."""
        page = Page(position=since)
        pending = [link for link in links if since.before(link.version)]
        left = limit
        with ExitStack() as stack:
            stack.push(page)
            for number, link in enumerate(pending):
                if not left or number == versions or not self._append(page, link, left):
                    page.more = True
                    break
                left = limit - page.rows
            else:
                page.more = page.position.offset is not None
            stack.pop_all()
        return page

    def _append(self, page: Page, link: Link, left: int) -> bool:
        """Put what changed with ``link`` on ``page``, unless it has other columns."""
        with ExitStack() as stack:
            step = self.asked.open(link)
            stack.callback(step.close)
            change = stack.enter_context(self.files.held(step))
            if change is not None:
                same = page.position.version == link.version
                resumed = same and page.position.digest == change.digest
                offset = min(page.position.offset or 0, change.count) if resumed else 0
                segment = Segment(step, change, offset, min(change.count - offset, left))
                if page.segments and page.segments[0].schema() != segment.schema():
                    return False
                if segment.count:
                    page.segments.append(segment)
                end = offset + segment.count
                whole = end == change.count
                page.position = Position(
                    link.version, None if whole else end, "" if whole else change.digest
                )
            else:
                page.position = Position(link.version)
            page.readings.append(step.reading)
            page.held.push(stack.pop_all())
        return True


@contextmanager
def _connected() -> Iterator[DuckDBPyConnection]:
    import duckdb

    with duckdb.connect(config={"threads": 1, "memory_limit": "200MB"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        try:
            yield connection
        except duckdb.Error as error:
            # Only its kind: the text may quote values, and names files.
            kind = type(error).__name__
            raise StorageFailed(f"what changed cannot be read back ({kind})") from None
