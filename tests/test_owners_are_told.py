"""Owners hear that somebody asks, by webhook and by mail, and asking never waits for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from access_meshes import sales_files
from meshes import manifest, write_mesh
from told_servers import Hooks, Mails, mails, webhooks

from mesh_defs.gateway.asking import approve, ask, deny
from mesh_defs.gateway.notify.deliver import Courier, deliver
from mesh_defs.gateway.notify.mail import letter
from mesh_defs.gateway.notify.webhook import NotTold, signature
from mesh_defs.gateway.state.database import State, open_state
from mesh_defs.gateway.state.outbox import CLAIMED, WAITS
from mesh_defs.policy.access.principals import LOCAL
from mesh_defs.product.access import MeshAccess
from mesh_defs.settings import Settings, load_settings

GUEST = "person:guest@shop.example"
SECRET = "whsec_" + base64.b64encode(b"a key that nobody knows").decode()
MANIFEST = "inputs: {sales: files://sales}\npurposes: [analytics, care]\n"


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with webhooks() as server:
        yield server


@pytest.fixture
def box() -> Iterator[Mails]:
    with mails() as server:
        yield server


class Desk:
    """A mesh whose gateway tells ``notify`` of requests."""

    def __init__(self, folder: Path, notify: str, owner: str = "owner@shop.example") -> None:
        mesh_yaml = f"""
        name: the shop
        profiles:
          local:
            services: {{files: {{driver: files, path: data}}}}
            gateway:
              notify: {notify}
        """
        body = manifest(MANIFEST).replace("owner: team:test", f"owner: {owner}")
        files = {"mesh.yaml": mesh_yaml, "domains/shop/sales/defs.yaml": body}
        root = write_mesh(folder, sales_files(**files))
        self.settings: Settings = load_settings(root)
        self.state: State = open_state(self.settings)
        self.access = MeshAccess(self.settings)
        self.guest = self.access.principals.find(GUEST)

    def ask(self, purpose: str = "analytics", message: str | None = None) -> str:
        now = datetime.now(UTC)
        url = "mesh://shop/sales"
        asked = ask(self.state, self.access, self.guest, url, purpose, 9, now, message=message)
        return asked.request.id

    def deliver(self) -> list[str]:
        return deliver(self.state, self.settings)

    def due_again(self, after: timedelta) -> bool:
        """Whether something is due after that time, and not a second before."""
        now = datetime.now(UTC)
        soon = self.state.outbox.claim(now + after - timedelta(seconds=5))
        return not soon and bool(self.state.outbox.claim(now + after))


@pytest.fixture
def hooked(tmp_path: Path, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("HOOK", hooks.url)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    desk = Desk(tmp_path, '{webhook: {url: "${HOOK}", secret: "${HOOK_SECRET}"}}')
    yield desk
    desk.state.close()


@pytest.fixture
def mailed(tmp_path: Path, box: Mails) -> Iterator[Desk]:
    smtp = f"{{host: 127.0.0.1, port: {box.port}, from: mesh@shop.example, security: none}}"
    desk = Desk(tmp_path, f"{{smtp: {smtp}}}")
    yield desk
    desk.state.close()


def test_a_request_is_posted_as_a_signed_cloud_event(hooked: Desk, hooks: Hooks) -> None:
    number = hooked.ask(message="For the report.")
    assert hooks.posted == []  # asking does not wait for it
    assert hooked.deliver() == []
    ((headers, body),) = hooks.posted
    event = json.loads(body)
    assert headers["content-type"] == "application/cloudevents+json"
    assert {name: event[name] for name in ("specversion", "source", "type", "subject")} == {
        "specversion": "1.0",
        "source": "mesh:the%20shop",
        "type": "mesh.access.requested",
        "subject": "mesh://shop/sales/sales@1",
    }
    data = event["data"]
    assert (data["id"], data["principal"], data["message"]) == (number, GUEST, "For the report.")
    assert data["owner"] == "owner@shop.example"
    assert datetime.fromisoformat(event["time"]).tzinfo is not None

    # Standard Webhooks 1.0, "Signature scheme", made here once more.
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(b"a key that nobody knows", signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert hooked.deliver() == []
    assert len(hooks.posted) == 1
    assert hooked.state.outbox.undelivered() == (0, None)


def test_the_signature_is_that_of_the_standards_example() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, the libraries' own test vector.
    found = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_answer_is_posted(hooked: Desk, hooks: Hooks) -> None:
    now = datetime.now(UTC)
    first, second = hooked.ask(), hooked.ask("care")
    approve(hooked.state, hooked.access, LOCAL, first, now, admin=True)
    deny(hooked.state, hooked.access, LOCAL, second, "no", now, admin=True)
    hooked.deliver()
    events = [json.loads(body) for _, body in hooks.posted]
    assert sorted((event["type"], event["data"]["id"]) for event in events) == sorted(
        [
            ("mesh.access.requested", first),
            ("mesh.access.requested", second),
            ("mesh.access.approved", first),
            ("mesh.access.denied", second),
        ]
    )
    assert len({event["id"] for event in events}) == 4


def test_what_is_refused_is_tried_again_later_under_the_same_id(hooked: Desk, hooks: Hooks) -> None:
    hooks.answers = [500]
    hooked.ask()
    assert hooked.deliver() == ["the webhook answered 500"]
    assert hooked.deliver() == []
    assert hooked.state.outbox.undelivered() == (1, "the webhook answered 500")
    (message,) = hooked.state.outbox.claim(datetime.now(UTC) + timedelta(seconds=WAITS[0]))
    assert message.attempts == 2
    assert message.id == hooks.posted[0][0]["webhook-id"]
    hooked.state.outbox.failed(message, "again", datetime.now(UTC))
    assert hooked.due_again(timedelta(seconds=WAITS[1]))


def test_it_is_given_up_after_the_last_wait_and_stays_known(hooked: Desk) -> None:
    hooked.ask()
    now = datetime.now(UTC)
    for _ in range(len(WAITS) + 1):
        now += timedelta(days=1)
        (message,) = hooked.state.outbox.claim(now)
        hooked.state.outbox.failed(message, "no answer", now)
    assert hooked.state.outbox.claim(now + timedelta(days=365)) == []
    assert hooked.state.outbox.undelivered() == (1, "no answer")


def test_a_webhook_that_is_gone_is_not_asked_again(hooked: Desk, hooks: Hooks) -> None:
    hooks.answers = [410]
    hooked.ask()
    assert hooked.deliver() == ["the webhook answered 410"]
    assert hooked.state.outbox.claim(datetime.now(UTC) + timedelta(days=9)) == []


def test_no_redirect_is_followed(hooked: Desk, hooks: Hooks) -> None:
    hooks.answers = [307]
    hooked.ask()
    assert hooked.deliver() == ["the webhook answered 307"]
    assert len(hooks.posted) == 1


def test_what_one_process_has_taken_no_other_takes(hooked: Desk) -> None:
    hooked.ask()
    now = datetime.now(UTC)
    with State(hooked.state.database.place) as other:
        assert len(hooked.state.outbox.claim(now)) == 1
        assert other.outbox.claim(now) == []
        # A process that died over it does not keep it.
        assert len(other.outbox.claim(now + CLAIMED)) == 1


def test_a_secret_that_is_not_set_is_told_and_tried_again(
    hooked: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK_SECRET")
    hooked.ask()
    (problem,) = hooked.deliver()
    assert "HOOK_SECRET" in problem
    assert hooked.due_again(timedelta(seconds=WAITS[0]))


def test_a_server_out_of_reach_is_told_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "http://127.0.0.1:1/hook/s3cr3t-path")
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    desk = Desk(tmp_path, '{webhook: {url: "${HOOK}", secret: "${HOOK_SECRET}"}}')
    desk.ask()
    (problem,) = desk.deliver()
    assert problem.startswith("the webhook cannot be reached")
    assert "s3cr3t" not in problem
    desk.state.close()


def test_a_request_that_fails_tells_nothing(hooked: Desk) -> None:
    hooked.ask()
    hooked.deliver()
    with pytest.raises(Exception, match="has asked for this already"):
        hooked.ask()
    assert hooked.state.outbox.claim(datetime.now(UTC)) == []


def test_a_courier_tells_while_it_runs(hooked: Desk, hooks: Hooks) -> None:
    hooked.ask()
    courier = Courier(hooked.state, hooked.settings)
    courier.start()
    courier.stop()
    assert len(hooks.posted) == 1


def test_the_owner_gets_a_mail_and_who_asked_the_answer(mailed: Desk, box: Mails) -> None:
    number = mailed.ask(message="One line.\nAnother\r\nBcc: everybody@shop.example")
    approve(mailed.state, mailed.access, LOCAL, number, datetime.now(UTC), admin=True)
    assert mailed.deliver() == []
    (sender, recipients, asked), (_, answered, answer) = sorted(
        box.sent, key=lambda each: each[1], reverse=True
    )
    assert (sender, recipients) == ("mesh@shop.example", ["owner@shop.example"])
    assert asked["Subject"] == f"{GUEST} asks for mesh://shop/sales/sales@1"
    assert asked["Bcc"] is None
    text = asked.get_content()
    assert f"  mesh approve {number}" in text
    assert "message:     One line.\\nAnother\\r\\nBcc: everybody@shop.example" in text
    assert answered == ["guest@shop.example"]
    assert answer["Subject"] == "You may read mesh://shop/sales/sales@1"


def test_a_recipient_that_is_refused_is_told(mailed: Desk, box: Mails) -> None:
    box.refuse = {"owner@shop.example"}
    mailed.ask()
    assert mailed.deliver() == ["the mail server refused the recipient"]
    assert mailed.due_again(timedelta(seconds=WAITS[0]))


def test_a_server_without_tls_gets_no_password(
    tmp_path: Path, box: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "s3cr3t-mail")
    login = 'user: mesh, password: "${MAIL_PASSWORD}"'
    smtp = f"{{host: 127.0.0.1, port: {box.port}, from: mesh@shop.example, {login}}}"
    desk = Desk(tmp_path, f"{{smtp: {smtp}}}")
    desk.ask()
    (problem,) = desk.deliver()
    assert "STARTTLS" in problem
    assert box.sent == []
    desk.state.close()


def test_an_owner_without_an_address_gets_no_mail(tmp_path: Path, box: Mails) -> None:
    smtp = f"{{host: 127.0.0.1, port: {box.port}, from: mesh@shop.example, security: none}}"
    desk = Desk(tmp_path, f"{{smtp: {smtp}}}", owner="team:sales")
    desk.ask()
    assert desk.deliver() == []
    assert box.sent == []
    # The domain's owner gets it, where that one has an address.
    file = tmp_path / "domains/shop/defs.yaml"
    file.write_text(file.read_text().replace("team:test", "head@shop.example"))
    desk.ask("care")
    assert desk.deliver() == []
    assert [recipients for _, recipients, _ in box.sent] == [["head@shop.example"]]
    desk.state.close()


@pytest.mark.parametrize("address", ["no address", "a@b\r\nBcc: c@d", "<a@b>", "@", ""])
def test_an_address_that_is_none_is_never_tried_again(address: str) -> None:
    event: dict[str, Any] = {
        "type": "mesh.access.requested",
        "subject": "mesh://shop/sales",
        "data": {"principal": GUEST, "id": "req_1"},
    }
    with pytest.raises(NotTold, match="is no address") as told:
        letter("mesh@shop.example", address, "1.mail", event)
    assert told.value.final


def test_without_anybody_to_tell_nothing_is_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "{}")
    desk.ask()
    assert desk.state.outbox.claim(datetime.now(UTC)) == []
    assert desk.state.requests.pending(datetime.now(UTC)) == 1
    desk.state.close()
