"""Files that were handed out by signed URLs: held while these are good, their bytes counted."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError, StorageFailed
from mesh_defs.gateway.errors import Changed, Ended, Overloaded
from mesh_defs.gateway.ranges import Spans
from mesh_defs.gateway.reads.catalog import Kept
from mesh_defs.gateway.signed import Claim, SignKey, load_sign_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.gateway.ranges import Span
    from mesh_defs.gateway.reads.reading import Reading
    from mesh_defs.settings import Settings

_log = logging.getLogger(__name__)
MOST = 4096  # handed out at once
MOST_EACH = 512  # to one principal
_FOOTERS_KEPT = 16_384
_RETRY_SECONDS = 30
_LONGEST_WAIT = 60.0
NO_LONGER_GOOD = (
    "this URL is not good, or not any more: it was changed, its time is over, or the access that "
    "it came of has ended. Fix: ask for a new one"
)


@dataclass(frozen=True, slots=True)
class HandedFile:
    """One file. ``id`` tells nothing of where it lies and is the same whenever it is handed out;
    ``tag`` is its entity tag, quoted: it changes with the bytes. ``data`` are the parts with the
    values of its columns: readers leave out what else is between them."""

    id: str
    path: Path
    size: int
    rows: int
    tag: str
    data: tuple[Span, ...]


@dataclass(slots=True)
class Handout:
    """The files of one reading, by id, good until ``expires`` (seconds since 1970).

    Bytes count as sent once they are about to be: an audit must not miss any that left. The read
    is completed when all values of every file were sent, whichever ranges they were asked for in.
    ``ended`` tells that no byte of it may be sent any more. May be used from several threads.
    """

    reading: Reading
    files: dict[str, HandedFile]
    expires: int
    key: SignKey
    held: ExitStack
    sent: int = 0
    using: int = 0
    ended: bool = False
    _spans: dict[str, Spans] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def expires_ms(self) -> int:
        """``expires`` in milliseconds."""
        return self.expires * 1000

    def claim(self, file: str) -> Claim:
        """What the URL of the file with that id is good for."""
        caller, version = self.reading.caller, self.reading.opened.version.record.version
        who = str(caller.principal)
        return Claim(self.reading.id, file, version, who, caller.credential, self.expires)

    def path(self, file: HandedFile) -> str:
        """The URL of ``file``, without scheme and host."""
        return self.key.path(self.claim(file.id))

    def sending(self, file: HandedFile, start: int, stop: int) -> None:
        """Note that the bytes of ``file`` from ``start`` up to ``stop`` are sent now; with the last
        that were missing the read is noted as completed, durably. Raises `Ended`, after which
        nothing of it may be sent, and `MeshError` when it cannot be noted."""
        self.check()
        with self._lock:
            self.sent += stop - start
            self._spans.setdefault(file.id, Spans()).add(start, stop)
            done = self._done()
        if done:
            rows = sum(each.rows for each in self.files.values())
            self.reading.complete(rows, self.sent)

    def check(self) -> None:
        """Raise `Ended` when the access that the URLs came of is no longer good, or the same may
        not be seen any more; from then on for ever, as its receipt says."""
        if self.ended:
            raise Ended(NO_LONGER_GOOD)
        try:
            self.reading.check()
        except Ended as error:
            self.ended = True
            self.reading.abort("access ended while its files were read", size=self.sent)
            if isinstance(error, Changed):
                raise Ended(NO_LONGER_GOOD) from error
            raise

    def end(self, reason: str) -> None:
        """Note how far it was read, unless that is noted; give everything back."""
        with self.held:
            whole = sum(each.size for each in self.files.values())
            seen = sum(spans.size for spans in self._spans.values())
            if seen:
                # Readers of Parquet fetch the columns that they need, and none of the others.
                told = f"partial: {seen} of {whole} bytes, in {self.sent} sent"
                self.reading.complete(0, self.sent, told)
            else:
                self.reading.abort(reason)

    def _done(self) -> bool:
        known = self._spans
        return all(
            each.id in known and all(known[each.id].covers(*span) for span in each.data)
            for each in self.files.values()
        )


class SignedFiles:
    """What a gateway has handed out. A thread of its own ends what is over. Used by all threads."""

    def __init__(self, settings: Settings) -> None:
        self.key = load_sign_key(settings)
        self.seconds = settings.profile.gateway.limits.signed_url_seconds
        self._footers: Kept[tuple[int, tuple[Span, ...]]] = Kept(_FOOTERS_KEPT)
        self._changed = threading.Condition()
        self._handouts: dict[str, Handout] = {}
        self._each: Counter[str] = Counter()
        self._thread: threading.Thread | None = None
        self._closed = False

    def hand_out(
        self, reading: Reading, files: Sequence[str], held: ExitStack | None = None
    ) -> Handout:
        """Hand out ``files`` (paths of Parquet files that ``reading`` may see). They are there as
        long as ``held`` is open, which closes ``reading`` too (default: ``reading`` alone): it is
        closed when the URLs have ended, or when this fails.

        The read begins with it. Raises `Overloaded`, `MeshError`.
        """
        with ExitStack() as stack:
            stack.push(held if held is not None else reading)
            found = [self.file(Path(path)) for path in files]
            expires = int(self._until(reading).timestamp())
            handout = Handout(
                reading,
                {each.id: each for each in found},
                expires,
                self.key,
                ExitStack(),
            )
            with self._changed:
                self._room(str(reading.caller.principal))
            reading.begin()
            if not any(each.data for each in found):
                reading.complete(0, 0)
            handout.held = stack.pop_all()
            self._add(handout)
        return handout

    def use(self, number: str, proof: str, file: str, now: datetime) -> tuple[Handout, HandedFile]:
        """The file that a URL names, which is in use until `release`. Raises `Ended` for every URL
        that is not good, whatever is wrong with it."""
        until, _, signature = proof.partition("-")
        with self._changed:
            handout = self._handouts.get(number)
            if handout is None or until != str(handout.expires) or now.timestamp() >= int(until):
                raise Ended(NO_LONGER_GOOD)
            if not self.key.fits(handout.claim(file), signature) or file not in handout.files:
                raise Ended(NO_LONGER_GOOD)
            handout.using += 1
        try:
            handout.check()
        except BaseException:
            self.release(handout)
            raise
        return handout, handout.files[file]

    def release(self, handout: Handout) -> None:
        """The end of `use`."""
        with self._changed:
            handout.using -= 1
            self._changed.notify()

    def close(self) -> None:
        """End all that is handed out; nothing is handed out any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()
        for handout in list(self._handouts.values()):
            self._remove(handout, "the gateway was stopped")

    def file(self, path: Path) -> HandedFile:
        """What is told of a Parquet file. Raises `StorageFailed`."""
        try:
            status = path.stat()
        except OSError as error:
            raise StorageFailed(f"a file of what is read is gone ({error.strerror})") from None
        stamp = (str(path), status.st_size, status.st_mtime_ns)
        rows, data = self._footers.get(stamp, lambda: _footer(path))
        number = self.key.file_id(str(path))
        tag = f'"{number}-{status.st_size:x}-{status.st_mtime_ns:x}"'
        return HandedFile(number, path, status.st_size, rows, tag, data)

    def _until(self, reading: Reading) -> datetime:
        ends = [datetime.now(UTC) + timedelta(seconds=self.seconds)]
        if reading.caller.expires_at is not None:
            ends.append(reading.caller.expires_at)
        if reading.grant is not None:
            ends.append(reading.grant.until)
        return min(ends)

    def _room(self, principal: str) -> None:
        if len(self._handouts) < MOST and self._each[principal] < MOST_EACH and not self._closed:
            return
        raise Overloaded(
            "too many signed URLs are good at once. Fix: wait until some have ended, and read "
            "what was handed out rather than ask again",
            retry_after=_RETRY_SECONDS,
        )

    def _add(self, handout: Handout) -> None:
        with self._changed:
            self._handouts[handout.reading.id] = handout
            self._each[str(handout.reading.caller.principal)] += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._sweep, name="urls", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _sweep(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = datetime.now(UTC).timestamp()
                idle = [each for each in self._handouts.values() if not each.using]
                over = [each for each in idle if each.expires <= now]
                if not over:
                    ends = min((each.expires for each in idle), default=None)
                    # Whatever the clock does meanwhile, it is looked at again.
                    self._changed.wait(
                        _LONGEST_WAIT if ends is None else min(ends - now, _LONGEST_WAIT)
                    )
                    continue
            for handout in over:
                self._remove(handout, "nothing was read before its URLs ended")

    def _remove(self, handout: Handout, reason: str) -> None:
        with self._changed:
            if self._handouts.pop(handout.reading.id, None) is None:
                return  # another thread was first
            principal = str(handout.reading.caller.principal)
            self._each[principal] -= 1
            if not self._each[principal]:
                del self._each[principal]
        try:
            handout.end(reason)
        except MeshError as error:
            _log.error("the receipt %s could not be ended: %s", handout.reading.id, error)


def _footer(path: Path) -> tuple[int, tuple[Span, ...]]:
    """How many rows a Parquet file has, and where the values of its columns are, those that touch
    each other as one (Parquet format, "Column chunks")."""
    import pyarrow.parquet as pq

    told = pq.read_metadata(path)
    spans = Spans()
    for group in range(told.num_row_groups):
        row_group = told.row_group(group)
        for at in range(row_group.num_columns):
            column = row_group.column(at)
            starts = [column.data_page_offset]
            if column.dictionary_page_offset is not None:
                starts.append(column.dictionary_page_offset)
            spans.add(min(starts), min(starts) + column.total_compressed_size)
    return int(told.num_rows), tuple(zip(spans.starts, spans.stops, strict=True))
