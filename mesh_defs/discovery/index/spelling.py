"""Mistyped words: what a word may have been meant for, by letters and by the words that a language
model knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHORTEST = 4
_LONG = 8
_SHORTEST_MENDED = 5
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ENDINGS = ("s", "es", "d", "ed", "r", "er", "ers", "est", "ing", "ly", "y", "ies", "ied")
_LEAST_STEM = 3
_WORD = re.compile(r"[^\W_]+")


class Lexicon:
    """Words of a language, the most frequent first."""

    def __init__(self, words: Sequence[str]) -> None:
        self._ranks = {word: rank for rank, word in reversed(list(enumerate(words)))}

    def knows(self, word: str) -> bool:
        """Whether ``word`` is one of them, or one with another ending."""
        return word in self._ranks or any(stem in self._ranks for stem in _stems(word))

    def nearest(self, word: str) -> str | None:
        """The word that is one letter away, or has two neighbours swapped (which is likelier); the
        most frequent of several, None without any. Hardly anybody mistypes the first letter."""
        if len(word) < _SHORTEST_MENDED:
            return None
        for near in (_swapped(word), _changed(word)):
            found = [each for each in near if each in self._ranks and each[0] == word[0]]
            if found:
                return min(found, key=self._ranks.__getitem__)
        return None


def corrected(text: str, mended: Mapping[str, str]) -> str:
    """``text`` with words in place of those that are mistyped."""
    return _WORD.sub(lambda match: mended.get(match[0].lower(), match[0]), text)


def may_be_mistyped(word: str) -> bool:
    """Whether letters of it may be wrong: numbers and codes are meant as they are."""
    return len(word) >= SHORTEST and word.isalpha()


def reach(word: str) -> int:
    """How many letters of a word may be wrong."""
    return 2 if len(word) >= _LONG else 1


def likeness(word: str, other: str) -> int | None:
    """How far ``other`` is from what ``word`` may have been meant for: the letters that differ, 3
    where it goes on, 4 where it has it inside; None where it is none of these."""
    if len(word) >= SHORTEST:
        most = reach(word)
        if abs(len(word) - len(other)) <= most:
            distance = edits(word, other)
            if distance <= most:
                return distance
    if other.startswith(word):
        return 3
    return 4 if word in other else None


def edits(one: str, other: str) -> int:
    """How many letters were left out, added, changed or swapped with the next (optimal string
    alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        row = [at]
        for to, against in enumerate(other, 1):
            cost = min(last[to] + 1, row[-1] + 1, last[to - 1] + (letter != against))
            if at > 1 and to > 1 and letter == other[to - 2] and one[at - 2] == against:
                cost = min(cost, before[to - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def _stems(word: str) -> Iterator[str]:
    """What ``word`` may be another form of."""
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _LEAST_STEM:
            yield from (stem, f"{stem}e", f"{stem}y")
            if stem[-1] == stem[-2]:
                yield stem[:-1]


def _swapped(word: str) -> set[str]:
    return {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)} - {
        word
    }


def _changed(word: str) -> set[str]:
    """All that one letter less, more or another makes of ``word``."""
    parts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    less = {left + right[1:] for left, right in parts if right}
    other = {left + letter + right[1:] for left, right in parts if right for letter in _LETTERS}
    more = {left + letter + right for left, right in parts for letter in _LETTERS}
    return less | other | more
