"""What holds of a comparison, whatever is compared."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_defs.contract.load import load_contract
from mesh_defs.policy.compatibility.compare import compare
from mesh_defs.policy.compatibility.model import (
    BUMPS,
    LEVELS,
    Change,
    PortInterface,
    bump_demanded,
    column_path,
    top_column,
    worst,
)
from mesh_defs.policy.compatibility.semver import least, parse_version, satisfied

NAMES = ("a", "b", "c", "d")
Columns = dict[str, dict[str, Any]]


@st.composite
def one_column(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["integer", "number", "string", "date"]))
    made: dict[str, Any] = {"logicalType": kind}
    if kind == "integer":
        made["physicalType"] = draw(st.sampled_from(["SMALLINT", "INTEGER", "BIGINT"]))
        low = draw(st.integers(-9, 9))
        made["logicalTypeOptions"] = {"minimum": low, "maximum": low + draw(st.integers(0, 9))}
    if kind == "string":
        made["logicalTypeOptions"] = {"maxLength": draw(st.integers(1, 9))}
    for flag in ("required", "unique", "deprecated"):
        if draw(st.booleans()):
            made[flag] = True
    made["classification"] = draw(st.sampled_from(["public", "internal", "personal"]))
    made["description"] = draw(st.sampled_from(["one", "two", "three"]))
    return made


columns = st.dictionaries(st.sampled_from(NAMES), one_column(), min_size=1)


def port(described: Columns) -> PortInterface:
    """The port of these columns, and of a key that every one has."""
    key = {"name": "key", "logicalType": "integer", "required": True, "primaryKey": True}
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "x",
        "version": "1.0.0",
        "status": "active",
        "schema": [
            {
                "name": "x",
                "properties": [key, *({"name": n, **c} for n, c in sorted(described.items()))],
            }
        ],
    }
    with TemporaryDirectory() as folder:
        path = Path(folder, "contract.yaml")
        path.write_text(json.dumps(document), encoding="utf-8")
        contract, faults = load_contract(path)
    assert contract is not None, faults
    return PortInterface(contract, contract.ports[0])


def facts(changes: tuple[Change, ...], *, mirrored: bool = False) -> set[tuple[Any, ...]]:
    """What changed into what, seen from the other side when ``mirrored``."""
    other = {"column added": "column removed", "column removed": "column added"}
    found = set()
    for change in changes:
        kind, before, after = change.kind, change.before, change.after
        column = change.column if kind != "column renamed" else None
        if mirrored:
            kind, before, after = other.get(kind, kind), after, before
        found.add((kind, column, before, after))
    return found


@settings(max_examples=60, deadline=None)
@given(columns)
def test_nothing_changed_is_no_change(described: Columns) -> None:
    # Two documents of the same meaning: the digest differs by the order of the keys.
    one = port(described)
    turned = {name: dict(reversed(column.items())) for name, column in described.items()}
    assert compare(one, port(turned)) == ()


@settings(max_examples=100, deadline=None)
@given(columns, columns)
def test_both_directions_see_the_same_facts(old: Columns, new: Columns) -> None:
    before, after = port(old), port(new)
    there, back = compare(before, after), compare(after, before)
    renamed = [c for c in (*there, *back) if c.kind == "column renamed"]
    if not renamed:
        assert facts(there) == facts(back, mirrored=True)
    assert bool(there) == bool(back)
    assert sorted(c.kind for c in there if c.kind == "column renamed") == sorted(
        c.kind for c in back if c.kind == "column renamed"
    )


@settings(max_examples=100, deadline=None)
@given(columns, columns, st.sets(st.sampled_from(NAMES)))
def test_more_changes_are_never_less_breaking(old: Columns, new: Columns, some: set[str]) -> None:
    partly = {n: c for n, c in old.items() if n not in some}
    partly |= {n: new[n] for n in some if n in new}
    if set(old) != set(new) or not partly:
        partly = {n: (new[n] if n in some and n in new else c) for n, c in old.items()}
        new = {**old, **{n: c for n, c in new.items() if n in old}}
    few, all_ = compare(port(old), port(partly)), compare(port(old), port(new))
    assert LEVELS.index(worst(few)) <= LEVELS.index(worst(all_))
    assert BUMPS.index(bump_demanded(few)) <= BUMPS.index(bump_demanded(all_))


numbers = st.integers(0, 3)
versions = st.builds(
    lambda a, b, c, pre: f"{a}.{b}.{c}{pre}",
    numbers,
    numbers,
    numbers,
    st.sampled_from(["", "-rc.1", "-rc.2", "-alpha", "+build.5"]),
)
bumps = st.sampled_from(BUMPS)


@given(versions, versions)
def test_a_greater_demand_is_never_easier(before: str, after: str) -> None:
    held = [satisfied(before, after, bump) for bump in BUMPS]
    assert held == sorted(held, reverse=True)


@given(versions, bumps)
def test_the_least_version_is_enough(before: str, bump: Any) -> None:
    wanted = least(before, bump)
    assert wanted is not None
    assert satisfied(before, wanted, bump)


@given(versions, versions, bumps)
def test_no_release_below_the_least_one_is_enough(before: str, after: str, bump: Any) -> None:
    wanted, new = least(before, bump), parse_version(after)
    assert wanted is not None
    asked = parse_version(wanted)
    assert asked is not None
    assert new is not None
    if not new.pre and new < asked:
        assert not satisfied(before, after, bump)


@given(versions, versions, versions)
def test_versions_have_one_order(a: str, b: str, c: str) -> None:
    one, two, three = (parse_version(text) for text in (a, b, c))
    assert one is not None
    assert two is not None
    assert three is not None
    assert (one < two) + (two < one) + (one == two) == 1
    if one < two and two < three:
        assert one < three


@given(st.text(min_size=1))
def test_a_column_of_any_name_is_found_in_its_path(name: str) -> None:
    assert top_column(column_path(name)) == name
    assert top_column(column_path(name) + ".inside[]") == name
