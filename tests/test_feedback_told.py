"""The owner hears what is said of a product, and who said it what is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from access_meshes import sales_files
from meshes import manifest, write_mesh
from told_servers import Hooks, Mails, mails, webhooks

from mesh_defs.errors import AccessDenied, InvalidRequest, UnknownAddress, UnknownRecord
from mesh_defs.gateway.feedback import answer, check_known, say, settle, told
from mesh_defs.gateway.notify.deliver import deliver
from mesh_defs.gateway.state.database import State, open_state
from mesh_defs.policy.access.principals import ANONYMOUS, LOCAL
from mesh_defs.product.access import MeshAccess
from mesh_defs.settings import load_settings

GUEST = "person:guest@shop.example"
IDENTITY = "shop/sales"


class Shop:
    """A mesh whose gateway tells ``notify`` of what is said."""

    def __init__(self, folder: Path, notify: dict[str, Any]) -> None:
        services = {"files": {"driver": "files", "path": "data"}}
        profile = {"services": services, "gateway": {"notify": notify}}
        mesh_yaml = json.dumps({"name": "the shop", "profiles": {"local": profile}})
        body = manifest("inputs: {sales: files://sales}").replace("team:test", "owner@shop.example")
        files = {"mesh.yaml": mesh_yaml, "domains/shop/sales/defs.yaml": body}
        self.settings = load_settings(write_mesh(folder, sales_files(**files)))
        self.state: State = open_state(self.settings)
        self.access = MeshAccess(self.settings)
        self.guest = self.access.principals.find(GUEST)

    def say(self, kind: str, **more: Any) -> str:
        now = datetime.now(UTC)
        return say(self.state, self.access, self.guest, IDENTITY, kind, now, **more).id  # type: ignore[arg-type]

    def deliver(self) -> None:
        assert deliver(self.state, self.settings) == []


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with webhooks() as server:
        yield server


@pytest.fixture
def box() -> Iterator[Mails]:
    with mails() as server:
        yield server


@pytest.fixture
def hooked(
    tmp_path: Path, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Shop, Hooks]]:
    monkeypatch.setenv("HOOK_SECRET", "a key that nobody knows")
    shop = Shop(tmp_path, {"webhook": {"url": hooks.url, "secret": "${HOOK_SECRET}"}})
    with shop.state:
        yield shop, hooks


@pytest.fixture
def mailed(tmp_path: Path, box: Mails) -> Iterator[tuple[Shop, Mails]]:
    smtp = {"host": "127.0.0.1", "port": box.port, "from": "mesh@shop.example", "security": "none"}
    shop = Shop(tmp_path, {"smtp": smtp})
    with shop.state:
        yield shop, box


def test_the_webhook_is_told_what_is_said_and_answered(hooked: tuple[Shop, Hooks]) -> None:
    shop, hooks = hooked
    number = shop.say("problem", text="Yesterday is missing.")
    now = datetime.now(UTC)
    settle(shop.state, shop.access, LOCAL, number, "acknowledged", now, admin=True)
    answer(shop.state, shop.access, LOCAL, number, "Tomorrow.", now, admin=True)
    settle(shop.state, shop.access, LOCAL, number, "solved", now, admin=True)
    shop.say("rating", stars=2)
    shop.deliver()
    events = sorted((json.loads(body) for _, body in hooks.posted), key=lambda one: one["time"])
    assert sorted(one["type"] for one in events) == [
        f"mesh.feedback.{word}"
        for word in ("acknowledged", "answered", "rated", "reported", "solved")
    ]
    (reported,) = [one for one in events if one["type"].endswith("reported")]
    assert (reported["subject"], reported["specversion"]) == ("mesh://shop/sales", "1.0")
    assert reported["data"]["text"] == "Yesterday is missing."
    assert (reported["data"]["principal"], reported["data"]["owner"]) == (
        GUEST,
        "owner@shop.example",
    )


def test_the_owner_gets_a_mail_and_who_asked_the_answer(mailed: tuple[Shop, Mails]) -> None:
    shop, box = mailed
    number = shop.say("question", text="Are returns in it?\nSubject: forged")
    answer(shop.state, shop.access, LOCAL, number, "No.", datetime.now(UTC), admin=True)
    shop.deliver()
    by = {str(mail["To"]): mail for _, _, mail in box.sent}
    asked, answered = by["owner@shop.example"], by["guest@shop.example"]
    assert asked["Subject"] == f"{GUEST} asks about mesh://shop/sales"
    assert "Are returns in it?\\nSubject: forged" in asked.get_content()
    assert f'--answer {number} --text "..."' in asked.get_content()
    assert answered["Subject"] == "You have an answer about mesh://shop/sales"
    assert "No." in answered.get_content()


def test_nobody_and_strangers_may_not(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {})
    now = datetime.now(UTC)
    with shop.state as state:
        stranger = shop.access.principals.find("person:stranger@shop.example")
        for who in (ANONYMOUS, stranger):
            with pytest.raises(AccessDenied, match="say who you are"):
                say(state, shop.access, who, IDENTITY, "rating", now, stars=5)
        number = shop.say("question", text="why?")
        with pytest.raises(AccessDenied, match="for those who control"):
            answer(state, shop.access, shop.guest, number, "so", now)
        with pytest.raises(AccessDenied, match="for those who control"):
            settle(state, shop.access, shop.guest, number, "solved", now)
        with pytest.raises(UnknownRecord):
            answer(state, shop.access, shop.guest, "ask_none", "so", now)
        with pytest.raises(InvalidRequest, match="1 to 5"):
            say(state, shop.access, shop.guest, IDENTITY, "rating", now, stars=9)
        with pytest.raises(UnknownAddress):
            check_known(shop.access, shop.guest, "shop/nothing")
        assert told(state, IDENTITY)["ratings"]["count"] == 0
