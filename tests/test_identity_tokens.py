"""The gateway's own credentials: the admin token, service tokens and leases, and their scope."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from commands import environment
from issuers import NOW, believed, gateway_mesh, issuing

from mesh_defs.errors import AccessDenied, MeshError, Unauthenticated
from mesh_defs.gateway.identity.authenticate import Authenticator
from mesh_defs.gateway.identity.caller import NOBODY, Caller, Scope, scope_names
from mesh_defs.gateway.identity.local import (
    admin_token_file,
    make_admin_token,
    read_admin_token,
)
from mesh_defs.gateway.state.database import State, open_state
from mesh_defs.gateway.state.tokens import NewToken
from mesh_defs.policy.access.principals import LOCAL, Principal
from mesh_defs.settings import Settings, load_settings
from mesh_defs.urls import parse

PEOPLE = "services: {reports: {roles: [reader], domain: shop}}\npeople: {ada: {roles: [lead]}}\n"
PORT = parse("mesh://shop/sales/sales")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(gateway_mesh(tmp_path))


@pytest.fixture
def state(settings: Settings) -> Iterator[State]:
    with open_state(settings) as opened:
        yield opened


def wanted(
    principal: str = "service:reports", ends: datetime = NOW + timedelta(days=1), **more: object
) -> NewToken:
    values: dict[str, object] = {"name": "nightly", "urls": ("mesh://shop",), **more}
    return NewToken(principal=principal, expires_at=ends, **values)  # type: ignore[arg-type]


def refused(gate: Authenticator, token: str, at: datetime = NOW) -> str:
    with pytest.raises(Unauthenticated) as told:
        gate.authenticate(f"Bearer {token}", at)
    assert token[-40:] not in str(told.value)
    return str(told.value)


def test_the_admin_token_is_for_nobody_else(settings: Settings, state: State) -> None:
    before = os.umask(0)
    try:
        file = make_admin_token(settings)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.parent.glob("*admin*")] == ["admin.token"]
    token = read_admin_token(settings)
    assert token is not None
    assert make_admin_token(settings) == file
    assert read_admin_token(settings) == token
    gate = Authenticator(settings, state.tokens)
    caller = gate.authenticate(f"Bearer {token}", NOW)
    assert caller == Caller(LOCAL, "admin", admin=True)
    assert caller.may(PORT, "control") is None
    for wrong in (token[:-1], token[:-1] + ("0" if token[-1] != "0" else "1"), token + "0"):
        assert "not the admin token" in refused(gate, wrong)
    file.unlink()
    assert "not the admin token" in refused(gate, token)
    make_admin_token(settings)
    assert read_admin_token(settings) != token


def test_a_narrow_umask_does_not_lock_its_owner_out(settings: Settings) -> None:
    before = os.umask(0o777)
    try:
        make_admin_token_folder = admin_token_file(settings).parent
        os.umask(0o077)
        make_admin_token_folder.mkdir(parents=True)
        os.umask(0o777)
        file = make_admin_token(settings)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_admin_is_whom_the_mesh_names(
    settings: Settings, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_admin_token(settings)
    token = str(read_admin_token(settings))
    (settings.root / "principals.yaml").write_text(PEOPLE)
    gate = Authenticator(settings, state.tokens)
    assert gate.caller(token, NOW).principal == LOCAL
    monkeypatch.setenv("MESH_PRINCIPAL", "person:ada")
    caller = gate.caller(token, NOW)
    assert (caller.principal, caller.admin) == (Principal("person", "ada", ("lead",)), True)
    monkeypatch.setenv("MESH_PRINCIPAL", "ada")
    with pytest.raises(MeshError, match="write 'person:ada'"):
        gate.caller(token, NOW)


def test_an_admin_token_that_others_can_read_is_none(settings: Settings, state: State) -> None:
    file = make_admin_token(settings)
    token = str(read_admin_token(settings))
    gate = Authenticator(settings, state.tokens)
    file.chmod(0o640)
    with pytest.raises(MeshError, match=r"mode 0640.*remove it"):
        read_admin_token(settings)
    with pytest.raises(MeshError, match="mode 0640"):
        make_admin_token(settings)
    said = refused(gate, token)
    assert "no admin token is accepted now" in said
    assert str(settings.root) not in said


@pytest.mark.parametrize("content", ["", "\n", "secret\n", "mesh_admin_\n", "\xff" * 75])
def test_an_admin_token_that_is_cut_off_is_none(settings: Settings, content: str) -> None:
    file = make_admin_token(settings)
    file.write_text(content)
    with pytest.raises(MeshError, match="holds no admin token"):
        read_admin_token(settings)


def test_an_admin_token_elsewhere_is_none(settings: Settings, tmp_path: Path) -> None:
    file = make_admin_token(settings)
    moved = file.rename(tmp_path / "elsewhere")
    file.symlink_to(moved)
    with pytest.raises(MeshError, match="cannot be read"):
        read_admin_token(settings)
    file.unlink()
    file.mkdir()
    with pytest.raises(MeshError, match="no file"):
        read_admin_token(settings)
    file.rmdir()
    os.mkfifo(file, 0o600)
    with pytest.raises(MeshError, match="no file"):
        read_admin_token(settings)


def test_processes_that_make_it_at_once_agree(settings: Settings) -> None:
    script = (
        "import sys; from pathlib import Path; from mesh_defs.settings import load_settings;"
        "from mesh_defs.gateway.identity.local import make_admin_token, read_admin_token;"
        "settings = load_settings(Path(sys.argv[1])); make_admin_token(settings);"
        "print(read_admin_token(settings))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(settings.root)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for _ in range(4)
    ]
    told = {process.communicate(timeout=120)[0] for process in processes}
    assert told == {f"{read_admin_token(settings)}\n"}
    assert len(list(admin_token_file(settings).parent.glob("*admin*"))) == 1


def test_a_service_token(settings: Settings, state: State) -> None:
    gate = Authenticator(settings, state.tokens)
    made = state.tokens.create(wanted(purpose="analytics"), "person:local", NOW)
    caller = gate.authenticate(f"Bearer {made.secret}", NOW)
    assert caller.principal == Principal("service", "reports", known=True)
    assert caller.credential == f"token:{made.token.id}"
    assert (caller.expires_at, caller.admin) == (NOW + timedelta(days=1), False)
    assert caller.may(PORT, "read") is None
    assert caller.may(parse("mesh://care/cases"), "read") == "its token is for mesh://shop"
    assert caller.may(PORT, "control") is not None
    assert caller.purpose(None) == caller.purpose("analytics") == "analytics"
    with pytest.raises(AccessDenied, match="its token is for the purpose 'analytics'"):
        caller.purpose("care")


def test_service_tokens_that_are_refused(settings: Settings, state: State) -> None:
    gate = Authenticator(settings, state.tokens)
    made = state.tokens.create(wanted(), "person:local", NOW)
    other = state.tokens.create(wanted(name="other"), "person:local", NOW)
    head, tail = made.secret[:-64], other.secret[-64:]
    for wrong in (head + tail, made.secret[:-1], made.secret.upper(), f"{made.secret}0", head):
        refused(gate, wrong)
    assert "has expired" in refused(gate, made.secret, NOW + timedelta(days=1))
    state.tokens.revoke(made.token, "person:local", "lost", NOW)
    assert "was revoked" in refused(gate, made.secret)
    assert gate.caller(other.secret, NOW)


def test_who_a_service_token_stands_for(settings: Settings, state: State) -> None:
    (settings.root / "principals.yaml").write_text(PEOPLE)
    gate = Authenticator(settings, state.tokens)
    made = state.tokens.create(wanted(roles=("auditor",)), "person:local", NOW)
    principal = gate.caller(made.secret, NOW).principal
    assert principal == Principal("service", "reports", ("auditor", "reader"), "shop")
    # Once it is declared no more, its token alone makes it none of the mesh's principals.
    (settings.root / "principals.yaml").write_text("people: {ada: {}}\n")
    gate.reload()
    assert not gate.caller(made.secret, NOW).principal.known
    (settings.root / "principals.yaml").write_text("people: 5\n")
    gate.reload()
    assert not gate.caller(made.secret, NOW).principal.known


def test_a_lease_keeps_what_its_caller_had(tmp_path: Path) -> None:
    roles = {"map": {"analysts": "reader"}}
    with issuing() as issuer:
        root = gateway_mesh(tmp_path, believed(issuer, roles=roles), principals=PEOPLE)
        settings = load_settings(root)
        with open_state(settings) as state:
            gate = Authenticator(settings, state.tokens)
            caller = gate.caller(issuer.token(groups=["analysts"]), NOW)
            more = wanted(str(caller.principal), roles=caller.principal.roles)
            made = state.tokens.lease(
                more, caller.credential, NOW, parent_expires_at=caller.expires_at
            )
            leased = gate.caller(made.secret, NOW)
    assert leased.principal == Principal("person", "ada@shop.example", ("reader",))
    assert (leased.credential, leased.admin) == (f"lease:{made.token.id}", False)
    assert leased.expires_at == caller.expires_at


@pytest.mark.parametrize(
    ("scope", "address", "inside"),
    [
        ("mesh://shop", "mesh://shop/sales/sales", True),
        ("mesh://shop", "mesh://shop/sales", True),
        ("mesh://shop", "mesh://shopping/sales", False),
        ("mesh://shop/sales", "mesh://shop/sales/sales", True),
        ("mesh://shop/sales", "mesh://shop/sales@2?version=3#id", True),
        ("mesh://shop/sales", "mesh://shop/sales_secret/x", False),
        ("mesh://shop/sales", "mesh://care/sales", False),
        ("mesh://shop/sales/sales", "mesh://shop/sales/sales", True),
        ("mesh://shop/sales/sales", "mesh://shop/sales/people", False),
        ("mesh://shop/sales/sales", "mesh://shop/sales", False),
    ],
)
def test_scopes(scope: str, address: str, inside: bool) -> None:
    caller = Caller(LOCAL, "token:x", scope=Scope((scope,), ("read",)))
    assert (caller.may(parse(address), "read") is None) == inside
    assert caller.may(parse(address), "write") is not None


def test_an_empty_scope_reaches_nothing() -> None:
    assert Caller(LOCAL, "token:x", scope=Scope((), ("read",))).may(PORT, "read")
    assert Caller(LOCAL, "token:x", scope=Scope(("mesh://shop",), ())).may(PORT, "read")
    assert NOBODY.may(PORT, "read") is None  # the rules of access decide


@pytest.mark.parametrize(
    "url",
    ["", "mesh://", "shop", "mesh://shop/", "mesh://shop/a/b/c", "mesh://Shop", "mesh://shop/*",
     "mesh://shop/a@1", "mesh://shop/../care", "http://shop"],
)  # fmt: skip
def test_what_is_no_scope(url: str) -> None:
    with pytest.raises(MeshError, match="is no scope; the form is mesh://<domain>"):
        scope_names(url)
