"""From verified claims to a principal: its name, kind, roles and home domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from issuers import NOW, Issuer, authenticator, believed, issuing

from mesh_defs.errors import Unauthenticated
from mesh_defs.gateway.identity.declared import caller_now
from mesh_defs.policy.access.principals import NAME, Principal, load_principals

ROLES = {"claim": "groups", "map": {"analysts": "reader", "leads": ["reader", "approver"]}}
DOMAIN = {"claim": "unit", "map": {"u-1": "shop", "u-2": "care"}}
KINDS = {"claim": "idtyp", "map": {"user": "person", "app": "service", "bot": "agent"}}
PEOPLE = """
people:
  Ada@Shop.example: {roles: [auditor, reader], domain: shop}
services:
  reports: {roles: [exporter]}
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


def principal(
    root: Path,
    issuer: Issuer,
    entry: dict[str, object] | None = None,
    principals: str = "",
    **claims: object,
) -> Principal:
    gate = authenticator(root, believed(issuer, **(entry or {})), principals=principals)
    return gate.caller(issuer.token(**claims), NOW).principal


@pytest.mark.parametrize(
    ("entry", "claims", "name"),
    [
        ({}, {}, "ada@shop.example"),
        ({}, {"email": "ADA@Shop.Example"}, "ada@shop.example"),
        # An address that nobody has verified names nobody.
        ({}, {"email_verified": False}, "u-17"),
        ({}, {"email_verified": None}, "u-17"),
        ({}, {"email_verified": "true"}, "u-17"),
        ({}, {"email": None}, "u-17"),
        ({}, {"email": ""}, "u-17"),
        ({"principal_claim": "sub"}, {}, "u-17"),
        ({"principal_claim": "sub"}, {"sub": "U@x"}, "U@x"),
        ({"principal_claim": "email"}, {"email_verified": None}, "ada@shop.example"),
        ({"principal_claim": "upn"}, {"upn": "Ada@x.example"}, "ada@x.example"),
        ({"principal_claim": "https://x.example/id"}, {"https://x.example/id": "ada"}, "ada"),
        ({"principal_claim": "act.name"}, {"act": {"name": "ada"}}, "ada"),
        ({"principal_claim": "act.name"}, {"act.name": "eve", "act": {"name": "ada"}}, "eve"),
        ({"prefix": "corp."}, {}, "corp.ada@shop.example"),
        ({"mail_domains": ["shop.example"]}, {"email": "a@SHOP.example"}, "a@shop.example"),
    ],
)
def test_names(
    tmp_path: Path, issuer: Issuer, entry: dict[str, object], claims: dict[str, object], name: str
) -> None:
    assert str(principal(tmp_path, issuer, entry, **claims)) == f"person:{name}"


def test_what_is_declared_is_looked_up_anew_and_what_the_token_says_stays(
    tmp_path: Path, issuer: Issuer
) -> None:
    gate = authenticator(tmp_path, believed(issuer, roles=ROLES), principals=PEOPLE)
    caller = gate.caller(issuer.token(groups=["leads"]), NOW)
    roles = ("reader", "approver", "auditor")
    assert caller.principal == Principal("person", "Ada@Shop.example", roles, "shop")

    def now(text: str) -> Principal:
        (tmp_path / "principals.yaml").write_text(text)
        return caller_now(caller, load_principals(tmp_path), gate.settings).principal

    own = Principal("person", "ada@shop.example", ("reader", "approver"))
    assert now("people: {}") == own
    assert now("people: {Ada@Shop.example: {roles: [clerk], domain: care}}") == Principal(
        "person", "Ada@Shop.example", ("reader", "approver", "clerk"), "care"
    )
    assert now("people: [") == replace(own, known=False)
    assert now(PEOPLE) == caller.principal


