"""What an embedding driver is: texts in, vectors of unit length out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class Embedding(Protocol):
    """A model. It is made without arguments and without loading anything, and raises
    `mesh_defs.errors.MissingDriver` (with what to install) where it cannot be used here; what it
    needs is loaded with the first text. One thread uses it at a time."""

    @property
    def model(self) -> str:
        """What vectors can be compared with each other by: those of one name alone."""
        ...

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        ...

    def words(self) -> Sequence[str]:
        """Words in lower case that the model knows as a whole, the most frequent first; empty where
        it does not tell. Mistyped words of a question are known by not being among them."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector of length 1 for each text, as rows. A text that is too long counts with its
        beginning; the vector of a text does not depend on the others."""
        ...
