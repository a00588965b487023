"""Whatever a stranger sends over Flight, there is an answer that tells nothing of the server."""

from __future__ import annotations

import contextlib
import traceback
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as fl
import pytest
from flight_gateway import ADA, SALES, Flying, flight_mesh, flying
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from issuers import ec_key
from test_gateway_tls import certificate, pem

from mesh_defs.errors import MeshError
from mesh_defs.gateway.flight.faults import BadArgument, NotFound, NotOffered
from mesh_defs.gateway.flight.gateway import FlightGateway
from mesh_defs.gateway.flight.messages import _FIELDS, REFUSED, decode, encode, pack
from mesh_defs.gateway.identity.tls import ServerTls

GENTLE = (
    pa.ArrowInvalid,
    pa.ArrowKeyError,
    pa.ArrowNotImplementedError,
    fl.FlightUnauthorizedError,
    fl.FlightUnauthenticatedError,
)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    with flying(flight_mesh(tmp_path_factory.mktemp("mesh"))) as served:
        yield served


@pytest.fixture(scope="module")
def ada(mesh: Flying):
    mesh.gateway.limiter.request = lambda who: None  # many requests are made here
    return mesh.client(mesh.token(ADA))


def quiet(error: BaseException) -> str:
    """The text of an error, which has nothing of the server's inside."""
    text = str(error)
    for told in ("Traceback", ".py", "mesh_defs", "/tmp", ".parquet", 'File "'):
        assert told not in text, text
    return text


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_parquet('/etc/passwd')",
        "select * from '/etc/passwd'",
        'select * from "/etc/passwd"',
        "select * from glob('*')",
        "select getenv('HOME')",
        "select * from duckdb_settings()",
        "select * from information_schema.tables",
        f"select * from {SALES}; drop table x",
        f"select * from {SALES} where id = 1 union select 1,2,3,4,5,6,content from read_text('/x')",
        'select * from shop."sales; drop table x".sales',
        'select * from shop."sales"" or 1=1".sales',
        'select * from "mesh://shop/sales/sales?version=0\'"',
        'select * from "mesh://../../etc/passwd"',
        'select * from "mesh://shop/sales/../../x"',
        "attach 'x' as y",
        "set memory_limit = '10GB'",
        "pragma version",
        "",
        ";",
        "select",
        "\0",
        "select '" + "x" * 60_000 + "'",
        "select " + "(" * 5000 + "1" + ")" * 5000,
        "select repeat('x', 1000000000)",
    ],
)
def test_hostile_statements(ada, sql: str) -> None:
    for ask in (ada.info, ada.prepare):
        with pytest.raises(GENTLE) as refused:
            ask(sql)
        assert "Fix:" in quiet(refused.value) or "no product" in str(refused.value)


@pytest.mark.parametrize(
    "path",
    [
        ["shop", "sales", 'sales" or 1=1 --'],
        ["..", "..", "etc"],
        ["/etc/passwd"],
        [""],
        [],
        ["shop", "sales", "sales", "id"],
        ["shop", "sales'; drop table x; --"],
    ],
)
def test_hostile_paths(ada, path: list[str]) -> None:
    with pytest.raises(GENTLE) as refused:
        ada.raw.get_flight_info(fl.FlightDescriptor.for_path(*path), ada.options)
    quiet(refused.value)


def test_errors_of_the_engine_tell_no_value(ada) -> None:
    info = ada.info(f"select cast(email as integer) from {SALES}")
    with pytest.raises(pa.ArrowInvalid) as failed:
        ada.read(info)
    assert "mail.example" not in quiet(failed.value)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=60), st.sampled_from([*_FIELDS, *REFUSED, "CommandNobodyKnows"]))
