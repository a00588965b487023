"""What is refused, and how: purposes of another form, reads without whole receipts, empty filters;
each with what to do, and nothing that tells a hidden product from none."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as fl
import pytest
from access_meshes import PEOPLE, PORT, READERS, sales_files
from commands import mesh as command
from gateway_http import Served, served
from http_meshes import http_mesh
from meshes import write_mesh

from mesh_defs.errors import InvalidRequest
from mesh_defs.gateway.purposes import checked_purpose
from mesh_defs.product.access import MeshAccess
from mesh_defs.settings import load_settings

ADA, GUEST = "person:ada@shop.example", "person:guest@shop.example"
WRONG = ["x" * 64, "a\nb", "", " a", "1", "a\x1b[31m", "é"]
SALES = "/shop/sales/sales"
BILLING = f"""
@id("for care")
permit (principal == Person::"guest@shop.example", action == Action::"read", resource == {PORT})
when {{ context has purpose && context.purpose == "care" }};
"""


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(http_mesh(tmp_path_factory.mktemp("refused"), READERS + BILLING)) as found:
        found.gateway.limiter._requests._most = 1e9
        yield found


@pytest.mark.parametrize("purpose", WRONG)
def test_a_purpose_of_another_form_is_refused_everywhere(mesh: Served, purpose: str) -> None:
    with pytest.raises(InvalidRequest, match="is no purpose"):
        checked_purpose(purpose)
    before = len(mesh.events())
    client = mesh.client(ADA)
    for path in (f"{SALES}/data", f"{SALES}/record", f"{SALES}/versions", f"{SALES}/files"):
        answer = client.get(path, params={"purpose": purpose})
        assert answer.status_code == 400, answer.text
        assert answer.json()["fix"]
    lease = client.post(f"{SALES}/connect", json={"purpose": purpose})
    assert lease.status_code == 400
    assert len(mesh.events()) == before


def test_a_purpose_in_a_header_is_checked_too(mesh: Served) -> None:
    client = mesh.client(ADA)
    for path in (f"{SALES}/data", f"{SALES}/record", "/-/sharing/shares"):
        answer = client.get(path, headers={"Mesh-Purpose": "x" * 30_000})
        assert answer.status_code == 400, answer.text
    bearer = f"Bearer {mesh.token(ADA)}".encode()
    headers = [(b"authorization", bearer), (b"mesh-purpose", b"x" * 100)]
    with (
        fl.connect(mesh.gateway.flight) as flight,
        pytest.raises((fl.FlightError, pa.ArrowException), match="is no purpose"),
    ):
        list(flight.list_flights(options=fl.FlightCallOptions(headers=headers)))


def test_no_product_that_is_hidden_waits_for_its_receipt(mesh: Served) -> None:
    receipts = mesh.gateway.state.receipts
    append, go = receipts._writer._commit, threading.Event()

    def held(entries: object) -> object:
        assert go.wait(30)
        return append(entries)  # type: ignore[arg-type]

    receipts._writer._commit = held  # type: ignore[assignment]
    try:
        hidden = mesh.client(ADA).get("/shop/secret/secret/data")
        absent = mesh.client(ADA).get("/shop/absent/absent/data")
    finally:
        go.set()
        receipts._writer._commit = append
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace("secret", "absent") == absent.text
    # It is written all the same, before what is put behind it.
    assert mesh.client(ADA).get(f"{SALES}/data").status_code == 200
    refused = [each["url"] for each in mesh.events() if each["event"] == "refused"]
    assert "mesh://shop/secret/secret?version=0" in refused


def test_who_says_no_name_is_refused_before_anything_is_looked_up(
    mesh: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    monkeypatch.setattr(mesh.gateway.catalog, "open", looked.append)
    monkeypatch.setattr(mesh.gateway.catalog, "record", looked.append)
    for product in ("sales", "secret", "absent"):
        for path in (f"/shop/{product}/data", f"/shop/{product}/{product}/record"):
            assert mesh.client().get(path).status_code == 401
    assert looked == []


def test_nothing_is_read_when_receipts_are_cut(tmp_path: Path) -> None:
    root = http_mesh(tmp_path)
    with served(root) as mesh:
        token = mesh.token(ADA)
        for _ in range(4):
            assert mesh.client(ADA).get(f"{SALES}/data").status_code == 200
    database = sqlite3.connect(root / ".mesh/gateway/state.db")
    for name in ("update", "delete", "replace"):
        database.execute(f"DROP TRIGGER IF EXISTS mesh_receipts_no_{name}")
    database.execute("DELETE FROM mesh_receipts WHERE seq > 2")
    database.commit()
    database.close()
    with served(root) as mesh:
        answer = mesh.with_token(token).get(f"{SALES}/data")
        assert answer.status_code == 503, answer.text
        assert "mesh audit verify" in answer.json()["fix"]
        assert str(root) not in answer.text
        assert "JFK" not in answer.text


def test_every_refusal_says_what_to_do(mesh: Served) -> None:
    client = mesh.client(ADA)
    answers = [
        client.get("/shop/absent"),
        client.get(f"{SALES}/data", params={"version": 77}),
        client.get("/-/nope"),
        client.get("/a/b/c/d/e"),
        client.get(f"{SALES}/data", params={"limit": "x"}),
        client.get(f"{SALES}/data", params={"version": "x"}),
        client.post("/-/requests", content=b"{"),
        client.post("/-/requests", json={"nope": 1}),
        client.post("/query", content="SELECT origin::INTEGER FROM shop.sales"),
        client.post("/query", content="SELECT * FROM shop.odd ORDER BY nope"),
        client.get("/shop/secret/receipts"),
        mesh.client().get(f"{SALES}/data"),
        mesh.with_token("mesh_nonsense").get(SALES),
        mesh.client(GUEST).get(f"{SALES}/data"),
    ]
    for answer in answers:
        assert answer.status_code >= 400, answer.url
        assert answer.json()["fix"], answer.text


def test_another_token_is_what_helps_outside_a_scope(mesh: Served) -> None:
    scoped = mesh.with_token(mesh.token(ADA, ("mesh://shop/odd",)))
    answer = scoped.get(f"{SALES}/data")
    assert answer.status_code == 403
    assert "use a token that is for it" in answer.json()["fix"]
    assert "mesh request" not in answer.text


def test_a_purpose_that_would_help_is_hinted_at(mesh: Served) -> None:
    guest = mesh.client(GUEST)
    refused = guest.get(f"{SALES}/data")
    assert refused.status_code == 403
    assert "?purpose=" in refused.json()["fix"]
    assert guest.get(f"{SALES}/data", params={"purpose": "care"}).status_code == 200


def test_nobody_is_sent_to_where_a_host_header_says(mesh: Served) -> None:
    answer = mesh.client(ADA).get("/shop/sales/", headers={"Host": "localhost:666"})
    assert answer.status_code == 404
    assert "666" not in f"{answer.text}{answer.headers}"


@pytest.mark.parametrize("name", ["where", "columns", "order"])
@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_filter_is_no_filter_at_all(mesh: Served, name: str, value: str) -> None:
    answer = mesh.client(ADA).get(f"{SALES}/data", params={name: value})
    assert answer.status_code == 400, answer.text
    assert f"'{name}'" in answer.json()["detail"]


def test_the_declared_owner_may_control_the_product(tmp_path: Path) -> None:
    files = sales_files()
    manifest = files["domains/shop/sales/defs.yaml"]
    for owner, who, may in (
        ("guest@shop.example", GUEST, True),
        ("guest@shop.example", ADA, False),
        ("guest@shop.example", "service:guest@shop.example", False),
        ("stranger@shop.example", "person:stranger@shop.example", False),
    ):
        text = manifest.replace("owner: team:test", f"owner: {owner}")
        root = tmp_path / str(abs(hash((owner, who))))
        write_mesh(root, {**files, "domains/shop/sales/defs.yaml": text})
        access = MeshAccess(load_settings(root))
        assert access.decide(who, "mesh://shop/sales", "control").allowed is may, (owner, who)


def test_what_is_asked_of_an_owner_names_who_can_answer(tmp_path: Path) -> None:
    files = sales_files(**{"principals.yaml": PEOPLE})
    root = write_mesh(tmp_path, files)
    asking = ("request", "mesh://shop/sales", "--purpose", "analytics", "--for", "3d")
    done = command(root, *asking, MESH_PRINCIPAL=GUEST)
    assert "whoever runs the gateway (for team:test" in done.stdout


@pytest.mark.parametrize("name", ["audit", "usage"])
def test_a_line_in_a_receipt_is_no_line_on_a_terminal(tmp_path: Path, name: str) -> None:
    root = http_mesh(tmp_path)
    with served(root) as mesh:
        assert mesh.client(ADA).get(f"{SALES}/data").status_code == 200
        kept = mesh.gateway.state.receipts.listed()[-1]
    database = sqlite3.connect(root / ".mesh/gateway/state.db")
    for each in ("update", "delete", "replace"):
        database.execute(f"DROP TRIGGER IF EXISTS mesh_receipts_no_{each}")
    forged = "a\nforged \x1b[31mline"
    database.execute(
        "UPDATE mesh_receipts SET principal = ?, body = json_set(body, '$.purpose', ?, "
        "'$.principal', ?)",
        (forged, forged, forged),
    )
    database.commit()
    database.close()
    assert kept.seq
    done = command(root, name, "mesh://shop/sales", MESH_PRINCIPAL=ADA)
    assert "a\\nforged \\x1b[31mline" in done.stdout
    assert "\nforged" not in done.stdout
    assert "\x1b" not in done.stdout