@pytest.mark.parametrize(
    ("entry", "claims", "words"),
    [
        ({"principal_claim": "email"}, {"email_verified": False}, "not verified"),
        ({"principal_claim": "email"}, {"email_verified": "true"}, "not verified"),
        ({"principal_claim": "email"}, {"email": None}, "no text as 'email'"),
        ({"principal_claim": "upn"}, {}, "no text as 'upn'"),
        ({"principal_claim": "upn"}, {"upn": 5}, "no text as 'upn'"),
        ({"principal_claim": "upn"}, {"upn": ["ada"]}, "no text as 'upn'"),
        ({"principal_claim": "upn"}, {"upn": {"ada": 1}}, "no text as 'upn'"),
        ({"principal_claim": "upn"}, {"upn": ""}, "no text as 'upn'"),
        ({"principal_claim": "sub.name"}, {}, "no text as 'sub.name'"),
        ({}, {"email": "a b@shop.example"}, "no name of a principal"),
        ({}, {"email": "ada\n@shop.example"}, "no name of a principal"),
        ({}, {"email": 'ada"@shop.example'}, "no name of a principal"),
        ({}, {"email": "a" * 200 + "@shop.example"}, "no name of a principal"),
        ({}, {"email": "\ud800@shop.example"}, "no name of a principal"),
        ({"mail_domains": ["shop.example"]}, {"email": "a@evil.example"}, "domain"),
        ({"mail_domains": ["shop.example"]}, {"email": "a@shop.example@evil.example"}, "domain"),
        ({"mail_domains": ["shop.example"]}, {"email": "a@sub.shop.example"}, "domain"),
        ({"mail_domains": ["shop.example"]}, {"email_verified": False}, "domain"),
        ({"mail_domains": "shop.example"}, {"email": "shop.example"}, "domain"),
    ],
)
def test_names_that_are_refused(
    tmp_path: Path, issuer: Issuer, entry: dict[str, object], claims: dict[str, object], words: str
) -> None:
    with pytest.raises(Unauthenticated, match=words) as told:
        principal(tmp_path, issuer, entry, **claims)
    assert "evil" not in str(told.value)


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        (["analysts"], ("reader",)),
        (["leads", "analysts"], ("reader", "approver")),
        ("analysts", ("reader",)),  # a text alone
        ("analysts leads", ()),  # the name of one group, which may have blanks
        (["others", "Analysts", ""], ()),
        ([], ()),
        (None, ()),
        (["reader"], ()),  # a role's name is no group's
    ],
)
def test_roles(tmp_path: Path, issuer: Issuer, groups: object, roles: tuple[str, ...]) -> None:
    assert principal(tmp_path, issuer, {"roles": ROLES}, groups=groups).roles == roles


@pytest.mark.parametrize("groups", [5, True, {"analysts": True}, ["analysts", 5], [["analysts"]]])
def test_groups_of_another_type_are_refused(tmp_path: Path, issuer: Issuer, groups: object) -> None:
    with pytest.raises(Unauthenticated, match="neither a text nor a list of texts"):
        principal(tmp_path, issuer, {"roles": ROLES}, groups=groups)


def test_groups_that_were_left_out_are_not_taken_for_none(tmp_path: Path, issuer: Issuer) -> None:
    elsewhere = {"groups": "src1"}
    with pytest.raises(Unauthenticated, match="too many"):
        principal(tmp_path, issuer, {"roles": ROLES}, _claim_names=elsewhere)
    assert principal(tmp_path, issuer, {}, _claim_names=elsewhere).roles == ()


def test_roles_from_deeper_and_from_scopes(tmp_path: Path, issuer: Issuer) -> None:
    nested = {"claim": "realm_access.roles", "map": {"r": "reader"}}
    claims = {"realm_access": {"roles": ["r"]}}
    assert principal(tmp_path, issuer, {"roles": nested}, **claims).roles == ("reader",)
    assert principal(tmp_path, issuer, {"roles": nested}, realm_access="r").roles == ()
    scopes = {"claim": "scope", "map": {"mesh:read": "reader"}}
    found = principal(tmp_path, issuer, {"roles": scopes}, scope="openid mesh:read")
    assert found.roles == ("reader",)


@pytest.mark.parametrize(
    ("unit", "home"), [("u-1", "shop"), (["u-2"], "care"), (["x", "u-2"], "care"), ("x", None)]
)
def test_home_domains(tmp_path: Path, issuer: Issuer, unit: object, home: str | None) -> None:
    assert principal(tmp_path, issuer, {"domain": DOMAIN}, unit=unit).domain == home


