"""All detectors, as SQL: what finds a column that may have something, and what then decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh_defs.policy.data.personal.contact import ADDRESSES, EMAIL, ENCODED_EMAIL, PHONES
from mesh_defs.policy.data.personal.money import CARD, CARDS, IBANS
from mesh_defs.policy.data.personal.national import NATIONAL_IDS, NUMBERS
from mesh_defs.policy.data.personal.people import BIRTH_DATES, POSTAL, TITLED
from mesh_defs.sql import literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mesh_defs.policy.data.personal.kinds import Detector, Kind, Number

# E-mail as it is written is looked for by itself: one character tells most texts apart.
SHAPES: tuple[Detector, ...] = (
    ENCODED_EMAIL,
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
FEWEST_DIGITS = 9
SMALLEST_NUMBER = 10 ** (FEWEST_DIGITS - 1)
# Only numbers as long as a card's are judged by whether they stand in a sentence.
CARD_DIGITS = min(CARD.digits)
# Digits that stand by themselves: no part of a word, a fraction, a UUID or an international number.
_DIGITS = r"(?:^|[^0-9A-Za-z_.+-]|(?:^|[^0-9A-Za-z])-)([0-9]{9,19})\b"
_DIGITS_HINT = r"(?:^|[^0-9A-Za-z_.+])[0-9]{9,19}\b"
_SENTENCE = r"^\s*[^\s\[{0-9]*[A-Za-z]|^\s*[0-9]+[^0-9]*[ ,;:][A-Za-z]"


@dataclass(frozen=True, slots=True)
class Test:
    """What decides, as SQL conditions over the fields of a value: something is ``accepted``;
    something is ``built`` like it, whose check digits may be wrong; something has its ``size``.
    Without ``chance`` the first suffices. ``alone``: so does one where no other has that size.
    ``value`` is what must differ for two of them to count as two. ``in_row`` is the condition on a
    whole row, where the fields are those of a part of it."""

    kind: Kind
    accepted: str
    built: str = "false"
    sized: str = "false"
    chance: float | None = None
    alone: bool = True
    value: str = "x"
    in_row: str | None = None

    def believes(self, accepted: int, built: int, sized: int) -> bool:
        """Whether so many values are proof: half of all that have the size, or twice the share that
        chance explains and, by the binomial distribution, four standard deviations and three
        more above it: few are never enough, where others of their size stand."""
        if not accepted or self.chance is None:
            return accepted > 0
        if self.alone and 2 * accepted >= sized:
            return True
        expected = built * self.chance
        deviation = (expected * (1 - self.chance)) ** 0.5
        return accepted >= 2 * expected and accepted > expected + 4 * deviation + 3


@dataclass(frozen=True, slots=True)
class Group:
    """Tests that share a hint: a pattern without which none of them accepts anything.
    ``of_digits``: they are about each number that stands by itself, not about the text."""

    hint: str
    tests: tuple[Test, ...]
    of_digits: bool = False


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
    return either([*digits, *(detector.hint for detector in shapes(kinds))])


def text_groups(kinds: Collection[Kind]) -> list[Group]:
    """The tests on a text ``x``, and those on the numbers that stand by themselves in it."""
    found = []
    if tests := [test for number in numbers(kinds) for test in _in_text(number)]:
        found.append(Group(_DIGITS_HINT, tuple(tests), of_digits=True))
    for kind in dict.fromkeys(detector.kind for detector in shapes(kinds)):
        mine = shapes([kind])
        hint = _joined(d.hint for d in mine)
        found.append(Group(hint, tuple(_shape(d) for d in mine)))
    return found


def number_tests(kinds: Collection[Kind]) -> list[Test]:
    """The tests on a whole ``number`` in a column of numbers."""
    found = []
    for number in numbers(kinds):
        ends = ((10 ** (n - 1 - number.zeros), 10**n - 1) for n in number.digits)
        sized = " OR ".join(f"number BETWEEN {low} AND {high}" for low, high in ends)
        found.append(_number(number, f"({sized})"))
    return found


def _number(number: Number, sized: str) -> Test:
    built = _case(sized, number.structure("number"))
    right = _case(built, number.check("number"))
    return Test(number.kind, right, built, sized, number.chance, number.alone, "number")


def mail(text: str) -> str:
    """SQL: whether ``text`` has an e-mail address."""
    return _case(f"contains({text}, '@')", f"regexp_matches({text}, {literal(EMAIL.pattern)})")


def lone_digits(text: str) -> str:
    """SQL: the numbers of 9 to 19 digits that stand by themselves in ``text``, as a list."""
    return f"regexp_extract_all({text}, {literal(_DIGITS)}, 1)"


def sentence(text: str) -> str:
    """SQL: whether ``text`` begins with words, or with a number and words: not like JSON, nor is it
    a number alone."""
    return f"regexp_matches({text}, {literal(_SENTENCE)})"


def _in_text(number: Number) -> list[Test]:
    """Tests on a ``number`` of ``size`` digits, which stands in a ``sentence`` or not. A card
    inside a sentence is one; where digits fill the value, or are part of JSON or the like, chance
    must be ruled out. Other numbers are shorter or less well known: always."""
    sizes = ", ".join(map(str, number.digits))
    alone = _number(number, f"size IN ({sizes})")
    mine = f"list_filter(digits, lambda m: length(m) IN ({sizes}))"
    right = _case(number.structure("m::UBIGINT"), number.check("m::UBIGINT"))
    row = _some(mine, right)
    if number.kind != "card":
        return [replace(alone, in_row=row)]
    said = Test(number.kind, _case("sentence", alone.accepted), in_row=_case(sentence("x"), row))
    return [said, replace(alone, in_row=row)]


def _some(values: str, condition: str) -> str:
    return f"len(list_filter({values}, lambda m: coalesce({condition}, false))) > 0"


def _shape(detector: Detector) -> Test:
    """The test of one detector, which asks its cheap hint first."""
    pattern = literal(detector.pattern)
    hinted = f"regexp_matches(x, {literal(detector.hint)})"
    matches = _case(hinted, f"regexp_matches(x, {pattern})")
    accepted = matches
    if detector.accepts is not None:
        ones = f"regexp_extract_all(x, {pattern})"
        accepted = _case(hinted, _some(ones, detector.accepts("m")))
    if detector.chance is None:
        return Test(detector.kind, accepted)
    size = literal(detector.size or detector.pattern)
    sized = _case(hinted, f"regexp_matches(x, {size})")
    return Test(detector.kind, accepted, matches, sized, detector.chance)


def either(patterns: Iterable[str]) -> str:
    """One pattern, as an SQL literal, that matches where one of ``patterns`` does."""
    return literal(_joined(patterns))


def _joined(patterns: Iterable[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in dict.fromkeys(patterns))


def _case(condition: str, then: str) -> str:
    """Both, the second looked at only where the first is true."""
    return f"CASE WHEN {condition} THEN {then} ELSE false END"
