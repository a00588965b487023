"""All detectors, as SQL: what finds a column that may have something, and what then decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.policy.data.personal.contact import ADDRESSES, EMAIL, PHONES
from mesh_defs.policy.data.personal.money import CARD, CARDS, IBANS
from mesh_defs.policy.data.personal.national import NATIONAL_IDS, NUMBERS
from mesh_defs.policy.data.personal.people import BIRTH_DATES, POSTAL, TITLED
from mesh_defs.sql import literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mesh_defs.policy.data.personal.kinds import Detector, Kind, Number

# E-mail is looked for by itself: one character tells most texts apart.
SHAPES: tuple[Detector, ...] = (
    *PHONES,
    *IBANS,
    *CARDS,
    *NATIONAL_IDS,
    *ADDRESSES,
    *POSTAL,
    *TITLED,
    *BIRTH_DATES,
)
WHOLE_NUMBERS: tuple[Number, ...] = (CARD, *NUMBERS)
# Nothing that is looked for has fewer digits, in a column of numbers.
SMALLEST_NUMBER = 10**8
# Digits that stand by themselves: no part of a word, a fraction, a UUID or an international number.
_DIGITS = r"(?:^|[^0-9A-Za-z_.+-]|(?:^|[^0-9A-Za-z])-)([0-9]{9,19})\b"
# Text that begins like a sentence: with words, or with a number and words, not like JSON or a list.
_SENTENCE = r"regexp_matches(x, '^\s*[^\s\[{0-9]*[A-Za-z]|^\s*[0-9]+[^0-9]*[ ,;:][A-Za-z]')"
_DIGITS_HINT = r"(?:^|[^0-9A-Za-z_.+])[0-9]{9,19}\b"


@dataclass(frozen=True, slots=True)
class Test:
    """What decides, as SQL conditions over the fields of a value: something is ``accepted``;
    something is ``built`` like it, whose check digits may be wrong; something has its ``size``.
    Without ``chance`` the first suffices. ``alone``: so does one where no other has that size.
    ``value`` is what must differ for two of them to count as two."""

    kind: Kind
    accepted: str
    built: str = "false"
    sized: str = "false"
    chance: float | None = None
    alone: bool = True
    value: str = "x"

    def believes(self, accepted: int, built: int, sized: int) -> bool:
        """Whether so many values are proof: half of all that have the size, or twice the share that
        chance explains and four standard deviations (binomial) above it."""
        if not accepted or self.chance is None:
            return accepted > 0
        if self.alone and 2 * accepted >= sized:
            return True
        expected = built * self.chance
        deviation = (expected * (1 - self.chance)) ** 0.5
        return accepted >= 2 * expected and accepted - expected > 4 * deviation


@dataclass(frozen=True, slots=True)
class Group:
    """Tests that share a hint: SQL for a pattern without which none of them accepts anything."""

    hint: str
    tests: tuple[Test, ...]


def shapes(kinds: Collection[Kind]) -> tuple[Detector, ...]:
    """The detectors of ``kinds``, but for that of e-mail."""
    return tuple(detector for detector in SHAPES if detector.kind in kinds)


def numbers(kinds: Collection[Kind]) -> tuple[Number, ...]:
    """The numbers of ``kinds``."""
    return tuple(number for number in WHOLE_NUMBERS if number.kind in kinds)


def hint(kinds: Collection[Kind]) -> str:
    """One pattern (an SQL literal) that matches wherever a detector of ``kinds`` does. As one small
    automaton it runs through a text no slower than the simplest of them."""
    digits = [_DIGITS_HINT] if numbers(kinds) else []
    return _either([*digits, *(detector.hint for detector in shapes(kinds))])


def text_groups(kinds: Collection[Kind]) -> list[Group]:
    """The tests on a text ``x`` with its lone ``digits`` (`lone_digits`)."""
    found = []
    if tests := [test for number in numbers(kinds) for test in _in_text(number)]:
        found.append(Group(literal(_DIGITS_HINT), tuple(tests)))
    for kind in dict.fromkeys(detector.kind for detector in shapes(kinds)):
        mine = shapes([kind])
        found.append(Group(_either(d.hint for d in mine), tuple(_shape(d) for d in mine)))
    return found


def number_tests(kinds: Collection[Kind]) -> list[Test]:
    """The tests on a whole ``number`` in a column of numbers."""
    found = []
    for number in numbers(kinds):
        lowest = ((10 ** (n - 1 - number.zeros), 10**n - 1) for n in number.digits)
        sized = " OR ".join(f"number BETWEEN {low} AND {high}" for low, high in lowest)
        built = _case(sized, number.structure("number"))
        right = _case(built, number.check("number"))
        found.append(
            Test(number.kind, right, built, f"({sized})", number.chance, number.alone, "number")
        )
    return found


def mail(text: str) -> str:
    """SQL: whether ``text`` has an e-mail address."""
    return _case(f"contains({text}, '@')", f"regexp_matches({text}, {literal(EMAIL.pattern)})")


def lone_digits(text: str) -> str:
    """SQL: the numbers of 9 to 19 digits that stand by themselves in ``text``, as a list."""
    return f"regexp_extract_all({text}, {literal(_DIGITS)}, 1)"


def _in_text(number: Number) -> list[Test]:
    """A card inside a sentence is one; where digits fill the value, or are part of JSON or the
    like, chance must be ruled out. Other numbers are shorter or less well known: always."""
    value = "m::UBIGINT"
    sized = f"list_filter(digits, lambda m: length(m) IN ({', '.join(map(str, number.digits))}))"
    built = _some(sized, number.structure(value))
    some = _some(sized, _case(number.structure(value), number.check(value)))
    alone = Test(
        number.kind, some, built, f"len({sized}) > 0", number.chance, number.alone, "digits"
    )
    if number.kind != "card":
        return [alone]
    return [Test(number.kind, _case(_SENTENCE, some)), alone]


def _some(values: str, condition: str) -> str:
    return f"len(list_filter({values}, lambda m: coalesce({condition}, false))) > 0"


def _shape(detector: Detector) -> Test:
    pattern = literal(detector.pattern)
    matches = f"regexp_matches(x, {pattern})"
    accepted = matches
    if detector.accepts is not None:
        ones = f"regexp_extract_all(x, {pattern})"
        accepted = _some(ones, detector.accepts("m"))
    if detector.chance is None:
        return Test(detector.kind, accepted)
    sized = f"regexp_matches(x, {literal(detector.size or detector.pattern)})"
    return Test(detector.kind, accepted, matches, sized, detector.chance)


def _either(patterns: Iterable[str]) -> str:
    return literal("|".join(f"(?:{pattern})" for pattern in dict.fromkeys(patterns)))


def _case(condition: str, then: str) -> str:
    """Both, the second looked at only where the first is true."""
    return f"CASE WHEN {condition} THEN {then} ELSE false END"
