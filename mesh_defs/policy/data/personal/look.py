"""Which columns need a look, and as what: by their types, their statistics and the rules that they
are known to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.compile import Predicate
from mesh_defs.contract.model import PERSONAL
from mesh_defs.contract.physical_types import FLOATS, INTEGERS
from mesh_defs.policy.data.personal.detectors import FEWEST_DIGITS, SMALLEST_NUMBER
from mesh_defs.policy.data.personal.excluded import closed_values, holds_nothing, kept_rules
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.contract.physical_types import Physical
    from mesh_defs.contract.rules import Rule
    from mesh_defs.policy.subject import StagedPort

TEXT = frozenset({"VARCHAR", "JSON", "BLOB"})
NESTED = frozenset({"STRUCT", "LIST", "MAP"})
_DATES = frozenset({"DATE", "TIMESTAMP", "TIMESTAMPTZ"})
_LARGEST_EXACT = 2**53
# Bytes as DuckDB shows them, each that is no printable one of ASCII with \x before it: those
# of UTF-8 (RFC 3629, 4) without control characters. Reading the others as text would cost more.
_CONTINUED = r"\\x[89AB][0-9A-F]"
_UTF8 = (
    r"(?:[^\\]|\\x(?:09|0[ACD]|22|27|5C)|\\x[CD][0-9A-F]"
    + _CONTINUED
    + rf"|\\xE[0-9A-F](?:{_CONTINUED}){{2}}|\\xF[0-4](?:{_CONTINUED}){{3}})*"
)
# Below this a query for each column costs more than it saves.
_WORTH_A_QUERY = 200_000


@dataclass(frozen=True, slots=True)
class Suspect:
    """A column that may hold personal data. ``value`` is SQL over one row: its text, or the whole
    number in it (``number``). ``few`` tells that it has few distinct values. ``only`` has its
    values where a rule lists them."""

    column: str
    value: str
    number: bool = False
    few: bool = False
    only: tuple[str, ...] | None = None


def undeclared(port: StagedPort) -> dict[str, Physical]:
    """The columns in the data that the contract does not classify as personal or sensitive, those
    that it does not name included."""
    known = {column.name: column.classification for column in port.contract.columns}
    return {name: kind for name, kind in port.table.own.items() if known.get(name) not in PERSONAL}


def suspects(port: StagedPort, columns: dict[str, Physical]) -> list[Suspect]:
    """Those of ``columns`` whose values must be read."""
    rules = list(kept_rules(port))
    found = []
    for name, kind in columns.items():
        if kind.name in TEXT or (kind.name in NESTED and _may_hold(kind)):
            if not holds_nothing(rules, name):
                found.append(_text(port, name, kind, rules))
        elif _whole(kind):
            found.append(Suspect(name, _number(name, kind), number=True))
    small = _small_numbers(port, [s.column for s in found if s.number])
    return [suspect for suspect in found if suspect.column not in small]


def words(name: str, kind: Physical) -> Iterator[tuple[str, Physical]]:
    """The name of a column and those of the members inside it, each with its type."""
    yield name, kind
    for part, inner in kind.parts:
        if kind.name == "STRUCT":
            yield from words(part, inner)
        else:
            yield from (each for each in words(name, inner) if each[1] is not inner)


def can_be(kind: Physical, what: str) -> bool:
    """Whether a column of the type ``kind`` can hold the kind of personal data ``what``."""
    if kind.name in TEXT:
        return True
    if kind.name == "LIST" and kind.parts:
        return can_be(kind.parts[0][1], what)
    if what == "birth_date":
        return kind.name in _DATES
    return what in ("phone", "card", "national_id") and _whole(kind) and kind.name != "FLOAT"


def _text(port: StagedPort, name: str, kind: Physical, rules: list[Rule]) -> Suspect:
    value = quote(name) if kind.name == "VARCHAR" else f"{quote(name)}::VARCHAR"
    if kind.name == "BLOB":
        utf8 = f"regexp_full_match({value}, {literal(_UTF8)})"
        value = f"CASE WHEN {utf8} THEN TRY(decode({quote(name)})) END"
    listed = closed_values(rules, name) if kind.name != "BLOB" else None
    only = tuple(str(value) for value in listed) if listed is not None else None
    statistics = port.table.statistics
    few = kind.name == "VARCHAR" and statistics is not None and statistics.few_values(name)
    few = few and port.rows >= _WORTH_A_QUERY
    return Suspect(name, value, few=few, only=only)


def _may_hold(kind: Physical) -> bool:
    """Whether something inside is text or a number that could be an id; unknown parts may be."""
    if not kind.parts:
        return kind.name in (*TEXT, *NESTED, "OTHER") or _whole(kind)
    return any(_may_hold(inner) for _, inner in kind.parts)


def _whole(kind: Physical) -> bool:
    if kind.name == "DECIMAL":  # a number that an engine read as one with a fraction, too
        return len(kind.numbers) < 2 or kind.numbers[0] - kind.numbers[1] >= FEWEST_DIGITS
    return kind.name in (INTEGERS | FLOATS) - {"TINYINT", "SMALLINT", "UTINYINT", "USMALLINT"}


def _number(name: str, kind: Physical) -> str:
    """The whole number in a column, without its sign, where it is large enough."""
    column = quote(name)
    whole = "true"
    if kind.name in FLOATS or (kind.name == "DECIMAL" and kind.numbers[1:] != (0,)):
        whole = f"{column} = floor({column})"
    above, below = f"{column} >= {SMALLEST_NUMBER}", f"{column} <= -{SMALLEST_NUMBER}"
    if kind.name in FLOATS:
        above += f" AND {column} <= {_LARGEST_EXACT}"
        below += f" AND {column} >= -{_LARGEST_EXACT}"
    found = f"WHEN {above} AND {whole} THEN TRY_CAST({column} AS UBIGINT)"
    if not kind.name.startswith("U"):
        # The least number of a type has no counterpart above zero.
        found += f" WHEN {below} AND {whole} THEN TRY_CAST(TRY(-{column}) AS UBIGINT)"
    return f"CASE {found} END"


def _large(number: str) -> str:
    return f"({number} >= {SMALLEST_NUMBER} OR {number} <= -{SMALLEST_NUMBER})"


def _small_numbers(port: StagedPort, columns: list[str]) -> set[str]:
    """Those of ``columns`` whose footers prove that no number is large enough."""
    statistics = port.table.statistics
    if statistics is None or not columns:
        return set()
    predicates = [
        Predicate(
            violation=_large(quote(name)),
            columns=(name,),
            of_range=_large,
        )
        for name in columns
    ]
    held = statistics.hold(predicates)
    return {name for name, small in zip(columns, held, strict=True) if small}
