"""``mesh request``, ``approve``, ``deny``, ``grants``, ``token``, ``audit`` and ``usage``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from access_meshes import READERS, sales_files
from commands import mesh
from meshes import write_mesh
from state_places import READ, append

from mesh_defs.gateway.state.database import open_state
from mesh_defs.settings import load_settings

URL = "mesh://shop/sales"
GUEST = "person:guest@shop.example"
OWNER = "person:owner@shop.example"
PEOPLE = """
people:
  guest@shop.example: {domain: office}
  owner@shop.example: {roles: [owner], domain: shop}
services:
  reports: {domain: office}
"""
CONTROL = 'permit (principal in Role::"owner", action == Action::"control", resource);\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_mesh(tmp_path, sales_files(READERS + CONTROL, **{"principals.yaml": PEOPLE}))


def said(root: Path, *arguments: str, who: str = OWNER, code: int = 0) -> str:
    done = mesh(root, *arguments, MESH_PRINCIPAL=who)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done.stdout if code == 0 else done.stdout + done.stderr


def data(root: Path, *arguments: str, who: str = OWNER) -> Any:
    return json.loads(said(root, *arguments, "--json", who=who))


def test_from_asking_to_revoking(root: Path) -> None:
    assert "no request waits for an answer" in said(root, "requests")
    assert "no grant is in force" in said(root, "grants")
    asked = said(
        root,
        "request",
        URL,
        "--purpose",
        "analytics",
        "--for",
        "12w",
        "--message",
        "a\nb",
        who=GUEST,
    )
    number = asked.partition(":")[0]
    words = f"{GUEST} asks for {URL}/sales@1 for analytics, 84 days"
    assert asked.splitlines() == [
        f"{number}: {words}",
        f"  {OWNER} answers it with: mesh approve {number}",
    ]
    assert "1 request for access waits: mesh requests" in said(root, "status")
    listed = said(root, "requests")
    assert number in listed
    assert f"{number}: a\\nb" in listed

    refused = said(root, "approve", number, who=GUEST, code=1)
    assert "it is their own request" in refused
    approved = said(root, "approve", number, "--for", "30d")
    assert f"{GUEST} may read {URL}/sales@1" in approved
    assert "approved by  person:owner@shop.example" in approved
    again = said(root, "approve", number, code=1)
    assert f"request {number} is approved" in again

    (grant,) = data(root, "grants", URL)["grants"]
    assert (grant["principal"], grant["state"], grant["request_id"]) == (GUEST, "in force", number)
    assert grant["id"] in said(root, "grants")
    assert "waits" not in said(root, "status")
    ended = said(root, "revoke", grant["id"], "--reason", "over")
    assert ended == f"{grant['id']} is revoked: {GUEST} and {URL}/sales@1\n"
    assert data(root, "grants")["grants"] == []
    assert "revoked by person:owner@shop.example: over" in said(root, "grants", "--all")


def test_denying_and_withdrawing(root: Path) -> None:
    ask = ("request", URL, "--purpose", "care", "--for", "1d")
    first = data(root, *ask, who=GUEST)["request"]["id"]
    assert data(root, "deny", first, "--reason", "no")["request"]["state"] == "denied"
    second = data(root, *ask, who=GUEST)["request"]["id"]
    assert said(root, "withdraw", second, who=GUEST) == f"{second} is withdrawn\n"
    states = {each["id"]: each["state"] for each in data(root, "requests", "--all")["requests"]}
    assert states == {first: "denied", second: "withdrawn"}
    assert f"{first} denied by {OWNER}: no" in said(root, "requests", "--all")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ["request", "mesh://shop/sale", "--purpose", "care", "--for", "1d"],
            2,
            "mesh://shop/sales",
        ),
        (["request", f"{URL}/x", "--purpose", "care", "--for", "1d"], 2, "has no port 'x'"),
        (["request", URL, "--purpose", "care", "--for", "36h"], 2, "no whole number of days"),
        (["request", URL, "--purpose", "care", "--for", "long"], 2, "hours, days or weeks"),
        (["request", URL, "--purpose", "caer", "--for", "1d"], 2, "write 'care'"),
        (["approve", "req_x"], 2, "mesh requests --all"),
        (["revoke", "grant_x", "--reason", "r"], 2, "mesh grants --all"),
        (["token", "revoke", "x"], 2, "mesh token list --all"),
        (["token", "create", "n", "--as", "ben", "--url", URL, "--for", "1d"], 2, "no principal"),
        (["audit", "verify", "--head", "x"], 2, "not of the form"),
        (["audit", "mesh://shop/sale"], 2, "mesh://shop/sales"),
    ],
)
def test_wrong_use(root: Path, arguments: list[str], code: int, words: str) -> None:
    found = said(root, *arguments, who=GUEST, code=code)
    assert words in " ".join(found.replace("│", " ").split())
    assert "Traceback" not in found


def test_who_says_no_name_may_not_ask(root: Path) -> None:
    done = mesh(root, "request", URL, "--purpose", "care", "--for", "1d")
    assert done.returncode == 1
    assert "say who you are with MESH_PRINCIPAL" in done.stderr


def test_a_token_is_shown_once(root: Path) -> None:
    assert "no token; make one with" in said(root, "token", "list")
    create = ("token", "create", "nightly", "--as", "service:reports", "--url", URL, "--for", "90d")
    done = mesh(root, *create, MESH_PRINCIPAL=OWNER)
    assert done.returncode == 0
    secret = done.stdout.strip()  # alone, so that it can be piped to where it belongs
    assert secret.startswith("mesh_")
    assert "it is not shown again" in done.stderr
    with open_state(load_settings(root)) as state:
        token = state.tokens.find(secret)
    assert token is not None
    assert (token.principal, token.created_by) == ("service:reports", OWNER)
    listed = said(root, "token", "list")
    assert token.id in listed
    assert secret not in listed
    assert secret not in said(root, "token", "list", "--all", "--json")
    assert "there is a token 'nightly' already" in said(root, *create, code=1)
    assert said(root, "token", "revoke", "nightly") == f"nightly ({token.id}) is revoked\n"
    (revoked,) = data(root, "token", "list", "--all")["tokens"]
    assert revoked["state"] == "revoked"


def test_receipts_and_usage(root: Path) -> None:
    assert "0 receipts, whole and unchanged" in said(root, "audit", "verify")
    assert "nobody has read" in said(root, "audit", URL)
    assert "nobody has read" in said(root, "usage", URL)
    with open_state(load_settings(root)) as state:
        append(state, 3)
    found = data(root, "audit", "verify")
    assert (found["sound"], found["receipts"]) == (True, 3)
    assert said(root, "audit", "verify", "--head", found["head"])
    shown = data(root, "audit", URL)["receipts"]
    assert [each["seq"] for each in shown] == [3, 2, 1]
    assert data(root, "audit", "show", f"{URL}/sales", "--most", "1")["receipts"] == shown[:1]
    assert shown[0]["receipt"] in said(root, "audit", URL)
    (use,) = data(root, "usage", URL, "--for", "9999w")["usage"]
    assert (use["principal"], use["reads"], use["rows"]) == (READ.principal, 3, 3)
    assert "shop/sales/sales" in said(root, "usage", "--by-day", "--for", "9999w")

    (root / ".mesh/gateway/audit.head").write_text("{}")
    changed = said(root, "audit", "verify", code=1)
    assert "they are not what was written" in changed
    assert "its signature is not the gateway's" in changed


def test_what_cannot_be_told_is_said_and_kept(root: Path) -> None:
    (root / "mesh.yaml").write_text(
        "name: test\nprofiles:\n  local:\n    services: {files: {driver: files, path: data}}\n"
        '    gateway: {notify: {webhook: {url: "http://127.0.0.1:1/", secret: "${KEY}"}}}\n'
    )
    ask = ("request", URL, "--purpose", "care", "--for", "1d")
    done = mesh(root, *ask, MESH_PRINCIPAL=GUEST, KEY="a key of the hook")
    assert done.returncode == 0
    assert "not told yet: the webhook cannot be reached" in done.stderr
    assert "mesh serve tries again" in done.stderr
    assert "1 message about requests was not told" in said(root, "requests")
