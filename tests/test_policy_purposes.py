"""PurposesFollow: what may be used for some purposes alone stays so downstream."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow_meshes import BOOKINGS, column, contacts, flow_mesh, verdict

from mesh_defs.contract.verdicts import Verdict

POLICY = "- PurposesFollow"


def judged(root: Path, query: str, properties: str, **more: str) -> Verdict:
    flow_mesh(root, query, properties, policies=POLICY, **more)  # type: ignore[arg-type]
    return verdict(contacts(root), "PurposesFollow")


@pytest.mark.parametrize(
    ("upstream", "care", "properties"),
    [
        # Nobody limits anything.
        ("", "", column("a")),
        ("", "purposes: [marketing]", column("a")),
        # A part of it, or all of it; for the product or the column.
        ("purposes: [operations, care]", "purposes: [care]", column("a")),
        ("purposes: [operations, care]", "purposes: [care, operations]", column("a")),
        ("purposes: [operations, care]", "", column("a", purposes=["care"])),
        ("purposes: [operations, care]", "purposes: [marketing]", column("a", purposes=["care"])),
        ("purposes: [operations, care]", "", column("a", purposes=[])),
    ],
)
def test_what_permits_no_more_than_its_sources_passes(
    tmp_path: Path, upstream: str, care: str, properties: str
) -> None:
    query = "select email as a from bookings"
    found = judged(tmp_path, query, properties, upstream=upstream, care=care)
    assert found.outcome == "passed"


@pytest.mark.parametrize(
    ("upstream", "care", "properties", "said"),
    [
        ("purposes: [operations]", "", column("a"), "'a' says nothing of purposes"),
        ("purposes: [operations]", "purposes: [operations, marketing]", column("a"),
         "'a' may be used for marketing, and what flows into it is permitted for operations alone"),
        ("purposes: [operations]", "purposes: [operations]", column("a", purposes=["marketing"]),
         "'a' may be used for marketing"),
    ],
)  # fmt: skip
def test_what_permits_more_is_found(
    tmp_path: Path, upstream: str, care: str, properties: str, said: str
) -> None:
    query = "select email as a from bookings"
    found = judged(tmp_path, query, properties, upstream=upstream, care=care)
    assert found.outcome == "failed"
    assert said in found.observed
    assert found.findings[0]["fix"] is not None
    assert "[operations]" in found.findings[0]["fix"] or "[]" in found.findings[0]["fix"]


def test_a_column_of_its_own_terms_is_followed_over_a_product_that_says_nothing(
    tmp_path: Path,
) -> None:
    bookings = BOOKINGS.replace(
        "{name: email, logicalType: string, classification: personal}",
        column("email", "personal", purposes=["care"]).removeprefix("- ").strip(),
    )
    flow_mesh(
        tmp_path,
        "select contact as a, n as b from middle",
        column("a", purposes=["care", "marketing"]) + column("b", purposes=["marketing"]),
        policies="- {policy: PurposesFollow, where: {domain: care}}",
        middle=(
            "select email as contact, id as n from bookings",
            column("contact") + column("n"),
        ),
        bookings=bookings,
    )
    found = verdict(contacts(tmp_path), "PurposesFollow").findings
    assert [each["column"] for each in found] == ["a"]
    assert found[0]["path"] == [
        "mesh://care/contacts/contacts#a",
        "mesh://desk/middle/middle#contact",
        "mesh://passengers/bookings/bookings#email",
    ]


@pytest.mark.parametrize(
    ("query", "properties", "outcome"),
    [
        ("select count(distinct email) as a from bookings group by origin having count(*) >= 20",
         column("a", method="aggregated", k=20), "passed"),
        ("select count(distinct email) as a from bookings group by origin having count(*) >= 19",
         column("a", method="aggregated", k=20), "failed"),
        # Pseudonyms are still about people.
        ("select left(email, 3) as a from bookings", column("a", method="masked"), "failed"),
        ("select origin as a from bookings where email like 'p%'", column("a"), "failed"),
    ],
)  # fmt: skip
def test_large_groups_alone_are_free_of_it(
    tmp_path: Path, query: str, properties: str, outcome: str
) -> None:
    found = judged(tmp_path, query, properties, upstream="purposes: [operations]")
    assert found.outcome == outcome
