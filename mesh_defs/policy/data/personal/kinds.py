"""The kinds of personal data that are looked for, and what a detector of one is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "email",
    "phone",
    "iban",
    "card",
    "national_id",
    "ip_address",
    "postal_address",
    "name",
    "birth_date",
]

WORDS: dict[Kind, str] = {
    "email": "e-mail addresses",
    "phone": "telephone numbers",
    "iban": "bank accounts (IBAN)",
    "card": "numbers of payment cards",
    "national_id": "national identity numbers",
    "ip_address": "IP addresses",
    "postal_address": "postal addresses",
    "name": "names of people",
    "birth_date": "dates of birth",
}

# From SQL for a value (a whole number, or the text that a pattern found) to an SQL condition on it.
Sql = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Number:
    """Numbers of so many ``digits``, built in a certain way, that end in check digits.

    ``structure`` and ``check`` are conditions on the whole number (UBIGINT); ``chance`` is the
    share of numbers of that structure whose check digits are right by chance. ``alone`` tells that
    one is enough where no other number of its size stands. So many leading ``zeros`` may be lost
    where it is kept as a number. ``source`` is where the form is laid down.
    """

    kind: Kind
    name: str
    source: str
    digits: tuple[int, ...]
    structure: Sql
    check: Sql
    chance: float
    alone: bool = True
    zeros: int = 0


@dataclass(frozen=True, slots=True)
class Detector:
    """What one kind of personal data looks like inside a text.

    ``pattern`` is a regular expression (RE2) that finds candidates, with a character of context
    where that excludes something. ``hint`` is a simpler one that matches wherever it does: the
    hints of all detectors together must be one small automaton on any text, so no classes of
    Unicode, and nothing that runs on over several words. ``accepts`` is a condition on what the
    pattern found; None accepts all. ``chance`` is the share of candidates that it accepts by
    chance: then a column is believed only when more are accepted than that explains, or half of all
    that match ``size``, as codes of the same length do (None: ``pattern`` itself). Without
    ``chance``, one that is accepted suffices. ``source`` is where the form is laid down.
    """

    kind: Kind
    name: str
    source: str
    pattern: str
    hint: str
    accepts: Sql | None = None
    chance: float | None = None
    size: str | None = None
