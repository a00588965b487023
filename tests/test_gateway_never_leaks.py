"""For any rules, no way of reading returns a cell that the decision masks, nor a row that its
filter leaves out: what comes is compared with what is worked out here, in Python, from the data."""

from __future__ import annotations

import hmac
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import pytest
from access_meshes import COLUMNS, URL, sales_mesh
from gateway_http import Served, served
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from leak_readers import READERS, Choice, Denied
from meshes import MESH_YAML

from mesh_defs.policy.access.conditions import read_condition
from mesh_defs.policy.access.decision import ColumnDecision, Decision, Grant

PORT_URL = f"{URL}/sales"
KEY = "a key of more than 16 bytes"
NAMES = ("id", "origin", "price", "email", "phone", "born", "meal")
PRINCIPALS = (None, "person:ada@shop.example", "person:guest@shop.example", "service:reports")
Row = dict[str, object]
Test = Callable[[Row], bool]


def data() -> list[Row]:
    """The rows of the sales, made anew."""
    return [
        {
            "id": i,
            "origin": ["JFK", "LGA", "EWR"][i % 3],
            "price": 100.5 + i,
            "email": f"person{i}@mail.example",
            "phone": f"+1-212-555-01{10 + i}",
            "born": date(1980, 6, 15 + i),
            "meal": ["kosher", "vegan"][i % 2],
        }
        for i in range(12)
    ]


# Conditions as SQL, and as what they mean; null is never true.
MEANINGS: dict[str, Test] = {
    "id < 5": lambda row: row["id"] is not None and int(str(row["id"])) < 5,
    "origin = 'JFK'": lambda row: row["origin"] == "JFK",
    "meal = 'kosher'": lambda row: row["meal"] == "kosher",
    "email LIKE 'person1%'": lambda row: str(row["email"] or "").startswith("person1"),
    "id >= 3 AND origin <> 'LGA'": lambda row: (
        row["id"] is not None
        and int(str(row["id"])) >= 3
        and row["origin"] is not None
        and row["origin"] != "LGA"
    ),
}
CANONICAL = {read_condition(text, NAMES).sql: test for text, test in MEANINGS.items()}


@dataclass(frozen=True)
class Generated:
    """One rule of the domain, as Cedar."""

    effect: str
    role: str | None
    resource: str
    mask: str | None = None
    rows: str | None = None

    def text(self) -> str:
        permits = self.effect == "permit"
        notes = f'@mask("{self.mask}")\n' if permits and self.mask else ""
        notes += f'@rows("{self.rows}")\n' if permits and self.rows else ""
        who = f'principal in Role::"{self.role}"' if self.role else "principal"
        actions = '[Action::"read", Action::"query", Action::"subscribe"]'
        return f"{notes}{self.effect} ({who}, action in {actions}, resource{self.resource});\n"


