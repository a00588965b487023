"""Every way of reading, with every credential that is no good: refused, and nothing told."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pyarrow.flight as fl
import pytest
import yaml
from access_meshes import READERS
from gateway_http import Served, served
from http_meshes import QUERIERS, http_mesh
from issuers import Issuer, believed, issuing, rsa_key, segment
from meshes import MESH_YAML

from mesh_defs.gateway.flight.messages import pack
from mesh_defs.gateway.sharing.profile import PREFIX

ADA = "person:ada@shop.example"
PORT = "/shop/sales/sales"
TABLE = f"{PREFIX}/shares/shop/schemas/sales/tables/sales"
SQL = "SELECT id, origin FROM shop.sales"
# Names of columns, values in rows, and what only a reader of the port learns of it.
TOLD = ("price", "email", "phone", "meal", "JFK", "kosher", "1980-06", "mail.example")
NUMBERS = itertools.count(1)
SUBSCRIBERS = """
@id("subscribers")
permit (principal in Role::"reader", action == Action::"subscribe", resource)
when { resource == Port::"shop/sales/sales" };
@id("owners")
permit (principal in Role::"reader", action == Action::"control", resource)
when { resource == Product::"shop/sales" };
"""
WAYS: dict[str, tuple[str, str, dict[str, object]]] = {
    **{
        f"data {form}": ("GET", f"{PORT}/data", {"params": {"format": form}})
        for form in ("arrow", "parquet", "csv", "json", "ndjson")
    },
    "data head": ("HEAD", f"{PORT}/data", {}),
    "query": ("POST", "/query", {"content": SQL}),
    "changes": ("GET", f"{PORT}/changes", {"params": {"since": "-1"}}),
    "events": (
        "GET",
        f"{PORT}/changes",
        {"params": {"since": "-1"}, "headers": {"Accept": "text/event-stream"}},
    ),
    "files": ("GET", f"{PORT}/files", {}),
    "record": ("GET", f"{PORT}/record", {}),
    "versions": ("GET", f"{PORT}/versions", {}),
    "descriptor": ("GET", PORT, {"headers": {"Accept": "application/json"}}),
    "products": ("GET", "/-/products", {}),
    "search": ("GET", "/-/search", {"params": {"q": "sales"}}),
    "sharing list": ("GET", f"{PREFIX}/shares", {}),
    "sharing version": ("GET", f"{TABLE}/version", {}),
    "sharing metadata": ("GET", f"{TABLE}/metadata", {}),
    "sharing query": ("POST", f"{TABLE}/query", {"json": {}}),
    "sharing changes": ("GET", f"{TABLE}/changes", {"params": {"startingVersion": 0}}),
    "lease": ("POST", f"{PORT}/connect", {"json": {"ttl": 60}}),
    "grants": ("GET", "/-/grants", {}),
    "requests": ("GET", "/-/requests", {}),
    "feedback": ("GET", "/shop/sales/feedback", {}),
    "feedback given": ("POST", "/shop/sales/feedback", {"json": {"kind": "rating", "stars": 5}}),
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Served]:
    profile = yaml.safe_load(MESH_YAML)
    profile["profiles"]["local"]["gateway"] = {
        "identity": {"issuers": [believed(issuer)]},
        "limits": {"failures_per_minute": 1_000_000, "per_principal_per_minute": 1_000_000},
    }
    rules = READERS + QUERIERS + SUBSCRIBERS
    files = {"mesh.yaml": yaml.safe_dump(profile)}
    with served(http_mesh(tmp_path_factory.mktemp("bad"), rules, **files)) as found:
        yield found


def at(seconds: int) -> dict[str, object]:
    """Claims of a token that ends in so many seconds."""
    now = int(time.time())
    return {"iat": now - 1000, "exp": now + seconds}


def unsigned(issuer: Issuer) -> str:
    """A token with ``alg: none``, and no signature."""
    _, payload, _ = issuer.token(**at(300)).split(".")
    return f"{segment({'alg': 'none', 'typ': 'JWT', 'kid': 'one'})}.{payload}."


def expired(mesh: Served) -> str:
    secret = mesh.token(ADA, seconds=0.001)
    found = mesh.gateway.state.tokens.find(secret)
    while found.expires_at > datetime.now(UTC):
        pass
    return secret


def revoked(mesh: Served) -> str:
    secret = mesh.token(ADA, seconds=3600 + next(NUMBERS))
    tokens = mesh.gateway.state.tokens
    tokens.revoke(tokens.find(secret), "person:admin", "a test", datetime.now(UTC))
    return secret


def lease(mesh: Served, *, good: bool) -> str:
    """A lease of Ada's; one that is no good is revoked."""
    secret = mesh.client(ADA).post(f"{PORT}/connect", json={"ttl": 600}).json()["token"]
    tokens = mesh.gateway.state.tokens
    if not good:
        tokens.revoke(tokens.find(secret), "person:admin", "a test", datetime.now(UTC))
    return secret


def flipped(secret: str) -> str:
    """The same with another last character."""
    return secret[:-1] + ("0" if secret[-1] != "0" else "1")


Made = Callable[[Served, Issuer], str]
GOOD: dict[str, Made] = {
    "oidc": lambda _mesh, issuer: issuer.token(**at(300)),
    "service": lambda mesh, _issuer: mesh.token(ADA),
}
BAD: dict[str, Made] = {
    "oidc expired": lambda _mesh, issuer: issuer.token(**at(-31)),
    "oidc forged": lambda _mesh, issuer: issuer.token(rsa_key(1), **at(300)),
    "oidc changed": lambda _mesh, issuer: flipped_payload(issuer),
    "oidc wrong audience": lambda _mesh, issuer: issuer.token(aud="other", **at(300)),
    "oidc wrong issuer": lambda _mesh, issuer: issuer.token(iss="https://evil.example", **at(300)),
    "oidc alg none": lambda _mesh, issuer: unsigned(issuer),
    "service expired": lambda mesh, _issuer: expired(mesh),
    "service revoked": lambda mesh, _issuer: revoked(mesh),
    "service forged": lambda mesh, _issuer: flipped(mesh.token(ADA)),
    "lease revoked": lambda mesh, _issuer: lease(mesh, good=False),
    "lease forged": lambda mesh, _issuer: flipped(lease(mesh, good=True)),
    "admin forged": lambda mesh, _issuer: flipped(mesh.admin()),
}


