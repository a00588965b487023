"""What is measured of a port: each fact from what really happened to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshes import contract, load, manifest, write_mesh, write_parquet
from trust_meshes import folder_of, publish, settings, store_of

from mesh_defs.discovery.lineage.kept import KeptGraph, MeshCatalogue
from mesh_defs.discovery.trust.fact import Fact
from mesh_defs.discovery.trust.facts import consumers_fact, product_trust
from mesh_defs.discovery.trust.incidents import incidents
from mesh_defs.discovery.trust.measures import freshness_kept
from mesh_defs.discovery.trust.past import Past, Run, Version
from mesh_defs.errors import TransformFailed
from mesh_defs.product.attempts import Attempt, Attempts
from mesh_defs.product.container import run_product

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
URL, IDENTITY = "mesh://ops/flights", "ops/flights"
COLUMNS = """
- {name: id, logicalType: integer, required: true, primaryKey: true}
- {name: delay, logicalType: integer, logicalTypeOptions: {minimum: 0}}
- {name: note, logicalType: string}
"""
LATENCY = "slaProperties:\n  - {property: latency, value: 2, unit: d}\n"
SQL = "select id, delay, note from flights"


def flights_mesh(root: Path, promise: str = LATENCY, sql: str = SQL, body: str = "") -> Path:
    return write_mesh(
        root,
        {
            "domains/ops/flights/defs.yaml": manifest(
                "inputs: {flights: files://flights}\n" + body
            ),
            "domains/ops/flights/contract.yaml": contract("flights", COLUMNS) + promise,
            "domains/ops/flights/flights.sql": sql,
        },
    )


def rows(root: Path, count: int, delay: str = "i % 60") -> None:
    note = "case when i % 4 = 0 then 'late' end"
    query = f"select i as id, {delay} as delay, {note} as note from range({count}) t(i)"
    write_parquet(root, "flights", query)


def at(root: Path, version: int, time: datetime, **port: object) -> None:
    """The version was published then."""
    file = Path(store_of(root, URL).location(f"ledger/{version:012d}.json"))
    record = json.loads(file.read_text())
    record["published_at"] = time.isoformat()
    record["ports"]["flights"] |= port
    file.write_text(json.dumps(record))


def attempt(root: Path, time: datetime, result: str) -> None:
    """A run that was made then."""
    Attempts(store_of(root, URL)).write(Attempt(f"r{time:%d%H}", time.isoformat(), result))  # type: ignore[arg-type]


def facts(root: Path, now: datetime = NOW) -> dict[str, Fact]:
    found = product_trust(settings(root), IDENTITY, now).ports["flights"]
    return {fact.id: fact for fact in found}


def versions(root: Path, *counts: int) -> None:
    for count in counts:
        rows(root, count)
        publish(root, URL)


def no_attempts(root: Path) -> None:
    for file in (folder_of(root, URL) / "runs").iterdir():
        file.unlink()


def test_promises_kept_counts_versions_and_refused_runs(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 10, 20, 30)
    rows(root, 10, delay="-1")
    mesh = load(root)
    assert run_product(mesh, mesh.product(URL)).outcome == "failed"
    fact = facts(root, datetime.now(UTC) + HOUR)["promises_kept"]
    assert (fact.value, fact.unit) == (0.75, "share")
    assert fact.details == {"kept": 3, "runs": 4}
    assert [point.value for point in fact.series[:3]] == [1.0, 1.0, 1.0]
    assert 0 < fact.series[3].value < 1


def test_promises_kept_counts_runs_that_found_nothing_new(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path, body="outputs: {flights: {mode: append, cursor: id}}")
    versions(root, 10)
    rows(root, 10)
    mesh = load(root)
    assert run_product(mesh, mesh.product(URL)).outcome == "unchanged"
    fact = facts(root, datetime.now(UTC) + HOUR)["promises_kept"]
    assert fact.details == {"kept": 2, "runs": 2}
    assert [point.value for point in fact.series] == [1.0, 1.0]


def test_a_warning_is_not_a_promise_that_was_kept(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    text = (root / "domains/ops/flights/contract.yaml").read_text()
    soft = (
        "      - {name: note, logicalType: string, quality: [{type: library, metric: nullValues, "
        "mustBe: 0, severity: warning}]}\n"
    )
    text = text.replace("      - {name: note, logicalType: string}\n", soft)
    (root / "domains/ops/flights/contract.yaml").write_text(text)
    versions(root, 10)
    assert facts(root, datetime.now(UTC) + HOUR)["promises_kept"].value == 0.0


def test_a_run_that_checked_nothing_is_no_run_that_kept_promises(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 10)
    (root / "domains/ops/flights/flights.sql").write_text("select no_such_column from flights")
    mesh = load(root)
    with pytest.raises(TransformFailed):
        run_product(mesh, mesh.product(URL))
    found = facts(root, datetime.now(UTC) + HOUR)
    assert found["promises_kept"].details == {"kept": 1, "runs": 1}
    assert found["incidents"].details["incidents"][0]["kind"] == "broke"


def test_freshness_kept_is_a_share_of_the_time(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 10, 10)
    # Ten days ago, fresh for two; then six days ago, fresh for two.
    at(root, 0, NOW - 10 * DAY)
    at(root, 1, NOW - 6 * DAY)
    fact = facts(root)["freshness_kept"]
    assert fact.value == pytest.approx(4 / 10)
    assert fact.details == {"promised_seconds": 2 * 86_400, "by": None}
    assert "when it was published" in fact.how
    by_day = {point.time: point.value for point in fact.series}
    assert by_day[datetime(2026, 11, 12, tzinfo=UTC)] == 1.0
    assert by_day[datetime(2026, 11, 13, tzinfo=UTC)] == pytest.approx(0.5)
    assert by_day[datetime(2026, 11, 14, tzinfo=UTC)] == 0.0


def test_freshness_goes_by_the_column_that_the_contract_names(tmp_path: Path) -> None:
    promise = "slaProperties:\n  - {property: latency, value: 3, unit: d, element: flights.at}\n"
    body = "outputs:\n  flights: {actual_time: at}\n"
    root = flights_mesh(
        tmp_path, promise, "select id, delay, note, now()::timestamp as at from flights", body
    )
    file = root / "domains/ops/flights/contract.yaml"
    column = "- {name: at, logicalType: timestamp, required: true}\n"
    file.write_text(file.read_text().replace("slaP", f"      {column}slaP"))
    versions(root, 10)
    at(root, 0, NOW - 10 * DAY, actual_to=(NOW - 12 * DAY).replace(tzinfo=None).isoformat(" "))
    fact = facts(root)["freshness_kept"]
    # Two days old already when it was published: fresh for one day of ten.
    assert fact.value == pytest.approx(1 / 10)
    assert "the newest value of at" in fact.how


def test_without_a_promise_there_is_no_freshness(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path, promise="")
    versions(root, 10)
    fact = facts(root, datetime.now(UTC) + HOUR)["freshness_kept"]
    assert (fact.value, fact.series) == (None, ())
    assert "promises nothing" in fact.how


def test_volume_stability_is_the_relative_spread(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 10, 30)
    fact = facts(root, datetime.now(UTC) + HOUR)["volume_stability"]
    assert fact.value == pytest.approx(10 / 20)
    assert [point.value for point in fact.series] == [10, 30]


def test_volume_of_what_grows_is_what_was_added(tmp_path: Path) -> None:
    body = "outputs:\n  flights: {mode: append, cursor: id}\n"
    root = flights_mesh(tmp_path, body=body)
    versions(root, 10, 20, 30)
    fact = facts(root, datetime.now(UTC) + HOUR)["volume_stability"]
    assert fact.value == 0
    assert [point.value for point in fact.series] == [10, 10, 10]
    assert fact.details["of"] == "added"


def test_completeness_is_that_of_the_profile(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 8)
    fact = facts(root, datetime.now(UTC) + HOUR)["completeness"]
    # Three columns, of which one has a value in every fourth row.
    assert fact.value == pytest.approx((1 + 1 + 0.25) / 3)
    assert fact.details == {"required": 1.0, "optional": pytest.approx((1 + 0.25) / 2)}


def test_lineage_completeness_counts_columns_of_known_origin(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 8)
    fact = facts(root, datetime.now(UTC) + HOUR)["lineage_completeness"]
    assert (fact.value, fact.details) == (1.0, {"known": 3, "columns": 3})


def test_the_contracts_age_is_that_of_its_version(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 8, 8, 8)
    at(root, 0, NOW - 90 * DAY, contract_version="0.9.0")
    at(root, 1, NOW - 50 * DAY)
    at(root, 2, NOW - DAY)
    fact = facts(root)["age_of_contract"]
    assert (fact.value, fact.unit) == (50.0, "days")
    assert fact.details["version"] == "1.0.0"


def test_incidents_begin_and_are_mended(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 8, 8, 8)
    no_attempts(root)
    at(root, 0, NOW - 4 * DAY)
    at(root, 1, NOW - 3 * DAY)
    at(root, 2, NOW - 1 * DAY)
    # Two runs failed after each other: one incident, mended by version 1.
    attempt(root, NOW - 4 * DAY + 10 * HOUR, "failed")
    attempt(root, NOW - 4 * DAY + 12 * HOUR, "error")
    attempt(root, NOW - 2 * HOUR, "killed")
    found = facts(root)
    listed = found["incidents"].details["incidents"]
    assert [(one["kind"], one["ended"] is None) for one in listed] == [
        ("refused", False),
        ("broke", True),
    ]
    assert (found["incidents"].value, found["incidents"].details["open"]) == (2.0, 1)
    assert found["time_to_repair"].value == 14 * 3600


def test_data_that_grows_too_old_is_an_incident(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 8, 8)
    no_attempts(root)
    at(root, 0, NOW - 9 * DAY)
    at(root, 1, NOW - 4 * DAY)
    listed = facts(root)["incidents"].details["incidents"]
    assert [one["kind"] for one in listed] == ["stale", "stale"]
    assert listed[0]["began"] == (NOW - 7 * DAY).isoformat()
    assert listed[0]["ended"] == (NOW - 4 * DAY).isoformat()
    assert (listed[1]["began"], listed[1]["ended"]) == ((NOW - 2 * DAY).isoformat(), None)
    assert facts(root)["time_to_repair"].value == 3 * 86_400


def test_what_was_before_the_window_counts_for_nothing(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 8, 16)
    no_attempts(root)
    at(root, 0, NOW - 60 * DAY)
    at(root, 1, NOW - 40 * DAY)
    attempt(root, NOW - 50 * DAY, "failed")
    found = facts(root)
    assert found["promises_kept"].value is None
    assert found["volume_stability"].value is None
    assert found["incidents"].value == 0
    assert found["freshness_kept"].value == 0.0
    assert found["freshness_kept"].series[0].time >= NOW - 31 * DAY


def test_what_cannot_be_read_is_noted_and_the_rest_measured(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 8, 16, 24)
    (folder_of(root, URL) / "ledger/000000000001.json").write_text("{")
    (folder_of(root, URL) / "discovery/000000000000.json").write_text("{")
    found = product_trust(settings(root), IDENTITY, datetime.now(UTC) + HOUR)
    assert len(found.notes) == 2
    series = {fact.id: fact.series for fact in found.ports["flights"]}
    assert [point.value for point in series["volume_stability"]] == [8, 24]


def test_every_fact_says_what_it_is(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    versions(root, 8)
    found = product_trust(settings(root), IDENTITY, datetime.now(UTC) + HOUR).as_dict()
    told = found["ports"][0]["facts"]
    assert [one["id"] for one in told] == [
        "promises_kept",
        "freshness_kept",
        "volume_stability",
        "completeness",
        "lineage_completeness",
        "age_of_contract",
        "incidents",
        "time_to_repair",
    ]
    assert all(one["title"] and one["unit"] and one["window"] and one["how"] for one in told)
    json.dumps(found, allow_nan=False)


def test_consumers_are_those_that_one_may_know_of(tmp_path: Path) -> None:
    root = flights_mesh(tmp_path)
    write_mesh(
        root,
        {
            f"domains/ops/{name}/{file}": text
            for name in ("delays", "secret")
            for file, text in {
                "defs.yaml": manifest(
                    f"inputs: {{flights: '{URL}'}}", archetype="consumer-aligned"
                ),
                "contract.yaml": contract(name, COLUMNS),
                f"{name}.sql": "select * from flights",
            }.items()
        },
    )
    versions(root, 8)
    publish(root, "mesh://ops/delays")
    graph = KeptGraph(MeshCatalogue(settings(root))).graph()
    every = consumers_fact(graph, IDENTITY, "flights", lambda _: True)
    assert every.details["products"] == ["mesh://ops/delays", "mesh://ops/secret"]
    some = consumers_fact(
        graph, IDENTITY, "flights", lambda url: url.product != "secret", {"person": 2}
    )
    assert (some.value, some.details["products"]) == (3.0, ["mesh://ops/delays"])


MINUTES = 2_000
steps = st.lists(st.tuples(st.integers(0, MINUTES), st.integers(1, 600)), max_size=6)


def made(published: list[tuple[int, int]]) -> Past:
    """Versions at those minutes, fresh for so many."""
    start = NOW - timedelta(minutes=MINUTES)
    versions = tuple(
        Version(
            start + timedelta(minutes=minute),
            SimpleNamespace(),  # type: ignore[arg-type]
            SimpleNamespace(),  # type: ignore[arg-type]
            None,
            timedelta(minutes=fresh),
        )
        for minute, fresh in sorted(dict(published).items())
    )
    since = versions[0].time if versions else start
    runs = tuple(Run(one.time, "published", ()) for one in versions)
    return Past("p", NOW, since, versions, runs, ())


@given(steps)
def test_freshness_is_what_looking_every_minute_finds(published: list[tuple[int, int]]) -> None:
    found = made(published)
    fact = freshness_kept(found)
    fresh, looked = 0, 0
    for minute in range(MINUTES):
        now = NOW - timedelta(minutes=MINUTES - minute)
        current = [one for one in found.versions if one.time <= now]
        if current:
            looked += 1
            until = current[-1].until
            fresh += until is not None and now < until
    assert fact.value == (pytest.approx(fresh / looked) if looked else None)


@given(steps)
def test_the_time_of_incidents_is_the_time_that_was_not_fresh(
    published: list[tuple[int, int]],
) -> None:
    found = made(published)
    listed = incidents(found)
    stale = sum(((one.ended or NOW) - one.began).total_seconds() for one in listed)
    whole = (NOW - found.since).total_seconds() if found.versions else 0.0
    value = freshness_kept(found).value
    assert stale == pytest.approx(whole * (1 - (value if value is not None else 1)))
    for before, after in pairwise(listed):
        assert before.ended is not None
        assert before.ended < after.began
