"""What a contract's rules already exclude: values that can hold nothing that is looked for."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.rules import Length, Metric, Pattern
from mesh_defs.policy.data.personal.money import IBAN_LENGTHS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_defs.contract.rules import Rule
    from mesh_defs.policy.subject import StagedPort

# The shortest of all is a mailbox with a short domain: a@b.co; a given name may be shorter.
_SHORTEST = 6
_LONE_NUMBERS = range(9, 20)
_ALNUM = frozenset(string.ascii_letters + string.digits)
_FULL = {"DIGIT": string.digits, "WORD": string.ascii_letters + string.digits + "_"}


def kept_rules(port: StagedPort) -> Iterator[Rule]:
    """The rules of the contract that are known to hold for every row of the version."""
    passed = {verdict.rule for verdict in port.verdicts if verdict.outcome == "passed"}
    for rule in port.contract.rules:
        # Rows that were kept from before may break what only warns.
        blocking = rule.severity == "error" or port.staged.kept is None
        if rule.id in passed and (blocking or isinstance(rule, Metric)):
            yield rule


def closed_values(rules: Sequence[Rule], column: str) -> list[Any] | None:
    """The only values that ``column`` may have, when a rule says so."""
    for rule in rules:
        if isinstance(rule, Metric) and rule.column == column and rule.metric == "invalidValues":
            values = rule.arguments.get("validValues")
            alone = "pattern" not in rule.arguments
            if rule.threshold.must_be == 0 and isinstance(values, list) and alone:
                return values
    return None


def holds_nothing(rules: Sequence[Rule], column: str) -> bool:
    """Whether the rules of ``column`` leave no room for anything that is looked for."""
    for rule in rules:
        if rule.column != column:
            continue
        if isinstance(rule, Length) and rule.maximum is not None and rule.maximum < 3:
            return True
        if isinstance(rule, Pattern) and excludes(rule.pattern):
            return True
    return False


def excludes(pattern: str) -> bool:
    """Whether no text that matches the regular expression ``pattern`` can hold personal data.

    True only for patterns that fix the whole text (^ and $), and that leave single words of letters
    and digits which are too short or too long for what is looked for, or short texts without small
    letters. Anything that is not understood is not excluded.
    """
    found = _text(pattern)
    if found is None:
        return False
    characters, shortest, longest = found
    small, large = (any(map(test, characters)) for test in (str.islower, str.isupper))
    if small and large and longest > 2:
        return False  # a name
    if longest < _SHORTEST:
        return True
    if not characters <= _ALNUM:
        return False
    numbers = any(c.isdigit() for c in characters)
    upper = {c.upper() for c in characters}
    ibans = (n for country, n in IBAN_LENGTHS.items() if set(country) <= upper)
    sizes = {*_LONE_NUMBERS, *ibans}
    return not numbers or not any(shortest <= size <= longest for size in sizes)


def _text(pattern: str) -> tuple[frozenset[str], int, int] | None:
    """The characters of a text that matches, its least and greatest length; None when unknown."""
    parser = re._parser  # type: ignore[attr-defined]  # no public parser; tests hold it to its form
    try:
        parsed = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return None
    nodes = list(parsed)
    anchored = len(nodes) > 1 and (_is(nodes[0], "AT_BEGINNING") and _is(nodes[-1], "AT_END"))
    if not anchored or parsed.state.flags & ~re.UNICODE:
        return None
    characters: set[str] = set()
    if not all(_add(node, characters) for node in nodes[1:-1]):
        return None
    shortest, longest = parsed.getwidth()
    return frozenset(characters), int(shortest), int(longest)


def _is(node: tuple[Any, Any], position: str) -> bool:
    return str(node[0]) == "AT" and str(node[1]) == position


def _add(node: tuple[Any, Any], characters: set[str]) -> bool:
    """Add the characters that ``node`` may match; False when they cannot be told."""
    kind, value = str(node[0]), node[1]
    if kind == "LITERAL":
        characters.add(chr(value))
        return True
    if kind == "RANGE":
        low, high = value
        characters.update(map(chr, range(low, min(high, low + 256) + 1)))
        return bool(high - low < 256)
    if kind == "CATEGORY":
        known = _FULL.get(str(value).removeprefix("CATEGORY_"))
        characters.update(known or "")
        return known is not None
    if kind == "IN":
        return all(_add(inner, characters) for inner in value)
    if kind in ("MAX_REPEAT", "MIN_REPEAT"):
        return all(_add(inner, characters) for inner in value[2])
    if kind == "SUBPATTERN":
        return not value[1] and not value[2] and all(_add(i, characters) for i in value[3])
    if kind == "BRANCH":
        return all(_add(inner, characters) for branch in value[1] for inner in branch)
    return False  # any character, one of none of these, looking around, referring back
