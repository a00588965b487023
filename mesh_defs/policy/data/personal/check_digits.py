"""Check digits as SQL. Numbers are expressions of type UBIGINT whose digits are counted from the
right, from 0; leading zeros cost nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_CARD = 19


def digits_of(text: str) -> str:
    """The digits in ``text`` as one number; NULL when there are none or too many."""
    return f"TRY_CAST(regexp_replace({text}, '[^0-9]+', '', 'g') AS UBIGINT)"


def digit(number: str, place: int) -> str:
    """The digit of ``number`` at ``place``."""
    return f"(({number} // {10**place}) % 10)::INTEGER"


def part(number: str, place: int, size: int) -> str:
    """``size`` digits of ``number`` whose last one is at ``place``."""
    return f"(({number} // {10**place}) % {10**size})"


def luhn(number: str, length: int = _LONGEST_CARD) -> str:
    """Whether the last of at most ``length`` digits is right by ISO/IEC 7812-1, annex B."""
    terms = []
    for place in range(length):
        value = digit(number, place)
        terms.append(
            f"2 * {value} - CASE WHEN {value} > 4 THEN 9 ELSE 0 END" if place % 2 else value
        )
    return f"(({' + '.join(terms)}) % 10 = 0)"


def weighted(number: str, weights: Sequence[int]) -> str:
    """The sum of digits times ``weights``, of which the last belongs to the last digit."""
    terms = [f"{weight} * {digit(number, at)}" for at, weight in enumerate(reversed(weights))]
    return f"({' + '.join(terms)})"


def mod_11_10(number: str, length: int) -> str:
    """Whether the last of ``length`` digits is right by ISO 7064, MOD 11,10."""
    digits = ", ".join(digit(number, place) for place in range(length - 1, 0, -1))
    step = "lambda p, d: 2 * (CASE WHEN (p + d) % 10 = 0 THEN 10 ELSE (p + d) % 10 END) % 11"
    return f"((11 - list_reduce([10, {digits}], {step})) % 10 = {digit(number, 0)})"


def mod_97(text: str) -> str:
    """Whether an IBAN's check digits are right: its first four characters at its end, letters as
    numbers from A = 10, the rest of 97 is 1 (ISO 7064, MOD 97-10). Separators do not count."""
    plain = f"upper(regexp_replace({text}, '[^0-9A-Za-z]+', '', 'g'))"
    turned = f"(substr({plain}, 5) || left({plain}, 4))"
    values = (
        f"list_transform(string_split({turned}, ''), lambda c:"
        " CASE WHEN c >= 'A' THEN ascii(c) - 55 ELSE ascii(c) - 48 END)"
    )
    step = "lambda a, b: (a * CASE WHEN b > 9 THEN 100 ELSE 10 END + b) % 97"
    return f"(list_reduce(list_prepend(0, {values}), {step}) = 1)"


def day_of_year(month: str, day: str) -> str:
    """Whether ``month`` and ``day``, both numbers, can be a date of some year."""
    longest = f"CASE WHEN {month} = 2 THEN 29 WHEN {month} IN (4, 6, 9, 11) THEN 30 ELSE 31 END"
    return f"({month} BETWEEN 1 AND 12 AND {day} BETWEEN 1 AND {longest})"
