"""Foreign keys compare like with like, exactly."""

from __future__ import annotations

import pytest
from verification import verdicts

from mesh_defs.contract.data import Rows
from mesh_defs.contract.rules import ForeignKey


def refer(folder, mine, theirs):
    rule = ForeignKey(
        id="fk", dimension="consistency", columns=("c",), target="other", target_columns=("t",)
    )
    # No files: Parquet has no place for the widest integers.
    target, rows = Rows(f"(SELECT {theirs} AS t)"), Rows(f"(SELECT {mine} AS c)")
    return verdicts(folder, rows, rule, relations={"other": target})["fk"]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("7::BIGINT", "'007'"),
        ("'007'", "7::BIGINT"),
        ("9007199254740993::BIGINT", "9007199254740992::DOUBLE"),
        ("1.5::DECIMAL(4, 1)", "1.5::DOUBLE"),
        ("DATE '2023-01-01'", "TIMESTAMP '2023-01-01'"),
        ("TIMESTAMP '2023-01-01'", "TIMESTAMPTZ '2023-01-01'"),
        ("DATE '2023-01-01'", "'2023-01-01'"),
        ("true", "1::INTEGER"),
        ("true", "'true'"),
        ("'a'::BLOB", "'a'"),
        ("'00000000-0000-0000-0000-000000000001'::UUID", "'00000000-0000-0000-0000-000000000001'"),
        ("[1]", "[1.0::DOUBLE]"),
        ("{'a': 1}", "{'a': '1'}"),
        ("1::UBIGINT", "1::DOUBLE"),
        ("1::UHUGEINT", "1::BIGINT"),
        ("1::HUGEINT", "1::DECIMAL(38, 0)"),
        ("1::BIGINT", "1::DECIMAL(38, 30)"),
        ("1::DECIMAL(38, 0)", "1::DECIMAL(38, 30)"),
        ("TIMESTAMP_NS '2023-01-01'", "TIMESTAMP '2023-01-01'"),
    ],
)
def test_other_kinds_of_values_are_not_compared(tmp_path, mine, theirs):
    found = refer(tmp_path, mine, theirs)
    assert found.outcome == "error", found
    assert "cannot refer to" in found.reason
    assert found.blocking


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("7::TINYINT", "7::UBIGINT"),
        ("9007199254740993::BIGINT", "9007199254740993::HUGEINT"),
        ("9007199254740993::BIGINT", "9007199254740993::DECIMAL(20, 2)"),
        ("1.50::DECIMAL(4, 2)", "1.5::DECIMAL(30, 1)"),
        ("0.5::FLOAT", "0.5::DOUBLE"),
        ("'a'", "'a'::ENUM('a', 'b')"),
        ("TIMESTAMP '2023-01-01'", "TIMESTAMP_S '2023-01-01'"),
        ("[1]", "[1]"),
        ("TIME '10:00'", "TIME '10:00'"),
    ],
)
def test_the_same_kind_of_another_width_is_compared(tmp_path, mine, theirs):
    found = refer(tmp_path, mine, theirs)
    assert found.outcome == "passed", found


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("9007199254740993::BIGINT", "9007199254740992::HUGEINT"),
        ("9007199254740993::BIGINT", "9007199254740992::DECIMAL(20, 2)"),
        ("(-1)::BIGINT", "18446744073709551615::UBIGINT"),
        ("7::BIGINT", "7.01::DECIMAL(4, 2)"),
    ],
)
def test_neighbours_are_told_apart(tmp_path, mine, theirs):
    found = refer(tmp_path, mine, theirs)
    assert (found.outcome, found.failing_rows) == ("failed", 1), found
