"""Many ports that are decided on at once are decided on as each would be."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.policy.access.decide import Access, HashKey
from mesh_defs.policy.access.entities import ColumnSubject, PortSubject
from mesh_defs.policy.access.load import Rulebook
from mesh_defs.policy.access.many import discoverable
from mesh_defs.policy.access.principals import ANONYMOUS, Principal, Principals
from mesh_defs.policy.access.rules import parse_rules

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA = Principal("person", "ada", ("reader",), "d0")
BOB = Principal("service", "bob", (), "d1")
STRANGER = Principal("person", "eve", (), None, known=False)
KNOWN = Principals({str(each): each for each in (ADA, BOB)}, declared=True)
CONDITIONS = (
    "",
    'when { resource.classification == "public" }',
    'when { resource.tags.contains("t1") }',
    'unless { resource has owner && resource.owner == "team:a" }',
    'when { resource.status == "active" && principal has domain && principal.domain == "d0" }',
    'when { context.time < datetime("2030-01-01") }',
    # What names something asks about that, and not about others.
    'when { resource == Port::"d0/p1/o0" }',
    'when { resource in Product::"d0/p0" }',
    'when { [Product::"d0/p0", Product::"d1/p1"].contains(Product::"d1/p1") }',
    # Of a product that is not asked about nothing is known, and the rule fails.
    'when { Product::"d0/p0".status == "active" }',
    'when { if resource.domain == "d0" then true else Product::"d1/p1" in Domain::"d1" }',
)
SCOPES = (
    'principal, action == Action::"discover", resource is Port',
    'principal in Role::"reader", action == Action::"discover", resource is Port',
    'principal == Service::"bob", action, resource is Port in Domain::"d1"',
    'principal, action == Action::"discover", resource is Port in Product::"d0/p1"',
)
RULES = st.lists(
    st.tuples(
        st.sampled_from(["permit", "permit", '@rows("x > 1") permit', "forbid"]),
        st.sampled_from(SCOPES),
        st.sampled_from(CONDITIONS),
    ),
    max_size=4,
)
PORTS = st.lists(
    st.builds(
        PortSubject,
        domain=st.sampled_from(["d0", "d1"]),
        product=st.sampled_from(["p0", "p1"]),
        port=st.sampled_from(["o0", "o1"]),
        columns=st.sampled_from([(), (ColumnSubject("x", "public"),)]),
        classification=st.sampled_from(["public", "internal", "personal"]),
        archetype=st.sampled_from([None, "aggregate"]),
        status=st.sampled_from([None, "active", "draft"]),
        tags=st.sampled_from([None, (), ("t1",), ("t1", "t2")]),
        owner=st.sampled_from(["", "team:a", "team:b"]),
    ),
    max_size=8,
)


@given(own=RULES, whole=RULES, ports=PORTS, who=st.sampled_from([ADA, BOB, STRANGER, ANONYMOUS]))
def test_all_at_once_is_each(
    own: list[tuple[str, ...]],
    whole: list[tuple[str, ...]],
    ports: list[PortSubject],
    who: Principal,
) -> None:
    files = [
        parse_rules("\n".join(f"{e} ({s}) {c};" for e, s, c in rules), name)
        for rules, name in ((whole, "access.cedar"), (own, "domains/d0/access.cedar"))
    ]
    assert [file.faults for file in files] == [(), ()]
    book = Rulebook(files[:1], {"d0": files[1]})
    access = Access(book, KNOWN, "local", HashKey(None, "none"))
    each = [access.decide(who, port, "discover", now=NOW).allowed for port in ports]
    assert discoverable(access, who, ports, NOW) == each


def test_rules_that_look_elsewhere_are_not_asked_all_at_once() -> None:
    near = parse_rules('permit (principal, action, resource in Product::"d0/p0");', "a.cedar")
    far = parse_rules(
        'permit (principal, action, resource) when { Product::"d0/p0".status == "active" };',
        "a.cedar",
    )
    assert Rulebook([near], {}).in_force("d0").apart
    assert not Rulebook([far], {}).in_force("d0").apart
