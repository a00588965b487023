"""Delta Sharing with the public client: tables, versions, time travel, changes; what is masked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import delta_sharing
import httpx
import pyarrow.parquet as pq
import pytest
from gateway_http import Served, served
from loopback import PLAIN
from requests.exceptions import HTTPError
from sharing_meshes import ADA, BOB, CARL, DORA, profile_file, published_shop

_BAD = "INVALID_PARAMETER_VALUE"
TABLES = "/-/sharing/shares/shop/schemas/{0}/tables/{0}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("profiles")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(published_shop(tmp_path_factory.mktemp("sharing"))) as mesh:
        yield mesh


@pytest.fixture
def url(mesh: Served, folder: Path):
    def of(who: str, product: str = "stock") -> str:
        return f"{profile_file(mesh, folder, who)}#shop.{product}.{product}"

    return of


def lines(answer: httpx.Response) -> list[dict]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_recipient_lists_what_it_may_read(mesh: Served, folder: Path) -> None:
    named = {}
    for who in (ADA, BOB, CARL, DORA):
        client = delta_sharing.SharingClient(str(profile_file(mesh, folder, who)))
        named[who] = [table.name for table in client.list_all_tables()]
    assert named[DORA] == named[ADA] == ["bag", "log", "people", "stock"]
    assert "people" in named[BOB]
    assert "people" not in named[CARL]


def test_lists_come_in_pages_without_loss_or_repetition(mesh: Served) -> None:
    client = mesh.client(DORA)
    for most in (1, 2, 3, 4, 5):
        found, token = [], None
        while True:
            query = {"maxResults": most, **({"pageToken": token} if token else {})}
            page = client.get("/-/sharing/shares/shop/all-tables", params=query).json()
            assert len(page["items"]) <= most
            found += [item["name"] for item in page["items"]]
            token = page.get("nextPageToken")
            if token is None:
                break
        assert found == ["bag", "log", "people", "stock"]
    nothing = client.get("/-/sharing/shares", params={"maxResults": 0}).json()
    assert (nothing["items"], bool(nothing["nextPageToken"])) == ([], True)


def test_names_are_the_same_in_upper_and_lower_case(mesh: Served) -> None:
    client = mesh.client(DORA)
    assert client.get("/-/sharing/shares/SHOP").json()["share"]["name"] == "shop"
    assert (
        client.get("/-/sharing/shares/Shop/schemas/STOCK/tables").json()["items"][0]["schema"]
        == "stock"
    )
    upper = client.get("/-/sharing/shares/SHOP/schemas/STOCK/tables/STOCK/version")
    assert upper.headers["Delta-Table-Version"] == "2"


def test_the_newest_version_and_those_before(url) -> None:
    newest = delta_sharing.load_as_pandas(url(DORA))
    assert sorted(newest["id"]) == list(range(2, 15))
    assert dict(zip(newest["id"], newest["price"], strict=True))[5] == 99.5
    first = delta_sharing.load_as_pandas(url(DORA), version=0)
    assert sorted(first["id"]) == list(range(12))
    assert len(delta_sharing.load_as_pandas(url(DORA), limit=4)) == 4
    assert len(delta_sharing.load_as_pandas(url(DORA), limit=0)) == 0


def test_versions_by_time(mesh: Served, url) -> None:
    ledger = mesh.gateway.catalog.ledger("shop/stock")
    times = [ledger.record(number).time for number in (0, 1, 2)]
    for number, time in enumerate(times):
        text = time.astimezone(UTC).isoformat().replace("+00:00", "Z")
        assert delta_sharing.get_table_version(url(DORA), starting_timestamp=text) == number
        found = delta_sharing.load_as_pandas(url(DORA), timestamp=text)
        assert len(found) == [12, 12, 13][number]
    assert delta_sharing.get_table_version(url(DORA)) == 2
    with pytest.raises(HTTPError, match="RESOURCE_DOES_NOT_EXIST"):
        delta_sharing.get_table_version(url(DORA), starting_timestamp="2100-01-01T00:00:00Z")
    with pytest.raises(HTTPError, match="RESOURCE_DOES_NOT_EXIST"):
        delta_sharing.load_as_pandas(url(DORA), timestamp="1999-01-01T00:00:00Z")


def test_metadata_tells_columns_and_the_state_of_the_port(url) -> None:
    told = delta_sharing.get_table_metadata(url(DORA))
    fields = {field["name"]: field for field in json.loads(told.schema_string)["fields"]}
    assert fields["origin"]["metadata"] == {"comment": "Where it lies."}
    assert (fields["seen"]["type"], fields["price"]["type"]) == ("timestamp", "double")
    assert told.configuration["mesh.verdicts.passed"] == "7"
    assert told.configuration["mesh.contract_version"] == "1.0.0"
    assert told.configuration["mesh.stale"] == "false"
    assert told.configuration["mesh.masked"] == "[]"
    assert told.num_files == 1


def test_changes_tell_what_happened_to_every_row(url) -> None:
    found = delta_sharing.load_table_changes_as_pandas(url(DORA), starting_version=1)
    names = ["id", "price", "_change_type", "_commit_version"]
    told = [tuple(row) for row in found[names].itertuples(index=False, name=None)]
    assert told == [
        (0, 0.0, "delete", 1),
        (1, 1.5, "delete", 1),
        (5, 7.5, "update_preimage", 1),
        (5, 99.5, "update_postimage", 1),
        (12, 18.0, "insert", 1),
        (13, 19.5, "insert", 1),
        (14, 21.0, "insert", 2),
    ]
    some = delta_sharing.load_table_changes_as_pandas(
        url(DORA), starting_version=2, ending_version=2
    )
    assert list(some["_change_type"]) == ["insert"]
    log = delta_sharing.load_table_changes_as_pandas(url(DORA, "log"), starting_version=0)
    assert list(log["_change_type"].unique()) == ["insert"]
    assert list(log["_commit_version"]) == [0] * 10 + [1] * 15
    bag = delta_sharing.load_table_changes_as_pandas(url(DORA, "bag"), starting_version=1)
    assert sorted(zip(bag["id"], bag["_change_type"], strict=True)) == [
        (1, "delete"), (2, "insert"), (3, "insert"),
    ]  # fmt: skip


def test_the_delta_form_gives_the_same(url) -> None:
    for name in ("stock", "people", "log"):
        one = delta_sharing.load_as_pandas(url(ADA, name))
        other = delta_sharing.load_as_pandas(url(ADA, name), use_delta_format=True)
        assert one.astype(str).equals(other.astype(str))
        one = delta_sharing.load_table_changes_as_pandas(url(ADA, name), starting_version=0)
        other = delta_sharing.load_table_changes_as_pandas(
            url(ADA, name), starting_version=0, use_delta_format=True
        )
        columns = [column for column in one.columns if column != "_commit_timestamp"]
        by = ["_commit_version", "id", "_change_type"]
        told = [each[columns].sort_values(by).astype(str).values.tolist() for each in (one, other)]
        assert told[0] == told[1]


def test_masks_and_row_filters_hold_for_files_and_changes(url) -> None:
    masked = delta_sharing.load_as_pandas(url(ADA, "people"))
    assert all("@" not in value and value.startswith("***") for value in masked["email"])
    filtered = delta_sharing.load_as_pandas(url(BOB, "people"))
    assert (set(filtered["origin"]), filtered["email"].notna().sum()) == ({"JFK"}, 0)
    changes = delta_sharing.load_table_changes_as_pandas(url(BOB, "people"), starting_version=0)
    named = changes[["id", "_change_type", "_commit_version"]]
    assert [tuple(row) for row in named.to_numpy()] == [
        (0, "insert", 0), (3, "insert", 0), (0, "delete", 1), (6, "insert", 1),
    ]  # fmt: skip
    assert changes["email"].notna().sum() == 0


def test_statistics_say_nothing_of_what_is_masked(mesh: Served) -> None:
    for who, whole in ((DORA, True), (ADA, False), (BOB, False)):
        told = lines(mesh.client(who).post(f"{TABLES.format('people')}/query", json={}))
        stats = json.loads(told[2]["file"]["stats"])
        assert ("nullCount" in stats) == whole
        assert whole or set(stats) == {"numRecords"}
        assert ("size" in told[1]["metaData"]) == whole
    told = lines(mesh.client(DORA).post(f"{TABLES.format('stock')}/query", json={}))
    stats = json.loads(told[2]["file"]["stats"])
    assert (stats["numRecords"], stats["minValues"]["id"], stats["maxValues"]["id"]) == (13, 2, 14)


def test_a_masked_table_is_never_served_from_its_own_files(mesh: Served) -> None:
    folder = mesh.gateway.settings.root / ".mesh/storage/shop/people/ports/people"
    raw = {file.read_bytes() for file in folder.glob("*.parquet")}
    for who, own in ((DORA, True), (ADA, False), (BOB, False)):
        for body in ({}, {"version": 0}, {"startingVersion": 0}):
            told = lines(mesh.client(who).post(f"{TABLES.format('people')}/query", json=body))
            files = [
                each[kind] for each in told for kind in ("file", "add", "remove") if kind in each
            ]
            assert files
            for file in files:
                content = httpx.get(file["url"], **PLAIN).content
                assert (content in raw) == own
                emails = pq.read_table(BytesIO(content))["email"].to_pylist()
                assert own or not any(email and "@" in email for email in emails)


def test_predicates_and_limits_leave_out_files(mesh: Served) -> None:
    def files(**body: object) -> int:
        return len(lines(mesh.client(DORA).post(f"{TABLES.format('log')}/query", json=body))) - 2

    def of(op: str, value: object) -> str:
        column = {"op": "column", "name": "ID", "valueType": "long"}
        literal = {"op": "literal", "value": str(value), "valueType": "long"}
        return json.dumps({"op": op, "children": [column, literal]})

    assert files() == 2
    assert files(predicateHints=["id > 12"]) == 1
    assert files(predicateHints=["id > 12", "id < 5"]) == 0
    assert files(predicateHints=["12 < id", "rubbish ((", "nobody = 3"]) == 1
    assert files(jsonPredicateHints=of("lessThan", 10)) == 1
    assert files(jsonPredicateHints=of("equal", 10_000)) == 0
    assert files(jsonPredicateHints="{no json") == 2
    assert files(limitHint=12) == 1
    assert files(limitHint=1_000) == 2
    assert files(limitHint=1, predicateHints=["id > 0"]) == 2


def test_errors_have_the_protocols_form(mesh: Served) -> None:
    people, stock, other = (TABLES.format(name) for name in ("people", "stock", "nothing"))
    odd, null = TABLES.format("a-b"), TABLES.format("st%00ck")
    denied, gone, bad = (403, "PERMISSION_DENIED"), (404, "RESOURCE_DOES_NOT_EXIST"), (400, _BAD)
    client = mesh.client(CARL)
    cases = [
        (client.get(f"{people}/metadata"), denied),
        (client.post(f"{people}/query", json={}), denied),
        (client.get(f"{people}/changes?startingVersion=0"), denied),
        (client.get(f"{other}/metadata"), gone),
        (client.get(f"{odd}/metadata"), gone),
        (client.get(f"{null}/metadata"), gone),
        (client.get("/-/sharing/shares/nothing/schemas"), gone),
        (client.get("/-/sharing/shares?maxResults=-1"), bad),
        (client.get("/-/sharing/shares?pageToken=abc"), bad),
        (client.post(f"{stock}/query", json={"version": "x"}), bad),
        (client.post(f"{stock}/query", content=b"{"), bad),
        (client.post(f"{stock}/query", json={"version": 1, "timestamp": "2026-01-01"}), bad),
        (client.post(f"{stock}/query", json={"version": 77}), gone),
        (mesh.client().get("/-/sharing/shares"), (401, "UNAUTHENTICATED")),
        (mesh.with_token("mesh_no").get("/-/sharing/shares"), (401, "UNAUTHENTICATED")),
    ]
    for answer, expected in cases:
        assert (answer.status_code, answer.json()["errorCode"]) == expected, answer.text
    assert mesh.client().get("/-/sharing/shares").headers["WWW-Authenticate"]
    dora = mesh.client(DORA)
    for query in (
        "",
        "startingVersion=3",
        "startingVersion=1&endingVersion=0",
        "startingTimestamp=x",
        "startingVersion=0&startingTimestamp=2020-01-01",
    ):
        answer = dora.get(f"{stock}/changes?{query}")
        assert answer.status_code == 400, query


def test_a_revoked_token_ends_everything(mesh: Served, tmp_path: Path) -> None:
    secret = mesh.token(DORA, urls=("mesh://shop/stock", "mesh://shop/log"))
    client = mesh.with_token(secret)
    told = lines(client.post(f"{TABLES.format('stock')}/query", json={}))
    tokens = mesh.gateway.state.tokens
    tokens.revoke(tokens.find(secret), "person:admin", "a test", datetime.now(UTC))
    assert client.get("/-/sharing/shares").status_code == 401
    assert httpx.get(told[2]["file"]["url"], **PLAIN).status_code == 403


def test_a_token_reaches_no_further_than_its_scope(mesh: Served, tmp_path: Path) -> None:
    client = mesh.with_token(mesh.token(DORA, urls=("mesh://shop/log",)))
    tables = client.get("/-/sharing/shares/shop/all-tables").json()["items"]
    assert [table["name"] for table in tables] == ["log"]
    assert client.get(f"{TABLES.format('stock')}/metadata").status_code == 403
    reading = mesh.with_token(mesh.token(DORA, actions=("read",)))
    assert reading.get(f"{TABLES.format('log')}/metadata").status_code == 200
    assert reading.get(f"{TABLES.format('log')}/changes?startingVersion=0").status_code == 403


def test_every_read_has_its_receipts(mesh: Served, url) -> None:
    before = len(mesh.events())
    delta_sharing.load_as_pandas(url(ADA, "people"), version=1)
    found = mesh.events()[before:]
    assert [(each["event"], each["rows"]) for each in found] == [("begun", 0), ("completed", 6)]
    assert found[1]["masked"] == ["email"]
    assert found[1]["protocol"] == "sharing"
    before = len(mesh.events())
    delta_sharing.load_table_changes_as_pandas(url(ADA, "people"), starting_version=0)
    found = [each for each in mesh.events()[before:] if each["event"] == "completed"]
    assert sorted((each["version"], each["rows"]) for each in found) == [(0, 6), (1, 12)]
