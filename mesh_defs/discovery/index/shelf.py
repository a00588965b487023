"""The index on disk, below ``.mesh/index/``: a folder of tantivy's, and a file that names it with
the sums of all its files.

What is built anew is written beside and then swapped; what changes is committed in place. Whoever
writes holds the lock alone, whoever opens holds it with others. A folder that is not what the file
says (a process was killed in between, a disk lost something, the format is another) is no index:
it is built again.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mesh_defs.discovery.index.analysis import EXACT, FIELDS, FORMAT, GRAMS, SAID, register, schema
from mesh_defs.discovery.index.entry import Entry, digest_number, meaning_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import tantivy

FOLDER = "index"
_CURRENT = "current.json"
_LOCK = "lock"
_BLOCK = 1 << 20
# What tantivy gathers before it writes; more of it makes fewer parts, which are searched faster.
_BUILD_BYTES = 200_000_000
_CHANGE_BYTES = 20_000_000
_BUILD_THREADS = 2
_CARDS_KEPT = 1_024
Mark = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Opened:
    """An index as it was at one moment. ``name`` is its folder, ``mark`` changes with every change
    of it, ``model`` is that of its vectors ("": it is searched by words alone)."""

    name: str
    mark: Mark
    model: str
    index: tantivy.Index
    searcher: tantivy.Searcher
    _cards: dict[tuple[int, int], Entry] = field(default_factory=dict, repr=False, compare=False)

    @property
    def schema(self) -> tantivy.Schema:
        """The fields of the index."""
        return self.index.schema

    def card(self, address: tantivy.DocAddress) -> Entry:
        """The entry at ``address``. Those that were read last are kept: a question reads what it
        shows more than once."""
        place = (address.segment_ord, address.doc)
        found = self._cards.get(place)
        if found is None:
            if len(self._cards) >= _CARDS_KEPT:
                self._cards.clear()
            found = self._cards[place] = self._read(address)
        return found

    def _read(self, address: tantivy.DocAddress) -> Entry:
        return Entry.from_json(bytes(self.searcher.doc(address)["card"][0]))

    def entries(self) -> Iterator[Entry]:
        """All entries, in no order."""
        from tantivy import Query

        most = max(1, self.searcher.num_docs)
        for _, address in self.searcher.search(Query.all_query(), most, count=False).hits:
            yield self._read(address)


class Shelf:
    """The index of one mesh below ``state``, its folder of everything that is not in git. Threads
    and processes may share it."""

    def __init__(self, state: Path) -> None:
        self.root = state / FOLDER

    def mark(self) -> Mark | None:
        """What changes with every change of the index; None where there is none."""
        try:
            status = (self.root / _CURRENT).stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def open(self) -> Opened | None:
        """The index as it is now; None where there is none that can be used."""
        if self.mark() is None:
            return None
        with self._locked("shared"):
            return self._open()

    def rebuild(
        self,
        entries: Iterable[Entry],
        model: str,
        told: Callable[[int], None] = lambda _: None,
    ) -> Opened:
        """An index of ``entries`` and nothing else, in place of what is there: it answers the same
        in whatever order they come. They are read one by one while others are written. ``told``
        hears how many are."""
        from tantivy import Index

        with self._locked("alone"):
            name = f"words-{self._number() + 1}"
            folder = self.root / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            index = Index(schema(), str(folder))
            register(index)
            _write(index.writer(_BUILD_BYTES, _BUILD_THREADS), entries, model, 0, told)
            index.reload()
            self._note(name, model)
            for left in self.root.glob("words-*"):
                if left.name != name:
                    shutil.rmtree(left, ignore_errors=True)
            return self._must_open()

    def change(self, put: Iterable[Entry], gone: Iterable[str], model: str) -> Opened | None:
        """The index with ``put``, each in place of what there was of its product, and without the
        products whose `Entry.identity` is ``gone``. None where there is no index to change."""
        from tantivy import Query

        with self._locked("alone"):
            opened = self._open()
            if opened is None or opened.model != model:
                return None
            entries = list(put)
            writer = opened.index.writer(_CHANGE_BYTES, 1)
            for identity in dict.fromkeys([*(each.identity for each in entries), *gone]):
                number = digest_number(identity)
                writer.delete_documents_by_query(
                    Query.term_query(opened.schema, "product_number", number)
                )
            _write(writer, entries, model, _next_number(opened.searcher), lambda _: None)
            opened.index.reload()
            self._note(opened.name, model)
            return self._must_open()

    @contextmanager
    def _locked(self, how: Literal["shared", "alone"]) -> Iterator[None]:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.root / _LOCK).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH if how == "shared" else fcntl.LOCK_EX)
            yield

    def _must_open(self) -> Opened:
        opened = self._open()
        if opened is None:
            raise OSError(f"what was written below '{self.root}' cannot be read again")
        return opened

    def _open(self) -> Opened | None:
        from tantivy import Index

        noted, mark = self._noted(), self.mark()
        if noted is None or mark is None:
            return None
        folder = self.root / noted["folder"]
        try:
            if _sums(folder) != noted["sums"]:
                return None
            index = Index.open(str(folder))
            register(index)
            return Opened(folder.name, mark, noted["model"], index, index.searcher())
        except (OSError, ValueError):
            return None

    def _noted(self) -> dict[str, Any] | None:
        with suppress(OSError, ValueError, RecursionError):
            noted = json.loads((self.root / _CURRENT).read_bytes())
            right = isinstance(noted, dict) and noted.get("format") == FORMAT
            texts = right and all(isinstance(noted.get(key), str) for key in ("folder", "model"))
            if texts and Path(noted["folder"]).name == noted["folder"]:
                return dict(noted)
        return None

    def _note(self, name: str, model: str) -> None:
        noted = {"format": FORMAT, "folder": name, "model": model}
        text = json.dumps({**noted, "sums": _sums(self.root / name)})
        beside = self.root / f"{_CURRENT}.new"
        beside.write_text(text, encoding="utf-8")
        beside.replace(self.root / _CURRENT)

    def _number(self) -> int:
        """The number of the newest folder, whoever made it."""
        names = (folder.name.partition("-")[2] for folder in self.root.glob("words-*"))
        return max((int(name) for name in names if name.isdecimal()), default=0)


def _sums(folder: Path) -> dict[str, int]:
    """A sum of each file that tantivy keeps in ``folder``, by its name; its locks are none."""
    found = {}
    for file in sorted(folder.iterdir()):
        if file.suffix == ".lock" or file.name.startswith(".tmp"):
            continue
        total = 0
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                total = zlib.crc32(block, total)
        found[file.name] = total
    return found


def _next_number(searcher: tantivy.Searcher) -> int:
    from tantivy import Query

    found = searcher.search(Query.all_query(), 1, count=False, order_by_field="number").hits
    return int(found[0][0]) + 1 if found else 0


def _write(
    writer: tantivy.IndexWriter,
    entries: Iterable[Entry],
    model: str,
    start: int,
    told: Callable[[int], None],
) -> None:
    """Commit ``entries``, numbered from ``start``. Numbers never come again in one folder, so that
    what is known of a number stays true."""
    for number, entry in enumerate(entries, start):
        writer.add_document(_document(entry, model, number))
        told(number - start + 1)
    writer.commit()
    writer.wait_merging_threads()


def _document(entry: Entry, model: str, number: int) -> tantivy.Document:
    from tantivy import Document

    texts = entry.texts
    made = Document()
    for each, text in zip(FIELDS, texts, strict=True):
        made.add_text(each.name, text)
    made.add_text(EXACT, " ".join(texts))
    made.add_text(GRAMS, texts[0])
    made.add_text(SAID, entry.said)
    kept = (
        ("origin", entry.origin),
        ("domain", entry.domain),
        ("archetype", entry.archetype),
        ("status", entry.status),
        ("owner", entry.owner.casefold()),
        ("classification", entry.classification),
        ("trust", entry.trust),
        ("mode", entry.mode),
        *(("tag", tag.casefold()) for tag in entry.tags),
    )
    for name, text in kept:
        made.add_text(name, text)
    made.add_unsigned("number", number)
    made.add_unsigned("product_number", digest_number(entry.identity))
    made.add_unsigned("meaning", meaning_key(entry, model) if model else 0)
    made.add_unsigned("published", entry.published)
    made.add_bytes("card", entry.as_json())
    return made
