"""SensitivityFollows where SQL is hard to read: methods, columns named like types, and what nobody
can follow."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow_meshes import HASH_KEY, column, contacts, flow_mesh, verdict
from meshes import load

import mesh_defs
from mesh_defs.product.flows import effective_classification

BIRTHDAYS = (
    "select id, email.lower() as who, born.strftime('%Y-%m-%d')::date as day_x, "
    "meal.upper() as dish from bookings"
)
PROPERTIES = (
    "- {name: id, logicalType: integer}\n- {name: who, logicalType: string}\n"
    "- {name: day_x, logicalType: date}\n- {name: dish, logicalType: string}\n"
)
LAST_DAYS = (
    "select day::date as a from (select unnest(generate_series(timestamp '1950-01-01', "
    "timestamp '1950-12-31', interval 1 day)) as day) s join bookings b "
    "on day::date = b.born.last_day()"
)
HASHED, MASKED = column("a", method="hashed"), column("a", method="masked")
COUNTED = column("a", method="aggregated", k=10, countedIn="n") + column("n", method="dropped")


@pytest.fixture(autouse=True)
def _hash_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_HASH_KEY", HASH_KEY)


def test_birthdays_by_methods_are_stopped(tmp_path: Path) -> None:
    flow_mesh(tmp_path, BIRTHDAYS, PROPERTIES)
    report = contacts(tmp_path)
    assert report.outcome != "published"
    found = {finding["column"]: str(finding["message"]) for finding in verdict(report).findings}
    assert {name: message.rpartition("#")[2] for name, message in found.items()} == {
        "who": "email",
        "day_x": "born",
        "dish": "meal",
    }


def test_birthdays_that_are_only_warned_of_are_masked_for_who_reads(tmp_path: Path) -> None:
    policies = "- {policy: SensitivityFollows, consequence: warn}"
    flow_mesh(tmp_path, BIRTHDAYS, PROPERTIES, policies=policies)
    assert verdict(contacts(tmp_path)).outcome == "warned"
    mesh = load(tmp_path)
    words = [
        effective_classification(mesh, f"mesh://care/contacts#{name}")
        for name in ("id", "who", "day_x", "dish")
    ]
    assert words == ["internal", "personal", "personal", "sensitive"]
    port = mesh_defs.open("mesh://care/contacts/contacts", root=tmp_path)
    assert "passengers.example" not in str(port.arrow().to_pylist())
    clear = {one.name: one.clear for one in port.decision.columns}
    assert clear == {"id": True, "who": False, "day_x": False, "dish": False}


@pytest.mark.parametrize(
    "query",
    [
        "select text[1:40] as a from (select email as text from bookings)",
        "select list[1:40] as a from (select email as list from bookings)",
        "select date[1:40] as a from (select born::text as date from bookings)",
        "select interval[1:40] as a from (select email as interval from bookings)",
        "select struct['e'] as a from (select {'e': email} as struct from bookings)",
        'select current_date as a from (select email as "current_date" from bookings)',
        "select b.email.left(40) as a from bookings b",
    ],
)
def test_columns_that_look_like_types_flow(tmp_path: Path, query: str) -> None:
    flow_mesh(tmp_path, query, column("a"))
    (found,) = verdict(contacts(tmp_path)).findings
    assert "personal data flows into it" in str(found["message"])


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("select id as a from bookings order by born.year() limit 1", "#born"),
        (LAST_DAYS, "#born"),
    ],
)  # fmt: skip
def test_methods_decide_about_rows_too(tmp_path: Path, query: str, where: str) -> None:
    flow_mesh(tmp_path, query, column("a"))
    (found,) = verdict(contacts(tmp_path)).findings
    assert where in str(found["message"])


@pytest.mark.parametrize(
    ("query", "properties"),
    [
        ("from query('select upper(email) as a from bookings')", HASHED),
        ("from query('select upper(email) as a from bookings')", MASKED),
        ("from query('select upper(email) as a from bookings')", column("a", method="dropped")),
        ("from query('select fare as a, 100000 as n from bookings')", COUNTED),
        ("select upper(columns('(em).*')) as a from bookings", HASHED),
        ("select upper(a) as a from (unpivot bookings on email, meal into name n value a)", HASHED),
        ("from query('select reverse(email) as a from bookings')",
         column("a", sources=["bookings.origin"])),
    ],
)  # fmt: skip
def test_what_is_not_known_of_sql_is_reduced_in_no_way(
    tmp_path: Path, query: str, properties: str
) -> None:
    flow_mesh(tmp_path, query, properties)
    found = verdict(contacts(tmp_path)).findings[0]
    assert "where it comes from is not known" in str(found["message"])
    assert "SQL that lineage can follow" in str(found["fix"])


def test_a_hash_of_a_piece_that_looks_like_a_type_is_the_piece(tmp_path: Path) -> None:
    query = (
        "select keyed_hash(map['e'][1:1]) as a from (select map{'e': email} as map from bookings)"
    )
    flow_mesh(tmp_path, query, HASHED)
    assert verdict(contacts(tmp_path)).outcome == "failed"
