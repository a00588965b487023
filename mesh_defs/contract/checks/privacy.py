"""What a verdict may show of rows: at most twenty, as plain values, personal columns masked."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import MASK, safe_text
from mesh_defs.contract.physical_types import FLOATS, INTEGERS
from mesh_defs.contract.verdicts import MAX_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from mesh_defs.contract.model import PortContract
    from mesh_defs.contract.physical_types import Physical
    from mesh_defs.contract.verdicts import Stage

    Plain = str | int | float | bool | None

# A count of one relation's rows tells nothing about anybody; whatever else a query yields may be a
# value itself. Names of columns are no help: `COLUMNS(...)`, `#3` and `SELECT *` go without.
_PLAIN_COUNT = re.compile(
    r"""\s* select \s+ count \s* \( [^()]* \) (\s+ (as\s+)? \w+)?
        \s+ from \s+ (\{\s*object\s*\} | "[^"]+" | \w+) (\s+ (as\s+)? \w+)?
        \s* ( (;|--) | \b(where|group\s+by)\b(?!.*\b(union|intersect|except)\b) | $ )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_MAX_TEXT = 200
_PLAIN = INTEGERS | {"BOOLEAN"}


def hidden_columns(
    contract: PortContract,
    stage: Stage,
    present: Iterable[str],
    turned_out: AbstractSet[str] = frozenset(),
) -> frozenset[str]:
    """The columns of which no value may be shown: personal ones, those that ``turned_out`` to be,
    and of those ``present`` in the data every one that the contract does not name, when it has
    personal columns (who knows what else came along) or is an expectation (which names only what it
    needs of another's data)."""
    personal = contract.personal_columns | turned_out
    if not personal and stage != "expectation":
        return personal
    named = {column.name for column in contract.columns}
    return personal | {name for name in present if name not in named}


def shown(column: str, kind: Physical, *, hidden: bool) -> str:
    """SQL for a value of ``column`` (an expression of type ``kind``) as a verdict may show it."""
    if hidden:
        return f"'{MASK}'"
    if kind.name in _PLAIN or kind.name in FLOATS:
        return column
    return f"left({column}::VARCHAR, {_MAX_TEXT + 1})"


def json_safe(value: object) -> Plain:
    """``value`` as JSON can hold it, long text cut."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    text = str(value)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"


def masked_rows(
    rows: Sequence[Mapping[str, object]], hidden: AbstractSet[str]
) -> tuple[Mapping[str, Plain], ...]:
    """Rows that another engine hands over, as `samples` would show them."""
    return tuple(
        {name: MASK if name in hidden else json_safe(value) for name, value in row.items()}
        for row in rows[:MAX_SAMPLES]
    )


def mentions(text: str, names: AbstractSet[str]) -> bool:
    """Whether ``text`` speaks of one of the columns ``names``, upper or lower case."""
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) for name in names)


def counts_rows(query: str) -> bool:
    """Whether ``query`` does no more than count the rows of one relation."""
    return _PLAIN_COUNT.match(query) is not None


def safe_reason(reason: str, hidden: AbstractSet[str]) -> str:
    """Why a rule could not run, without values of the data where some columns are ``hidden``. What
    no engine said is ours, and stays as it is."""
    if not hidden or " Error: " not in reason:
        return reason
    return safe_text(reason, known=reason)
