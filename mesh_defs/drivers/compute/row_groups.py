"""How many rows the row groups of a staged file have.

Who reads a few rows by a condition decodes whole row groups, of every column: small ones answer in
a few milliseconds. Large ones are written and scanned faster, which counts where there is much.
Measured in docs/decisions/0003.
"""

from __future__ import annotations

from typing import Literal

Reading = Literal["lookups", "scans"]

# DuckDB cuts row groups at multiples of its vectors of 2,048 rows; its own have 122,880.
_VECTOR = 2_048
_FEWEST, _MOST = 10_240, 122_880
# Rows of a lookup's row group for each column, so that a footer has one entry for so many values.
_FOR_A_COLUMN = 640
# Values of all columns in a scan's row group: the largest of 15 columns.
_VALUES = 15 * _MOST
# Bytes of inputs from which a port is read by scans, unless its manifest says otherwise.
LARGE = 256_000_000


def row_group_rows(columns: int, reading: Reading = "lookups") -> int:
    """How many rows a row group of ``columns`` columns has: for lookups 10,240, of more than 16
    columns more; for scans DuckDB's own 122,880, of more than 15 columns fewer."""
    if reading == "lookups":
        wanted = -(-columns * _FOR_A_COLUMN // _FEWEST) * _FEWEST
    else:
        wanted = _VALUES // max(columns, 1) // _VECTOR * _VECTOR
    return min(max(wanted, _FEWEST), _MOST)
