"""Date formats: patterns of the JDK's DateTimeFormatter, as ODCS writes them, against values.

Text is checked by a regular expression for its form and by ``try_strptime`` for its sense; a native
date or timestamp has no form, but must carry nothing finer than what its format can say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mesh_defs.sql import literal

_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|([^A-Za-z'])")
_UNITS = ("year", "month", "day", "hour", "minute", "second", "millisecond", "microsecond")
_OFFSET = r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"

# letters: (regular expression, strptime, finest unit)
_LETTERS: dict[str, tuple[str, str, str | None]] = {
    "yyyy": ("[0-9]{4}", "%Y", "year"),
    "uuuu": ("[0-9]{4}", "%Y", "year"),
    "YYYY": ("[0-9]{4}", "%Y", "year"),
    "y": ("[0-9]{4}", "%Y", "year"),
    "yy": ("[0-9]{2}", "%y", "year"),
    "uu": ("[0-9]{2}", "%y", "year"),
    "M": ("[0-9]{1,2}", "%-m", "month"),
    "MM": ("[0-9]{2}", "%m", "month"),
    "MMM": ("[A-Z][a-z]{2}", "%b", "month"),
    "MMMM": ("[A-Z][a-z]+", "%B", "month"),
    "d": ("[0-9]{1,2}", "%-d", "day"),
    "dd": ("[0-9]{2}", "%d", "day"),
    "DD": ("[0-9]{2}", "%d", "day"),
    "E": ("[A-Z][a-z]{2}", "%a", None),
    "EEE": ("[A-Z][a-z]{2}", "%a", None),
    "EEEE": ("[A-Z][a-z]+", "%A", None),
    "H": ("[0-9]{1,2}", "%-H", "hour"),
    "HH": ("[0-9]{2}", "%H", "hour"),
    "h": ("[0-9]{1,2}", "%-I", "hour"),
    "hh": ("[0-9]{2}", "%I", "hour"),
    "a": ("(?:AM|PM|am|pm)", "%p", None),
    "m": ("[0-9]{1,2}", "%-M", "minute"),
    "mm": ("[0-9]{2}", "%M", "minute"),
    "s": ("[0-9]{1,2}", "%-S", "second"),
    "ss": ("[0-9]{2}", "%S", "second"),
    **{
        "S" * n: (f"[0-9]{{{n}}}", "%f", "millisecond" if n <= 3 else "microsecond")
        for n in range(1, 7)
    },
    **dict.fromkeys(("X", "XX", "XXX", "x", "xx", "xxx"), (_OFFSET, "%z", None)),
    **dict.fromkeys(("Z", "ZZ", "ZZZ", "ZZZZZ"), (_OFFSET, "%z", None)),
    "VV": (r"[A-Za-z][A-Za-z0-9_+/-]*", "%Z", None),
    "z": (r"[A-Za-z][A-Za-z0-9_+/-]*", "%Z", None),
    "T": ("T", "T", None),  # not quoted in the standard's own examples
}
_ISO_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ISO_TIME = rf"[0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]+)?)?{_OFFSET}?"
_ISO = {
    "date": (_ISO_DATE, "DATE"),
    "time": (_ISO_TIME, "TIME"),
    "timestamp": (f"{_ISO_DATE}[T ]{_ISO_TIME}", "TIMESTAMP"),
}
_TIME_UNITS = frozenset(_UNITS[3:])


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A date format in the spellings of RE2 (whole text) and of strptime.

    ``finest`` is the finest unit that it writes; ``dated`` and ``timed`` tell whether it writes
    any part of a date and of a time of day, ``zoned`` an offset or zone.
    """

    text: str
    pattern: str
    strptime: str
    finest: str
    dated: bool
    timed: bool
    zoned: bool

    def parsed(self, text: str) -> str:
        """SQL for the moment that the SQL expression ``text`` says, NULL where it says none."""
        if "%z" in self.strptime:  # DuckDB reads offsets, but not the letter for UTC
            text = f"regexp_replace({text}, 'Z$', '+00:00')"
        return f"try_strptime({text}, {literal(self.strptime)})"

    def text_violation(self, text: str) -> str:
        """SQL that is true where the SQL expression ``text`` is not written in this format."""
        return (
            f"{text} IS NOT NULL AND (NOT regexp_full_match({text}, {literal(self.pattern)}) "
            f"OR {self.parsed(text)} IS NULL)"
        )

    def value_violation(self, value: str, logical: str) -> str | None:
        """SQL that is true where the native ``value`` is finer than this format can say; None
        where the type alone rules that out."""
        if self.finest == "microsecond" or (logical == "date" and self.finest == "day"):
            return None
        whole = f"(DATE '1970-01-01' + {value})" if logical == "time" else value
        return f"date_trunc({literal(self.finest)}, {whole}) <> {whole}"


def date_format(text: str) -> DateFormat | None:
    """The JDK pattern ``text`` read; None when it is none, or has letters that we cannot check."""
    pattern, strptime = "", ""
    units: list[str] = []
    zoned = False
    position = 0
    for token in _TOKEN.finditer(text):
        if token.start() != position:
            return None
        position = token.end()
        quoted, letter, other = token.groups()
        if letter is None:
            plain = other if other is not None else quoted.replace("''", "'") or "'"
            pattern += re.escape(plain)
            strptime += plain.replace("%", "%%")
            continue
        known = _LETTERS.get(token.group(0))
        if known is None:
            return None
        pattern += known[0]
        strptime += known[1]
        zoned = zoned or known[1] in ("%z", "%Z")
        if known[2] is not None:
            units.append(known[2])
    if position != len(text) or not units:
        return None
    timed = any(unit in _TIME_UNITS for unit in units)
    dated = any(unit not in _TIME_UNITS for unit in units)
    finest = max(units, key=_UNITS.index)
    return DateFormat(text, pattern, strptime, finest, dated, timed, zoned)


def iso_violation(text: str, logical: str) -> str:
    """SQL that is true where the SQL expression ``text`` is no ``date``, ``time`` or ``timestamp``
    (``logical``) in the extended form of ISO 8601. Its form is asked for too, as an engine reads
    far more than that (``infinity``, ``2023/1/1``, ``0044-01-01 (BC)``)."""
    form, kind = _ISO[logical]
    return (
        f"{text} IS NOT NULL AND (NOT regexp_full_match({text}, {literal(form)}) "
        f"OR try_cast({text} AS {kind}) IS NULL)"
    )


KNOWN_LETTERS = ", ".join(sorted(_LETTERS))
