"""The few pieces of SQL text that every room needs: quoting identifiers and literals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_GLOB = re.compile(r"[*?\[]")


def quote(name: str) -> str:
    """``name`` as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``text`` as a string literal."""
    return "'" + text.replace("'", "''") + "'"


def read_parquet(files: Iterable[str]) -> str:
    """A relation over Parquet ``files``, in their order, with the columns that they hold and none
    that their folders' names (``env=prod``) suggest."""
    return f"read_parquet({file_list(files)}, hive_partitioning = false)"


def file_list(files: Iterable[str]) -> str:
    """A list literal of exactly these files, for DuckDB's table functions: what is a pattern to
    them (``*``, ``?``, ``[``) is part of a name here."""
    return f"[{', '.join(literal(unglobbed(file)) for file in files)}]"


def unglobbed(path: str) -> str:
    """``path`` as a pattern that only ``path`` fits."""
    return _GLOB.sub(r"[\g<0>]", path)
