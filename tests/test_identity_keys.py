"""An issuer's keys: fetched once, kept while they are good, changed when it changes them."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pytest
from issuers import (
    DISCOVERY,
    JWKS,
    NOW,
    Answer,
    Issuer,
    authenticator,
    believed,
    ec_key,
    issuing,
    jwk,
    rsa_key,
)

from mesh_defs.errors import SourceUnavailable, Unauthenticated
from mesh_defs.gateway.identity.authenticate import Authenticator
from mesh_defs.gateway.identity.fetch import MOST_BYTES, NotFetched, fetch_json
from mesh_defs.gateway.identity.jwks import (
    KEPT_SECONDS,
    MOST_SECONDS,
    PAUSE_SECONDS,
    USUAL_SECONDS,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def shows(gate: Authenticator, token: str) -> bool:
    """Whether ``token`` is believed."""
    try:
        return gate.caller(token, NOW).credential == "oidc"
    except Unauthenticated:
        return False


def test_keys_are_fetched_when_they_are_needed_and_kept(tmp_path: Path) -> None:
    clock = Clock()
    with issuing() as issuer:
        gate = authenticator(tmp_path, believed(issuer), clock=clock)
        assert not issuer.asked
        for _ in range(5):
            assert shows(gate, issuer.token())
        assert issuer.asked == {DISCOVERY: 1, JWKS: 1}
        clock.now += USUAL_SECONDS
        assert shows(gate, issuer.token())
        assert issuer.asked[JWKS] == 2


@pytest.mark.parametrize(
    ("control", "kept"),
    [
        ("max-age=3600", 3600),
        ("public, max-age=7200, must-revalidate", 7200),
        ('MAX-AGE="300"', 300),
        ("max-age=1", 60),
        ("max-age=999999999", MOST_SECONDS),
        ("no-store", 60),
        ("no-cache, max-age=3600", 60),
        ("s-maxage=5", USUAL_SECONDS),
        ("max-age=soon", USUAL_SECONDS),
    ],
)
def test_how_long_keys_are_kept(tmp_path: Path, control: str, kept: int) -> None:
    clock = Clock()
    with issuing() as issuer:
        issuer.headers = {"Cache-Control": control}
        gate = authenticator(tmp_path, believed(issuer), clock=clock)
        assert shows(gate, issuer.token())
        clock.now += kept - 1
        assert shows(gate, issuer.token())
        assert issuer.asked[JWKS] == 1
        clock.now += 1
        assert shows(gate, issuer.token())
        assert issuer.asked[JWKS] == 2


def test_an_issuer_that_changes_its_key(tmp_path: Path) -> None:
    clock = Clock()
    with issuing() as issuer:
        gate = authenticator(tmp_path, believed(issuer), clock=clock)
        old, new = issuer.token(), issuer.token(rsa_key(1), header={"kid": "two"})
        assert shows(gate, old)
        assert not shows(gate, new)
        issuer.keys.append(jwk(rsa_key(1), "RS256", kid="two"))
        clock.now += PAUSE_SECONDS
        assert shows(gate, new)
        assert shows(gate, old)
        del issuer.keys[0]
        clock.now += USUAL_SECONDS
        assert shows(gate, new)
        assert not shows(gate, old)


def test_a_key_that_is_replaced_under_the_same_name(tmp_path: Path) -> None:
    clock = Clock()
    with issuing() as issuer:
        gate = authenticator(tmp_path, believed(issuer), clock=clock)
        assert shows(gate, issuer.token())
        issuer.keys[:] = [jwk(rsa_key(1), "RS256", kid="one")]
        clock.now += USUAL_SECONDS
        assert not shows(gate, issuer.token())
        assert shows(gate, issuer.token(rsa_key(1)))


def test_forged_names_of_keys_are_no_hammer(tmp_path: Path) -> None:
    clock = Clock()
    with issuing() as issuer:
        gate = authenticator(tmp_path, believed(issuer), clock=clock)
        assert shows(gate, issuer.token())
        for number in range(50):
            assert not shows(gate, issuer.token(header={"kid": f"forged{number}"}))
        assert issuer.asked[JWKS] == 1
        for _ in range(5):
            clock.now += PAUSE_SECONDS
            for number in range(20):
                assert not shows(gate, issuer.token(header={"kid": f"forged{number}"}))
        assert issuer.asked[JWKS] == 6


def test_a_token_without_kid_needs_a_set_without_choice(tmp_path: Path) -> None:
    clock = Clock()
    with issuing([jwk(rsa_key(), "RS256"), jwk(ec_key(), "ES256")]) as issuer:
        gate = authenticator(tmp_path, believed(issuer), clock=clock)
        assert shows(gate, issuer.token(header={"kid": None}))
        assert not shows(gate, issuer.token(rsa_key(1), header={"kid": None}))
        assert not shows(gate, issuer.token())  # it names a key that has no such name
        issuer.keys.append(jwk(rsa_key(1), "RS256"))
        clock.now += USUAL_SECONDS
        assert not shows(gate, issuer.token(header={"kid": None}))


def test_while_the_issuer_is_down_its_keys_are_kept_for_a_day(tmp_path: Path) -> None:
    clock = Clock()
    with issuing() as issuer:
        gate = authenticator(tmp_path, believed(issuer), clock=clock)
        token = issuer.token()
        assert shows(gate, token)
    asked = issuer.asked.copy()  # from here on nobody listens there
    for _ in range(100):
        clock.now += KEPT_SECONDS / 100
        assert shows(gate, token)
    assert not shows(gate, issuer.token(header={"kid": "new"}))
    clock.now += 1
    with pytest.raises(SourceUnavailable, match="cannot be read now"):
        gate.caller(token, NOW)
    assert issuer.asked == asked


def test_an_issuer_that_was_down_at_first(tmp_path: Path) -> None:
    clock = Clock()
    with issuing() as issuer:
        gate = authenticator(tmp_path, believed(issuer), clock=clock)
        issuer.answers[JWKS] = lambda: (503, {}, b"")
        for _ in range(5):
            with pytest.raises(SourceUnavailable, match=issuer.url):
                gate.caller(issuer.token(), NOW)
        assert issuer.asked[JWKS] == 1
        del issuer.answers[JWKS]
        clock.now += PAUSE_SECONDS
        assert shows(gate, issuer.token())


def test_an_issuer_that_breaks_keeps_its_keys(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    with issuing() as issuer:
        gate = authenticator(tmp_path, believed(issuer), clock=clock)
        assert shows(gate, issuer.token())
        issuer.keys.clear()
        clock.now += USUAL_SECONDS
        assert shows(gate, issuer.token())
        assert "the key set has no key for RS256, ES256" in caplog.text


def test_one_thread_fetches_for_all(tmp_path: Path) -> None:
    gate_open = threading.Event()
    with issuing() as issuer:
        gate = authenticator(tmp_path, believed(issuer))
        body = json.dumps({"keys": issuer.keys}).encode()

        def slowly() -> Answer:
            gate_open.wait(10)
            return 200, {}, body

        issuer.answers[JWKS] = slowly
        token = issuer.token()
        with ThreadPoolExecutor(6) as pool:
            futures = [pool.submit(shows, gate, token) for _ in range(6)]
            gate_open.set()
            assert all(future.result() for future in futures)
        assert issuer.asked[JWKS] == 1


def test_who_waits_for_a_slow_issuer_holds_few_threads(tmp_path: Path) -> None:
    asked, gate_open = threading.Event(), threading.Event()
    with issuing() as issuer:
        gate = authenticator(tmp_path, believed(issuer))
        body = json.dumps({"keys": issuer.keys}).encode()

        def slowly() -> Answer:
            asked.set()
            gate_open.wait(10)
            return 200, {}, body

        issuer.answers[JWKS] = slowly
        token = issuer.token()

        def call() -> str:
            try:
                return gate.caller(token, NOW).credential
            except SourceUnavailable:
                return "later"

        with ThreadPoolExecutor(30) as pool:
            first = pool.submit(call)
            assert asked.wait(10)
            others = [pool.submit(call) for _ in range(29)]
            # All but those who may wait are told to come back before anything is answered.
            ended = as_completed(others)
            assert [next(ended).result() for _ in range(22)] == ["later"] * 22
            gate_open.set()
            assert first.result() == "oidc"
            assert [future.result() for future in ended] == ["oidc"] * 7


def answering(issuer: Issuer, path: str, answer: Answer) -> None:
    issuer.answers[path] = lambda: answer


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (DISCOVERY, (404, {}, b"{}")),
        (DISCOVERY, (200, {}, b"not json")),
        (DISCOVERY, (200, {}, b"[]")),
        (DISCOVERY, (200, {}, b"{}")),
        (DISCOVERY, (200, {}, b'{"issuer": "https://other.example", "jwks_uri": "x"}')),
        (JWKS, (500, {}, b"")),
        (JWKS, (204, {}, b"")),
        (JWKS, (200, {}, b"[" * 100_000)),
        (JWKS, (200, {}, b"\xff")),
        (JWKS, (200, {}, b"{}")),
        (JWKS, (200, {}, b'{"keys": {}}')),
        (JWKS, (200, {}, b'{"keys": [5, null, "x", {}, {"kty": "oct", "k": "c2VjcmV0"}]}')),
        (JWKS, (200, {}, b'{"keys": [{"kty": "RSA", "n": 5, "e": []}]}')),
        (JWKS, (200, {}, b'{"keys": [{"kty": "EC", "crv": "P-256", "x": "", "y": "AA"}]}')),
        (JWKS, (200, {"Content-Length": "999999999"}, b"{}")),
        (JWKS, (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b")),
    ],
)
def test_answers_that_are_no_keys(tmp_path: Path, path: str, answer: Answer) -> None:
    with issuing() as issuer:
        answering(issuer, path, answer)
        gate = authenticator(tmp_path, believed(issuer))
        with pytest.raises(SourceUnavailable):
            gate.caller(issuer.token(), NOW)


def test_an_answer_without_end_is_not_read(tmp_path: Path) -> None:
    with issuing() as issuer:
        body = json.dumps({"keys": issuer.keys}).encode()
        clock = Clock()
        gate = authenticator(tmp_path, believed(issuer), clock=clock)
        answering(issuer, JWKS, (200, {}, body.ljust(MOST_BYTES + 1)))
        with pytest.raises(SourceUnavailable):
            gate.caller(issuer.token(), NOW)
        answering(issuer, JWKS, (200, {}, body.ljust(MOST_BYTES)))
        clock.now += PAUSE_SECONDS
        assert shows(gate, issuer.token())


def test_discovery_that_speaks_of_another_issuer(tmp_path: Path) -> None:
    with issuing() as issuer:
        issuer.discovery = {"issuer": "https://other.example"}
        gate = authenticator(tmp_path, believed(issuer))
        with pytest.raises(SourceUnavailable):
            gate.caller(issuer.token(), NOW)
        assert JWKS not in issuer.asked


def test_one_bad_key_does_not_hide_the_others(tmp_path: Path) -> None:
    bad = [{"kty": "RSA", "kid": "bad", "n": "!", "e": "AQAB"}, "x", {"kty": 5}]
    with issuing([*bad, jwk(rsa_key(), "RS256", kid="one")]) as issuer:  # type: ignore[list-item]
        assert shows(authenticator(tmp_path, believed(issuer)), issuer.token())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
def test_no_redirect_is_followed(tmp_path: Path, path: str, status: int) -> None:
    with issuing([jwk(rsa_key(1), "RS256", kid="one")]) as attacker, issuing() as issuer:
        answering(issuer, path, (status, {"Location": attacker.url + path}, b""))
        gate = authenticator(tmp_path, believed(issuer))
        with pytest.raises(SourceUnavailable):
            gate.caller(issuer.token(rsa_key(1)), NOW)
        assert not attacker.asked


@pytest.mark.parametrize(
    "address",
    ["http://keys.example/jwks", "file:///etc/passwd", "ftp://127.0.0.1/", "", 5, None, "https://"],
)
def test_discovery_that_names_no_safe_place(tmp_path: Path, address: object) -> None:
    with issuing() as issuer:
        issuer.discovery = {"jwks_uri": address}
        gate = authenticator(tmp_path, believed(issuer))
        with pytest.raises(SourceUnavailable):
            gate.caller(issuer.token(), NOW)


def test_keys_at_a_declared_place(tmp_path: Path) -> None:
    with issuing() as issuer:
        gate = authenticator(tmp_path, believed(issuer, jwks_uri=issuer.url + JWKS))
        assert shows(gate, issuer.token())
        assert issuer.asked == {JWKS: 1}


def test_an_issuer_with_a_path(tmp_path: Path) -> None:
    with issuing() as issuer:
        url, base = f"{issuer.url}/realms/main/", issuer.url
        told = json.dumps({"issuer": url, "jwks_uri": base + JWKS}).encode()
        answering(issuer, f"/realms/main{DISCOVERY}", (200, {}, told))
        gate = authenticator(tmp_path, {**believed(issuer), "issuer": url})
        assert shows(gate, issuer.token(iss=url))


def test_an_answer_that_drips_is_cut() -> None:
    """Each byte comes in time, so that a timeout between bytes would never end it."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n{")
                while not stop.wait(0.02):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(NotFetched, match="cut after"):
            fetch_json(f"http://127.0.0.1:{server.getsockname()[1]}/keys", seconds=0.3)
        stop.set()
        thread.join()


def test_an_issuer_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(NotFetched):
        fetch_json(f"http://127.0.0.1:{server.getsockname()[1]}/keys", seconds=0.2)


def test_proxies_of_the_environment_are_not_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with issuing() as issuer:
        assert fetch_json(issuer.url + JWKS).data["keys"] == issuer.keys
