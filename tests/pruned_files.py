"""A relation of five small Parquet files whose values rise, and conditions on its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

NAME = "mesh://fleet/flights/flights?version=1"
FILES = 5
ROWS = 40
MAKE = """
SELECT i + {first} AS id,
       CASE WHEN i % 7 > 0 THEN chr(CAST(97 + ({first} + i) // 10 AS INTEGER)) END AS code,
       DATE '2026-01-01' + CAST({first} + i AS INTEGER) AS day,
       TIMESTAMP '2026-01-01' + to_hours(CAST({first} + i AS INTEGER)) AS moment,
       CASE WHEN i = 3 THEN 'NaN'::DOUBLE ELSE ({first} + i) / 4 END AS delay,
       CAST(({first} + i) % 3 AS DECIMAL(6, 2)) AS fare,
       CAST(NULL AS INTEGER) AS never,
       {{'id': i}} AS nested
FROM range({rows}) r(i)
"""


def make_files(folder: Path) -> tuple[str, ...]:
    made = []
    with duckdb.connect() as connection:
        for number in range(FILES):
            path = folder / f"part-{number}.parquet"
            query = MAKE.format(first=number * ROWS, rows=ROWS)
            connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
            made.append(str(path))
    return tuple(made)


NUMBERS = st.integers(-5, FILES * ROWS + 5)
OPS = st.sampled_from(["=", "<", "<=", ">", ">=", "<>"])
CONSTANTS = {
    "id": NUMBERS.map(str),
    "code": st.characters(min_codepoint=96, max_codepoint=120).map(lambda c: f"'{c}'"),
    "day": NUMBERS.map(lambda n: f"'2026-{1 + abs(n) % 12:02}-{1 + abs(n) % 28:02}'"),
    "moment": NUMBERS.map(lambda n: f"'2026-01-{1 + abs(n) % 9:02} {abs(n) % 24:02}:00:00'"),
    "delay": NUMBERS.map(lambda n: f"{n / 4}"),
    "fare": st.sampled_from(["0", "1", "2.00", "1.5"]),
    "never": NUMBERS.map(str),
}


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    column = draw(st.sampled_from(sorted(CONSTANTS)))
    first, second = draw(CONSTANTS[column]), draw(CONSTANTS[column])
    op = draw(OPS)
    return draw(
        st.sampled_from(
            [
                f"{column} {op} {first}",
                f"{first} {op} {column}",
                f"{column} BETWEEN {first} AND {second}",
                f"{column} IS NULL",
                f"NOT ({column} {op} {first})",
                f"{column} IN ({first}, {second})",
            ]
        )
    )


CONDITIONS = st.recursive(
    comparisons(),
    lambda inner: st.builds(
        lambda parts, word: f"({f' {word} '.join(parts)})",
        st.lists(inner, min_size=1, max_size=3),
        st.sampled_from(["AND", "OR"]),
    ),
    max_leaves=6,
)
