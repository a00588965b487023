"""Tickets and prepared statements are good for who got them, and tickets for once."""

from __future__ import annotations

import secrets
import threading

import pyarrow as pa
import pyarrow.flight as fl
import pytest
from flight_gateway import ADA, GUEST, SALES, Flying, flight_mesh, flying
from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.gateway.flight import service
from mesh_defs.gateway.flight.handles import Handles, NoSuchHandle
from mesh_defs.gateway.flight.messages import decode, encode, pack, unpack

SQL = f"select id from {SALES} order by id"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    with flying(flight_mesh(tmp_path_factory.mktemp("mesh"))) as served:
        yield served


def test_a_ticket_is_good_once(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    info = client.info(SQL)
    assert client.read(info).num_rows == 12
    with pytest.raises(pa.ArrowKeyError, match="Fix: run the query again"):
        client.read(info)


def test_anothers_ticket_is_no_ticket(mesh: Flying) -> None:
    owner = mesh.token(ADA)
    info = mesh.client(owner).info(SQL)
    # Another principal, the same one by another token, and nobody.
    for other in (mesh.token(GUEST), mesh.token(ADA), mesh.admin()):
        with pytest.raises(pa.ArrowKeyError, match="no such ticket"):
            mesh.client(other).read(info)
    with pytest.raises(fl.FlightUnauthenticatedError):
        mesh.client().read(info)
    assert mesh.client(owner).read(info).num_rows == 12


def test_a_forged_ticket_is_no_ticket(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    handle = unpack(client.info(SQL).endpoints[0].ticket.ticket).values["statement_handle"]
    changed = bytes([handle[0] ^ 1]) + handle[1:]
    for forged in (changed, handle[:-1], handle + b"x", b"", secrets.token_bytes(32)):
        ticket = fl.Ticket(pack("TicketStatementQuery", {"statement_handle": forged}))
        with pytest.raises(pa.ArrowKeyError, match="no such ticket"):
            client.raw.do_get(ticket, client.options).read_all()


def test_a_ticket_that_nobody_comes_for_expires(mesh: Flying, monkeypatch) -> None:
    client = mesh.client(mesh.token(ADA))
    info = client.info(SQL)
    noted = len(mesh.events())
    monkeypatch.setattr(service, "TICKET_SECONDS", -1.0)
    mesh.flight._service._sweep()
    monkeypatch.undo()
    with pytest.raises(pa.ArrowKeyError, match="has expired"):
        client.read(info)
    assert len(mesh.events()) == noted  # nothing was read


def test_a_query_that_is_given_up_has_no_ticket(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    for action in ("CancelFlightInfo", "CancelQuery"):
        info = client.info(SQL)
        asked = {"info": info.serialize()}
        packed = action == "CancelQuery"
        body = pack("ActionCancelQueryRequest", asked)
        if not packed:
            body = encode("CancelFlightInfoRequest", asked)
        (answer,) = client.act(action, body)
        if packed:
            assert unpack(answer).values == {"result": 1}
        else:
            assert decode("CancelFlightInfoResult", answer) == {"status": 1}
        with pytest.raises(pa.ArrowKeyError, match="no such ticket"):
            client.read(info)
    other = mesh.client(mesh.token(GUEST))
    info = client.info(SQL)
    with pytest.raises(pa.ArrowKeyError, match="no such ticket"):
        other.act("CancelFlightInfo", encode("CancelFlightInfoRequest", {"info": info.serialize()}))
    assert client.read(info).num_rows == 12


def test_prepared_statements_are_their_owners(mesh: Flying) -> None:
    owner, other = mesh.client(mesh.token(ADA)), mesh.client(mesh.token(GUEST))
    made = owner.prepare(f"select id from {SALES} where id = ?")
    handle = made["prepared_statement_handle"]
    assert pa.ipc.read_schema(pa.py_buffer(made["dataset_schema"])).names == ["id"]
    assert len(pa.ipc.read_schema(pa.py_buffer(made["parameter_schema"]))) == 1
    assert owner.bind(handle, pa.record_batch({"1": [7]})) == handle
    named = {"prepared_statement_handle": handle}
    with pytest.raises(pa.ArrowKeyError, match="no such prepared statement"):
        other.command("CommandPreparedStatementQuery", **named)
    with pytest.raises(pa.ArrowKeyError, match="no such prepared statement"):
        other.bind(handle, pa.record_batch({"1": [8]}))
    with pytest.raises(pa.ArrowKeyError, match="no such prepared statement"):
        other.act("ClosePreparedStatement", pack("ActionClosePreparedStatementRequest", named))
    info = owner.command("CommandPreparedStatementQuery", **named)
    assert owner.read(info).to_pylist() == [{"id": 7}]
    owner.act("ClosePreparedStatement", pack("ActionClosePreparedStatementRequest", named))
    with pytest.raises(pa.ArrowKeyError, match="no such prepared statement"):
        owner.command("CommandPreparedStatementQuery", **named)


def test_parameters_come_by_name_where_they_have_one(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    made = client.prepare(f"select id from {SALES} where id > $low and id < $high")
    handle = made["prepared_statement_handle"]
    client.bind(handle, pa.record_batch({"low": [3], "high": [6]}))
    info = client.command("CommandPreparedStatementQuery", prepared_statement_handle=handle)
    assert sorted(client.read(info)["id"].to_pylist()) == [4, 5]


def test_a_statement_with_parameters_waits_for_their_values(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    with pytest.raises(pa.ArrowInvalid, match="give each parameter one value"):
        client.info(f"select id from {SALES} where id = ?")


@given(st.lists(st.tuples(st.sampled_from(["put", "take"]), st.integers(0, 3)), max_size=60))
def test_handles_are_bounded_and_each_is_its_owners(steps) -> None:
    dropped: list[int] = []
    handles: Handles[int] = Handles("ticket", 3, 7, dropped.append)
    known: dict[bytes, tuple[int, int]] = {}
    for number, (step, who) in enumerate(steps):
        owner = (f"person:{who}", "oidc")
        if step == "put":
            known[handles.put(owner, number)] = (who, number)
        for handle, (whose, value) in list(known.items()):
            if value in dropped or whose != who:
                with pytest.raises(NoSuchHandle):
                    handles.take(handle, owner)
            elif step == "take":
                assert handles.take(handle, owner) == value
                del known[handle]
            else:
                assert handles.get(handle, owner) == value
        assert len(handles) <= 7
    assert len(dropped) == len(set(dropped))


def test_handles_from_many_threads() -> None:
    handles: Handles[int] = Handles("ticket", 10_000, 10_000, lambda _: None)
    shared = [handles.put(("a", "b"), number) for number in range(2000)]
    taken: list[int] = []

    def take() -> None:
        for handle in shared:
            try:
                taken.append(handles.take(handle, ("a", "b")))
            except NoSuchHandle:
                continue

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(2000))
