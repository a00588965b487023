"""The index of a mesh while it is used: kept as products are, searched by words and by meaning."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.index.crawl import Crawled, composed, crawl
from mesh_defs.discovery.index.encoder import Encoder
from mesh_defs.discovery.index.entry import HERE
from mesh_defs.discovery.index.find import find
from mesh_defs.discovery.index.meaning import joined, keys_of, meanings, texts_of
from mesh_defs.discovery.index.remote import crawl_other
from mesh_defs.discovery.index.shelf import Shelf
from mesh_defs.discovery.index.spelling import Lexicon, corrected
from mesh_defs.discovery.index.vectors import VectorStore
from mesh_defs.discovery.index.visible import Views
from mesh_defs.discovery.index.words import read_terms
from mesh_defs.errors import MeshError
from mesh_defs.index_profile import NO_EMBEDDING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import numpy as np
    from numpy.typing import NDArray

    from mesh_defs.discovery.index.crawl import Compose
    from mesh_defs.discovery.index.find import Found
    from mesh_defs.discovery.index.meaning import Meanings
    from mesh_defs.discovery.index.question import Question
    from mesh_defs.discovery.index.shelf import Mark, Opened
    from mesh_defs.discovery.index.visible import Decide
    from mesh_defs.settings import Settings

USED, NOT_ASKED, NONE_YET = "used", "not asked", "no product is embedded yet"
NOT_NOW = "words only: the model of meanings is being loaded or used"
PARTLY = "used; some products are not embedded yet"
_BATCH = 16
_QUESTIONS_KEPT = 256
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Refreshed:
    """What a crawl changed: numbers of products, and why some could not be read."""

    known: int = 0
    changed: int = 0
    gone: int = 0
    rebuilt: bool = False
    failed: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "products": self.known,
            "changed": self.changed,
            "gone": self.gone,
            "rebuilt": self.rebuilt,
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
        }


class LiveIndex:
    """The index of one mesh in one profile. Threads may share it. ``no_meaning`` says why it is
    searched by words alone; None where it is not. ``compose`` makes discovery documents."""

    def __init__(self, settings: Settings, compose: Compose = composed) -> None:
        self.settings = settings
        self.profile = settings.profile.index
        self._compose = compose
        self.shelf = Shelf(settings.state)
        self.encoder: Encoder | None = None
        self.no_meaning: str | None = None
        try:
            if self.profile.embedding == NO_EMBEDDING:
                self.no_meaning = "words only: the profile says embedding: none"
            else:
                self.encoder = Encoder(self.profile.embedding)
        except MeshError as error:
            self.no_meaning = f"words only: {error}"
        self.model = self.encoder.model if self.encoder is not None else ""
        dimension = self.encoder.dimension if self.encoder is not None else 1
        self.vectors = VectorStore(self.shelf.root, self.model, dimension)
        self._refreshing = threading.RLock()
        self._reading = threading.Lock()
        self._opened: Opened | None = None
        self._meanings: tuple[Mark, int, Meanings] | None = None
        self._stamped: tuple[Mark, dict[str, str]] | None = None
        self._questions: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._views = Views()

    def opened(self) -> Opened:
        """The index as it is now; it is built first where there is none that can be used."""
        found = self._current()
        if found is None:
            with self._refreshing:
                found = self._current()
                if found is None:
                    self.refresh(others=False)
                    found = self._current()
        if found is None:
            raise OSError(f"the index below '{self.shelf.root}' cannot be read")
        return found

    def search(
        self,
        question: Question,
        key: Hashable,
        decide: Decide,
        still: Decide = lambda _: True,
        *,
        meaning: bool = True,
        waiting: bool = True,
    ) -> Found:
        """The results of ``question`` that ``decide`` lets through; it is asked once for each entry
        as long as ``key`` is the same. ``still`` is asked again of what is shown. Without
        ``meaning`` by words alone, and without ``waiting`` as well as long as the model is being
        loaded or used."""
        opened = self.opened()
        visible = self._views.of((key, opened.name), decide)
        terms = read_terms(opened, question.text, visible, self.lexicon)
        by, told = None, NOT_ASKED
        if meaning and question.text.strip():
            text = corrected(question.text, terms.mended)
            by, told = self._meaning(opened, text, waiting=waiting)
        return find(opened, question, terms, visible, by, meaning_told=told, still=still)

    @cached_property
    def lexicon(self) -> Lexicon | None:
        """The words that the model knows; None where nothing tells of any."""
        words = self.encoder.words() if self.encoder is not None else ()
        return Lexicon(words) if words else None

    def refresh(
        self,
        *,
        others: bool = True,
        local: bool = True,
        rebuild: bool = False,
        told: Callable[[str], None] = lambda _: None,
    ) -> Refreshed:
        """Bring the index to what products tell now: of this mesh (``local``) and of ``others``.
        ``rebuild`` throws away what there is. Raises as storage does."""
        start = time.monotonic()
        with self._refreshing:
            opened = None if rebuild else self._current()
            done = Refreshed(rebuilt=opened is None)
            if local or opened is None:
                known = _of(self._stamps(opened), HERE)
                crawled = crawl(self.settings, known, self._compose, told)
                self._take(crawled, opened, done)
        for other in self.profile.meshes if others else ():
            # Whatever another mesh takes its time for, this one is followed meanwhile.
            with self._refreshing:
                known = _of(self._stamps(self._current()), other.base)
            crawled = crawl_other(self.settings, other, known, told)
            with self._refreshing:
                self._take(crawled, self._current(), done)
        if others:
            self._forget(done)
        done.seconds = time.monotonic() - start
        return done

    def _take(self, crawled: Crawled, opened: Opened | None, done: Refreshed) -> None:
        """Write what a crawl found."""
        done.known += crawled.known
        done.failed |= crawled.failed
        done.changed += len({entry.identity for entry in crawled.entries})
        done.gone += len(crawled.gone)
        if opened is None or opened.model != self.model:
            self._keep(self.shelf.rebuild(crawled.entries, self.model), crawled)
        elif crawled.entries or crawled.gone:
            changed = self.shelf.change(crawled.entries, crawled.gone, self.model)
            if changed is not None:
                self._keep(changed, crawled)

    def _forget(self, done: Refreshed) -> None:
        """Take out the meshes that are not declared any more."""
        declared = {HERE, *(other.base for other in self.profile.meshes)}
        with self._refreshing:
            opened = self._current()
            stamps = self._stamps(opened)
            gone = [who for who in stamps if who.partition(" ")[0] not in declared]
            if gone:
                self._take(Crawled(gone=gone), opened, done)

    def _keep(self, opened: Opened, crawled: Crawled) -> None:
        stamps = dict(self._stamped[1]) if self._stamped is not None else {}
        if self._opened is None or self._opened.name != opened.name:
            stamps = {}
        for identity in crawled.gone:
            stamps.pop(identity, None)
        stamps |= {entry.identity: entry.stamp for entry in crawled.entries}
        with self._reading:
            self._opened = opened
        self._stamped = (opened.mark, stamps)

    def _stamps(self, opened: Opened | None) -> dict[str, str]:
        """The stamp of each product in the index."""
        if opened is None:
            return {}
        if self._stamped is None or self._stamped[0] != opened.mark:
            found = {entry.identity: entry.stamp for entry in opened.entries()}
            self._stamped = (opened.mark, found)
        return self._stamped[1]

    def _current(self) -> Opened | None:
        """The index as it is on disk, if it can be used, and was made for the same model."""
        with self._reading:
            mark = self.shelf.mark()
            if self._opened is None or self._opened.mark != mark:
                self._opened = self.shelf.open()
            found = self._opened
        return found if found is not None and found.model == self.model else None

    def embed(
        self, told: Callable[[int, int], None] = lambda _done, _of: None, most: int | None = None
    ) -> int:
        """Make the vectors that are missing, at most so many; how many were made. ``told`` hears
        how many are, of how many. Raises `SourceUnavailable`."""
        if self.encoder is None:
            return 0
        opened = self.opened()
        missing = self.vectors.read().missing(keys_of(opened))[:most]
        for at in range(0, len(missing), _BATCH):
            made = list(texts_of(opened, missing[at : at + _BATCH]))
            self._add(made)
            told(at + len(made), len(missing))
        return len(missing)

    def _add(self, texts: list[tuple[int, tuple[str, ...]]]) -> None:
        import numpy as np

        if texts and self.encoder is not None:
            rows = self.encoder.embed_behind([text for _, views in texts for text in views])
            made = joined(rows, len(texts[0][1]))
            self.vectors.add(np.array([key for key, _ in texts], dtype=np.uint64), made)

    def tidy(self) -> None:
        """Forget vectors that nothing in the index has any more, where they are most of them."""
        if self.encoder is not None:
            self.vectors.keep(keys_of(self.opened()))

    def _meaning(
        self, opened: Opened, text: str, *, waiting: bool
    ) -> tuple[tuple[Meanings, NDArray[np.float32]] | None, str]:
        """The vectors and the question's own; or why there are none."""
        if self.encoder is None:
            return None, self.no_meaning or NONE_YET
        known = self._known_meanings(opened)
        if not len(known.vectors.keys) or not (known.places >= 0).any():
            return None, NONE_YET
        if not waiting and text not in self._questions and not self.encoder.quick:
            self.encoder.wake()
            return None, NOT_NOW
        try:
            vector = self._vector(self.encoder, text)
        except MeshError as error:
            _log.warning("%s", error)
            return None, f"words only: {error}"
        return (known, vector), USED if (known.places >= 0).all() else PARTLY

    def _known_meanings(self, opened: Opened) -> Meanings:
        stamp, kept = self.vectors.stamp(), self._meanings
        if kept is not None and kept[0] == opened.mark and kept[1] == stamp:
            return kept[2]
        made = meanings(opened, self.vectors.read())
        self._meanings = (opened.mark, stamp, made)
        return made

    def _vector(self, encoder: Encoder, text: str) -> NDArray[np.float32]:
        vector = self._questions.get(text)
        if vector is None:
            vector = encoder.embed([text])[0]
            with self._reading:
                self._questions[text] = vector
                while len(self._questions) > _QUESTIONS_KEPT:
                    self._questions.popitem(last=False)
        return vector

    def prepare(self) -> None:
        """Read what the next question by meaning needs, if anything is embedded."""
        if self.encoder is not None and self.vectors.stamp():
            self._known_meanings(self.opened())

    def close(self) -> None:
        """End the process that makes vectors."""
        if self.encoder is not None:
            self.encoder.close()


def _of(stamps: dict[str, str], origin: str) -> dict[str, str]:
    """The stamps of one mesh."""
    return {who: stamp for who, stamp in stamps.items() if who.partition(" ")[0] == origin}
