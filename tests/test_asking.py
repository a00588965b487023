"""Asking for access: who may ask for what, who answers, and what a rule approves by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from access_meshes import COLUMNS, READERS, publish, sales_files
from meshes import contract, manifest, write_mesh, write_parquet
from state_places import DAY, NOW

from mesh_defs.errors import (
    AccessDenied,
    InvalidMesh,
    InvalidRequest,
    MeshError,
    NotPublished,
    UnknownAddress,
    UnknownRecord,
    WrongState,
)
from mesh_defs.gateway.asking import (
    Asked,
    approve,
    ask,
    deny,
    is_alone,
    may_answer,
    revoke,
    withdraw,
)
from mesh_defs.gateway.issuing import issue
from mesh_defs.gateway.state.database import State, open_state
from mesh_defs.policy.access.principals import ANONYMOUS, LOCAL, Principal
from mesh_defs.product.access import MeshAccess
from mesh_defs.settings import load_settings

URL = "mesh://shop/sales"
PEOPLE = """
people:
  ada@shop.example: {roles: [reader], domain: shop}
  guest@shop.example: {domain: office}
  owner@shop.example: {roles: [owner], domain: shop}
services:
  reports: {domain: office}
"""
RULES = (
    READERS
    + """
@id("owners")
permit (principal in Role::"owner", action == Action::"control", resource in Domain::"shop");
"""
)
OFFER = """
inputs: {sales: files://sales}
purposes: [analytics, care]
licence: internal use
limitations: Without returns.
access:
  longest_days: 180
"""
ROLES = "roles:\n  - {role: care_team, access: read}\n"


def manifest_with(rules: str = "") -> str:
    return manifest(OFFER + rules).replace("owner: team:test", "owner: team:sales")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "principals.yaml": PEOPLE,
        "domains/shop/sales/defs.yaml": manifest_with(),
        "domains/shop/sales/contract.yaml": contract("sales", COLUMNS) + ROLES,
    }
    return write_mesh(tmp_path, sales_files(RULES, **files))


class Desk:
    """The mesh at ``root`` with its state, and its people."""

    def __init__(self, root: Path) -> None:
        settings = load_settings(root)
        self.state: State = open_state(settings)
        self.access = MeshAccess(settings)
        self.ada, self.guest, self.owner, self.reports = (
            self.access.principals.find(name)
            for name in (
                "person:ada@shop.example",
                "person:guest@shop.example",
                "person:owner@shop.example",
                "service:reports",
            )
        )

    def ask(self, who: Principal, purpose: str = "analytics", days: int = 90, **more: str) -> Asked:
        return ask(self.state, self.access, who, URL, purpose, days, NOW, **more)


@pytest.fixture
def desk(root: Path) -> Iterator[Desk]:
    made = Desk(root)
    yield made
    made.state.close()


def test_from_a_request_to_a_grant_with_its_terms(desk: Desk) -> None:
    asked = desk.ask(desk.guest, message=" For the yearly report. ", role="care_team")
    assert (asked.grant, asked.owner) == (None, "team:sales")
    request = asked.request
    assert (request.url, request.state) == ("mesh://shop/sales/sales@1", "pending")
    assert request.message == "For the yearly report."
    grant = approve(desk.state, desk.access, desk.owner, request.id, NOW + DAY)
    assert grant.terms() == {
        "grant": grant.id,
        "url": "mesh://shop/sales/sales@1",
        "purpose": "analytics",
        "role": "care_team",
        "until": (NOW + 91 * DAY).isoformat(),
        "contract_version": "1.0.0",
        "licence": "internal use",
        "limitations": "Without returns.",
    }
    assert (grant.approved_by, grant.rule) == (str(desk.owner), None)
    after = desk.state.requests.get(request.id, NOW + DAY)
    assert (after.state, after.grant_id) == ("approved", grant.id)
    held = desk.state.grants.in_force(str(desk.guest), "shop/sales", "sales", 1, NOW + 2 * DAY)
    assert held == (grant,)


def test_a_published_port_is_asked_for_in_the_major_version_that_is_read(root: Path) -> None:
    write_parquet(root, "sales", "select 1 as id")
    (root / "domains/shop/sales/sales.sql").write_text(
        "select 1 as id, 'JFK' as origin, 1.5::double as price, 'e' as email, 'p' as phone, "
        "date '1980-01-01' as born, 'vegan' as meal"
    )
    publish(root, URL)
    (root / "domains/shop/sales/defs.yaml").write_text(
        manifest_with().replace("version: 1.0.0", "version: 2.0.0")
    )
    desk = Desk(root)
    assert desk.ask(desk.guest).request.major == 1
    with pytest.raises(NotPublished, match="no published version of @3"):
        ask(desk.state, desk.access, desk.guest, f"{URL}@3", "care", 1, NOW)
    later = ask(desk.state, desk.access, desk.guest, f"{URL}@2", "care", 1, NOW).request
    assert (later.major, later.url) == (2, f"{URL}/sales@2")
    desk.state.close()


@pytest.mark.parametrize(
    ("purpose", "days", "more", "words"),
    [
        ("analytic", 90, {}, "allowed: analytics, care. Fix: write 'analytics'"),
        ("analytics", 0, {}, "allowed: 1 to 180"),
        ("analytics", 181, {}, "allowed: 1 to 180"),
        ("analytics", 9, {"role": "care_teem"}, "allowed: care_team. Fix: write 'care_team'"),
        ("analytics", 9, {"message": "x" * 2001}, "1 to 2000 characters"),
        ("analytics", 9, {"message": " "}, "1 to 2000 characters"),
    ],
)
def test_what_is_not_on_offer(
    desk: Desk, purpose: str, days: int, more: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        desk.ask(desk.guest, purpose, days, **more)
    assert desk.state.requests.listed(NOW, pending=False) == []


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("mesh://shop/nothing", UnknownAddress),
        ("mesh://shop/sales/nothing", UnknownAddress),
        ("mesh://shop/sales?version=0", InvalidRequest),
        ("mesh://shop/sales#email", InvalidRequest),
        ("mesh://shop/../sales", UnknownAddress),
    ],
)
def test_what_there_is_not(desk: Desk, url: str, error: type[MeshError]) -> None:
    with pytest.raises(error):
        ask(desk.state, desk.access, desk.guest, url, "analytics", 1, NOW)


def test_a_broken_product_says_what_is_wrong(root: Path, desk: Desk) -> None:
    (root / "domains/shop/sales/defs.yaml").write_text("type: mesh_defs.DataProduct\n")
    with pytest.raises(InvalidMesh):
        desk.ask(desk.guest)


def test_who_may_not_ask(desk: Desk) -> None:
    with pytest.raises(AccessDenied, match="say who you are with MESH_PRINCIPAL"):
        desk.ask(ANONYMOUS)
    with pytest.raises(AccessDenied, match="unknown principal 'person:eve'"):
        desk.ask(desk.access.principals.find("person:eve"))


def test_who_may_not_know_of_it_may_not_ask(root: Path) -> None:
    hidden = 'forbid (principal, action == Action::"discover", resource);'
    (root / "domains/shop/access.cedar").write_text(RULES + hidden)
    desk = Desk(root)
    with pytest.raises(AccessDenied, match="may not discover"):
        desk.ask(desk.guest)
    desk.state.close()


def test_who_controls_the_product_answers_and_nobody_else(desk: Desk) -> None:
    number = desk.ask(desk.guest).request.id
    for who in (desk.ada, desk.reports):
        assert not may_answer(desk.access, who, URL, NOW)
        with pytest.raises(AccessDenied, match=f"may not approve {number}: no rule"):
            approve(desk.state, desk.access, who, number, NOW)
        with pytest.raises(AccessDenied, match=f"may not deny {number}"):
            deny(desk.state, desk.access, who, number, "no", NOW)
    assert may_answer(desk.access, desk.owner, URL, NOW)
    assert may_answer(desk.access, desk.ada, URL, NOW, admin=True)
    assert desk.state.requests.get(number, NOW).state == "pending"
    approve(desk.state, desk.access, desk.ada, number, NOW, admin=True)


def test_who_may_not_know_of_the_product_is_told_that_there_is_no_such_request(desk: Desk) -> None:
    """Whatever the text said else, of rules and of who may, would name the product."""
    first, second = (desk.ask(desk.guest, why).request.id for why in ("analytics", "care"))
    grant = approve(desk.state, desk.access, desk.owner, second, NOW).id
    no_request = f"there is no request '{first}'. Fix: mesh requests --all lists all"
    for answer in (approve, withdraw, partial(deny, reason="no")):
        with pytest.raises(UnknownRecord) as told:
            answer(desk.state, desk.access, ANONYMOUS, first, now=NOW)
        assert str(told.value) == no_request
        with pytest.raises(UnknownRecord, match="there is no request 'req_none'"):
            answer(desk.state, desk.access, ANONYMOUS, "req_none", now=NOW)
    with pytest.raises(UnknownRecord, match=f"there is no grant '{grant}'"):
        revoke(desk.state, desk.access, ANONYMOUS, grant, "mine", NOW)
    assert desk.state.requests.get(first, NOW).state == "pending"


def test_nobody_answers_their_own_request_unless_admin(desk: Desk) -> None:
    number = desk.ask(desk.owner).request.id
    with pytest.raises(AccessDenied, match="it is their own request"):
        approve(desk.state, desk.access, desk.owner, number, NOW)
    with pytest.raises(AccessDenied, match="it is their own request"):
        deny(desk.state, desk.access, desk.owner, number, "no", NOW)
    assert approve(desk.state, desk.access, desk.owner, number, NOW, admin=True).in_force(NOW)


def test_a_request_is_answered_once(desk: Desk) -> None:
    number = desk.ask(desk.guest).request.id
    denied = deny(desk.state, desk.access, desk.owner, number, " not needed ", NOW)
    assert (denied.state, denied.reason) == ("denied", "not needed")
    with pytest.raises(WrongState, match="is denied"):
        approve(desk.state, desk.access, desk.owner, number, NOW)
    with pytest.raises(WrongState, match="is denied"):
        withdraw(desk.state, desk.access, desk.guest, number, NOW)
    assert desk.state.grants.listed(NOW, every=True) == []
    with pytest.raises(UnknownRecord, match="no request 'req_x'"):
        approve(desk.state, desk.access, desk.owner, "req_x", NOW)
    with pytest.raises(InvalidRequest, match="a reason has"):
        deny(desk.state, desk.access, desk.owner, number, " ", NOW)


def test_the_end_of_a_grant_is_within_what_the_product_allows(desk: Desk) -> None:
    number = desk.ask(desk.guest).request.id
    for until in (NOW, NOW - DAY, NOW + 180 * DAY + timedelta(seconds=1)):
        with pytest.raises(InvalidRequest, match="in the next 180 days"):
            approve(desk.state, desk.access, desk.owner, number, NOW, until=until)
    grant = approve(desk.state, desk.access, desk.owner, number, NOW, until=NOW + 180 * DAY)
    assert grant.until == NOW + 180 * DAY


def test_withdrawing_is_for_who_asked(desk: Desk) -> None:
    number = desk.ask(desk.guest).request.id
    with pytest.raises(AccessDenied, match="somebody else's"):
        withdraw(desk.state, desk.access, desk.ada, number, NOW)
    assert withdraw(desk.state, desk.access, desk.guest, number, NOW).state == "withdrawn"
    assert desk.ask(desk.guest).request.state == "pending"


def test_revoking_is_for_who_controls_the_product_and_for_its_holder(desk: Desk) -> None:
    numbers = [desk.ask(desk.guest, purpose).request.id for purpose in ("analytics", "care")]
    first, second = (
        approve(desk.state, desk.access, desk.owner, number, NOW).id for number in numbers
    )
    with pytest.raises(AccessDenied, match=f"may not revoke {first}"):
        revoke(desk.state, desk.access, desk.ada, first, "mine", NOW)
    revoke(desk.state, desk.access, desk.owner, first, "over", NOW)
    assert [grant.id for grant in desk.state.grants.listed(NOW)] == [second]
    revoke(desk.state, desk.access, desk.guest, second, "not needed", NOW)
    assert desk.state.grants.listed(NOW) == []
    with pytest.raises(WrongState, match="is revoked already"):
        revoke(desk.state, desk.access, desk.owner, first, "again", NOW)


def test_a_grant_on_what_is_gone_can_be_revoked(root: Path, desk: Desk) -> None:
    number = desk.ask(desk.guest).request.id
    grant = approve(desk.state, desk.access, desk.owner, number, NOW)
    for file in (root / "domains/shop/sales").iterdir():
        file.unlink()
    revoked = revoke(desk.state, desk.access, desk.owner, grant.id, "over", NOW, admin=True)
    assert revoked.state(NOW) == "revoked"


RULE = "  auto_approve:\n    - {purposes: [analytics], domains: [office], longest_days: 30}\n"


@pytest.mark.parametrize(
    ("rule", "who", "purpose", "days", "role", "approved"),
    [
        (RULE, "guest", "analytics", 30, None, True),
        (RULE, "reports", "analytics", 30, None, True),
        (RULE, "guest", "analytics", 31, None, False),
        (RULE, "guest", "care", 30, None, False),
        (RULE, "ada", "analytics", 30, None, False),
        (RULE, "guest", "analytics", 30, "care_team", False),
        ("  auto_approve: [{kinds: [service]}]", "reports", "care", 180, None, True),
        ("  auto_approve: [{kinds: [service]}]", "guest", "care", 180, None, False),
        ("  auto_approve: [{roles: [reader]}]", "ada", "care", 1, None, True),
        ("  auto_approve: [{roles: [reader]}]", "guest", "care", 1, None, False),
        ("  auto_approve: [{classification: personal}]", "guest", "care", 1, None, False),
        ("  auto_approve: [{classification: sensitive}]", "guest", "care", 1, None, True),
        (
            "  auto_approve: [{roles: [reader], may_grant: [care_team]}]",
            "ada",
            "care",
            1,
            "care_team",
            True,
        ),
    ],
)
def test_a_rule_approves_when_all_of_it_holds(
    root: Path,
    rule: str,
    who: str,
    purpose: str,
    days: int,
    role: str | None,
    approved: bool,
) -> None:
    (root / "domains/shop/sales/defs.yaml").write_text(manifest_with(rule))
    desk = Desk(root)
    asked = ask(desk.state, desk.access, getattr(desk, who), URL, purpose, days, NOW, role=role)
    assert (asked.grant is not None) is approved
    if asked.grant is not None:
        named = "access.auto_approve[0] of domains/shop/sales/defs.yaml"
        assert (asked.grant.rule, asked.grant.role) == (named, role)
        assert asked.grant.until == NOW + days * DAY
        assert asked.request.state == "approved"
    desk.state.close()


def test_who_is_alone_with_a_mesh(root: Path) -> None:
    assert is_alone(LOCAL)
    assert not is_alone(ANONYMOUS)
    assert not is_alone(Principal("person", "local", ("reader",)))


@pytest.mark.parametrize(
    ("who", "urls", "words"),
    [
        ("service:nobody", [URL], "unknown principal 'service:nobody'"),
        ("reports", [URL], "is no principal"),
        ("service:reports", ["mesh://shap"], "no domain 'shap'.*Fix: write 'shop'"),
        ("service:reports", ["mesh://shop/sale"], "no product 'sale'.*Fix: write 'sales'"),
        ("service:reports", ["mesh://shop/sales/sale"], "has no port 'sale'"),
        ("service:reports", ["https://shop/sales"], "is no scope"),
    ],
)
def test_tokens_are_for_what_there_is(desk: Desk, who: str, urls: list[str], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        issue(desk.state, desk.access, "nightly", who, urls, NOW + DAY, by=str(desk.owner), now=NOW)
    assert desk.state.tokens.listed(NOW, every=True) == []


def test_a_token_for_a_port_a_product_and_a_domain(desk: Desk) -> None:
    urls = ["mesh://office", URL, f"{URL}/sales"]
    made = issue(
        desk.state,
        desk.access,
        "nightly",
        "service:reports",
        urls,
        NOW + DAY,
        by=str(desk.owner),
        now=NOW,
        purpose="care",
    )
    assert desk.state.tokens.find(made.secret) == made.token
    assert (made.token.urls, made.token.purpose) == (tuple(urls), "care")
