"""Of ports that no rule can tell apart one is decided on; the answer is that of each."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.policy.access.decide import Access, HashKey
from mesh_defs.policy.access.entities import PortSubject
from mesh_defs.policy.access.load import Rulebook
from mesh_defs.policy.access.principals import Principal, Principals
from mesh_defs.policy.access.remembered import Remembered
from mesh_defs.policy.access.rules import RuleFile, parse_rules

READER = Principal("person", "ada", ("reader",), "shop")
KNOWN = Principals({str(READER): READER}, declared=True)
ports = st.builds(
    PortSubject,
    st.sampled_from(["shop", "office"]),
    st.sampled_from(["sales", "stock"]),
    st.sampled_from(["sales", "stock"]),
    st.just(()),
    st.sampled_from(["public", "internal", "sensitive"]),
    st.sampled_from([None, "aggregate", "source-aligned"]),
    st.sampled_from(["active", "draft"]),
    st.sampled_from([None, (), ("money",)]),
    owner=st.sampled_from(["", "team:shop"]),
)
conditions = st.sampled_from(
    [
        'resource == Port::"shop/sales/sales"',
        'resource in Product::"shop/stock"',
        'resource in Domain::"shop"',
        'resource has classification && resource.classification == "public"',
        'resource has archetype && resource.archetype == "aggregate"',
        'resource has status && resource.status == "active"',
        'resource has owner && resource.owner == "team:shop"',
        'resource has tags && resource.tags.contains("money")',
    ]
)


def rules_of(text: str) -> RuleFile:
    found = parse_rules(text, "access.cedar")
    assert not found.faults, found.faults
    return found


@given(
    st.lists(st.tuples(st.sampled_from(["permit", "forbid"]), conditions), max_size=4),
    st.lists(ports, max_size=8),
)
def test_it_is_what_each_decision_says(rules: list[tuple[str, str]], asked: list) -> None:
    head = '(principal, action == Action::"discover", resource is Port)'
    text = "\n".join(f"{kind} {head} when {{ {condition} }};" for kind, condition in rules)
    mesh = rules_of(text)
    access = Access(Rulebook([mesh], {}), KNOWN, "local", HashKey(b"0123456789abcdef"))
    remembered = Remembered(access, READER)
    for port in [*asked, *asked]:
        wanted = access.decide(READER, port, "discover").allowed
        assert remembered.may_discover(port) == wanted


def test_nobody_who_is_unknown_discovers_anything() -> None:
    mesh = rules_of('permit (principal, action == Action::"discover", resource);')
    access = Access(Rulebook([mesh], {}), KNOWN, "local", HashKey(b"0123456789abcdef"))
    port = PortSubject("shop", "sales", "sales", (), "public")
    assert Remembered(access, READER).may_discover(port)
    stranger = replace(READER, name="eve", known=False)
    assert not Remembered(access, stranger).may_discover(port)
