"""Search by meaning: the entries whose vectors are nearest to that of the question."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mesh_defs.discovery.index.hits import Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import tantivy
    from numpy.typing import NDArray

    from mesh_defs.discovery.index.shelf import Opened
    from mesh_defs.discovery.index.vectors import Vectors
    from mesh_defs.discovery.index.visible import Visible

# Below it, two texts have nothing to do with each other.
LEAST = 0.2
_FIRST = 64
_GROWS = 8


@dataclass(frozen=True)
class Meanings:
    """The vectors of an opened index: ``places`` are rows of ``vectors`` for each of ``addresses``,
    -1 where a vector is not made yet."""

    opened: Opened
    vectors: Vectors
    addresses: list[tantivy.DocAddress]
    numbers: NDArray[np.uint64]
    products: NDArray[np.uint64]
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
        alike = self._alike(vector)
        if conditions:
            alike = np.where(np.isin(self.numbers, self._numbers(conditions)), alike, -1.0)
        near = np.flatnonzero(alike >= LEAST)
        given, most = 0, _FIRST
        while given < len(near):
            chosen = self._nearest(near, alike, most)
            for place in chosen[given:]:
                number = int(self.numbers[place])
                address = self.addresses[place]
                if visible.may(self.opened, number, address):
                    yield Hit(number, int(self.products[place]), address), float(alike[place])
            given, most = len(chosen), most * _GROWS

    def likenesses(self, vector: NDArray[np.float32], hits: list[Hit]) -> list[float | None]:
        """The likeness of each of ``hits``; None of those without a vector yet."""
        import numpy as np

        numbers = np.array([hit.number for hit in hits], dtype=np.uint64)
        order = self._by_number
        places = self.places[order[np.searchsorted(self.numbers, numbers, sorter=order)]]
        rows = self.vectors.rows[places] @ vector
        alike = zip(rows.tolist(), (places >= 0).tolist(), strict=True)
        return [each if known else None for each, known in alike]

    @cached_property
    def _by_number(self) -> NDArray[np.int64]:
        import numpy as np

        return np.argsort(self.numbers)

    def _alike(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """The likeness of each entry; -1 of those without a vector."""
        import numpy as np

        # One thread: it waits for memory all the time, and those of BLAS go on turning afterwards,
        # while the model wants the processor for the next question.
        rows: NDArray[np.float32] = np.einsum("ij,j->i", self.vectors.rows, vector)
        return np.where(self.places >= 0, rows[self.places], np.float32(-1.0))

    def _nearest(
        self, near: NDArray[np.int64], alike: NDArray[np.float32], most: int
    ) -> NDArray[np.int64]:
        """The first ``most`` of ``near``, and those as alike as the last: equal ones in an order
        that is the same in every index of the same entries."""
        import numpy as np

        chosen = near
        if most < len(near):
            last = np.partition(alike[near], len(near) - most)[len(near) - most]
            chosen = near[alike[near] >= last]
        return chosen[np.lexsort((self.numbers[chosen], self.products[chosen], -alike[chosen]))]

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
    return Meanings(
        opened,
        vectors,
        addresses,
        np.array(_values(opened, "number", addresses), dtype=np.uint64),
        np.array(_values(opened, "product_number", addresses), dtype=np.uint64),
        vectors.places(np.array(keys, dtype=np.uint64)),
    )


def joined(rows: NDArray[np.float32], views: int) -> NDArray[np.float32]:
    """One vector for each ``views`` rows: the likeness to it is, but for its length, the mean of
    the likenesses to them, so that a product takes no more memory and time for being told twice."""
    import numpy as np

    sums: NDArray[np.float32] = rows.reshape(-1, views, rows.shape[1]).sum(axis=1)
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return sums


def keys_of(opened: Opened) -> NDArray[np.uint64]:
    """The keys of the vectors of all entries, as in `mesh_defs.discovery.index.entry`."""
    import numpy as np

    return np.array(_values(opened, "meaning", _addresses(opened)), dtype=np.uint64)


def texts_of(opened: Opened, keys: NDArray[np.uint64]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The texts that each of ``keys`` is made of."""
    from tantivy import Query

    for key in keys:
        query = Query.term_query(opened.schema, "meaning", int(key))
        for _, address in opened.searcher.search(query, 1, count=False).hits:
            yield int(key), opened.card(address).meanings


def _addresses(opened: Opened) -> list[tantivy.DocAddress]:
    from tantivy import Query

    most = max(1, opened.searcher.num_docs)
    return [a for _, a in opened.searcher.search(Query.all_query(), most, count=False).hits]


def _values(opened: Opened, name: str, addresses: list[tantivy.DocAddress]) -> list[int]:
    if not addresses:
        return []
    return [int(value or 0) for value in opened.searcher.fast_field_values(name, addresses)]
