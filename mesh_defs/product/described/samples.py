"""A few rows of a port, as the reader sees them who may see the least."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mesh_defs.product.described.looked_at import cut
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

SAMPLES = 5

# Each row by the names of its columns: values as text, None where there is none or none is shown.
Sample = tuple[Mapping[str, str | None], ...]
Execute = Callable[[str], "duckdb.DuckDBPyConnection"]


def sample_rows(
    run: Execute, source: str, named: Sequence[str], shown: Mapping[str, str], rows: int
) -> Sample | None:
    """At most `SAMPLES` rows at even distances of the ``rows`` of the temporary table ``source``,
    with all columns ``named``; of those in ``shown`` (by name: the name in the table) the values.
    None when no column has any to show. Raises `duckdb.Error`."""
    if not shown:
        return None
    places = sorted({rows * place // SAMPLES for place in range(SAMPLES)}) if rows else []
    if not places:
        return ()
    columns = ", ".join(f"{quote(own)}::VARCHAR" for own in shown.values())
    each = (f"(SELECT {columns} FROM {source} LIMIT 1 OFFSET {place})" for place in places)
    found = run(" UNION ALL ".join(each)).fetchall()
    nothing: dict[str, str | None] = dict.fromkeys(named)
    return tuple(
        nothing | {n: None if v is None else cut(v) for n, v in zip(shown, row, strict=True)}
        for row in found
    )
