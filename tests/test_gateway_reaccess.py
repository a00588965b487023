"""Access that changes between handing out and reading: whatever a caller holds by then (a ticket, a
URL, an open stream), what it may not see any more does not come to it."""

from __future__ import annotations

import io
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import polars as pl
import pyarrow as pa
import pyarrow.flight as fl
import pytest
from access_meshes import PEOPLE, READERS, ROWS, URL, publish
from changing_access import (
    ADA,
    CHANGES,
    FORBID,
    LATER,
    MORE,
    RULES,
    SECRET,
    copied,
    made,
    new_version,
    no_role,
    raised,
)
from gateway_http import Served, served
from loopback import PLAIN

from mesh_defs.gateway.flight.messages import pack

MANY = 400_000
SALES = "shop.sales.sales"
Left = Callable[[], str]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("few"), ROWS)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Long texts that do not compress: more than sockets take without a reader.
    rows = ROWS.replace("range(12)", f"range({MANY})").replace(
        "['kosher'", "repeat(md5(i::text), 4) || ['kosher'"
    )
    return made(tmp_path_factory.mktemp("many"), rows)


@pytest.fixture(params=CHANGES, ids=str)
def change(request: pytest.FixtureRequest) -> str:
    return request.param


def ticket(mesh: Served, token: str, sql: str) -> Left:
    """What a ticket of Flight gives."""
    client = fl.FlightClient(mesh.gateway.flight)
    options = fl.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
    command = pack("CommandStatementQuery", {"query": sql})
    info = client.get_flight_info(fl.FlightDescriptor.for_command(command), options)

    def left() -> str:
        with client:
            try:
                found = [client.do_get(each.ticket, options) for each in info.endpoints]
                return str([each.read_all().to_pylist() for each in found])
            except fl.FlightUnauthorizedError:
                return ""

    return left


def signed(urls: list[str]) -> Left:
    """What URLs of Parquet files give."""
    assert urls

    def left() -> str:
        answers = [httpx.get(url, **PLAIN) for url in urls]
        assert {each.status_code for each in answers} <= {200, 403}
        files = [each.content for each in answers if each.status_code == 200]
        return str([pl.read_parquet(io.BytesIO(content)).to_dicts() for content in files])

    return left


def handed(mesh: Served, token: str) -> dict[str, Left]:
    """All that Ada holds, each with what it still gives."""
    client = mesh.with_token(token)
    files = client.get("/shop/sales/files").json()["files"]
    table = "/-/sharing/shares/shop/schemas/sales/tables/sales"
    lines = client.post(f"{table}/query", json={}).text.splitlines()
    changes = client.get(f"{table}/changes", params={"startingVersion": 0}).text.splitlines()
    shared, changed = (
        [each["url"] for line in told for each in json.loads(line).values() if "url" in each]
        for told in (lines, changes)
    )
    return {
        "ticket, whole port": ticket(mesh, token, f"SELECT * FROM {SALES}"),
        "ticket, some rows": ticket(mesh, token, f"SELECT * FROM {SALES} WHERE id < 3"),
        "ticket, engine": ticket(mesh, token, f"SELECT * FROM {SALES} WHERE id + 0 < 3"),
        "signed URL": signed([each["url"] for each in files]),
        "sharing URL": signed(shared),
        "sharing URL of changes": signed(changed),
    }


