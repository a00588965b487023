"""What a decision says, whatever the rules: what nothing permits is never seen in clear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from access_meshes import PORT, column, permit
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.errors import MeshError
from mesh_defs.policy.access.decide import Access, HashKey
from mesh_defs.policy.access.decision import Decision
from mesh_defs.policy.access.entities import ColumnSubject, PortSubject
from mesh_defs.policy.access.load import SHIPPED, Rulebook, load_rules
from mesh_defs.policy.access.principals import ANONYMOUS, Principal, Principals
from mesh_defs.policy.access.rules import MASKS, parse_rules

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHIPPED_RULES = load_rules(Path(__file__).parent, []).mesh
READER = Principal("person", "ada", ("reader",), "shop")
GUEST = Principal("person", "guest", (), "office")
DECLARED = Principals({str(each): each for each in (READER, GUEST)}, declared=True)
KEY = HashKey(b"0123456789abcdef")
SALES = PortSubject(
    "shop",
    "sales",
    "sales",
    (
        ColumnSubject("id", "public"),
        ColumnSubject("origin", "internal"),
        ColumnSubject("price", "confidential"),
        ColumnSubject("email", "personal", ("contact",)),
        ColumnSubject("meal", "sensitive"),
    ),
    "sensitive",
    archetype="aggregate",
    status="active",
    tags=("sales",),
    purposes=("analytics", "care"),
)


def decide(
    rules: str,
    principal: Principal = READER,
    subject: PortSubject = SALES,
    purpose: str | None = None,
    key: HashKey = KEY,
    now: datetime = NOW,
) -> Decision:
    own = parse_rules(rules, "domains/shop/access.cedar")
    assert not own.faults, own.faults
    book = Rulebook(SHIPPED_RULES, {"shop": own})
    return Access(book, DECLARED, "local", key).decide(principal, subject, "read", purpose, now)


def seen(decision: Decision) -> dict[str, str]:
    return {each.name: each.mask or "clear" for each in decision.columns}


def one_column(classification: str) -> PortSubject:
    column = ColumnSubject("a", classification)
    return PortSubject("shop", "p", "p", (column,), classification)


def rows(condition: str, resource: str = f"resource == {PORT}") -> str:
    return permit(annotations=f'@rows("{condition}")', resource=resource)


READ_PORT = permit(resource=f"resource == {PORT}")


def test_the_rules_that_ship() -> None:
    public = one_column("public")
    internal = PortSubject("shop", "p", "p", (ColumnSubject("a", "internal"),), "internal")
    confidential = PortSubject(
        "shop", "p", "p", (ColumnSubject("a", "confidential"),), "confidential"
    )
    for subject, readers in (
        (public, [ANONYMOUS, GUEST, READER]),
        (internal, [GUEST, READER]),
        (confidential, [READER]),
        (SALES, []),
    ):
        for who in (ANONYMOUS, GUEST, READER):
            decision = decide("", who, subject)
            assert decision.allowed == (who in readers), (subject.classification, who)
            assert decision.clear == decision.allowed
            assert all(rule.file == SHIPPED for rule in decision.rules)


def test_where_the_port_may_be_read_the_rest_is_masked() -> None:
    assert seen(decide(READ_PORT)) == {
        "id": "clear",
        "origin": "clear",
        "price": "clear",
        "email": "null",
        "meal": "null",
    }
    decision = decide(READ_PORT)
    assert decision.reason == "permitted by domains/shop/access.cedar:1"
    email = decision.column("email")
    assert email is not None
    assert email.reason == "no rule permits it"


def test_a_clear_rule_beats_a_masked_one_and_a_forbid_beats_both() -> None:
    everything = f"resource in {PORT}"
    partial = permit(annotations='@mask("partial")', resource=everything)
    hashed = permit(annotations='@mask("hash")', resource=everything)
    assert seen(decide(partial))["meal"] == "partial"
    assert seen(decide(partial + hashed))["meal"] == "partial"
    assert seen(decide(hashed))["meal"] == "hash"
    assert seen(decide(partial + permit(resource=everything)))["meal"] == "clear"
    forbid = f"forbid (principal, action, resource == {column('meal')});"
    everyone = decide(permit(resource=everything) + forbid)
    assert seen(everyone)["meal"] == "null"
    assert seen(everyone)["email"] == "clear"


def test_row_filters_are_joined_and_a_rule_without_one_lifts_them() -> None:
    jfk = permit(annotations="@rows(\"origin = 'JFK'\")", resource=f"resource == {PORT}")
    lga = permit(
        annotations="@rows(\"origin = 'LGA' -- and more\")", resource=f"resource == {PORT}"
    )
    assert decide(jfk).row_filter == "((origin = 'JFK'))"
    assert decide(jfk + lga).row_filter == "((origin = 'JFK')) OR ((origin = 'LGA'))"
    assert decide(jfk + lga + READ_PORT).row_filter is None


def test_a_column_for_some_rows_is_not_one_for_all() -> None:
    jfk = rows("origin = 'JFK'", f"resource in {PORT}")
    alone = decide(jfk)
    assert seen(alone)["meal"] == "clear"  # no other row is read
    assert alone.row_filter is not None
    both = decide(jfk + READ_PORT)
    assert both.row_filter is None
    meal = both.column("meal")
    assert meal is not None
    assert not meal.clear
    assert [(grant.mask, grant.rows) for grant in meal.grants] == [(None, "((origin = 'JFK'))")]
    assert meal.mask == "null"


def test_a_hash_without_a_key_shows_nothing_and_says_why() -> None:
    hashed = READ_PORT + permit(
        annotations='@mask("hash")', resource=f"resource == {column('email')}"
    )
    email = decide(hashed, key=HashKey(None, "there is no key")).column("email")
    assert email is not None
    assert email.mask == "null"
    assert email.reason.endswith("there is no key")
    assert "0123456789abcdef" not in repr(KEY)


@pytest.mark.parametrize(
    ("purpose", "allowed", "words"),
    [
        ("care", True, ""),
        ("analytics", False, "no rule permits it"),
        ("caer", False, "unknown purpose 'caer' (permitted here: analytics, care; the nearest is"),
        (None, False, "no rule permits it"),
    ],
)
def test_a_purpose_is_asked_for(purpose: str | None, allowed: bool, words: str) -> None:
    rule = permit('context has purpose && context.purpose == "care"')
    decision = decide(rule, purpose=purpose)
    assert decision.allowed is allowed
    assert words in decision.reason


def test_a_column_for_other_purposes_is_masked() -> None:
    from dataclasses import replace

    email = replace(SALES.columns[3], purposes=("care",))
    subject = replace(SALES, columns=(SALES.columns[0], email))
    everything = permit(resource=f"resource in {PORT}")
    assert seen(decide(everything, subject=subject, purpose="care"))["email"] == "clear"
    decision = decide(everything, subject=subject, purpose="analytics")
    assert seen(decision) == {"id": "clear", "email": "null"}
    assert decision.columns[1].reason == "it is permitted for care only"
    for_nothing = decide(everything, subject=subject)
    assert seen(for_nothing) == {"id": "clear", "email": "null"}
    assert for_nothing.columns[1].reason == "it is permitted for care only; say for which purpose"
    never = replace(subject, columns=(replace(email, purposes=()),))
    assert seen(decide(everything, subject=never)) == {"email": "null"}


def test_who_is_not_known_is_denied_even_what_is_public() -> None:
    access = Access(Rulebook(SHIPPED_RULES, {}), DECLARED, "local", KEY)
    public = one_column("public")
    decision = access.decide("person:adda", public)
    assert not decision.allowed
    assert "the nearest is 'person:ada'" in decision.reason
    for text in ("ada", "human:ada", "person:", 'person:"'):
        with pytest.raises(MeshError, match="person:<name>"):
            access.decide(text, public)
    nobody = Access(Rulebook(SHIPPED_RULES, {}), Principals(), "local", KEY)
    assert "has no principals.yaml" in nobody.decide("person:ada", public).reason


def test_a_rule_that_fails_denies() -> None:
    from dataclasses import replace

    broken = replace(SALES, tags=None, status=None)  # as of a manifest that cannot be read
    rule = (
        READ_PORT
        + 'forbid (principal, action == Action::"read", resource) when '
        + ('{ resource.status == "retired" };')
    )
    assert decide(rule).allowed
    decision = decide(rule, subject=broken)
    assert not decision.allowed
    assert decision.reason.startswith("a rule failed, which denies: ")
    assert decide(READ_PORT, subject=broken).allowed


def test_a_rule_ends_with_its_time() -> None:
    rule = permit('context.time < datetime("2026-01-01T00:00:00Z")', resource=f"resource == {PORT}")
    assert not decide(rule).allowed
    assert decide(rule, now=NOW - timedelta(milliseconds=1)).allowed


def test_columns_are_told_apart_by_tags_and_names() -> None:
    tagged = READ_PORT + permit('resource.tags.contains("contact")', resource="resource is Column")
    assert seen(decide(tagged)) | {"price": ""} == {
        "id": "clear",
        "origin": "clear",
        "price": "",
        "email": "clear",
        "meal": "null",
    }


scopes = st.sampled_from(
    [
        "resource",
        f"resource == {PORT}",
        f"resource in {PORT}",
        "resource is Column",
        'resource in Product::"shop/sales"',
        'resource in Domain::"shop"',
        *(f"resource == {column(each.name)}" for each in SALES.columns),
    ]
)
conditions = st.sampled_from(
    [
        "",
        "principal.known",
        'principal has domain && principal.domain == "shop"',
        "context has purpose",
        'context has purpose && context.purpose == "care"',
        *(
            f'resource has classification && resource.classification == "{word}"'
            for word in CLASSIFICATIONS
        ),
    ]
)
annotations = st.sampled_from(
    [
        "",
        *(f'@mask("{mask}")\n' for mask in MASKS),
        "@rows(\"origin = 'JFK'\")\n",
        '@rows("id > 3")\n',
    ]
)


@st.composite
def rules(draw: st.DrawFn) -> str:
    effect = draw(st.sampled_from(["permit", "permit", "forbid"]))
    head = draw(st.sampled_from(["principal", 'principal in Role::"reader"', "principal is Agent"]))
    condition = draw(conditions)
    when = f" when {{ {condition} }}" if condition else ""
    notes = draw(annotations) if effect == "permit" else ""
    return f'{notes}{effect} ({head}, action == Action::"read", {draw(scopes)}){when};\n'


@given(
    st.lists(rules(), max_size=6),
    st.sampled_from([READER, GUEST, ANONYMOUS]),
    st.sampled_from([None, "care"]),
)
@settings(max_examples=150, deadline=None)
def test_whatever_the_rules_what_is_forbidden_is_not_seen(
    texts: list[str], who: Principal, purpose: str | None
) -> None:
    own = parse_rules("".join(texts), "domains/shop/access.cedar")
    if own.faults:  # classifications of a domain, which has none
        return
    decision = decide("".join(texts), who, SALES, purpose)
    places = {f"domains/shop/access.cedar:{rule.line}": rule for rule in own.rules}
    for each in decision.columns:
        oracle = asked(own.rules, who, each.name, purpose)
        assert all(
            rule.place in places or rule.file == SHIPPED for g in each.grants for rule in [g.rule]
        )
        if not oracle["allowed"]:
            assert each.grants == ()
        elif each.clear and decision.row_filter is None:
            # Some rule that permits it asks for no mask and no row.
            assert any(
                place not in places or not (set(places[place].annotations) & {"mask", "rows"})
                for place in oracle["by"]
            )
    if not decision.allowed:
        assert decision.columns == ()


def asked(own: tuple, who: Principal, name: str, purpose: str | None) -> dict:
    """What Cedar itself says of one column, on the texts as they were written."""
    import json

    import cedarpy

    from mesh_defs.policy.access.entities import entities, principal_uid

    text = "\n".join(
        f'@id("{rule.place}")\n' + strip(rule.text)
        for rule in (*(r for file in SHIPPED_RULES for r in file.rules), *own)
    )
    context: dict = {
        "environment": "local",
        "time": {"__extn": {"fn": "datetime", "arg": "2026-01-01T00:00:00Z"}},
    }
    if purpose is not None:
        context["purpose"] = purpose
    answer = cedarpy.is_authorized(
        {
            "principal": principal_uid(who),
            "action": {"type": "Action", "id": "read"},
            "resource": {"type": "Column", "id": f"shop/sales/sales#{name}"},
            "context": json.dumps(context),
        },
        text,
        entities(SALES, who),
    )
    return {
        "allowed": answer.allowed,
        "by": set(answer.diagnostics.id_annotations_by_reason.values()),
    }


def strip(text: str) -> str:
    """A rule without its annotations."""
    at = min(i for i in (text.find("permit ("), text.find("forbid (")) if i >= 0)
    return text[at:]


def test_a_column_that_the_contract_does_not_name_is_in_no_decision() -> None:
    decision = decide("permit (principal, action, resource);")
    assert decision.column("other") is None