def test_two_home_domains_are_refused(tmp_path: Path, issuer: Issuer) -> None:
    with pytest.raises(Unauthenticated, match="several home domains"):
        principal(tmp_path, issuer, {"domain": DOMAIN}, unit=["u-1", "u-2"])


@pytest.mark.parametrize(
    ("entry", "claims", "kind"),
    [
        ({"kind": "service"}, {}, "service"),
        ({"kind_claim": KINDS}, {"idtyp": "bot"}, "agent"),
        ({"kind_claim": KINDS}, {"idtyp": "app"}, "service"),
        ({"kind_claim": KINDS}, {}, "person"),
        ({"kind_claim": KINDS, "kind": "agent"}, {}, "agent"),
    ],
)
def test_kinds(
    tmp_path: Path, issuer: Issuer, entry: dict[str, object], claims: dict[str, object], kind: str
) -> None:
    assert principal(tmp_path, issuer, entry, **claims).kind == kind


@pytest.mark.parametrize("value", ["robot", 5, ["app"], {}])
def test_another_kind_is_refused(tmp_path: Path, issuer: Issuer, value: object) -> None:
    with pytest.raises(Unauthenticated, match="no kind of principal"):
        principal(tmp_path, issuer, {"kind_claim": KINDS}, idtyp=value)


def test_what_is_declared_adds_to_what_the_issuer_says(tmp_path: Path, issuer: Issuer) -> None:
    entry = {"roles": ROLES, "domain": DOMAIN}
    found = principal(tmp_path, issuer, entry, PEOPLE, groups=["leads"], unit="u-2")
    # the declared spelling of the address, so that rules which name it hold
    assert found == Principal(
        "person", "Ada@Shop.example", ("reader", "approver", "auditor"), "care"
    )
    assert principal(tmp_path, issuer, {}, PEOPLE).domain == "shop"
    stranger = principal(tmp_path, issuer, {}, PEOPLE, email="eve@shop.example")
    assert stranger == Principal("person", "eve@shop.example", known=True)
    # a person is not the service of the same name
    assert (
        principal(tmp_path, issuer, {"principal_claim": "sub"}, PEOPLE, sub="reports").roles == ()
    )


def test_while_principals_are_broken_nobody_is_known(tmp_path: Path, issuer: Issuer) -> None:
    found = principal(tmp_path, issuer, {"roles": ROLES}, "people: 5\n", groups=["leads"])
    assert not found.known


def test_principals_are_read_again(tmp_path: Path, issuer: Issuer) -> None:
    gate = authenticator(tmp_path, believed(issuer))
    assert gate.caller(issuer.token(), NOW).principal.roles == ()
    people = {"people": {"ada@shop.example": {"roles": ["late"]}}}
    (tmp_path / "principals.yaml").write_text(yaml.safe_dump(people))
    gate.reload()
    assert gate.caller(issuer.token(), NOW).principal.roles == ("late",)
    assert issuer.asked["/keys"] >= 1


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["analysts", "leads", "u-1", "app", "a@shop.example"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["groups", "unit", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
CLAIMS = ["email", "email_verified", "sub", "groups", "unit", "idtyp", "_claim_names"]


def test_whatever_the_claims_are(tmp_path: Path, issuer: Issuer) -> None:
    """A name of the right form with roles of the map alone; or a refusal, and nothing else."""
    entry = {"roles": ROLES, "domain": DOMAIN, "kind_claim": KINDS}
    gate = authenticator(tmp_path, believed(issuer, **entry))

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.dictionaries(st.sampled_from(CLAIMS), JSON))
    def any_claims(claims: dict[str, object]) -> None:
        try:
            token = issuer.token(**claims)
        except TypeError:
            return  # PyJWT signs no such `sub`
        try:
            found = gate.caller(token, NOW).principal
        except Unauthenticated:
            return
        assert NAME.match(found.name)
        assert set(found.roles) <= {"reader", "approver"}
        assert found.domain in {None, "shop", "care"}
        groups = claims.get("groups")
        named = [groups] if isinstance(groups, str) else groups or []
        assert isinstance(named, list)
        roles = {"analysts": {"reader"}, "leads": {"reader", "approver"}}
        assert set(found.roles) == set().union(*(roles.get(name, set()) for name in named))

    any_claims()
