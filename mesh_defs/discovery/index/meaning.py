"""Search by meaning: the entries whose vectors are nearest to that of the question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.discovery.index.words import visible_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import tantivy
    from numpy.typing import NDArray

    from mesh_defs.discovery.index.shelf import Opened
    from mesh_defs.discovery.index.vectors import Vectors
    from mesh_defs.discovery.index.visible import Visible
    from mesh_defs.discovery.index.words import Hit

# Below it, two texts have nothing to do with each other.
LEAST = 0.2
_FIRST = 64
_GROWS = 8


@dataclass(frozen=True, slots=True)
class Meanings:
    """The vectors of an opened index: ``places`` are rows of ``vectors`` for each of ``addresses``,
    -1 where a vector is not made yet."""

    opened: Opened
    vectors: Vectors
    addresses: list[tantivy.DocAddress]
    numbers: NDArray[np.uint64]
    places: NDArray[np.int64]

    def nearest(
        self,
        vector: NDArray[np.float32],
        visible: Visible,
        conditions: list[tantivy.Query],
    ) -> Iterator[tuple[Hit, float]]:
        """Visible entries that meet all ``conditions`` with their likeness (cosine, at least
        `LEAST`), the most alike first."""
        import numpy as np

        if not len(self.vectors.keys):
            return
        alike = np.append(self.vectors.rows @ vector, np.float32(-1.0))[self.places]
        if conditions:
            alike = np.where(np.isin(self.numbers, self._numbers(conditions)), alike, -1.0)
        near = np.flatnonzero(alike >= LEAST)
        given, most = 0, _FIRST
        while given < len(near):
            chosen = near
            if most < len(near):
                chosen = near[np.argpartition(-alike[near], most)[:most]]
            # Equal ones by their number, so that the order is always the same.
            order = np.lexsort((self.numbers[chosen], -alike[chosen]))
            ranked = chosen[order][given:]
            at = {int(self.numbers[place]): float(alike[place]) for place in ranked}
            for hit in visible_of(self.opened, [self.addresses[p] for p in ranked], visible):
                yield hit, at[hit.number]
            given, most = len(chosen), most * _GROWS

    def _numbers(self, conditions: list[tantivy.Query]) -> NDArray[np.uint64]:
        import numpy as np
        from tantivy import Occur, Query

        searcher = self.opened.searcher
        query = Query.boolean_query([(Occur.Must, each) for each in conditions])
        hits = searcher.search(query, max(1, searcher.num_docs), count=False).hits
        found = searcher.fast_field_values("number", [address for _, address in hits])
        return np.array(found, dtype=np.uint64)


def meanings(opened: Opened, vectors: Vectors) -> Meanings:
    """The vectors of all entries."""
    import numpy as np

    addresses = _addresses(opened)
    keys = _values(opened, "meaning", addresses)
    numbers = _values(opened, "number", addresses)
    return Meanings(
        opened,
        vectors,
        addresses,
        np.array(numbers, dtype=np.uint64),
        vectors.places(np.array(keys, dtype=np.uint64)),
    )


def keys_of(opened: Opened) -> NDArray[np.uint64]:
    """The keys of the vectors of all entries, as in `mesh_defs.discovery.index.entry`."""
    import numpy as np

    return np.array(_values(opened, "meaning", _addresses(opened)), dtype=np.uint64)


def texts_of(opened: Opened, keys: NDArray[np.uint64]) -> Iterator[tuple[int, str]]:
    """The text that each of ``keys`` is made of."""
    from tantivy import Query

    for key in keys:
        query = Query.term_query(opened.schema, "meaning", int(key))
        for _, address in opened.searcher.search(query, 1, count=False).hits:
            yield int(key), opened.card(address).meaning


def _addresses(opened: Opened) -> list[tantivy.DocAddress]:
    from tantivy import Query

    most = max(1, opened.searcher.num_docs)
    return [a for _, a in opened.searcher.search(Query.all_query(), most, count=False).hits]


def _values(opened: Opened, name: str, addresses: list[tantivy.DocAddress]) -> list[int]:
    if not addresses:
        return []
    return [int(value or 0) for value in opened.searcher.fast_field_values(name, addresses)]
