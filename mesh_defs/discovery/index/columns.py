"""The filter by columns: words that together are of one column. The index tells which entries have
each of them somewhere among their columns; which column has all, the entry itself tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.discovery.index.analysis import having, stems
from mesh_defs.discovery.index.entry import spaced
from mesh_defs.discovery.index.visible import Visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    import tantivy

    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.discovery.index.shelf import Opened


def with_columns(visible: Visible, texts: Iterable[str]) -> Visible:
    """``visible``, for each of ``texts`` of several words without the entries of which no column
    has all of them in its name, title and description."""
    wanted = [frozenset(stems(spaced(text))) for text in texts]
    several = [each for each in wanted if len(each) > 1]
    return _WithColumns(visible, several) if several else visible


class _WithColumns(Visible):
    def __init__(self, inner: Visible, wanted: list[frozenset[str]]) -> None:
        super().__init__(lambda entry: all(_has(entry, each) for each in wanted))
        self._inner = inner

    def may(self, opened: Opened, number: int, address: tantivy.DocAddress) -> bool:
        """Whether the entry may be discovered, and has the columns."""
        return self._inner.may(opened, number, address) and super().may(opened, number, address)


def _has(entry: Entry, wanted: frozenset[str]) -> bool:
    return any(having(f"{spaced(name)} {text}", wanted) == wanted for name, text in entry.columns)
