"""multipleOf on floats: as exact as the type is, and never looser than half a step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verification import verdicts, written

from mesh_defs.contract.checks.compile import compile_rule
from mesh_defs.contract.physical_types import Physical
from mesh_defs.contract.rules import Bounds


def of(step):
    return Bounds(id="m", dimension="conformity", column="c", multiple_of=step)


def breaks(kind, step, value):
    import duckdb

    violation = compile_rule(of(step), {"c": Physical(kind)}).violation
    with duckdb.connect() as connection:
        query = f"SELECT {violation} FROM (SELECT CAST('{value}' AS {kind}) AS c)"
        return connection.execute(query).fetchall()[0][0]


@pytest.mark.parametrize(
    ("kind", "step", "value"),
    [
        ("DOUBLE", 0.1, "0.3"),
        ("DOUBLE", 0.1, "0.30000000000000004"),
        ("DOUBLE", 0.01, "123456789.12"),
        ("DOUBLE", 0.01, "1234567890123.45"),
        ("DOUBLE", 0.01, "-19.99"),
        ("DOUBLE", 0.01, "0"),
        ("DOUBLE", 1, "1000000000"),
        ("DOUBLE", 1, "1e300"),
        ("DOUBLE", 3, "3000000000000000"),
        ("DOUBLE", 0.25, "4503599627370495.5"),
        ("FLOAT", 0.1, "0.3"),
        ("FLOAT", 0.01, "12345.67"),
        ("FLOAT", 1, "16777216"),
    ],
)
def test_multiples(kind, step, value):
    assert breaks(kind, step, value) is False


@pytest.mark.parametrize(
    ("kind", "step", "value"),
    [
        ("DOUBLE", 0.01, "123456789.12345"),
        ("DOUBLE", 1, "1000000000.5"),
        ("DOUBLE", 1, "4503599627370495.5"),
        ("DOUBLE", 0.01, "0.005"),
        ("DOUBLE", 0.01, "1e15"),  # doubles of this size stand an eighth apart: nobody can tell
        ("DOUBLE", 0.01, "1e308"),
        ("DOUBLE", 7, "1e300"),
        ("DOUBLE", 1, "inf"),
        ("DOUBLE", 1, "nan"),
        ("FLOAT", 1, "1000000.5"),
        ("FLOAT", 0.01, "1234.567"),
        ("FLOAT", 0.01, "1000000.5"),
    ],
)
def test_what_is_no_multiple_or_cannot_be_told(kind, step, value):
    assert breaks(kind, step, value) is True


@given(st.integers(-(10**12), 10**12), st.integers(1, 99))
def test_cents_are_cents_at_every_size(cents, more):
    assert breaks("DOUBLE", 0.01, repr(cents / 100)) is False
    between = f"{cents // 100}.{cents % 100:02d}{more:02d}"
    assert breaks("DOUBLE", 0.01, between) is True


def test_in_a_verdict(tmp_path):
    rows = written(tmp_path, "SELECT i / 4.0::DOUBLE AS c FROM range(4000000000, 4000000004) t(i)")
    found = verdicts(tmp_path, rows, of(1))["m"]
    assert (found.outcome, found.failing_rows) == ("failed", 3)
