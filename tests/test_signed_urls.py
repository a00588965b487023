"""Signed URLs: bound to a file, a caller and a time, and to the access that they came of."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
from gateway_http import Served, served
from loopback import PLAIN
from meshes import MESH_YAML
from sharing_meshes import ADA, BOB, CARL, DORA, published_shop, shop

from mesh_defs.errors import MeshError
from mesh_defs.gateway.errors import Ended
from mesh_defs.gateway.handed import MOST_EACH
from mesh_defs.gateway.signed import KEY_FILE, PREFIX, load_sign_key
from mesh_defs.settings import load_settings
from mesh_defs.urls import parse


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(published_shop(tmp_path_factory.mktemp("signed"))) as mesh:
        yield mesh


def handed(mesh: Served, who: str, address: str = "/shop/stock", **query: object) -> dict:
    answer = mesh.client(who).get(f"{address}/files", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, **PLAIN)


def events(mesh: Served, receipt: str) -> list[tuple[str, int, int, str | None]]:
    found = [each for each in mesh.events() if each["receipt"] == receipt]
    return [(each["event"], each["rows"], each["bytes"], each["reason"]) for each in found]


def test_whoever_has_the_url_reads_the_file_and_the_receipt_says_so(mesh: Served) -> None:
    told = handed(mesh, DORA)
    assert events(mesh, told["receipt"]) == [("begun", 0, 0, None)]
    file = told["files"][0]
    answer = get(file["url"])
    table = pq.read_table(BytesIO(answer.content))
    assert (answer.status_code, table.num_rows, file["rows"]) == (200, 13, 13)
    assert answer.headers["Mesh-Version"] == "2"
    assert answer.headers["Mesh-Receipt"] == told["receipt"]
    assert events(mesh, told["receipt"])[1:] == [("completed", 13, file["bytes"], None)]
    get(file["url"])
    assert len(events(mesh, told["receipt"])) == 2


def test_the_same_file_is_known_by_the_same_opaque_name(mesh: Served) -> None:
    first, second = (handed(mesh, DORA)["files"][0]["url"] for _ in range(2))
    other = handed(mesh, DORA, version=0)["files"][0]["url"]
    names = [url.rpartition("/")[2] for url in (first, second, other)]
    assert names[0] == names[1] != names[2]
    assert first != second
    assert "stock" not in first.removeprefix(mesh.base)


def test_what_is_changed_or_forged_is_refused(mesh: Served) -> None:
    one, other = (
        handed(mesh, DORA, f"/shop/{name}")["files"][0]["url"] for name in ("stock", "bag")
    )
    *_, reading, proof, name = one.split("/")
    *_, other_reading, other_proof, other_name = other.split("/")
    until, _, signature = proof.partition("-")
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
    for path in (
        f"{reading}/{until}-{flipped}/{name}",
        f"{reading}/{int(until) + 60}-{signature}/{name}",
        f"{reading}/{until}-/{name}",
        f"{reading}/{until}/{name}",
        f"{reading}/x-{signature}/{name}",
        f"{reading}/{until}-{signature}é/{name}",
        f"{reading}/{proof}/{other_name}",
        f"{reading}/{other_proof}/{other_name}",
        f"{other_reading}/{proof}/{name}",
        f"{'0' if reading[0] != '0' else '1'}{reading[1:]}/{proof}/{name}",
    ):
        answer = get(f"{mesh.base}{PREFIX}/{path}")
        assert answer.status_code == 403, path
        assert "ask for a new one" in answer.json()["fix"]
    assert get(one).status_code == get(other).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e%2f%2e%2e%2fstate.db",
        "....//....//etc/passwd",
        "%2fetc%2fpasswd",
        "..\\..\\sign.key",
        "%00.parquet",
        "0" * 5000,
    ],
)
def test_no_name_leads_out_of_what_was_handed_out(mesh: Served, name: str) -> None:
    url = handed(mesh, DORA)["files"][0]["url"]
    start = url.rpartition("/")[0]
    answer = get(f"{start}/{name}")
    assert answer.status_code in (403, 404)
    assert b"root:" not in answer.content


def test_a_url_ends_with_its_time(mesh: Served) -> None:
    url = handed(mesh, DORA)["files"][0]["url"]
    *_, reading, proof, name = url.split("/")
    file = name.removesuffix(".parquet")
    until = datetime.fromtimestamp(int(proof.partition("-")[0]), UTC)
    signer = mesh.gateway.signer
    handout, _ = signer.use(reading, proof, file, until - timedelta(seconds=1))
    signer.release(handout)
    with pytest.raises(Ended):
        signer.use(reading, proof, file, until)


def test_a_url_lasts_no_longer_than_its_credential(mesh: Served) -> None:
    secret = mesh.token(DORA, seconds=30)
    told = mesh.with_token(secret).get("/shop/stock/files").json()
    left = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
    assert left <= timedelta(seconds=30)


def test_a_url_ends_at_once_with_the_token_that_it_came_of(mesh: Served) -> None:
    secret = mesh.token(DORA, urls=("mesh://shop/stock",))
    told = mesh.with_token(secret).get("/shop/stock/files").json()
    url = told["files"][0]["url"]
    assert get(url, Range="bytes=0-9").status_code == 206
    tokens, now = mesh.gateway.state.tokens, datetime.now(UTC)
    found = tokens.find(secret)
    assert found is not None
    tokens.revoke(found, "person:admin", "a test", now)
    answer = get(url)
    assert (answer.status_code, answer.json()["title"]) == (403, "Access ended")
    assert [each[0] for each in events(mesh, told["receipt"])] == ["begun", "aborted"]
    assert events(mesh, told["receipt"])[1][2] == 10


def test_a_token_that_comes_along_must_be_of_who_got_the_url(mesh: Served) -> None:
    url = handed(mesh, DORA)["files"][0]["url"]
    own, others = (f"Bearer {mesh.token(who)}" for who in (DORA, ADA))
    assert get(url, Authorization=own).status_code == 200
    refused = get(url, Authorization=others)
    assert (refused.status_code, "somebody else" in refused.json()["detail"]) == (403, True)
    assert get(url, Authorization="Bearer mesh_nonsense").status_code == 401


def test_who_may_not_read_gets_no_url(mesh: Served) -> None:
    refused = mesh.client(CARL).get("/shop/people/files")
    assert (refused.status_code, "mesh request" in refused.json()["fix"]) == (403, True)
    assert mesh.client().get("/shop/people/files").status_code == 401


def test_masked_rows_come_from_a_file_of_their_own(mesh: Served) -> None:
    clear, masked, filtered = (
        pq.read_table(BytesIO(get(handed(mesh, who, "/shop/people")["files"][0]["url"]).content))
        for who in (DORA, ADA, BOB)
    )
    assert "@other.example" in clear["email"][0].as_py()
    assert all("@" not in value and "*" in value for value in masked["email"].to_pylist())
    assert set(filtered["email"].to_pylist()) == {None}
    assert set(filtered["origin"].to_pylist()) == {"JFK"}


def test_a_masked_file_is_there_as_long_as_its_url(mesh: Served) -> None:
    gateway = mesh.gateway
    told = handed(mesh, ADA, "/shop/people")
    kept, gateway.snapshots._most_bytes = gateway.snapshots._most_bytes, 0
    try:
        handed(mesh, ADA, "/shop/people", version=0)
        assert get(told["files"][0]["url"]).status_code == 200
    finally:
        gateway.snapshots._most_bytes = kept


def reading(mesh: Served) -> object:
    caller = mesh.gateway.authenticate(f"Bearer {mesh.token(DORA)}")
    return mesh.gateway.reads.open(caller, parse("mesh://shop/stock"), protocol="files")


def test_ranges_that_cover_every_file_complete_the_read(mesh: Served) -> None:
    opened = reading(mesh)
    handout = mesh.gateway.signer.hand_out(opened, opened.rows().files)
    file = next(iter(handout.files.values()))
    middle = file.size // 2
    handout.sending(file, middle - 5, file.size)
    assert events(mesh, opened.id)[1:] == []
    handout.sending(file, 0, middle)
    assert events(mesh, opened.id)[1:] == [("completed", 13, file.size + 5, None)]


def test_a_part_that_was_read_is_told_as_a_part(mesh: Served, tmp_path: Path) -> None:
    for sent in (0, 100):
        opened = reading(mesh)
        handout = mesh.gateway.signer.hand_out(opened, opened.rows().files)
        file = next(iter(handout.files.values()))
        if sent:
            handout.sending(file, 0, sent)
            handout.sending(file, 50, sent)
        handout.end("nothing was read before its URLs ended")
        event = events(mesh, opened.id)[1]
        if sent:
            assert event == ("completed", 0, 150, f"partial: 100 of {file.size} bytes, in 150 sent")
        else:
            assert event == ("aborted", 0, 0, "nothing was read before its URLs ended")


def test_what_is_over_is_ended_without_anybody_asking(tmp_path: Path) -> None:
    short = "    gateway: {limits: {signed_url_seconds: 1}}\n"
    root = shop(tmp_path)
    (root / "mesh.yaml").write_text(MESH_YAML.rstrip("\n") + "\n" + short)
    from sharing_meshes import publish, stock

    publish(root, "stock", stock("range(3) t(i)"))
    with served(root) as mesh:
        opened = reading(mesh)
        mesh.gateway.signer.hand_out(opened, opened.rows().files)
        while mesh.gateway.signer._handouts:
            with mesh.gateway.signer._changed:
                mesh.gateway.signer._changed.wait(0.1)
        while len(events(mesh, opened.id)) < 2:
            pass
        assert events(mesh, opened.id)[1][0] == "aborted"


def test_a_url_ends_when_the_rules_do_not_permit_it_any_more(tmp_path: Path) -> None:
    root = published_shop(tmp_path)
    with served(root) as mesh:
        told = handed(mesh, DORA, "/shop/people")
        other = handed(mesh, ADA, "/shop/stock")
        rules = root / "domains/shop/access.cedar"
        masked = rules.read_text().replace('@id("doctors")', '@id("doctors") @mask("partial")')
        rules.write_text(masked)
        assert get(told["files"][0]["url"]).status_code == 403
        assert get(other["files"][0]["url"]).status_code == 200
        assert [each[0] for each in events(mesh, told["receipt"])] == ["begun", "aborted"]


def test_one_principal_cannot_take_all_there_are(mesh: Served) -> None:
    signer = mesh.gateway.signer
    before = signer._each[ADA]
    signer._each[ADA] = MOST_EACH
    try:
        answer = mesh.client(ADA).get("/shop/stock/files")
        assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
        assert mesh.client(DORA).get("/shop/stock/files").status_code == 200
    finally:
        signer._each[ADA] = before


def test_the_key_is_private_and_long_enough(
    mesh: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = mesh.gateway.settings
    file = settings.state / "gateway" / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_sign_key(settings) == mesh.gateway.signer.key
    assert file.read_text() not in repr(mesh.gateway.signer.key)
    root = shop(tmp_path)
    (root / "mesh.yaml").write_text(
        MESH_YAML.rstrip("\n") + '\n    gateway: {sign_key: "${SIGN}"}\n'
    )
    monkeypatch.setenv("SIGN", "short")
    with pytest.raises(MeshError, match="shorter than 16 bytes"):
        load_sign_key(load_settings(root))
