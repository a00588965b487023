"""Expectations: what a product asks of the rows of one input, decided on these rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_defs.contract.data import Staged, Surroundings
from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.contract.verdicts import Verdict
from mesh_defs.contract.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import duckdb

    from mesh_defs.contract.data import Rows
    from mesh_defs.contract.model import Column, PortContract


def expect(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    source: str,
    expected: PortContract | None,
    rows: Rows,
    now: datetime,
    *,
    allow_empty: bool,
) -> tuple[Verdict, ...]:
    """The verdicts on the input ``name`` from ``source``: that it has ``rows``, and what is
    expected of them. Raises `duckdb.Error` when they cannot be read."""
    verdicts: list[Verdict] = []
    found = connection.execute(f"SELECT 1 FROM {rows.sql} LIMIT 1").fetchone()
    if found is None and not allow_empty:
        verdicts.append(_empty(name, source))
    if expected is not None:
        surroundings = Surroundings(now=now)
        verdicts += verify(
            connection, expected, Staged.only(rows), surroundings, stage="expectation"
        )
    return tuple(verdicts)


def as_classified(expected: PortContract, columns: Iterable[Column]) -> PortContract:
    """``expected`` with the ``columns`` of who provides the rows, each as protected as the stricter
    of the two says. What neither names is masked by verification itself."""
    # An engine finds columns whether their names are written upper or lower case.
    merged = {column.name.lower(): column for column in expected.columns}
    for column in columns:
        key = column.name.lower()
        known = merged.get(key)
        if known is None or _rank(column) > _rank(known):
            word = column.classification
            merged[key] = replace(known or column, classification=word, classified=True)
        elif not known.classified:
            merged[key] = replace(known, classified=True)
    return replace(expected, columns=tuple(merged.values()))


def closed(expected: PortContract) -> PortContract:
    """``expected`` of rows among which are personal ones: a column that nobody has classified is
    taken for personal."""
    return replace(
        expected,
        columns=tuple(
            c if c.classified else replace(c, classification="personal", classified=True)
            for c in expected.columns
        ),
    )


def _rank(column: Column) -> int:
    return CLASSIFICATIONS.index(column.classification)


def _empty(name: str, source: str) -> Verdict:
    return Verdict(
        rule="not_empty",
        subject=name,
        stage="expectation",
        outcome="failed",
        severity="error",
        dimension="coverage",
        expected="at least one row (or 'allow_empty: true' in the manifest)",
        observed=f"no row in {source}",
        decided_by="query",
        failing_rows=0,
        rows=0,
    )
