"""SensitivityFollows: what is personal upstream is personal downstream, unless it was reduced."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow_meshes import (
    BOOKINGS,
    HASH_KEY,
    column,
    contacts,
    flow_mesh,
    publish,
    python_contacts,
    verdict,
)
from meshes import contract, load, write

from mesh_defs.product.container import run_product
from mesh_defs.product.flows import effective_classification


@pytest.fixture(autouse=True)
def _hash_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_HASH_KEY", HASH_KEY)


def outcome(root: Path) -> str:
    return verdict(contacts(root)).outcome


def only(root: Path) -> dict[str, object]:
    """The one finding on ``care/contacts``, which must not publish."""
    report = contacts(root)
    assert report.outcome == "failed"
    found = verdict(report).findings
    assert len(found) == 1, found
    return dict(found[0])


def test_a_personal_column_under_another_name_is_found_with_its_way(tmp_path: Path) -> None:
    flow_mesh(
        tmp_path,
        "select id, note as contact from middle",
        column("id") + column("contact"),
        middle=(
            "select id, lower(email) as note from bookings",
            column("id") + column("note", "personal"),
        ),
    )
    found = only(tmp_path)
    assert found["column"] == "contact"
    assert found["path"] == [
        "mesh://care/contacts/contacts#contact",
        "mesh://desk/middle/middle#note",
    ]
    assert "mesh://care/contacts/contacts#contact <- mesh://desk/middle/middle#note" in str(
        found["message"]
    )
    assert (found["file"], found["line"]) == ("domains/care/contacts/contract.yaml", 10)
    assert "classification: personal" in str(found["fix"])


def test_the_way_goes_back_to_where_it_is_personal_first(tmp_path: Path) -> None:
    flow_mesh(
        tmp_path,
        "select contact from middle",
        column("contact"),
        middle=("select trim(email) as contact from bookings", column("contact")),
        policies="- {policy: SensitivityFollows, where: {domain: care}}",
    )
    assert only(tmp_path)["path"] == [
        "mesh://care/contacts/contacts#contact",
        "mesh://desk/middle/middle#contact",
        "mesh://passengers/bookings/bookings#email",
    ]


def test_each_product_on_the_way_is_stopped_where_it_lowers(tmp_path: Path) -> None:
    flow_mesh(
        tmp_path,
        "select contact from middle",
        column("contact"),
        middle=("select trim(email) as contact from bookings", column("contact")),
    )
    mesh = publish(tmp_path, "passengers/bookings")
    assert run_product(mesh, mesh.product("mesh://desk/middle")).outcome == "failed"


@pytest.mark.parametrize(
    ("query", "properties"),
    [
        ("select email as a from bookings", column("a", "personal")),
        ("select meal as a from bookings", column("a", "sensitive")),
        ("select fare as a from bookings", column("a", "confidential")),
        ("select id as a from bookings", column("a", "internal")),
        ("select origin as a from bookings", column("a", "public")),
        # It decides about rows, and is not shown.
        ("select origin as a from bookings where email like 'p1%'", column("a")),
        ("select distinct on (email) origin as a from bookings", column("a")),
        # The newest row of each key: an order by what is not personal tells of nobody.
        ("select distinct on (origin) origin as a from bookings order by origin, fare desc",
         column("a", "public")),
        ("select origin as a from bookings group by origin order by count(distinct email) limit 2",
         column("a")),
        ("select origin as a, row_number() over (partition by email) as b from bookings",
         column("a") + column("b")),
        # Reduced, and declared so.
        ("select keyed_hash(email) as a from bookings", column("a", method="hashed")),
        ("select left(email, 2) as a from bookings", column("a", method="masked")),
        ("select year(born) as a from bookings", column("a", method="masked")),
        ("select count(distinct email) as a from bookings group by origin having count(*) >= 10",
         column("a", method="aggregated", k=10)),
        (("select origin, avg(year(born)) as a, count(*) as n from bookings group by origin "
         "having count(*) > 3"),
         column("origin") + column("a", method="aggregated", k=10, countedIn="n") + column("n")),
    ],
)  # fmt: skip
def test_what_is_classified_or_reduced_as_it_must_be_passes(
    tmp_path: Path, query: str, properties: str
) -> None:
    flow_mesh(tmp_path, query, properties)
    assert outcome(tmp_path) == "passed"


@pytest.mark.parametrize(
    ("query", "properties", "said"),
    [
        ("select email as a from bookings", column("a", "confidential"), "personal data flows in"),
        ("select meal as a from bookings", column("a", "personal"), "sensitive data flows into it"),
        # Its order chooses the rows.
        ("select distinct on (origin) id as a from bookings order by origin, born", column("a"),
         "personal data flows into it (its order chooses the rows: LIMIT, DISTINCT ON"),
        ("select id as a from bookings order by born desc limit 3", column("a"),
         "mesh://care/contacts/contacts#a <- mesh://passengers/bookings/bookings#born"),
        ("select id as a from bookings qualify row_number() over (order by born) = 1",
         column("a"), "its order chooses the rows"),
        ("select left(email, 2) as a from bookings order by email limit 9",
         column("a", method="masked"), "It is declared as masked, but on one way it is chosen"),
        # Reduced, and not declared so.
        ("select keyed_hash(email) as a from bookings", column("a"), "(hashed)"),
        # Declared, and not reduced so.
        ("select email as a from bookings", column("a", method="hashed"), "the value itself"),
        ("select sha256(email) as a from bookings", column("a", method="hashed"),
         "not through keyed_hash()"),
        ("select coalesce(keyed_hash(email), email) as a from bookings",
         column("a", method="hashed"), "the value itself"),
        ("select keyed_hash(email) as a from bookings union all select email from bookings",
         column("a", method="hashed"), "the value itself"),
        ("select left(email, 5) as a from bookings", column("a", method="masked"),
         "5 characters of a value are shown, more than 4"),
        ("select left(email, 2) as a, substr(email, 3, 3) as b from bookings",
         column("a", method="masked") + column("b", "personal"), "a, b together show 5 characters"),
        ("select regexp_replace(email, '@.*', '') as a from bookings",
         column("a", method="masked"), "nothing bounds what is shown"),
        ("select email as a from bookings", column("a", method="dropped"), "and yet it flows in"),
        ("select count(distinct email) as a from bookings group by origin having count(*) >= 9",
         column("a", method="aggregated", k=10), "groups of 9 rows are let through"),
        ("select count(distinct email) as a from bookings group by origin",
         column("a", method="aggregated", k=10), "nothing proves groups of 10 rows"),
        ("select count(distinct email) as a from bookings group by origin having count(*) >= 5",
         column("a", method="aggregated", k=5), "groups of 5 rows are declared, and 10 are asked"),
        ("select max(email) as a from bookings having count(*) >= 10",
         column("a", method="aggregated", k=10), "give single values away"),
        ("select origin, avg(year(born)) as a, count(*) as n from bookings group by origin",
         column("origin") + column("a", method="aggregated", k=10, countedIn="n") + column("n"),
         "in 1 row 'n' is below 10"),
        ("select origin, avg(year(born)) as a, 100 as n from bookings group by origin",
         column("origin") + column("a", method="aggregated", k=10, countedIn="n") + column("n"),
         "'n' does not count the rows behind it"),
    ],
)  # fmt: skip
def test_what_is_not_reduced_as_declared_is_found(
    tmp_path: Path, query: str, properties: str, said: str
) -> None:
    flow_mesh(tmp_path, query, properties)
    assert said in str(only(tmp_path)["message"])


def test_no_value_stands_in_what_is_found(tmp_path: Path) -> None:
    flow_mesh(tmp_path, "select email as a from bookings", column("a"))
    assert "passengers.example" not in str(contacts(tmp_path).verdicts)


def test_what_nobody_can_read_counts_as_holding_everything(tmp_path: Path) -> None:
    query = "select getvariable('x')::varchar as a, s.name as b from bookings, duckdb_settings() s"
    flow_mesh(tmp_path, query, column("a") + column("b"))
    found = only(tmp_path)
    assert found["column"] == "b"
    assert "where it comes from is not known" in str(found["message"])
    assert "sensitive data" in str(found["message"])
    flow_mesh(
        tmp_path / "lenient",
        query,
        column("a") + column("b"),
        policies="- {policy: SensitivityFollows, with: {unknown: nothing}}",
    )
    assert outcome(tmp_path / "lenient") == "passed"


@pytest.mark.parametrize(
    ("query", "classification", "minimum", "said"),
    [
        ("fare", "public", "", "confidential data flows into it"),
        ("fare", "internal", "", "confidential data flows into it"),
        ("id", "public", "", "internal data flows into it"),
        ("fare", "internal", ", with: {minimum: confidential}", "confidential data flows into it"),
        ("id", "public", ", with: {minimum: confidential}", None),
        ("fare", "public", ", with: {minimum: personal}", None),
    ],
)
def test_whatever_is_classified_higher_follows_from_the_minimum_on(
    tmp_path: Path, query: str, classification: str, minimum: str, said: str | None
) -> None:
    flow_mesh(
        tmp_path,
        f"select {query} as a from bookings",
        column("a", classification),
        policies=f"- {{policy: SensitivityFollows{minimum}}}",
    )
    if said is None:
        assert outcome(tmp_path) == "passed"
    else:
        assert said in str(only(tmp_path)["message"])


PYTHON = """
def transform(context, bookings):
    rows = bookings.duckdb()
    return rows.query("b", "select {columns} from b")
