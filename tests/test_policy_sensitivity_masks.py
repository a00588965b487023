"""SensitivityFollows: masks that hide nothing of the values there are, and what Python declares."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow_meshes import BOOKINGS, HASH_KEY, column, contacts, flow_mesh, python_contacts, verdict
from meshes import load

from mesh_defs.contract.verdicts import Verdict
from mesh_defs.policy.flow import digests
from mesh_defs.product.flows import effective_classification

MASKED = column("a", method="masked")
PYTHON = """
def transform(context, bookings):
    import base64
    import hashlib

    import pyarrow as pa

    values = bookings.arrow()["{source}"].to_pylist()
    return pa.table({{"a": pa.array([{made} for x in values], pa.{type}())}})
"""
# A thousand people: a diagnosis of which few are frequent, and a postal code.
MORE = BOOKINGS + column("illness", "sensitive") + column("code", "personal")
ROWS = (
    "select i as id, 'p' || i || '@passengers.example' as email, "
    "case when i % 7 = 0 then 'halal' else 'standard' end as meal, "
    "cast(50 + i as double) as fare, date '1950-01-01' + (i * 11)::integer as born, "
    "'JFK' as origin, case when i % 3 = 0 then chr((65 + i % 26)::integer) || 'itis ' || i "
    "else 'healthy ' || i end as illness, 10000 + i * 80 as code from range(1000) t(i)"
)


@pytest.fixture(autouse=True)
def _hash_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_HASH_KEY", HASH_KEY)


def judged(root: Path, query: str, properties: str = MASKED, with_: str = "") -> Verdict:
    """The verdict on ``care/contacts`` by ``query``."""
    policies = f"- {{policy: SensitivityFollows{with_}}}"
    flow_mesh(root, query, properties, bookings=MORE, rows=ROWS, policies=policies)
    return verdict(contacts(root))


def made(root: Path, made_of: str, method: str, source: str = "email") -> str:
    """What is found where Python makes ``made_of`` of each ``x`` of ``source`` and declares it; an
    empty text when nothing is."""
    properties = column("a", method=method, sources=[f"bookings.{source}"])
    flow_mesh(root, "", properties, bookings=MORE, rows=ROWS)
    python_contacts(root, PYTHON.format(source=source, made=made_of, type="string"))
    found = verdict(contacts(root))
    assert found.outcome in ("passed", "failed"), found.reason
    return str(found.findings[0]["message"]) if found.findings else ""


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select left(meal, 4) as a from bookings",
         ("it shows 2 different values of the 2 that mesh://passengers/bookings/bookings#meal has: "
          "1.0 stand behind each, and 3 are asked for")),
        ("select meal = 'halal' as a from bookings", "it shows 2 different values of the 2"),
        ("select left(code::varchar, 4) as a from bookings where id < 300",
         "of 50 of the values that it shows are each found in fewer than 3 of the values"),
        ("select right(email, 4) || left(code::varchar, 4) as a from bookings",
         "stand behind each"),
    ],
)  # fmt: skip
def test_a_mask_that_merges_no_values_is_found(tmp_path: Path, query: str, said: str) -> None:
    found = judged(tmp_path, query)
    assert found.outcome == "failed"
    assert said in str(found.findings[0]["message"])
    assert "halal" not in str(found)


@pytest.mark.parametrize(
    "query",
    [
        "select left(illness, 4) as a from bookings where id % 3 > 0",
        "select left(email, 2) as a from bookings",
        "select left(code::varchar, 2) as a from bookings",
        "select year(born) as a from bookings",
        "select email like '%9%' as a from bookings",
        "select case when email < 'p5' then 'first' else 'last' end as a from bookings",
        "select left(keyed_hash(meal), 4) as a from bookings",
    ],
)
def test_what_merges_them_passes(tmp_path: Path, query: str) -> None:
    assert judged(tmp_path, query).outcome == "passed"


def test_a_domain_may_ask_for_more_values_behind_each(tmp_path: Path) -> None:
    query = "select left(code::varchar, 2) as a from bookings"
    assert judged(tmp_path / "usual", query).outcome == "passed"
    strict = judged(tmp_path / "strict", query, with_=", with: {masked_values: 20}")
    assert "and 20 are asked for" in str(strict.findings[0]["message"])


def test_what_is_only_warned_of_is_read_as_what_it_is(tmp_path: Path) -> None:
    found = judged(tmp_path, "select left(meal, 4) as a from bookings", with_=", consequence: warn")
    assert found.outcome == "warned"
    assert effective_classification(load(tmp_path), "mesh://care/contacts#a") == "sensitive"


@pytest.mark.parametrize(
    "query",
    [
        "select left((born - date '1950-01-01')::varchar, 4) as a from bookings",
        "select left(chr((born - date '1900-01-01')::int), 1) as a from bookings",
        "select left('' || (born - date '1950-01-01'), 4) as a from bookings",
        (
            "with d as (select born - date '1950-01-01' as n from bookings) "
            "select left(n::varchar, 4) as a from d"
        ),
    ],
)
def test_a_mask_of_what_a_number_was_written_as_bounds_nothing(tmp_path: Path, query: str) -> None:
    found = judged(tmp_path, query)
    assert "nothing bounds what is shown of a value" in str(found.findings[0]["message"])


@pytest.mark.parametrize(
    ("made_of", "said"),
    [
        ("x[1:]", "1.0 stand behind each"),
        ("x.upper()", "1.0 stand behind each"),
        ("'<' + x[1:] + '>'", "stand behind each"),
    ],
)
def test_what_python_calls_a_mask_is_compared_with_the_source(
    tmp_path: Path, made_of: str, said: str
) -> None:
    assert said in made(tmp_path, made_of, "masked")


@pytest.mark.parametrize("method", ["hashed", "dropped"])
def test_more_than_half_of_a_value_in_one_piece_is_the_value(tmp_path: Path, method: str) -> None:
    said = made(tmp_path, "'~' + x[2:20] + '~'", method, "illness")
    assert "of its different values have more than half of a value of" in said
    assert "bookings#illness in one piece" in said


@pytest.mark.parametrize(
    ("made_of", "method"),
    [
        ("x[:2]", "masked"),
        ("x.split('@')[1]", "masked"),  # More than half of each, and the same of all.
        ("context.keyed_hash(x)", "hashed"),
        ("base64.b64encode(bytes.fromhex(context.keyed_hash(x))).decode()", "hashed"),
        ("context.keyed_hash(x)[:12]", "hashed"),
        ("'none of ' + str(len(x))", "dropped"),
    ],
)
def test_what_python_reduces_passes(tmp_path: Path, made_of: str, method: str) -> None:
    assert made(tmp_path, made_of, method) == ""


WRITTEN = (
    "{}.hexdigest()",
    "{}.hexdigest().upper()",
    "base64.b64encode({}.digest()).decode()",
    "base64.urlsafe_b64encode({}.digest()).decode().rstrip('=')",
)


@pytest.mark.parametrize(
    ("name", "written"),
    [(name, WRITTEN[at % len(WRITTEN)]) for at, name in enumerate(digests.DIGESTS)]
    + [("sha512", written) for written in WRITTEN],
)
@pytest.mark.parametrize("text", ["x", "x.strip().upper()"])
def test_a_plain_digest_that_is_called_keyed_is_found(
    tmp_path: Path, name: str, written: str, text: str
) -> None:
    digest = written.format(f"hashlib.new('{name}', ({text}).encode())")
    said = made(tmp_path, digest, "hashed")
    assert f"1,000 rows have the plain {name.replace('sha3_', 'sha3-')} of mesh://" in said


def test_digests_as_bytes_and_of_some_rows_are_found(tmp_path: Path) -> None:
    some = "hashlib.sha384(x.encode()).digest() if x < 'p2' else x[:1].encode()"
    properties = column("a", method="hashed", sources=["bookings.email"])
    properties = properties.replace("{name: a", "{name: a, logicalType: string, physicalType: BLOB")
    flow_mesh(tmp_path, "", properties, bookings=MORE, rows=ROWS)
    python_contacts(tmp_path, PYTHON.format(source="email", made=some, type="binary"))
    assert "112 rows have the plain sha384" in str(verdict(contacts(tmp_path)).findings[0])
