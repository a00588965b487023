"""Rules that the schema alone decides: columns and their types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract import physical_types
from mesh_defs.contract.checks.compile import missing_column
from mesh_defs.contract.checks.findings import CannotRun, Finding
from mesh_defs.contract.physical_types import INTEGERS, NUMBERS, TIMESTAMPS, Physical

if TYPE_CHECKING:
    from mesh_defs.contract.checks.table import Table
    from mesh_defs.contract.rules import ColumnType, NoOtherColumns

_LOGICAL = {
    "string": frozenset({"VARCHAR", "UUID", "JSON", "BLOB", "BIT", "INTERVAL"}),
    "date": frozenset({"DATE"}),
    "timestamp": TIMESTAMPS,
    "time": frozenset({"TIME", "TIMETZ"}),
    "number": NUMBERS,
    "integer": INTEGERS,
    "boolean": frozenset({"BOOLEAN"}),
    "object": frozenset({"STRUCT", "MAP", "JSON"}),
    "array": frozenset({"LIST", "JSON"}),
    "map": frozenset({"MAP", "JSON"}),
    "vector": frozenset({"LIST"}),
}


def check_type(rule: ColumnType, table: Table) -> Finding:
    """Whether the column exists with its type; raises `CannotRun` for a type nobody knows."""
    if rule.column is None:
        raise CannotRun("the rule names no column")
    declared = _declared(rule.physical)
    if rule.logical and rule.logical not in _LOGICAL:
        raise CannotRun(f"logical type '{rule.logical}' is unknown; known: {', '.join(_LOGICAL)}")
    actual = table.columns.get(rule.column)
    if actual is None:
        return Finding(False, missing_column(rule.column, table.columns), "schema")
    fits = (declared is None or actual.fits(declared)) and (
        not rule.logical or _is_logical(actual, rule.logical)
    )
    return Finding(fits, f"{rule.column} is {table.types[rule.column]}", "schema")


def _declared(physical: str | None) -> Physical | None:
    if not physical:
        return None
    try:
        return physical_types.parse(physical)
    except physical_types.UnknownType as error:
        raise CannotRun(str(error)) from None


def _is_logical(actual: Physical, logical: str) -> bool:
    if actual.name in _LOGICAL[logical]:
        return True
    whole_numbers = actual.name == "DECIMAL" and actual.numbers[1:] == (0,)
    return whole_numbers and logical == "integer"


def check_no_others(rule: NoOtherColumns, table: Table) -> Finding:
    """Whether the data has only columns that are declared."""
    others = [name for name in table.own if name not in rule.columns]
    observed = f"also {', '.join(others)}" if others else "no other columns"
    return Finding(not others, observed, "schema")