def test_bytes_that_are_no_message(ada, data: bytes, name: str) -> None:
    from google.protobuf.any_pb2 import Any

    prefix = "type.googleapis.com/arrow.flight.protocol.sql."
    packed = Any(type_url=prefix + name, value=data).SerializeToString()
    for body in (data, packed):
        tries = (
            lambda body=body: ada.raw.get_flight_info(
                fl.FlightDescriptor.for_command(body), ada.options
            ),
            lambda body=body: ada.raw.do_get(fl.Ticket(body), ada.options).read_all(),
            lambda body=body: ada.act("CancelQuery", body),
            lambda body=body: ada.act("CreatePreparedStatement", body),
            lambda body=body: ada.act("ClosePreparedStatement", body),
        )
        for attempt in tries:
            with contextlib.suppress(*GENTLE):
                attempt()


def test_what_is_not_on_offer_says_so(ada) -> None:
    for name in sorted(REFUSED):
        from google.protobuf.any_pb2 import Any

        url = f"type.googleapis.com/arrow.flight.protocol.sql.{name}"
        descriptor = fl.FlightDescriptor.for_command(Any(type_url=url).SerializeToString())
        with pytest.raises(pa.ArrowNotImplementedError, match="read through its gateway"):
            ada.raw.get_flight_info(descriptor, ada.options)
    for action in ("BeginTransaction", "BeginSavepoint", "EndTransaction", "x" * 5000):
        with pytest.raises(pa.ArrowNotImplementedError, match="not on offer"):
            ada.act(action, b"")
    with pytest.raises(pa.ArrowNotImplementedError, match="no transactions"):
        ada.command("CommandStatementQuery", query="select 1", transaction_id=b"x")
    _, reader = ada.raw.do_exchange(fl.FlightDescriptor.for_command(b"x"), ada.options)
    with pytest.raises(pa.ArrowNotImplementedError, match="DoExchange"):
        reader.read_all()


@pytest.mark.parametrize("kind", [NotFound, BadArgument, NotOffered])
def test_an_error_told_by_its_base_class_has_no_traceback_to_tell(kind) -> None:
    with pytest.raises(kind) as raised:
        raise kind("words") from None
    assert str(raised.value) == "words"
    with pytest.raises(RuntimeError):
        traceback.format_exception(kind, raised.value, raised.tb)


@given(
    st.fixed_dictionaries(
        {"table": st.text(), "catalog": st.none() | st.text(), "db_schema": st.none() | st.text()}
    )
)
def test_messages_are_read_as_they_were_written(values: dict[str, str | None]) -> None:
    given_ = {name: value for name, value in values.items() if value is not None}
    assert decode("CommandGetPrimaryKeys", encode("CommandGetPrimaryKeys", given_)) == values


def test_over_tls_with_the_servers_certificate_alone(mesh: Flying, tmp_path: Path) -> None:
    key = ec_key()
    chain, private = certificate(key), pem(key)
    tls = ServerTls(tmp_path, tmp_path, chain, private, None, ())
    with FlightGateway(mesh.gateway, tls=tls) as flight:
        assert flight.location.startswith("grpc+tls://")
        token = mesh.token(ADA)
        options = fl.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
        command = fl.FlightDescriptor.for_command(pack("CommandGetCatalogs", {}))
        with fl.FlightClient(flight.location, tls_root_certs=chain) as client:
            info = client.get_flight_info(command, options)
            assert client.do_get(info.endpoints[0].ticket, options).read_all().num_rows == 2
        other = certificate(ec_key())
        with (
            fl.FlightClient(flight.location, tls_root_certs=other) as client,
            pytest.raises(fl.FlightUnavailableError),
        ):
            client.get_flight_info(command, options)
        plain = flight.location.replace("grpc+tls", "grpc")
        with fl.FlightClient(plain) as client, pytest.raises(fl.FlightUnavailableError):
            client.get_flight_info(command, options)


def test_a_port_that_is_taken_is_one_clear_error(mesh: Flying) -> None:
    with pytest.raises(MeshError, match=r"cannot listen on .*flight_port"):
        FlightGateway(mesh.gateway, port=mesh.flight.port)