def flipped_payload(issuer: Issuer) -> str:
    """A sound token of whose claims one was changed."""
    head, payload, signature = issuer.token(sub="eve", email="eve@shop.example", **at(300)).split(
        "."
    )
    _, sound, _ = issuer.token(**at(300)).split(".")
    assert payload != sound
    return f"{head}.{sound}.{signature}"


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("way", WAYS)
def test_a_good_credential_is_answered_by_each_way(
    mesh: Served, issuer: Issuer, way: str, kind: str
) -> None:
    """Else the refusals below would show nothing."""
    method, path, more = WAYS[way]
    client = mesh.with_token(GOOD[kind](mesh, issuer))
    with client.stream(method, path, **more) as answer:
        if (way, kind) == ("feedback given", "service"):  # which is for reading alone
            assert answer.status_code == 403
        else:
            assert answer.status_code < 300, answer.read()


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("way", WAYS)
def test_a_bad_credential_is_refused_by_each_way(
    mesh: Served, issuer: Issuer, way: str, kind: str
) -> None:
    method, path, more = WAYS[way]
    before = len(mesh.events())
    answer = mesh.with_token(BAD[kind](mesh, issuer)).request(method, path, **more)
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
    assert not [name for name in answer.headers if name.startswith(("mesh-", "delta-"))]
    nothing_told(answer.text + json.dumps(dict(answer.headers)))
    assert len(mesh.events()) == before, "no read began"


@pytest.mark.parametrize("kind", BAD)
def test_a_signed_url_is_no_good_beside_a_bad_credential(
    mesh: Served, issuer: Issuer, kind: str
) -> None:
    url = mesh.client(ADA).get(f"{PORT}/files").json()["files"][0]["url"]
    answer = mesh.with_token(BAD[kind](mesh, issuer)).get(url)
    assert answer.status_code == 401
    nothing_told(answer.text + json.dumps(dict(answer.headers)))
    assert mesh.with_token(GOOD["oidc"](mesh, issuer)).get(url).status_code == 200


@contextlib.contextmanager
def flight(mesh: Served, secret: str) -> Iterator[tuple[fl.FlightClient, fl.FlightCallOptions]]:
    shown = [(b"authorization", f"Bearer {secret}".encode())]
    with fl.FlightClient(mesh.gateway.flight) as client:
        yield client, fl.FlightCallOptions(headers=shown, timeout=60)


def statement() -> fl.FlightDescriptor:
    return fl.FlightDescriptor.for_command(pack("CommandStatementQuery", {"query": SQL}))


@pytest.mark.parametrize("kind", GOOD)
def test_flight_answers_a_good_credential(mesh: Served, issuer: Issuer, kind: str) -> None:
    with flight(mesh, GOOD[kind](mesh, issuer)) as (client, options):
        info = client.get_flight_info(statement(), options)
        assert client.do_get(info.endpoints[0].ticket, options).read_all().num_rows == 12


@pytest.mark.parametrize("kind", BAD)
def test_flight_refuses_a_bad_credential(mesh: Served, issuer: Issuer, kind: str) -> None:
    with flight(mesh, GOOD["service"](mesh, issuer)) as (client, options):
        ticket = client.get_flight_info(statement(), options).endpoints[0].ticket
    prepare = fl.Action(
        "CreatePreparedStatement", pack("ActionCreatePreparedStatementRequest", {"query": SQL})
    )
    tables = fl.FlightDescriptor.for_command(pack("CommandGetTables", {"include_schema": True}))
    with flight(mesh, BAD[kind](mesh, issuer)) as (client, options):
        calls: list[Callable[[], object]] = [
            lambda: client.get_flight_info(statement(), options),
            lambda: client.get_flight_info(tables, options),
            lambda: client.do_get(ticket, options).read_all(),
            lambda: list(client.do_action(prepare, options)),
        ]
        for call in calls:
            with pytest.raises(fl.FlightUnauthenticatedError) as refused:
                call()
            nothing_told(str(refused.value))
        # This one pyarrow's client tells by the status' name alone.
        with pytest.raises(OSError, match="Detail: Unauthenticated") as refused:
            client.get_schema(statement(), options)
        nothing_told(str(refused.value))
        assert "Traceback" not in str(refused.value)


def test_flight_tells_nothing_of_its_server_where_it_tells_no_schema(mesh: Served) -> None:
    """There pyarrow passes no status on, but all that it knows of an error."""
    for secret in (mesh.token("person:guest@shop.example"), None):
        shown = [(b"authorization", f"Bearer {secret}".encode())] if secret else []
        options = fl.FlightCallOptions(headers=shown, timeout=60)
        with fl.FlightClient(mesh.gateway.flight) as client, pytest.raises(Exception) as refused:  # noqa: PT011  of whatever class
            client.get_schema(statement(), options)
        text = str(refused.value)
        assert "Fix: " in text
        for each in ("Traceback", ".py", "mesh_defs"):
            assert each not in text
        nothing_told(text)


def nothing_told(text: str) -> None:
    """``text`` has nothing of the port inside."""
    for each in TOLD:
        assert each not in text, text
