"""The change feed of a port in pages: added to what a reader saw before, it gives what it sees."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import duckdb
import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gateway_http import Served, served
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import PLAIN
from sharing_meshes import ADA, BOB, CARL, DORA, people, publish, published_shop, shop

from mesh_defs.gateway.changes.compare import OWN, changed, side, usable_key

ARROW = "application/vnd.apache.arrow.stream"
ADDED = ("insert", "update_postimage")
Row = tuple[object, ...]

values = st.tuples(
    st.one_of(st.none(), st.integers(0, 5)),
    st.one_of(st.none(), st.sampled_from(["a", "b", "é\n,"])),
    st.one_of(st.none(), st.sampled_from([0.0, 1.5, float("nan")])),
)
states = st.lists(values, max_size=12)
keyed_states = st.dictionaries(st.integers(0, 8), st.tuples(values, values), max_size=9)


def stated(connection: duckdb.DuckDBPyConnection, name: str, rows: list[Row]) -> None:
    connection.execute(f"create or replace table {name} (k int, i int, t varchar, d double)")
    if rows:
        connection.executemany(f"insert into {name} values (?, ?, ?, ?)", rows)


def applied(old: list[Row], found: list[Row]) -> Counter[Row]:
    """``old`` after the changes in ``found``, each of which must be possible."""
    state = Counter(map(comparable, old))
    for *row, kind in found:
        each = comparable(tuple(row))
        if kind in ("delete", "update_preimage"):
            assert state[each] > 0
            state[each] -= 1
    for *row, kind in found:
        if kind in ("insert", "update_postimage"):
            state[comparable(tuple(row))] += 1
    return +state


def comparable(row: Row) -> Row:
    return tuple("NaN" if value != value else value for value in row)


@settings(max_examples=80, deadline=None)
@given(states, states)
def test_changes_without_a_key_lead_from_one_state_to_the_next(
    old: list[Row], new: list[Row]
) -> None:
    before, after = ([(None, *row) for row in rows] for rows in (old, new))
    with duckdb.connect() as connection:
        stated(connection, "o", before)
        stated(connection, "n", after)
        sides = side(connection, "o"), side(connection, "n")
        assert not usable_key(connection, *sides, ["k"]) or not old or not new
        found = connection.execute(changed(*sides, ())).fetchall()
    assert applied(before, found) == Counter(map(comparable, after))
    assert {row[-1] for row in found} <= {"insert", "delete"}
    # No more than needed: nothing is both deleted and inserted.
    gone = {comparable(row[:-1]) for row in found if row[-1] == "delete"}
    assert not gone & {comparable(row[:-1]) for row in found if row[-1] == "insert"}


@settings(max_examples=80, deadline=None)
@given(keyed_states)
def test_changes_with_a_key_tell_updates(state: dict[int, tuple[Row, Row]]) -> None:
    before = [(key, *old) for key, (old, _) in state.items() if key % 3]
    after = [(key, *new) for key, (_, new) in state.items() if key % 2]
    with duckdb.connect() as connection:
        stated(connection, "o", before)
        stated(connection, "n", after)
        sides = side(connection, "o"), side(connection, "n")
        assert usable_key(connection, *sides, ["k"])
        found = connection.execute(changed(*sides, ["k"])).fetchall()
    assert applied(before, found) == Counter(map(comparable, after))
    kinds: dict[object, list[str]] = {}
    for key, *_, kind in found:
        kinds.setdefault(key, []).append(kind)
    both = ["update_preimage", "update_postimage"]
    assert all(kind in (["insert"], ["delete"], both) for kind in kinds.values())


@pytest.mark.parametrize("rows", [[(1, 0, "a", 0.0), (1, 1, "b", 1.0)], [(None, 0, "a", 0.0)]])
def test_what_tells_no_rows_apart_is_no_key(rows: list[Row]) -> None:
    with duckdb.connect() as connection:
        stated(connection, "o", rows)
        stated(connection, "n", [(1, 0, "a", 0.0)])
        sides = side(connection, "o"), side(connection, "n")
        assert not usable_key(connection, *sides, ["k"])
        assert not usable_key(connection, *sides, [])
        assert not usable_key(connection, *sides, ["nothing"])


def test_columns_that_came_or_went_are_null_or_left_out() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table o as select 1 k, 'x' gone, 7 as n")
        connection.execute("create table n as select 1 k, 7::bigint as n, 'y' come")
        sides = side(connection, "o"), side(connection, "n")
        found = connection.execute(changed(*sides, ["k"])).fetchall()
    assert found == [(1, 7, None, "update_preimage"), (1, 7, "y", "update_postimage")]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(published_shop(tmp_path_factory.mktemp("feed"))) as mesh:
        yield mesh


def seen(mesh: Served, who: str, product: str, version: int) -> list[dict]:
    told = mesh.client(who).get(f"/shop/{product}/files", params={"version": version}).json()
    contents = [httpx.get(file["url"], **PLAIN).content for file in told["files"]]
    return [row for each in contents for row in pq.read_table(BytesIO(each)).to_pylist()]


def told(row: dict) -> tuple[object, ...]:
    """The columns of the port, with times as times."""
    kept = {name: value for name, value in row.items() if name not in OWN}
    if isinstance(kept.get("seen"), str):
        kept["seen"] = datetime.fromisoformat(kept["seen"])
    return tuple(sorted(kept.items()))


def pages(mesh: Served, who: str, product: str, limit: int, **query: object) -> list[dict]:
    client, found = mesh.client(who), []
    answer = client.get(f"/shop/{product}/changes", params={"limit": limit, **query})
    while True:
        assert answer.status_code == 200, answer.text
        assert len(answer.json()) <= limit
        found += answer.json()
        if "next" not in answer.links:
            return found
        answer = client.get(answer.links["next"]["url"])


@pytest.mark.parametrize("product", ["stock", "people", "log", "bag"])
@pytest.mark.parametrize("who", [ADA, BOB, DORA])
def test_all_changes_add_up_to_what_is_read(mesh: Served, who: str, product: str) -> None:
    newest = mesh.gateway.catalog.ledger(f"shop/{product}").versions()[-1]
    read = [Counter(map(told, seen(mesh, who, product, each))) for each in range(newest + 1)]
    for limit in (1, 4, 1000):
        found = pages(mesh, who, product, limit, since=-1)
        state: Counter[tuple[object, ...]] = Counter()
        for version, expected in enumerate(read):
            rows = [row for row in found if row["_commit_version"] == version]
            for row in rows:
                state[told(row)] += 1 if row["_change_type"] in ADDED else -1
            assert +state == expected
            assert not -state


def test_nothing_masked_is_in_any_page(mesh: Served) -> None:
    for who in (ADA, BOB):
        for accept in ("application/json", "application/x-ndjson", ARROW):
            answer = mesh.client(who, Accept=accept).get("/shop/people/changes?since=-1")
            assert answer.status_code == 200
            assert b"@other" not in answer.content
            assert b"@mail" not in answer.content


def test_what_is_hidden_changes_nothing_that_is_told(tmp_path: Path) -> None:
    root = shop(tmp_path)
    publish(root, "people", people("range(6) t(i)"))
    publish(root, "people", people("range(6) t(i)", "m_il.example"))
    with served(root) as mesh:
        assert len(pages(mesh, DORA, "people", 100, since=0)) == 12
        for who in (ADA, BOB):
            answer = mesh.client(who).get("/shop/people/changes?since=0")
            assert answer.json() == []
            assert answer.headers["Mesh-Position"] == "1"


def test_pages_come_in_the_form_that_is_accepted(mesh: Served) -> None:
    path = "/shop/stock/changes?since=0&limit=4"
    rows = mesh.client(DORA).get(path).json()
    lines = mesh.client(DORA, Accept="application/x-ndjson").get(path).text.splitlines()
    assert [json.loads(line) for line in lines] == rows
    table = pa.ipc.open_stream(mesh.client(DORA, Accept=ARROW).get(path).content).read_all()
    assert table["id"].to_pylist() == [row["id"] for row in rows] == [0, 1, 5, 5]
    assert table["_commit_timestamp"].type == pa.timestamp("us", "UTC")
    assert mesh.client(DORA, Accept="text/csv").get(path).status_code == 406
    none = mesh.client(DORA, Accept=ARROW).get("/shop/stock/changes?since=2")
    assert pa.ipc.open_stream(none.content).read_all().schema == table.schema


def test_until_ends_it(mesh: Served) -> None:
    found = pages(mesh, DORA, "stock", 3, since=-1, until=1)
    assert {row["_commit_version"] for row in found} == {0, 1}
    again = mesh.client(DORA).get("/shop/stock/changes?since=2")
    assert (again.json(), again.headers["Mesh-Position"]) == ([], "2")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "since=-1"),
        ("since=x", "found 'x'"),
        ("since=-2", "found '-2'"),
        ("since=99", "newest version"),
        ("since=1.5", "found '1.5'"),
        ("since=0&cursor=1;drop", "cursor"),
        ("since=0&cursor=1.2.zzzzzzzzzzzzzzzz", "cursor"),
        ("since=0&limit=0", "limit"),
        ("since=0&limit=1000000000", "limit"),
        ("since=0&until=-1", "until"),
        ("since=%27%20or%201=1", "since"),
    ],
)
def test_what_cannot_be_asked_is_one_clear_error(mesh: Served, query: str, said: str) -> None:
    answer = mesh.client(DORA).get(f"/shop/stock/changes?{query}")
    assert (answer.status_code, said in answer.text) == (400, True), answer.text


def test_a_position_of_another_view_begins_its_version_anew(mesh: Served) -> None:
    own = mesh.client(DORA).get("/shop/people/changes?since=0&limit=5")
    position = own.headers["Mesh-Position"]
    assert position.startswith("1.5.")
    rest = mesh.client(DORA).get("/shop/people/changes", params={"cursor": position}).json()
    assert len(rest) == 7
    others = mesh.client(ADA).get("/shop/people/changes", params={"cursor": position}).json()
    assert len(others) == 12


def test_only_who_may_subscribe_learns_what_changed(mesh: Served) -> None:
    assert mesh.client(CARL).get("/shop/people/changes?since=0").status_code == 403
    assert mesh.client().get("/shop/people/changes?since=0").status_code == 401
    reads = mesh.with_token(mesh.token(DORA, actions=("read",)))
    assert reads.get("/shop/stock/changes?since=0").status_code == 403
    assert mesh.client(DORA).get("/shop/nothing/changes?since=0").status_code == 404


def test_receipts_tell_which_versions_were_read_and_how_far(mesh: Served) -> None:
    before = len(mesh.events())
    answer = mesh.client(ADA).get("/shop/people/changes?since=-1&limit=8")
    found = [each for each in mesh.events()[before:] if each["event"] == "completed"]
    assert [(each["version"], each["rows"], each["reason"]) for each in found] == [
        (0, 6, None),
        (1, 2, "changes 1 to 2 of 12"),
    ]
    assert [each["receipt"] for each in found] == answer.headers["Mesh-Receipt"].split(", ")
    assert sum(each["bytes"] for each in found) <= len(answer.content)
    assert found[0]["masked"] == ["email"]


def test_a_revoked_token_ends_a_feed(mesh: Served) -> None:
    secret = mesh.token(DORA, urls=("mesh://shop/log", "mesh://shop/bag"))
    client = mesh.with_token(secret)
    assert client.get("/shop/log/changes?since=-1").status_code == 200
    tokens = mesh.gateway.state.tokens
    tokens.revoke(tokens.find(secret), "person:admin", "a test", datetime.now(UTC))
    assert client.get("/shop/log/changes?since=-1").status_code == 401


def test_files_of_changes_are_computed_once_and_make_room(mesh: Served) -> None:
    kept = mesh.gateway.changes
    mesh.client(DORA).get("/shop/stock/changes?since=0")
    names = set(kept._kept)
    mesh.client(DORA).get("/shop/stock/changes?since=0")
    assert set(kept._kept) == names
    assert all(each.file is not None and each.file.exists() for each in kept._kept.values())
    most, kept._most_bytes = kept._most_bytes, 0
    files = [each.file for each in kept._kept.values() if not each.readers]
    try:
        mesh.client(DORA).get("/shop/stock/changes?since=0")
        assert not any(file is not None and file.exists() for file in files)
    finally:
        kept._most_bytes = most