"""


@pytest.mark.parametrize(
    ("columns", "properties", "said"),
    [
        ("email", column("email"), "assumed"),
        ("meal as note", column("note"), "made in Python, and no input has a column of this name"),
        ("email as note", column("note", sources=["bookings.email"]), "personal data flows"),
        ("email as note", column("note", sources=["bookings.nothing"]),
         "names 'bookings.nothing', which is no <input>.<column>"),
        ("sha256(email) as h", column("h", method="hashed", sources=["bookings.email"]),
         "the plain sha256 of mesh://passengers/bookings/bookings#email"),
        ("case when id = 3 then email else 'x' end as h",
         column("h", method="hashed", sources=["bookings.email"]), "1 row has values of"),
        ("email", column("email", method="dropped"), "100 rows have values of"),
        ("count(*) as n", column("n", method="aggregated", k=10, sources=["bookings.born"]),
         "nothing but 'countedIn' could show it"),
        ("origin, count(*) as n, avg(year(born)) as y",
         column("origin") + column("n", sources=["bookings.origin"])
         + column("y", method="aggregated", k=10, countedIn="n", sources=["bookings.born"]),
         "in 1 row 'n' is below 10"),
    ],
)  # fmt: skip
def test_what_python_makes_is_held_to_names_to_what_is_declared_and_to_the_data(
    tmp_path: Path, columns: str, properties: str, said: str
) -> None:
    group = " group by origin" if "origin," in columns else ""
    flow_mesh(tmp_path, "", properties)
    python_contacts(tmp_path, PYTHON.format(columns=columns).replace("from b", f"from b{group}"))
    assert said in str(only(tmp_path)["message"])


@pytest.mark.parametrize(
    ("columns", "properties"),
    [
        ("keyed_hash(email) as h", column("h", method="hashed", sources=["bookings.email"])),
        ("origin as place", column("place", sources=["bookings.origin"])),
        ("left(email, 2) as e", column("e", method="masked", sources=["bookings.email"])),
        ("email", column("email", "personal")),
        ("'nobody' as email", column("email", method="dropped")),
        ("meal as note", column("note", "sensitive")),
        ("origin, count(*) + 10 as n, avg(year(born)) as y",
         column("origin") + column("n", sources=["bookings.origin"])
         + column("y", method="aggregated", k=10, countedIn="n", sources=["bookings.born"])),
    ],
)  # fmt: skip
def test_what_the_data_does_not_contradict_passes(
    tmp_path: Path, columns: str, properties: str
) -> None:
    group = " group by origin" if "origin," in columns else ""
    flow_mesh(tmp_path, "", properties)
    python_contacts(tmp_path, PYTHON.format(columns=columns).replace("from b", f"from b{group}"))
    assert outcome(tmp_path) == "passed"


def test_rows_that_stay_from_earlier_code_keep_its_lineage(tmp_path: Path) -> None:
    care = "outputs: {contacts: {mode: append, cursor: id}}"
    flow_mesh(
        tmp_path,
        "select id, email as a from bookings where id < 5",
        "- {name: id, logicalType: integer, required: true}\n" + column("a", method="hashed"),
        policies="- {policy: SensitivityFollows, consequence: warn}",
        care=care,
    )
    assert verdict(contacts(tmp_path)).outcome == "warned"
    query = tmp_path / "domains/care/contacts/contacts.sql"
    query.write_text("select id, keyed_hash(email) as a from bookings")
    mesh = load(tmp_path)
    product = mesh.product("mesh://care/contacts")
    report = run_product(mesh, product)
    assert report.record is not None
    assert verdict(report).outcome == "warned"
    assert report.record.lineage["ways"] == {}
    rebuilt = run_product(mesh, product, rebuild=True)
    assert verdict(rebuilt).outcome == "passed"
    assert rebuilt.record is not None
    assert rebuilt.record.lineage["ways"] == {
        "contacts": {"a": {"passengers/bookings/bookings#email": "hashed"}}
    }


def test_the_contract_that_a_version_was_published_under_counts(tmp_path: Path) -> None:
    flow_mesh(tmp_path, "select email as a from bookings", column("a"))
    publish(tmp_path, "passengers/bookings")
    lowered = BOOKINGS.replace("classification: personal", "classification: internal")
    write(tmp_path, {"domains/passengers/bookings/contract.yaml": contract("bookings", lowered)})
    mesh = load(tmp_path)
    report = run_product(mesh, mesh.product("mesh://care/contacts"))
    assert verdict(report).outcome == "failed"


def test_who_raises_a_classification_means_what_was_published_before_too(tmp_path: Path) -> None:
    flow_mesh(tmp_path, "select origin as a from bookings", column("a"))
    assert outcome(tmp_path) == "passed"
    raised = BOOKINGS.replace("classification: public", "classification: personal")
    write(tmp_path, {"domains/passengers/bookings/contract.yaml": contract("bookings", raised)})
    mesh = load(tmp_path)
    report = run_product(mesh, mesh.product("mesh://care/contacts"), rebuild=True)
    assert verdict(report).outcome == "failed"


def test_the_effective_classification_of_what_is_published(tmp_path: Path) -> None:
    flow_mesh(
        tmp_path,
        "select contact, keyed_hash(contact) as h, id from middle",
        column("contact") + column("h", method="hashed") + column("id"),
        middle=("select id, trim(email) as contact from bookings",
                column("id") + column("contact")),
        policies="- {policy: SensitivityFollows, consequence: warn}",
    )  # fmt: skip
    contacts(tmp_path)
    mesh = load(tmp_path)
    assert effective_classification(mesh, "mesh://desk/middle#contact") == "personal"
    assert effective_classification(mesh, "mesh://care/contacts#contact") == "personal"
    assert effective_classification(mesh, "mesh://care/contacts#h") == "internal"
    assert effective_classification(mesh, "mesh://care/contacts/contacts#id") == "internal"


def test_it_has_nothing_to_say_where_no_other_product_is_read(tmp_path: Path) -> None:
    flow_mesh(tmp_path, "select email as a from bookings", column("a", "personal"))
    mesh = load(tmp_path)
    report = run_product(mesh, mesh.product("mesh://passengers/bookings"))
    assert not [v for v in report.verdicts if v.stage == "policy"]


def test_a_version_that_is_not_known_any_more_is_an_error(tmp_path: Path) -> None:
    flow_mesh(
        tmp_path,
        "select contact as a from middle",
        column("a"),
        middle=("select trim(email) as contact from bookings", column("contact", "personal")),
    )
    publish(tmp_path, "passengers/bookings", "desk/middle")
    for record in (tmp_path / ".mesh/storage/passengers/bookings").rglob("ledger/*.json"):
        record.unlink()
    mesh = load(tmp_path)
    report = run_product(mesh, mesh.product("mesh://care/contacts"))
    assert verdict(report).outcome == "error"
    assert report.outcome == "failed"
