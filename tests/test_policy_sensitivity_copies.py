"""SensitivityFollows: what Python copied from a personal column that nothing names as a source."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow_meshes import BOOKINGS, HASH_KEY, column, contacts, flow_mesh, python_contacts, verdict
from meshes import load

from mesh_defs.contract.verdicts import Verdict
from mesh_defs.policy.flow import copies
from mesh_defs.product.flows import effective_classification

PYTHON = """
def transform(context, bookings):
    return bookings.duckdb().query("b", \"\"\"select {columns} from b\"\"\")
"""
# Beside those of the usual mesh: a telephone number, a nation and a postal code.
MORE = (
    BOOKINGS
    + column("phone", "personal")
    + column("nation", "personal")
    + column("code", "personal")
    + column("label", "internal")
)
ROWS = (
    "select i as id, 'p' || i || '@passengers.example' as email, 'standard' as meal, 1.5 as fare, "
    "date '1950-01-01' + i::integer as born, 'JFK' as origin, 491700000000 + i * 7919 as phone, "
    "'nation ' || (i % 40) as nation, 10000 + i as code, "
    "case when i < 9 then 'p' || i || '@passengers.example' else 'label ' || i end as label "
    "from range(1000) t(i)"
)


@pytest.fixture(autouse=True)
def _hash_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_HASH_KEY", HASH_KEY)


def judged(root: Path, columns: str, properties: str, with_: str = "") -> Verdict:
    """The verdict on ``care/contacts``, which Python makes of ``columns``."""
    policies = f"- {{policy: SensitivityFollows{with_}}}"
    flow_mesh(root, "", properties, bookings=MORE, rows=ROWS, policies=policies)
    python_contacts(root, PYTHON.format(columns=columns))
    report = contacts(root)
    found = verdict(report)
    assert found.outcome != "error", found.reason
    return found


@pytest.mark.parametrize(
    ("columns", "properties", "said"),
    [
        ("email as note", column("note", sources=["bookings.origin"]),
         "in it (100%) are values of mesh://passengers/bookings/bookings#email, which is personal"),
        ("' ' || upper(email) || '  ' as note", column("note", sources=["bookings.origin"]),
         "bookings#email"),
        # By its name it is made of the input's column of that name, which has nine of them.
        ("email as label", column("label"), "991 of the different values"),
        ("phone as score", column("score", sources=["bookings.id"]), "bookings#phone"),
        ("phone::varchar as note", column("note", sources=["bookings.id"]), "bookings#phone"),
        # Among others, and of some rows alone.
        ("case when id % 2 = 0 then email else 'none of ' || id end as note",
         column("note", sources=["bookings.origin"]), "500 of the different values in it (50%)"),
        ("case when id < 50 then email else 'none' end as note",
         column("note", sources=["bookings.origin"]), "50 of the different values in it (98%)"),
        # Declared to be made of something else, and reduced.
        ("email as note", column("note", method="hashed", sources=["bookings.phone"]),
         "bookings#email"),
    ],
)  # fmt: skip
def test_a_copy_is_found_whatever_the_contract_names_as_its_source(
    tmp_path: Path, columns: str, properties: str, said: str
) -> None:
    found = judged(tmp_path, columns, properties)
    assert found.outcome == "failed"
    (finding,) = found.findings
    assert said in str(finding["message"])
    assert finding["classification"] == "personal"
    assert "@passengers" not in str(found)


@pytest.mark.parametrize(
    ("columns", "properties"),
    [
        ("email as note", column("note", "personal", sources=["bookings.origin"])),
        ("email as note", column("note", "sensitive")),
        # Nine values in a thousand are there by chance; so it is where all of them are so few.
        ("label as note", column("note", sources=["bookings.origin"])),
        ("case when id < 9 then email else 'none' end as note",
         column("note", sources=["bookings.origin"])),
        # Nations are not people, and numbers and days that fill their range meet any others.
        ("nation as place", column("place", sources=["bookings.origin"])),
        ("code as number", column("number", sources=["bookings.id"])),
        ("born as day", column("day", sources=["bookings.id"])),
        # What it is said to be made of has these values too.
        ("label", column("label", sources=["bookings.label"])),
        ("keyed_hash(email) as h", column("h", method="hashed", sources=["bookings.email"])),
        ("'note ' || id as note", column("note", sources=["bookings.id"])),
    ],
)  # fmt: skip
def test_what_nearly_is_a_copy_passes(tmp_path: Path, columns: str, properties: str) -> None:
    assert judged(tmp_path, columns, properties).outcome == "passed"


def test_values_that_a_named_source_has_too_are_no_copy(tmp_path: Path) -> None:
    rows = ROWS.replace("case when i < 9", "case when i < 900")
    flow_mesh(tmp_path, "", column("note", sources=["bookings.label"]), bookings=MORE, rows=rows)
    python_contacts(tmp_path, PYTHON.format(columns="label as note"))
    assert verdict(contacts(tmp_path)).outcome == "passed"
    flow_mesh(
        tmp_path / "other", "", column("note", sources=["bookings.id"]), bookings=MORE, rows=rows
    )
    python_contacts(tmp_path / "other", PYTHON.format(columns="label as note"))
    assert verdict(contacts(tmp_path / "other")).outcome == "failed"


def test_the_share_and_the_number_of_values_can_be_made_stricter(tmp_path: Path) -> None:
    part = "case when id < 9 then email else 'none' end as note"
    properties = column("note", sources=["bookings.origin"])
    found = judged(tmp_path / "number", part, properties, ", with: {copied_values: 5}")
    assert "9 of the different values in it (90%)" in str(found.findings[0]["message"])
    part = "case when id % 10 = 0 then email else 'none of ' || id end as note"
    assert judged(tmp_path / "usual", part, properties).outcome == "passed"
    found = judged(tmp_path / "share", part, properties, ", with: {copied_share: 0.1}")
    assert "100 of the different values in it (10%)" in str(found.findings[0]["message"])


@pytest.mark.parametrize("sample", [100, 100_000])
def test_all_values_of_a_person_among_many_others_are_a_copy_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample: int
) -> None:
    monkeypatch.setattr(copies, "SAMPLE", sample)  # of 1,000 rows
    among = "unnest([email, 'first ' || id, 'second ' || id, 'third ' || id]) as note"
    found = judged(tmp_path, among, column("note", sources=["bookings.id"]))
    message = str(found.findings[0]["message"])
    assert "1,000 of the different values in it (100%) are values of" in message


def test_a_copy_that_is_only_warned_of_is_read_as_what_it_is(tmp_path: Path) -> None:
    policies = "- {policy: SensitivityFollows, consequence: warn}"
    properties = column("note", sources=["bookings.origin"])
    flow_mesh(tmp_path, "", properties, bookings=MORE, rows=ROWS, policies=policies)
    python_contacts(tmp_path, PYTHON.format(columns="email as note"))
    assert verdict(contacts(tmp_path)).outcome == "warned"
    assert effective_classification(load(tmp_path), "mesh://care/contacts#note") == "personal"


def test_sql_is_not_asked_for_what_its_lineage_proves(tmp_path: Path) -> None:
    flow_mesh(tmp_path, "select label as a from bookings", column("a"), bookings=MORE,
              rows=ROWS.replace("case when i < 9", "case when i < 900"))  # fmt: skip
    assert verdict(contacts(tmp_path)).outcome == "passed"
