"""Rules of quality and references between ports: which were added, removed or changed, and whether
what they promise became weaker."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.odcs.builder import SEVERITIES
from mesh_defs.policy.compatibility.model import Change
from mesh_defs.policy.compatibility.values import set_direction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from open_data_contract_standard.model import DataQuality, Relationship

    from mesh_defs.policy.compatibility.model import Level

_WORDS_ONLY = frozenset(
    [
        "id",
        "name",
        "description",
        "tags",
        "businessImpact",
        "schedule",
        "scheduler",
        "authoritativeDefinitions",
        "customProperties",
        "dimension",
        "method",
        "severity",
    ]
)
_THRESHOLDS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)
_REMOVED = "removed: nothing keeps it true any more"
_STRICTER = "stricter: what readers rely on still holds"
# Both ends of a range of numbers, and whether each end itself is left out.
_Range = tuple[tuple[float, bool], tuple[float, bool]]


def rule_changes(
    before: Sequence[DataQuality] | None,
    after: Sequence[DataQuality] | None,
    column: str | None,
    line: int,
) -> Iterator[Change]:
    """Changes of the rules of one column, or of the whole port (``column`` None)."""
    for label, old, new in _paired(before or (), after or ()):
        if new is None and old is not None:
            yield _removed(old, label, column, line)
        elif old is None and new is not None:
            level: Level = "compatible" if _executable(new) else "none"
            shown = f"{label}: {_text(new)}"
            yield Change("rule", column, None, shown, level, "one more rule", line)
        elif old is not None and new is not None:
            yield from _changed(old, new, label, column, line)


def under_new_names(
    rules: Sequence[DataQuality] | None, renamed: Mapping[str, str]
) -> list[DataQuality]:
    """``rules`` as they would be written after columns were ``renamed``, so that a rename is one
    change and not one more of each rule that names the column."""
    if not renamed:
        return list(rules or ())
    names = "|".join(re.escape(name) for name in sorted(renamed, key=len, reverse=True))
    words = re.compile(rf"(?<!\w)(?:{names})(?!\w)")

    def replaced(text: str) -> str:
        return words.sub(lambda found: renamed[found.group()], text)

    def follow(rule: DataQuality) -> DataQuality:
        update: dict[str, Any] = {}
        if rule.query is not None:
            update["query"] = replaced(rule.query)
        columns = (rule.arguments or {}).get("properties")
        if isinstance(columns, list):
            named = [renamed.get(name, name) for name in columns]
            update["arguments"] = {**(rule.arguments or {}), "properties": named}
        return rule.model_copy(update=update)

    return [follow(rule) for rule in rules or ()]


def reference_changes(
    before: Sequence[Relationship] | None,
    after: Sequence[Relationship] | None,
    column: str | None,
    line: int,
) -> Iterator[Change]:
    """Changes of the references of one column, or of the whole port (``column`` None)."""
    old, new = ({_reference(one) for one in side or ()} for side in (before, after))
    for text in sorted(old - new):
        reason = "removed: values need not be found there any more, and joins lose rows"
        yield Change("reference", column, text, None, "breaking", reason, line)
    for text in sorted(new - old):
        yield Change("reference", column, None, text, "compatible", "one more reference", line)


def _paired(
    before: Sequence[DataQuality], after: Sequence[DataQuality]
) -> Iterator[tuple[str, DataQuality | None, DataQuality | None]]:
    """The rules that are not the same on both sides: each of ``before`` with its partner, then
    those of ``after`` that have none."""
    rest = list(after)
    open_ones: list[DataQuality] = []
    for one in before:
        if one in rest:
            rest.remove(one)
        else:
            open_ones.append(one)
    for one in open_ones:
        partner = next((other for other in rest if _same_rule(one, other)), None)
        if partner is not None:
            rest.remove(partner)
        yield _label(one), one, partner
    for other in rest:
        yield _label(other), None, other


def _removed(rule: DataQuality, label: str, column: str | None, line: int) -> Change:
    shown = f"{label}: {_text(rule)}"
    if not _executable(rule):
        return Change("rule", column, shown, None, "none", "a text was removed", line)
    if _severity(rule) == "warning":
        reason = "removed: it only warned, so that nobody could rely on it"
        return Change("rule", column, shown, None, "compatible", reason, line)
    return Change("rule", column, shown, None, "breaking", _REMOVED, line)


def _changed(
    old: DataQuality, new: DataQuality, label: str, column: str | None, line: int
) -> Iterator[Change]:
    before, after = _severity(old), _severity(new)
    if before != after:
        weaker = after == "warning"
        reason = "it only warns now: what breaks it is published" if weaker else _STRICTER
        level: Level = "breaking" if weaker and _executable(old) else "compatible"
        yield Change("rule", column, f"{label}: {before}", f"{label}: {after}", level, reason, line)
    first, second = _asked(old), _asked(new)
    if first != second:
        level, reason = _asked_change(old, new)
        if before == "warning" and level == "breaking":
            level, reason = "compatible", f"{reason}; it only warned"
        yield Change(
            "rule", column, f"{label}: {_text(old)}", f"{label}: {_text(new)}", level, reason, line
        )
    elif before == after:
        yield Change(
            "text", column, f"rule {label}", f"rule {label}", "none", "the words of a rule", line
        )


def _asked_change(old: DataQuality, new: DataQuality) -> tuple[Level, str]:
    if not _executable(old):
        return ("compatible", "it can be run now") if _executable(new) else ("none", "other words")
    first, second = _without(old, _THRESHOLDS), _without(new, _THRESHOLDS)
    if first == second:
        return _threshold_change(old, new)
    listed = _valid_values(old), _valid_values(new)
    if listed[0] is not None and listed[1] is not None:
        bare = [_without(rule, ("arguments",)) for rule in (old, new)]
        if bare[0] == bare[1]:
            return "breaking", set_direction(listed[0], listed[1])
    return "breaking", "another rule: whether it promises less cannot be told"


def _threshold_change(old: DataQuality, new: DataQuality) -> tuple[Level, str]:
    first, second = _range(old), _range(new)
    if first is None or second is None:
        return "breaking", "another threshold: whether it promises less cannot be told"
    if _within(second, first):
        return "compatible", _STRICTER
    return "breaking", "a looser threshold: readers meet what was promised not to come"


def _range(rule: DataQuality) -> _Range | None:
    """The numbers that meet the thresholds; None when they are not one range of numbers."""
    if rule.mustNotBe is not None or rule.mustNotBeBetween is not None:
        return None
    low: list[tuple[float, bool]] = [(-math.inf, False)]
    high: list[tuple[float, bool]] = [(math.inf, False)]
    if rule.mustBe is not None:
        if isinstance(rule.mustBe, bool) or not isinstance(rule.mustBe, int | float):
            return None
        low.append((rule.mustBe, False))
        high.append((rule.mustBe, False))
    for value, left_out, ends in (
        (rule.mustBeGreaterThan, True, low),
        (rule.mustBeGreaterOrEqualTo, False, low),
        (rule.mustBeLessThan, True, high),
        (rule.mustBeLessOrEqualTo, False, high),
    ):
        if value is not None:
            ends.append((value, left_out))
    if rule.mustBeBetween is not None and len(rule.mustBeBetween) == 2:
        low.append((rule.mustBeBetween[0], False))
        high.append((rule.mustBeBetween[1], False))
    return max(low), min(high, key=lambda end: (end[0], not end[1]))


def _within(inner: _Range, outer: _Range) -> bool:
    (low, low_out), (high, high_out) = inner
    (least, least_out), (most, most_out) = outer
    above = low > least or (low == least and (low_out or not least_out))
    below = high < most or (high == most and (high_out or not most_out))
    return above and below


def _valid_values(rule: DataQuality) -> list[Any] | None:
    found = (rule.arguments or {}).get("validValues")
    strict = rule.metric == "invalidValues" and rule.mustBe == 0
    return found if strict and isinstance(found, list) else None


def _asked(rule: DataQuality) -> dict[str, Any]:
    return _without(rule, ())


def _without(rule: DataQuality, names: Sequence[str]) -> dict[str, Any]:
    values = rule.model_dump(exclude_none=True)
    return {k: v for k, v in values.items() if k not in _WORDS_ONLY and k not in names}


def _same_rule(one: DataQuality, other: DataQuality) -> bool:
    mine, theirs = one.id or one.name, other.id or other.name
    if mine or theirs:
        return mine == theirs
    asked = ("type", "metric", "rule", "query", "implementation")
    return all(getattr(one, key) == getattr(other, key) for key in asked)


def _label(rule: DataQuality) -> str:
    return rule.name or rule.id or rule.metric or rule.rule or rule.type or "a rule"


def _text(rule: DataQuality) -> str:
    shown = {k: v for k, v in _asked(rule).items() if k != "type"}
    return json.dumps(shown, ensure_ascii=False, default=str)


def _severity(rule: DataQuality) -> str:
    return SEVERITIES.get(rule.severity or "error", "error")


def _executable(rule: DataQuality) -> bool:
    return rule.type != "text"


def _reference(one: Relationship) -> str:
    values = one.model_dump(exclude_none=True, by_alias=True)
    kept = {k: v for k, v in values.items() if k in ("from", "from_", "to", "type")}
    ends = [kept.get("from") or kept.get("from_"), kept.get("to")]
    return " -> ".join(
        ", ".join(map(str, end)) if isinstance(end, list) else str(end) for end in ends if end
    )
