"""SensitivityFollows: values that are given away by conditions, in pieces, or row by row."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow_meshes import HASH_KEY, ROWS, column, contacts, flow_mesh, publish, verdict
from meshes import contract, manifest, write

from mesh_defs.product.container import run_product


@pytest.fixture(autouse=True)
def _hash_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_HASH_KEY", HASH_KEY)


ID = "- {name: id, logicalType: integer, required: true}\n"
DAYS = "generate_series(timestamp '1950-01-01', timestamp '1950-12-31', interval 1 day) s(day)"


@pytest.mark.parametrize(
    ("query", "properties", "said"),
    [
        (f"select day::date as a from bookings join {DAYS} on day::date = born",
         column("a"), "by a condition that makes the two equal, or compares them"),
        ((f"select day::date as a from bookings join {DAYS} "
          "on keyed_hash(day::date::varchar) = keyed_hash(born::varchar)"),
         column("a"), "personal data flows into it"),
        ("select (select count(*) from bookings o where o.email < b.email) as a from bookings b",
         column("a"), "personal data flows into it"),
        ("select [substr(email, p::int, 1) for p in range(1, 40)]::varchar as a from bookings",
         column("a", method="masked"), "nothing bounds what is shown of a value"),
        (("with y as (select origin, year(born) * (id = 4)::int as v from bookings) "
          "select sum(v)::bigint as a from y group by origin having count(*) >= 20"),
         column("a", method="aggregated", k=10), "may single out one row"),
    ],
)  # fmt: skip
def test_what_gives_a_value_away_without_showing_its_column_is_found(
    tmp_path: Path, query: str, properties: str, said: str
) -> None:
    flow_mesh(tmp_path, query, properties)
    report = contacts(tmp_path)
    assert report.outcome == "failed"
    (found,) = verdict(report).findings
    assert said in str(found["message"])


def test_a_join_on_what_is_not_personal_gives_nothing_away(tmp_path: Path) -> None:
    flow_mesh(
        tmp_path,
        "select b.id as id, o.origin as a from bookings b join bookings o on b.id = o.id",
        column("id") + column("a"),
    )
    report = contacts(tmp_path)
    assert verdict(report).outcome == "passed"
    assert report.record is not None
    assert report.record.lineage["equal"] == {}


def test_what_a_join_gives_away_stands_beside_where_values_come_from(tmp_path: Path) -> None:
    query = f"select day::date as a from bookings join {DAYS} on day::date = born"
    flow_mesh(tmp_path, query, column("a", "personal"))
    report = contacts(tmp_path)
    assert verdict(report).outcome == "passed"
    assert report.record is not None
    lineage = report.record.lineage
    assert lineage["ports"] == {"contacts": {"a": []}}
    assert lineage["equal"] == {"contacts": {"a": {"passengers/bookings/bookings#born": "direct"}}}


# Addresses of which several begin alike, so that masks of them hide something.
MANY = ROWS.replace("'p' || i || '@passengers.example'", "'passenger' || i || '@here.example'")


def test_pieces_in_several_ports_count_together(tmp_path: Path) -> None:
    masked = column("a", method="masked")
    flow_mesh(
        tmp_path,
        "select id, left(email, 3) as a from bookings",
        masked,
        rows=MANY,
        care="outputs: {contacts: {}, ends: {}}",
    )
    (tmp_path / "domains/care/contacts/ends.sql").write_text(
        "select id, substr(email, 4, 3) as a from bookings"
    )
    text = (
        contract("contacts", ID + masked) + contract("ends", ID + masked).partition("schema:\n")[2]
    )
    write(tmp_path, {"domains/care/contacts/contract.yaml": text})
    report = contacts(tmp_path)
    assert report.outcome == "failed"
    found = [v.findings[0]["message"] for v in report.verdicts if v.rule == "SensitivityFollows"]
    assert len(found) == 2
    assert "a, mesh://care/contacts/ends#a together show 6 characters of a value" in str(found[0])


def test_pieces_that_another_product_puts_together_are_added_up(tmp_path: Path) -> None:
    middle = (
        "select left(email, 4) as p, keyed_hash(email) as h from bookings",
        column("p", method="masked") + column("h", method="hashed"),
    )
    flow_mesh(tmp_path, "select p || h as a from middle", column("a"), middle=middle, rows=MANY)
    assert verdict(contacts(tmp_path)).outcome == "passed"
    write(
        tmp_path,
        {
            "domains/desk/rest/defs.yaml": manifest(
                "inputs: {bookings: mesh://passengers/bookings}", archetype="aggregate"
            ),
            "domains/desk/rest/contract.yaml": contract("rest", ID + column("q", method="masked")),
            "domains/desk/rest/rest.sql": "select id, substr(email, 5, 4) as q from bookings",
            "domains/care/contacts/defs.yaml": manifest(
                "inputs: {middle: mesh://desk/middle, rest: mesh://desk/rest}",
                archetype="consumer-aligned",
            ),
            "domains/care/contacts/contacts.sql": "select p || q as a from middle, rest",
        },
    )
    mesh = publish(tmp_path, "passengers/bookings", "desk/middle", "desk/rest")
    report = run_product(mesh, mesh.product("mesh://care/contacts"))
    message = str(verdict(report).findings[0]["message"])
    assert "mesh://desk/middle/middle#p, mesh://desk/rest/rest#q together show 8" in message