RESOURCES = [
    ' == Port::"shop/sales/sales"',
    " is Column",
    *(f' == Column::"shop/sales/sales#{name}"' for name in NAMES),
]
RULES = st.builds(
    Generated,
    effect=st.sampled_from(["permit"] * 6 + ["forbid"]),
    role=st.sampled_from([None, "reader", "reader", "auditor"]),
    resource=st.sampled_from(RESOURCES),
    mask=st.sampled_from([None, None, "partial", "generalised", "hash", "null"]),
    rows=st.sampled_from([None, None, None, *MEANINGS]),
)
PORT_RULES = st.builds(
    Generated,
    effect=st.just("permit"),
    role=st.sampled_from([None, "reader", "reader"]),
    resource=st.just(RESOURCES[0]),
    mask=st.none(),
    rows=st.sampled_from([None, None, *MEANINGS]),
)
CHOICES = st.builds(
    Choice,
    columns=st.none() | st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple),
    where=st.none() | st.sampled_from(list(MEANINGS)),
    limit=st.none() | st.integers(0, 14),
)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    profile = MESH_YAML.replace("  local:\n", '  local:\n    hash_key: "${SHOP_HASH_KEY}"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_HASH_KEY", KEY)
        root = sales_mesh(tmp_path_factory.mktemp("leaks"), **{"mesh.yaml": profile})
        with served(root) as found:
            found.gateway.limiter._requests._most = 1e9
            yield found


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
@given(
    rules=st.lists(RULES, max_size=6),
    port=PORT_RULES,
    principal=st.sampled_from(PRINCIPALS),
    choice=CHOICES,
)
def test_no_way_of_reading_shows_more_than_was_decided(
    mesh: Served, rules: list[Generated], port: Generated, principal: str | None, choice: Choice
) -> None:
    file = mesh.gateway.settings.root / "domains/shop/access.cedar"
    file.write_text("".join(rule.text() for rule in [port, *rules]))
    token = mesh.token(principal) if principal is not None else None
    who = principal or "anonymous"
    asked = choice
    for name, reader in READERS.items():
        choice = Choice() if reader.whole else asked
        caller = mesh.gateway.authenticate(f"Bearer {token}" if token else None)
        decision = mesh.gateway.catalog.access.decide(caller.principal, PORT_URL, reader.action)
        try:
            found = reader.read(mesh.base, PORT_URL, token, choice)
        except Denied:
            assert principal is None or not decision.allowed, (name, who)
            event("denied")
            continue
        assert principal is not None, f"{name} gave nobody rows"
        assert decision.allowed, f"{name} gave {who} rows that nothing permits: {found}"
        event("filtered" if decision.row_filter else "unfiltered")
        expected = chosen(visible(decision), choice)
        got = Counter(tuple(sorted(row.items())) for row in found)
        may = Counter(tuple(sorted(row.items())) for row in expected)
        assert not got - may, f"{name} shows {who} what it must not: {got - may}"
        most = len(expected) if choice.limit is None else min(len(expected), choice.limit)
        assert len(found) == most, f"{name} leaves out what {who} may see"


def visible(decision: Decision) -> list[Row]:
    """What may be seen of the data."""
    filters = (decision.row_filter or "").split(" OR ") if decision.row_filter else []
    tests = [CANONICAL[each] for each in filters]
    rows = [row for row in data() if not tests or any(test(row) for test in tests)]
    decided = {column.name: column for column in decision.columns}
    return [{name: seen(decided[name], row, name) for name in NAMES} for row in rows]


def chosen(rows: list[Row], choice: Choice) -> list[dict[str, str | None]]:
    """What ``choice`` means of rows that are masked already, as texts."""
    kept = [row for row in rows if choice.where is None or MEANINGS[choice.where](row)]
    names = choice.columns or NAMES
    return [{name: None if row[name] is None else str(row[name]) for name in names} for row in kept]


def seen(column: ColumnDecision, row: Row, name: str) -> object:
    """The value of one cell under the decision on its column."""
    value = row[name]
    for grant in column.grants:
        if grant.rows is None or CANONICAL[grant.rows](row):
            return shown(grant, value)
    return None


def shown(grant: Grant, value: object) -> object:
    """``value`` under the mask of ``grant``."""
    if grant.mask is None:
        return value
    if grant.mask == "hash":
        return hmac.digest(KEY.encode(), str(value).encode(), "sha256").hex()
    if grant.mask == "partial" and isinstance(value, str):
        if re.fullmatch(r"[A-Za-z0-9._%+-]{3,}@[A-Za-z0-9.-]+", value):
            return f"{value[0]}***{value[value.index('@') :]}"
        most = min(4, len(value) // 4)
        return f"***{value[len(value) - most :]}"
    if grant.mask == "generalised" and isinstance(value, date):
        return value.replace(month=1, day=1)
    if grant.mask == "generalised" and isinstance(value, int | float):
        step = 10 ** math.floor(math.log10(abs(value))) if value else 1
        return type(value)(math.trunc(value / step) * step)
    return None


def test_the_columns_here_are_those_of_the_mesh() -> None:
    assert tuple(re.findall(r"name: (\w+)", COLUMNS)) == NAMES
