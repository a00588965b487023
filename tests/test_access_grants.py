"""What an access grant changes in a decision: the port may be read, nothing about persons is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from access_meshes import PORT

from mesh_defs.policy.access.decide import Access, HashKey
from mesh_defs.policy.access.decision import Approved, Decision
from mesh_defs.policy.access.entities import ColumnSubject, PortSubject
from mesh_defs.policy.access.load import Rulebook, load_rules
from mesh_defs.policy.access.principals import Principal, Principals
from mesh_defs.policy.access.rules import parse_rules

SHIPPED = load_rules(Path(__file__).parent, []).mesh
GUEST = Principal("person", "guest", ("visitor",), "office")
NOBODY = Principal("person", "nobody", known=False)
SALES = PortSubject(
    "shop",
    "sales",
    "sales",
    (
        ColumnSubject("id", "public"),
        ColumnSubject("price", "confidential"),
        ColumnSubject("email", "personal"),
        ColumnSubject("meal", "sensitive"),
    ),
    "sensitive",
    archetype="aggregate",
    status="active",
    tags=(),
    purposes=("analytics",),
)


def decide(approved: Approved | None, rules: str = "", principal: Principal = GUEST) -> Decision:
    own = parse_rules(rules, "domains/shop/access.cedar")
    assert not own.faults, own.faults
    declared = Principals({str(GUEST): GUEST}, declared=True)
    access = Access(
        Rulebook(SHIPPED, {"shop": own}), declared, "local", HashKey(b"0123456789abcdef")
    )
    return access.decide(principal, SALES, "read", "analytics", approved=approved)


def seen(decision: Decision) -> dict[str, str]:
    return {each.name: each.mask or "clear" for each in decision.columns}


def test_without_a_grant_the_port_is_closed_and_with_it_all_but_personal_columns_are_clear() -> (
    None
):
    assert not decide(None).allowed
    granted = decide(Approved("g1"))
    assert granted.allowed
    assert granted.approved == Approved("g1")
    assert granted.as_dict()["grant"] == "g1"
    assert seen(granted) == {"id": "clear", "price": "clear", "email": "null", "meal": "null"}


def test_a_role_of_the_grant_opens_what_the_domain_opens_to_it_for_this_read_alone() -> None:
    rules = """
    permit (principal in Role::"care", action, resource is Column)
    when { resource.classification == "personal" };
    """
    assert seen(decide(Approved("g1"), rules))["email"] == "null"
    with_role = decide(Approved("g1", role="care"), rules)
    assert seen(with_role) == {"id": "clear", "price": "clear", "email": "clear", "meal": "null"}
    assert seen(decide(Approved("g1"), rules))["email"] == "null"
    assert GUEST.roles == ("visitor",)


@pytest.mark.parametrize(
    "rule",
    [
        f"forbid (principal, action, resource == {PORT});",
        "forbid (principal, action, resource) when { context.granted };",
    ],
)
def test_what_a_domain_forbids_no_grant_opens(rule: str) -> None:
    assert not decide(Approved("g1"), rule).allowed


def test_a_grant_gives_an_unknown_principal_nothing() -> None:
    assert not decide(Approved("g1"), principal=NOBODY).allowed


def test_a_purpose_that_the_owner_judged_is_known_where_none_is_named() -> None:
    """Of a product that names no purposes any may be asked for: then it may be read for it."""
    declared = Principals({str(GUEST): GUEST}, declared=True)
    access = Access(Rulebook(SHIPPED, {}), declared, "local", HashKey(b"0123456789abcdef"))
    open_to_all = replace(SALES, purposes=())
    assert not access.decide(GUEST, open_to_all, "read", "my report").allowed
    assert access.decide(GUEST, open_to_all, "read", "my report", approved=Approved("g")).allowed
