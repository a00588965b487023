"""What a column means and who may see it: names for people, units, definitions, classification.

Text cannot be judged by a machine, so a changed description breaks nobody here and is shown. What
fixes the meaning is in words that are compared: the business name, the unit, the authoritative
definitions, and how values were reduced.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.policy.compatibility.model import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from open_data_contract_standard.model import SchemaObject, SchemaProperty

    from mesh_defs.policy.compatibility.model import Level

# Custom properties that fix what values mean, and those that fix what they may be used for.
MEANING = ("unit", "unitOfMeasure", "currency", "timezone", "reducedBy", "groupSize")
PURPOSES = "permittedPurposes"
DEFAULT_CLASSIFICATION = "internal"


def meaning_changes(
    before: SchemaProperty | SchemaObject,
    after: SchemaProperty | SchemaObject,
    column: str | None,
    line: int,
) -> Iterator[Change]:
    """Changes of what a column, or the whole port (``column`` None), means."""
    yield from _named(before.businessName, after.businessName, column, line)
    yield from _definitions(before, after, column, line)
    old, new = custom(before), custom(after)
    for name in MEANING:
        yield from _fixed(name, old.get(name), new.get(name), column, line)
    yield from _purposes(old.get(PURPOSES), new.get(PURPOSES), column, line)


def classification_change(
    before: SchemaProperty, after: SchemaProperty, column: str, line: int
) -> Iterator[Change]:
    """The change of a column's classification, if there is one."""
    old = before.classification or DEFAULT_CLASSIFICATION
    new = after.classification or DEFAULT_CLASSIFICATION
    if old == new:
        return
    raised = CLASSIFICATIONS.index(new) > CLASSIFICATIONS.index(old)
    level: Level = "breaking" if raised else "compatible"
    reason = (
        "raised: readers who may see it now may not any more, or see it masked"
        if raised
        else "lowered: no reader loses anything, but it is protected less, here and downstream"
    )
    yield Change("classification", column, old, new, level, reason, line)


def custom(model: SchemaProperty | SchemaObject) -> dict[str, Any]:
    """The custom properties by their name."""
    return {p.property: p.value for p in model.customProperties or () if p.property}


def _named(
    before: str | None, after: str | None, column: str | None, line: int
) -> Iterator[Change]:
    if before == after:
        return
    if before and after:
        reason = "another business name: it stands for something else"
        yield Change("meaning", column, before, after, "breaking", reason, line)
    else:
        reason = "the name for people, given or taken away"
        yield Change(
            "text",
            column,
            _words("business name", before),
            _words("business name", after),
            "none",
            reason,
            line,
        )


def _definitions(
    before: SchemaProperty | SchemaObject,
    after: SchemaProperty | SchemaObject,
    column: str | None,
    line: int,
) -> Iterator[Change]:
    def listed(model: SchemaProperty | SchemaObject) -> set[str]:
        found = model.authoritativeDefinitions or ()
        return {f"{one.type or 'definition'} {one.url}" for one in found}

    old, new = listed(before), listed(after)
    if old == new:
        return
    gone, come = ", ".join(sorted(old - new)) or None, ", ".join(sorted(new - old)) or None
    if gone:
        reason = "an authoritative definition is not the one any more: it means something else"
        yield Change("meaning", column, gone, come, "breaking", reason, line)
    else:
        reason = "one more authoritative definition"
        yield Change("meaning", column, None, come, "compatible", reason, line)


def _fixed(
    name: str,
    before: Any,  # noqa: ANN401  a custom property's value
    after: Any,  # noqa: ANN401
    column: str | None,
    line: int,
) -> Iterator[Change]:
    if before == after:
        return
    old, new = _words(name, before), _words(name, after)
    if before is None:
        yield Change(
            "meaning", column, old, new, "compatible", f"{name} stated for the first time", line
        )
    else:
        yield Change(
            "meaning",
            column,
            old,
            new,
            "breaking",
            f"another {name}: the same number or text means something else"
            if after is not None
            else f"{name} no longer promised",
            line,
        )


def _purposes(
    before: Any,  # noqa: ANN401  a custom property's value
    after: Any,  # noqa: ANN401
    column: str | None,
    line: int,
) -> Iterator[Change]:
    if before == after:
        return
    old, new = _list(before), _list(after)
    # Without a list every purpose is permitted.
    narrowed = new is not None and (old is None or not set(old) <= set(new))
    level: Level = "breaking" if narrowed else "compatible"
    reason = (
        "a purpose is not permitted any more: who uses it for that has to stop"
        if narrowed
        else "more purposes are permitted"
    )
    if set(old or ()) == set(new or ()) and old is not None and new is not None:
        return
    yield Change(
        "purposes", column, _words(PURPOSES, old), _words(PURPOSES, new), level, reason, line
    )


def _list(value: object) -> Sequence[str] | None:
    if value is None:
        return None
    return sorted(str(v) for v in value) if isinstance(value, list) else [str(value)]


def _words(name: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"{name} {shown}"
