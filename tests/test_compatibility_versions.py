"""Which raise of a version satisfies which change, and the words when one does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from contract_documents import document, read

from mesh_defs.policy.compatibility.compare import compare_interfaces
from mesh_defs.policy.compatibility.model import Interface, PortInterface
from mesh_defs.policy.compatibility.semver import parse_version, satisfied

COLUMNS = "- {name: id, logicalType: integer, required: true, primaryKey: true}\n"


@pytest.mark.parametrize(
    ("before", "after", "bump", "enough"),
    [
        ("1.0.0", "2.0.0", "major", True),
        ("1.0.0", "2.0.0-rc.1", "major", True),
        ("1.9.9", "1.10.0", "major", False),
        ("1.0.0", "1.1.0", "minor", True),
        ("1.0.0", "1.0.1", "minor", False),
        ("1.0.0", "1.0.1", "patch", True),
        ("1.0.0", "1.0.0", "patch", False),
        ("1.0.0", "1.0.0+build", "patch", False),
        ("1.0.0", "1.0.0", "none", True),
        ("1.1.0", "1.0.9", "none", False),
        # https://semver.org, item 4: anything may change at any time.
        ("0.1.0", "0.1.1", "major", True),
        ("0.1.0", "0.1.0", "major", False),
        ("0.9.0", "1.0.0", "major", True),
        # Item 9: a pre-release is unstable.
        ("2.0.0-rc.1", "2.0.0-rc.2", "major", True),
        ("2.0.0-rc.1", "2.0.0", "major", True),
        ("2.0.0", "2.0.0-rc.1", "none", False),
        ("v1", "v2", "major", False),
        ("v1", "v1", "none", True),
    ],
)
def test_a_raise_satisfies_a_change(before: str, after: str, bump: Any, enough: bool) -> None:
    assert satisfied(before, after, bump) is enough


@pytest.mark.parametrize(
    "text", ["1", "1.0", "01.0.0", "1.0.0-01", "1.0.0-", "\u0661.0.0", "1.0.0\n"]
)
def test_what_is_no_semantic_version(text: str) -> None:
    assert parse_version(text) is None


def test_the_order_of_the_standard() -> None:
    # https://semver.org, item 11.
    texts = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11"
    found = [parse_version(text) for text in f"{texts} 1.0.0-rc.1 1.0.0".split()]
    ordered = [one for one in found if one is not None]
    assert len(ordered) == 8
    assert sorted(ordered, key=str) != ordered
    assert sorted(sorted(ordered, key=str)) == ordered


def side(folder: Path, columns: str, manifest: str, contract: str) -> Interface:
    text = document(columns).replace("version: 1.0.0", f"version: {contract}", 1)
    read_, faults = read(folder, text)
    assert read_ is not None, faults
    return Interface(manifest, {"flights": PortInterface(read_, read_.ports[0])})


@pytest.mark.parametrize(
    ("manifest", "contract", "short"),
    [
        ("2.0.0", "2.0.0", []),
        ("1.1.0", "2.0.0", ["manifest"]),
        ("2.0.0", "1.1.0", ["contract"]),
        ("1.0.0", "1.0.0", ["manifest", "contract"]),
    ],
)
def test_manifest_and_contract_are_raised_both(
    tmp_path: Path, manifest: str, contract: str, short: list[str]
) -> None:
    before = side(tmp_path, COLUMNS + "- {name: a, logicalType: date}\n", "1.0.0", "1.0.0")
    found = compare_interfaces(before, side(tmp_path, COLUMNS, manifest, contract))
    assert [s.of for s in found.shortfalls] == short
    assert all(s.breaking and s.wanted == "2.0.0" for s in found.shortfalls)
    assert all("a breaking change demands 2.0.0 or higher" in s.message for s in found.shortfalls)


def test_a_compatible_change_needs_a_minor_version_and_stops_nothing(tmp_path: Path) -> None:
    before = side(tmp_path, COLUMNS, "1.0.0", "1.0.0")
    after = side(tmp_path, COLUMNS + "- {name: a, logicalType: date}\n", "1.0.1", "1.1.0")
    (short,) = compare_interfaces(before, after).shortfalls
    assert (short.of, short.wanted, short.breaking) == ("manifest", "1.1.0", False)


def test_a_version_that_went_down_is_told_without_any_change(tmp_path: Path) -> None:
    before = side(tmp_path, COLUMNS, "1.2.0", "1.0.0")
    (short,) = compare_interfaces(before, side(tmp_path, COLUMNS, "1.1.0", "1.0.0")).shortfalls
    assert "went down from 1.2.0 to 1.1.0" in short.message


def test_a_version_that_is_none_is_told_when_something_changed(tmp_path: Path) -> None:
    before = side(tmp_path, COLUMNS, "1.0.0", "first")
    assert compare_interfaces(before, before).shortfalls == ()
    after = side(tmp_path, COLUMNS + "- {name: a, logicalType: date}\n", "1.1.0", "second")
    (short,) = compare_interfaces(before, after).shortfalls
    assert "'second', which is no semantic version" in short.message
    assert (short.wanted, short.why, short.stops) == (None, "no version", True)
    # Out of a version that is none there is one way, and it is open.
    after = side(tmp_path, COLUMNS + "- {name: a, logicalType: date}\n", "1.1.0", "1.0.0")
    assert compare_interfaces(before, after).shortfalls == ()


@pytest.mark.parametrize(("version", "why"), [("first", "no version"), ("1.9.9", "lowered")])
def test_a_contract_that_leaves_its_versions_stops_though_nothing_else_changed(
    tmp_path: Path, version: str, why: str
) -> None:
    before = side(tmp_path, COLUMNS, "2.0.0", "2.0.0")
    (short,) = compare_interfaces(before, side(tmp_path, COLUMNS, "2.0.0", version)).shortfalls
    assert (short.of, short.why, short.stops, short.breaking) == ("contract", why, True, False)
    assert version in short.message


def test_a_new_contract_begins_with_a_version(tmp_path: Path) -> None:
    new = side(tmp_path, COLUMNS, "1.0.0", "first")
    (short,) = compare_interfaces(None, new).shortfalls
    assert (short.why, short.port, short.stops) == ("no version", "flights", True)
    assert compare_interfaces(None, side(tmp_path, COLUMNS, "1.0.0", "1.0.0")).shortfalls == ()


@pytest.mark.parametrize(
    ("version", "status", "contract", "told"),
    [
        ("1.0.0", "active", "active", False),
        ("1.0.0", None, "active", False),
        ("1.0.0", "draft", "active", False),
        ("1.0.0", "deprecated", "active", True),
        ("1.0.0", "retired", "active", True),
        # What was published before the status was kept is known by its contracts.
        ("1.0.0", None, "deprecated", True),
        # https://semver.org, item 4: nothing is promised.
        ("0.9.0", "active", "active", True),
    ],
)
def test_a_product_is_removed_after_it_was_announced(
    tmp_path: Path, version: str, status: str | None, contract: str, told: bool
) -> None:
    text = document(COLUMNS).replace("status: active", f"status: {contract}", 1)
    read_, faults = read(tmp_path, text)
    assert read_ is not None, faults
    before = Interface(version, {"flights": PortInterface(read_, read_.ports[0])}, "", status)
    found = compare_interfaces(before, None)
    assert found.level == "breaking"
    assert [(s.of, s.why, s.stops) for s in found.shortfalls] == (
        [] if told else [("product", "removed", True)]
    )
