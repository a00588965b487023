"""Where the code of a product names a column, whatever it is written in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.faults import relative
from mesh_defs.product.model import BrokenProduct, Product

if TYPE_CHECKING:
    from pathlib import Path

_CODE = ("*.sql", "*.py")


class Mentions:
    """Searches the code of products, each file of which is read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts: dict[str, list[tuple[str, str]]] = {}

    def first(self, product: Product | BrokenProduct, name: str) -> str:
        """The first place, as ``<file>:<line>``, that names the column; empty without one."""
        word = word_pattern(name)
        for file, text in self._code(product):
            found = word.search(text)
            if found is not None:
                return f"{file}:{text.count(chr(10), 0, found.start()) + 1}"
        return ""

    def _code(self, product: Product | BrokenProduct) -> list[tuple[str, str]]:
        if product.identity not in self._texts:
            self._texts[product.identity] = [
                (relative(file, self.root), file.read_text("utf-8", "replace"))
                for file in _files(product)
                if file.is_file()
            ]
        return self._texts[product.identity]


def word_pattern(name: str) -> re.Pattern[str]:
    """What finds ``name`` as a whole word; capitals do not count, as in SQL."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)


def _files(product: Product | BrokenProduct) -> list[Path]:
    if isinstance(product, Product):
        return list(product.transform.files)
    return [file for pattern in _CODE for file in sorted(product.folder.glob(pattern))]
