"""The few pieces of SQL text that every room needs: quoting identifiers and literals."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def quote(name: str) -> str:
    """``name`` as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``text`` as a string literal."""
    return "'" + text.replace("'", "''") + "'"


def read_parquet(files: Iterable[str]) -> str:
    """A relation over Parquet ``files``, in their order, with the columns that they hold and none
    that their folders' names (``env=prod``) suggest."""
    listed = ", ".join(literal(file) for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false)"
