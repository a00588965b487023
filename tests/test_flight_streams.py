"""A stream of rows: in parts, with its receipt, ended with the access that it came of."""

from __future__ import annotations

import gc
import threading
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.flight as fl
import pytest
from access_meshes import publish
from flight_gateway import ADA, GUEST, SALES, Flying, flight_mesh, flying, receipt_of, until
from meshes import contract, manifest, write, write_parquet

from mesh_defs.errors import StorageFailed
from mesh_defs.gateway import row_groups
from mesh_defs.gateway.asking import revoke
from mesh_defs.gateway.flight import service

BIG = "office.big.big"
ROWS = 400_000
EVENTS = ("begun", "completed")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    root = flight_mesh(tmp_path_factory.mktemp("mesh"))
    files = {
        "domains/office/big/defs.yaml": manifest(
            "inputs: {big: files://big}\npurposes: [analytics]"
        ),
        "domains/office/big/contract.yaml": contract(
            "big",
            "- {name: id, logicalType: integer, classification: internal, required: true}\n"
            "- {name: word, logicalType: string, classification: confidential}\n",
        ),
        "domains/office/big/big.sql": "select * from big",
        "domains/office/access.cedar": """
            permit (principal in Role::"reader", action in [Action::"read", Action::"query"],
              resource == Port::"office/big/big");
            permit (principal in Role::"reader", action in [Action::"read", Action::"query"],
              resource in Port::"office/big/big");
        """,
    }
    write(root, files)
    write_parquet(root, "big", f"select i as id, repeat('x', 100) as word from range({ROWS}) t(i)")
    publish(root, "mesh://office/big")
    with flying(root) as served:
        yield served


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports of more than 100,000 rows are read in parts."""
    monkeypatch.setattr(row_groups, "SMALLEST_PART", 100_000)


def test_all_rows_come_in_parts_each_once(mesh: Flying, parts) -> None:
    client = mesh.client(mesh.token(ADA))
    info = client.info(f"select * from {BIG}")
    assert len(info.endpoints) == 2
    found: list[pa.Table] = []
    threads = [
        threading.Thread(
            target=lambda end=end: found.append(
                client.raw.do_get(end.ticket, client.options).read_all()
            )
        )
        for end in info.endpoints
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(table.num_rows > 100_000 for table in found)
    rows = pa.concat_tables(found)["id"].to_numpy()
    rows.sort()
    assert rows.tolist() == list(range(ROWS))
    (begun, completed) = mesh.events(receipt_of(info))
    assert (begun["event"], completed["event"]) == EVENTS
    assert completed["rows"] == ROWS
    # What is never null may come without the bits that would say so.
    assert 0 <= completed["bytes"] - sum(table.nbytes for table in found) <= ROWS // 4


def test_the_driver_reads_all_parts(mesh: Flying, parts) -> None:
    with mesh.adbc(mesh.token(ADA)).cursor() as cursor:
        cursor.execute(f"select id from {BIG}")
        assert sorted(cursor.fetch_arrow_table()["id"].to_pylist()) == list(range(ROWS))


def test_what_is_filtered_or_sorted_comes_in_one_part_and_is_the_same(mesh: Flying, parts) -> None:
    client = mesh.client(mesh.token(ADA))
    sql = f"select id from {BIG} where id % 2 = 0 order by id desc"
    info = client.info(sql)
    assert len(info.endpoints) == 1
    assert client.read(info)["id"].to_pylist() == list(range(ROWS - 2, -1, -2))


def test_one_part_alone_is_no_completed_read(mesh: Flying, parts, monkeypatch) -> None:
    client = mesh.client(mesh.token(ADA))
    info = client.info(f"select id from {BIG}")
    client.raw.do_get(info.endpoints[0].ticket, client.options).read_all()
    assert [event["event"] for event in mesh.events(receipt_of(info))] == ["begun"]
    until(lambda: mesh.flight._service._tickets._held and settled(mesh))
    monkeypatch.setattr(service, "TICKET_SECONDS", -1.0)
    mesh.flight._service._sweep()
    events = mesh.events(receipt_of(info))
    assert [event["event"] for event in events] == ["begun", "aborted"]
    assert 0 < events[-1]["rows"] < ROWS
    with pytest.raises(pa.ArrowKeyError, match="has expired"):
        client.raw.do_get(info.endpoints[1].ticket, client.options).read_all()


def settled(mesh: Flying) -> bool:
    """Whether no stream runs."""
    return all(running.active == 0 for running in mesh.flight._service._running)


def test_a_small_answer_is_noted_as_read_before_it_leaves(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    info = client.info(f"select id from {SALES} limit 3")
    reader = client.raw.do_get(info.endpoints[0].ticket, client.options)
    reader.read_chunk()
    (completed,) = mesh.events(receipt_of(info))
    assert (completed["event"], completed["rows"]) == ("completed", 3)
    reader.cancel()


def test_an_empty_answer_is_a_read(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    info = client.info(f"select id, origin from {SALES} where id < 0")
    table = client.read(info)
    assert (table.num_rows, table.schema) == (0, info.schema)
    assert [event["event"] for event in mesh.events(receipt_of(info))] == ["completed"]


def test_every_port_of_a_query_has_its_receipt(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    before = len(mesh.events())
    client.query(f"select name, id from {SALES} join office.airports on code = origin")
    new = mesh.events()[before:]
    assert {event["url"] for event in new if event["event"] == "completed"} == {
        "mesh://shop/sales/sales?version=0",
        "mesh://office/airports/airports?version=0",
    }


def test_who_goes_away_has_not_read_it(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    info = client.info(f"select * from {BIG}")
    reader = client.raw.do_get(info.endpoints[0].ticket, client.options)
    reader.read_chunk()
    reader.cancel()
    until(lambda: len(mesh.events(receipt_of(info))) == 2)
    events = mesh.events(receipt_of(info))
    assert [event["event"] for event in events] == ["begun", "aborted"]
    assert 0 < events[-1]["rows"] < ROWS


def test_who_takes_nothing_gives_up_its_place(mesh: Flying, monkeypatch) -> None:
    monkeypatch.setattr(mesh.gateway.limiter, "stalled_seconds", 0.03)
    free = mesh.gateway.limiter._slots._free
    client = mesh.client(mesh.token(ADA))
    info = client.info(f"select * from {BIG}")
    reader = client.raw.do_get(info.endpoints[0].ticket, client.options)
    reader.read_chunk()
    until(lambda: len(mesh.events(receipt_of(info))) == 2)
    assert mesh.events(receipt_of(info))[-1]["reason"] == "the client took nothing for too long"
    until(lambda: mesh.gateway.limiter._slots._free == free)
    with pytest.raises(fl.FlightCancelledError, match="run the query again"):
        rest(reader)


def rest(reader: fl.FlightStreamReader) -> int:
    return sum(chunk.data.num_rows for chunk in reader)


def test_a_revoked_token_ends_the_stream_that_runs(mesh: Flying) -> None:
    token = mesh.token(ADA)
    client = mesh.client(token)
    info = client.info(f"select * from {BIG}")
    reader = client.raw.do_get(info.endpoints[0].ticket, client.options)
    reader.read_chunk()
    mesh.revoke(token)
    with pytest.raises(fl.FlightUnauthorizedError, match="revoked"):
        rest(reader)
    until(lambda: len(mesh.events(receipt_of(info))) == 2)
    assert mesh.events(receipt_of(info))[-1]["event"] == "aborted"


@pytest.mark.parametrize("sql", ["select * from {}", "select word || id as both from {}"])
def test_a_revoked_grant_ends_the_stream_that_runs(mesh: Flying, sql: str) -> None:
    grant = mesh.granted(GUEST, "mesh://office/big", "analytics")
    client = mesh.client(mesh.token(GUEST))
    info = client.info(sql.format(BIG))
    reader = client.raw.do_get(info.endpoints[0].ticket, client.options)
    reader.read_chunk()
    access = mesh.gateway.catalog.access
    who = access.principals.find(ADA)
    revoke(mesh.gateway.state, access, who, grant.id, "a test", datetime.now(UTC), admin=True)
    with pytest.raises(fl.FlightUnauthorizedError, match="was revoked"):
        rest(reader)
    until(lambda: len(mesh.events(receipt_of(info))) == 2)
    assert mesh.events(receipt_of(info))[-1]["reason"] == "it was ended: Ended"


def test_when_one_part_ends_the_other_does_too(mesh: Flying, parts) -> None:
    client = mesh.client(mesh.token(ADA))
    info = client.info(f"select * from {BIG}")
    first, second = (client.raw.do_get(end.ticket, client.options) for end in info.endpoints)
    first.read_chunk()
    second.read_chunk()
    first.cancel()
    with pytest.raises(pa.ArrowKeyError, match="another part"):
        rest(second)
    until(lambda: len(mesh.events(receipt_of(info))) == 2)
    assert mesh.events(receipt_of(info))[-1]["event"] == "aborted"


def test_without_its_receipt_nothing_is_served_to_its_end(mesh: Flying, monkeypatch) -> None:
    client = mesh.client(mesh.token(ADA))

    def full(*_: object) -> None:
        raise StorageFailed("no space left")

    for sql in (f"select id from {SALES}", f"select * from {BIG}"):
        info = client.info(sql)
        with monkeypatch.context() as patched:
            patched.setattr(mesh.gateway.state.receipts, "put", full)
            with pytest.raises(fl.FlightUnavailableError, match="no space left"):
                client.read(info)


def test_streams_leave_nothing_behind(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    free = mesh.gateway.limiter._slots._free
    for sql in (f"select * from {BIG}", f"select word from {BIG} where id > 5"):
        client.query(sql)
        info = client.info(sql)
        reader = client.raw.do_get(info.endpoints[0].ticket, client.options)
        reader.read_chunk()
        reader.cancel()
        client.info(sql)
    service_ = mesh.flight._service
    until(lambda: settled(mesh) and not service_._watch._deliveries)
    gc.collect()
    assert mesh.gateway.limiter._slots._free == free


def test_when_all_slots_are_taken_it_is_said(tmp_path, monkeypatch) -> None:
    from mesh_defs.gateway import limits

    monkeypatch.setattr(limits, "_WAIT_SECONDS", 0.1)
    with flying(flight_mesh(tmp_path, "{limits: {concurrent: 1, queue: 1}}")) as mesh:
        client = mesh.client(mesh.token(ADA))
        with (
            mesh.gateway.limiter.slot("somebody"),
            pytest.raises(fl.FlightUnavailableError, match="try again in"),
        ):
            client.info(f"select id from {SALES}")
        assert client.query(f"select id from {SALES}").num_rows == 12


def test_stopping_ends_what_runs(mesh: Flying) -> None:
    with flying(mesh.gateway.settings.root) as other:
        client = other.client(mesh.token(ADA))
        info = client.info(f"select * from {BIG}")
        reader = client.raw.do_get(info.endpoints[0].ticket, client.options)
        reader.read_chunk()
        stopping = threading.Thread(target=other.flight.stop)
        stopping.start()
        with pytest.raises((pa.ArrowException, fl.FlightError, OSError)):
            rest(reader)
        stopping.join(20)
        assert not stopping.is_alive()
        assert [e["event"] for e in other.events(receipt_of(info))] == ["begun", "aborted"]