def test_what_was_handed_out_gives_nothing_in_clear_any_more(
    few: Path, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(copied(few, tmp_path / "mesh", change)) as mesh:
        token = mesh.token(ADA)
        for way, left in handed(mesh, token).items():
            assert SECRET in left(), f"{way} gives nothing to begin with"
        held = handed(mesh, token)
        CHANGES[change](mesh.gateway.settings.root, monkeypatch)
        for way, left in held.items():
            assert SECRET not in left(), f"{way} goes on after: {change}"


def test_a_url_that_ended_stays_ended(few: Path, tmp_path: Path) -> None:
    """Its receipt says that it was given up: nothing may follow."""
    with served(copied(few, tmp_path / "mesh", "role removed")) as mesh:
        urls = mesh.client(ADA).get("/shop/sales/files").json()["files"]
        left = signed([each["url"] for each in urls])
        people = mesh.gateway.settings.root / "principals.yaml"
        people.write_text("people: {}\n")
        assert SECRET not in left()
        people.write_text(PEOPLE)
        assert SECRET not in left()
        assert mesh.client(ADA).get("/shop/sales/data").status_code == 200


def test_what_was_handed_out_outlives_what_concerns_somebody_else(
    few: Path, tmp_path: Path
) -> None:
    with served(copied(few, tmp_path / "mesh", "role removed")) as mesh:
        held = handed(mesh, mesh.token(ADA))
        root = mesh.gateway.settings.root
        (root / RULES).write_text(
            f"// a comment\n{READERS}{MORE}{FORBID}".replace(
                "(principal,", 'principal == Person::"guest@shop.example",'.join(["(", ""])
            )
        )
        (root / "principals.yaml").write_text(PEOPLE.replace("{domain: office}", "{domain: shop}"))
        publish(root, URL)
        for way, left in held.items():
            assert SECRET in left(), f"{way} has ended"


@pytest.mark.parametrize("way", ["files", "some rows", "engine"])
def test_a_stream_of_flight_ends(
    many: Path, tmp_path: Path, change: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = {"files": "", "some rows": " WHERE id >= 0", "engine": " WHERE id + 0 >= 0"}[way]
    with served(copied(many, tmp_path / "mesh", change)) as mesh:
        token = mesh.token(ADA)
        options = fl.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
        command = pack("CommandStatementQuery", {"query": f"SELECT * FROM {SALES}{where}"})
        with fl.FlightClient(mesh.gateway.flight) as client:
            info = client.get_flight_info(fl.FlightDescriptor.for_command(command), options)
            reader = client.do_get(info.endpoints[0].ticket, options)
            assert reader.read_chunk().data.num_rows
            CHANGES[change](mesh.gateway.settings.root, monkeypatch)
            with pytest.raises((fl.FlightUnauthorizedError, pa.ArrowException)):
                reader.read_all()
        receipt = info.schema.metadata[b"mesh.receipt"].decode()
        assert mesh.await_event("aborted", receipt)["rows"] < MANY


@pytest.mark.parametrize("params", [{}, {"where": "id + 0 >= 0"}], ids=["files", "engine"])
def test_a_stream_of_http_is_cut(
    many: Path,
    tmp_path: Path,
    change: str,
    params: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = {"format": "arrow", **params}
    with served(copied(many, tmp_path / "mesh", change)) as mesh:
        client = mesh.client(ADA, **{"Accept-Encoding": "identity"})
        with client.stream("GET", "/shop/sales/data", params=asked) as answer:
            assert answer.status_code == 200
            pieces = answer.iter_raw()
            next(pieces)
            CHANGES[change](mesh.gateway.settings.root, monkeypatch)
            with pytest.raises(httpx.RemoteProtocolError):
                for _ in pieces:
                    pass
            receipt = answer.headers["Mesh-Receipt"]
        assert mesh.await_event("aborted", receipt)["rows"] < MANY


@pytest.mark.parametrize("way", ["signed URL", "parquet"])
def test_a_file_that_is_sent_is_cut(
    many: Path, tmp_path: Path, change: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(copied(many, tmp_path / "mesh", change)) as mesh:
        client = mesh.client(ADA)
        url, receipt = "/shop/sales/data?format=parquet", None
        if way == "signed URL":
            told = client.get("/shop/sales/files").json()
            url = max(told["files"], key=lambda each: each["bytes"])["url"]
            receipt = told["receipt"]
        with client.stream("GET", url) as answer:
            assert answer.status_code == 200
            pieces = answer.iter_raw()
            next(pieces)
            CHANGES[change](mesh.gateway.settings.root, monkeypatch)
            with pytest.raises(httpx.RemoteProtocolError):
                for _ in pieces:
                    pass
        mesh.await_event("aborted", receipt or answer.headers["Mesh-Receipt"])


def test_who_follows_sees_no_new_version_in_clear(
    few: Path, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copied(few, tmp_path / "mesh", change)
    with served(root) as mesh:
        client = mesh.client(ADA, Accept="text/event-stream")
        with client.stream("GET", "/shop/sales/changes?since=-1") as answer:
            lines = answer.iter_lines()
            assert any(SECRET in line for line in lines_of_one_event(lines))
            CHANGES[change](root, monkeypatch)
            publishing = threading.Thread(target=new_version, args=(root,))
            publishing.start()
            told = lines_of_one_event(lines)
            publishing.join()
    assert any(line.startswith("data: ") for line in told)
    assert not any(LATER in line for line in told)
    ended = "event: end" in told
    assert ended == (CHANGES[change] is not raised), told


def lines_of_one_event(lines: Iterator[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        if line:
            found.append(line)
        elif any(each.startswith("data: ") for each in found):
            break
    return found


def test_a_lease_loses_a_role_that_is_declared_no_more(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(copied(few, tmp_path / "mesh", "role removed")) as mesh:
        lease = mesh.client(ADA).post("/shop/sales/connect", json={"ttl": 600}).json()["token"]
        client = mesh.with_token(lease)
        assert SECRET in client.get("/shop/sales/data?format=json").text
        no_role(mesh.gateway.settings.root, monkeypatch)
        assert client.get("/shop/sales/data").status_code in (403, 404)


def test_storage_that_was_made_anew_is_read_anew(few: Path, tmp_path: Path) -> None:
    root = copied(few, tmp_path / "mesh", "role removed")
    with served(root) as mesh:
        client = mesh.client(ADA)
        path = "/shop/sales/data?format=json"
        assert SECRET in client.get(path).text
        shutil.rmtree(root / ".mesh/storage/shop/sales")
        assert client.get(path).status_code == 404
        new_version(root)
        for more in ("", "&where=id<3", "&where=id%2B0<3"):
            answer = client.get(path + more)
            assert answer.status_code == 200
            assert LATER in answer.text
            assert SECRET not in answer.text
