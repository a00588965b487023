"""Tokens of an OpenID Connect issuer: what is believed, and everything that is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from issuers import (
    AUDIENCE,
    JWKS,
    NOW,
    Issuer,
    authenticator,
    believed,
    claims,
    ec_key,
    ed_key,
    issuing,
    jwk,
    rsa_key,
    segment,
)

from mesh_defs.errors import Unauthenticated
from mesh_defs.gateway.identity.authenticate import Authenticator
from mesh_defs.gateway.identity.compact import LONGEST
from mesh_defs.policy.access.principals import Principal

AT = int(NOW.timestamp())


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    keys = [
        jwk(rsa_key(), "RS256", kid="one"),
        jwk(ec_key(), "ES256", kid="curve"),
        jwk(ed_key(), "EdDSA", kid="edwards"),
        jwk(ec_key(ec.SECP384R1), "ES384", kid="other curve"),
        jwk(rsa_key(3, 1024), "RS256", kid="short"),
        jwk(rsa_key(4), "RS256", kid="encrypts", use="enc"),
    ]
    with issuing(keys) as running:
        yield running


@pytest.fixture(scope="module")
def gate(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Authenticator:
    algorithms = ["RS256", "PS256", "ES256", "EdDSA"]
    return authenticator(tmp_path_factory.mktemp("mesh"), believed(issuer, algorithms=algorithms))


def refused(gate: Authenticator, token: str) -> str:
    """Why ``token`` is refused; nothing of it may be told."""
    with pytest.raises(Unauthenticated) as told:
        gate.authenticate(f"Bearer {token}", NOW)
    text = str(told.value)
    for part in token.split("."):
        assert len(part) < 6 or part not in text
    return text


def signed(header: object, payload: object, key: int = 0) -> str:
    """A token of any header and payload, truly signed with RS256."""
    start = f"{segment(header)}.{segment(payload)}"
    signature = rsa_key(key).sign(start.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{start}.{segment(signature)}"


def test_a_sound_token(issuer: Issuer, gate: Authenticator) -> None:
    caller = gate.authenticate(f"Bearer {issuer.token()}", NOW)
    assert caller.principal == Principal("person", "ada@shop.example", known=True)
    assert (caller.credential, caller.admin, caller.scope) == ("oidc", False, None)
    assert caller.expires_at == NOW + timedelta(seconds=330)  # with the leeway
    assert not caller.expired(NOW)
    assert caller.expired(NOW + timedelta(seconds=330))


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_the_scheme_is_the_same_in_every_spelling(
    issuer: Issuer, gate: Authenticator, scheme: str
) -> None:
    assert gate.authenticate(scheme + issuer.token(), NOW).credential == "oidc"


@pytest.mark.parametrize("user", ["token", "ada", "", "a:b"[:1]])
def test_tools_that_know_passwords_alone(issuer: Issuer, gate: Authenticator, user: str) -> None:
    basic = base64.b64encode(f"{user}:{issuer.token()}".encode()).decode()
    assert gate.authenticate(f"Basic {basic}", NOW).credential == "oidc"


def test_without_a_header_nobody_calls(gate: Authenticator) -> None:
    caller = gate.authenticate(None, NOW)
    assert (caller.anonymous, caller.principal.known, caller.admin) == (True, False, False)


@pytest.mark.parametrize(
    ("algorithm", "key", "kid"),
    [
        ("RS256", rsa_key(), "one"),
        ("ES256", ec_key(), "curve"),
        ("EdDSA", ed_key(), "edwards"),
    ],
)
def test_ways_of_signing(
    issuer: Issuer, gate: Authenticator, algorithm: str, key: object, kid: str
) -> None:
    token = issuer.token(key, algorithm, {"kid": kid})
    assert gate.authenticate(f"Bearer {token}", NOW).credential == "oidc"


@pytest.mark.parametrize(
    ("more", "good"),
    [
        ({"exp": AT + 1}, True),
        ({"exp": AT - 29}, True),  # clocks may differ by 30 s
        ({"exp": AT - 30}, False),
        ({"exp": AT - 1e6}, False),
        ({"exp": None}, False),
        ({"exp": str(AT + 300)}, False),
        ({"exp": True}, False),
        ({"exp": [AT + 300]}, False),
        ({"exp": 10**300}, False),
        ({"exp": AT + 300.5}, True),
        ({"nbf": AT + 30}, True),
        ({"nbf": AT + 31}, False),
        ({"nbf": "soon"}, False),
        ({"nbf": True}, False),
        ({"nbf": AT - 5}, True),
        ({"iat": AT + 31}, False),
        ({"iat": -1}, False),
        ({"iat": None}, True),
    ],
)
def test_times(issuer: Issuer, gate: Authenticator, more: dict[str, object], good: bool) -> None:
    token = issuer.token(**more)
    if good:
        assert gate.authenticate(f"Bearer {token}", NOW).credential == "oidc"
    else:
        assert "the token" in refused(gate, token)


def test_a_time_that_json_does_not_have(issuer: Issuer, gate: Authenticator) -> None:
    for text in ("Infinity", "NaN", "1e999", "9" * 5000):
        sound = json.dumps(claims(issuer.url, exp=None))
        payload = f'{sound[:-1]}, "exp": {text}}}'.encode()
        refused(gate, signed({"alg": "RS256", "kid": "one"}, payload))


@pytest.mark.parametrize(
    ("audience", "good"),
    [
        (AUDIENCE, True),
        ([AUDIENCE], True),
        (["other", AUDIENCE], True),
        ("other", False),
        (["other"], False),
        ([], False),
        ("", False),
        (None, False),
        ([AUDIENCE, 5], False),
        ({AUDIENCE: True}, False),
        (AUDIENCE.upper(), False),
        (f"{AUDIENCE} other", False),
        ([[AUDIENCE]], False),
    ],
)
def test_audiences(issuer: Issuer, gate: Authenticator, audience: object, good: bool) -> None:
    token = issuer.token(aud=audience)
    if good:
        assert gate.authenticate(f"Bearer {token}", NOW).credential == "oidc"
    else:
        assert "'aud'" in (said := refused(gate, token)) or "another audience" in said


@pytest.mark.parametrize("name", ["https://evil.example", "", None, 5, ["x"]])
def test_another_issuer(issuer: Issuer, gate: Authenticator, name: object) -> None:
    token = signed({"alg": "RS256", "kid": "one"}, claims(issuer.url, iss=name))
    assert "does not believe" in refused(gate, token)


def test_the_issuer_is_compared_letter_by_letter(issuer: Issuer, gate: Authenticator) -> None:
    assert "does not believe" in refused(gate, issuer.token(iss=f"{issuer.url}/"))


@pytest.mark.parametrize("none", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_that_nobody_signed(issuer: Issuer, gate: Authenticator, none: str) -> None:
    start = f"{segment({'alg': none, 'kid': 'one'})}.{segment(claims(issuer.url))}"
    for signature in ("", "AAAA"):
        refused(gate, f"{start}.{signature}")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_public_key_is_no_secret_to_sign_with(
    issuer: Issuer, gate: Authenticator, algorithm: str
) -> None:
    public = rsa_key().public_key()
    pem = serialization.PublicFormat.SubjectPublicKeyInfo
    texts = [
        public.public_bytes(serialization.Encoding.PEM, pem),
        public.public_bytes(serialization.Encoding.DER, pem),
        json.dumps(issuer.keys[0]).encode(),
    ]
    start = f"{segment({'alg': algorithm, 'kid': 'one'})}.{segment(claims(issuer.url))}"
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
    for text in texts:
        signature = hmac.new(text, start.encode(), digest).digest()
        assert "not believed in" in refused(gate, f"{start}.{segment(signature)}")


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")
@pytest.mark.parametrize(
    ("algorithm", "key", "kid"),
    [
        ("RS384", rsa_key(), "one"),  # not among those of the profile
        ("ES384", ec_key(ec.SECP384R1), "other curve"),
        ("PS256", rsa_key(1), "one"),  # another's key
        ("RS256", rsa_key(1), "one"),
        ("RS256", rsa_key(), "nobody's"),
        ("RS256", rsa_key(3, 1024), "short"),
        ("RS256", rsa_key(4), "encrypts"),
        ("ES256", ec_key(), "one"),
    ],
)
def test_keys_and_algorithms_that_do_not_fit(
    issuer: Issuer, gate: Authenticator, algorithm: str, key: object, kid: str
) -> None:
    assert "the token" in refused(gate, issuer.token(key, algorithm, {"kid": kid}))


def test_a_key_is_for_the_algorithm_that_it_names(tmp_path: Path) -> None:
    with issuing([jwk(rsa_key(), "RS256", kid="one", alg="PS256")]) as issuer:
        gate = authenticator(tmp_path, believed(issuer, algorithms=["RS256", "PS256"]))
        assert gate.authenticate(f"Bearer {issuer.token(None, 'PS256')}", NOW)
        assert "does not have" in refused(gate, issuer.token(None, "RS256"))


def test_a_private_key_in_the_open_proves_nothing(tmp_path: Path) -> None:
    from jwt.algorithms import get_default_algorithms

    private = get_default_algorithms()["RS256"].to_jwk(rsa_key(5), as_dict=True)
    assert "d" in private
    del private["key_ops"]
    with issuing([{**private, "kid": "five"}, jwk(rsa_key(), "RS256", kid="one")]) as issuer:
        gate = authenticator(tmp_path, believed(issuer))
        assert gate.authenticate(f"Bearer {issuer.token()}", NOW)
        assert "does not have" in refused(gate, issuer.token(rsa_key(5), header={"kid": "five"}))


def test_keys_that_the_token_brings_along_are_not_looked_at(gate: Authenticator) -> None:
    forged = jwk(rsa_key(1), "RS256", kid="one")
    believed_issuer = next(iter(gate.settings.profile.gateway.identity.issuers)).issuer
    with issuing([forged]) as attacker:
        for header in (
            {"jku": attacker.url + JWKS},
            {"x5u": attacker.url + JWKS},
            {"jwk": forged},
            {"x5c": ["MIIB"]},
            {"jku": attacker.url + JWKS, "kid": attacker.url + JWKS},
        ):
            head = {"alg": "RS256", "kid": "one", **header}
            refused(gate, signed(head, claims(believed_issuer), key=1))
        assert not attacker.asked


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"crit": ["exp"]}, "'crit'"),
        ({"crit": []}, "'crit'"),
        ({"crit": ["b64"], "b64": False}, "'crit'"),
        ({"b64": True}, "'b64'"),
        ({"zip": "DEF"}, "'zip'"),
        ({"typ": "logout+jwt"}, "'typ'"),
        ({"typ": "dpop+jwt"}, "'typ'"),
        ({"typ": 5}, "'typ'"),
        ({"typ": None}, "'typ'"),
        ({"kid": 5}, "'kid'"),
        ({"kid": ["one"]}, "'kid'"),
        ({"alg": 5}, "how it is signed"),
        ({"alg": ["RS256"]}, "how it is signed"),
    ],
)
def test_headers_that_are_refused(
    issuer: Issuer, gate: Authenticator, header: dict[str, object], words: str
) -> None:
    token = signed({"alg": "RS256", "kid": "one", **header}, claims(issuer.url))
    assert words in refused(gate, token)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_types_of_tokens(issuer: Issuer, gate: Authenticator, typ: str) -> None:
    token = signed({"alg": "RS256", "kid": "one", "typ": typ}, claims(issuer.url))
    assert gate.authenticate(f"Bearer {token}", NOW).credential == "oidc"


def test_a_key_twice_is_read_by_nobody(issuer: Issuer, gate: Authenticator) -> None:
    sound = json.dumps(claims(issuer.url))
    payload = f'{sound[:-1]}, "email": "eve@shop.example"}}'.encode()
    assert "cannot be read" in refused(gate, signed({"alg": "RS256", "kid": "one"}, payload))
    header = b'{"alg": "HS256", "alg": "RS256", "kid": "one"}'
    assert "cannot be read" in refused(gate, signed(header, claims(issuer.url)))


@pytest.mark.parametrize("payload", [b"[]", b"5", b"\xff\xfe", b"{", b"[" * 9000, b'"text"'])
def test_payloads_that_are_no_claims(gate: Authenticator, payload: bytes) -> None:
    refused(gate, signed({"alg": "RS256", "kid": "one"}, payload))


def test_a_token_that_is_changed(issuer: Issuer, gate: Authenticator) -> None:
    head, _, signature = issuer.token().split(".")
    forged = segment(claims(issuer.url, email="root@shop.example"))
    assert "signature is wrong" in refused(gate, f"{head}.{forged}.{signature}")


def test_a_token_without_end(issuer: Issuer, gate: Authenticator) -> None:
    fat = issuer.token(groups=["g" * 100] * 200)
    assert len(fat) > LONGEST
    assert "longer than" in refused(gate, fat)
    assert "longer than" in refused(gate, "a" * 1_000_000)
    fits = issuer.token(groups=["g" * 100] * 100)
    assert gate.authenticate(f"Bearer {fits}", NOW).credential == "oidc"


def test_a_token_that_is_bound_to_a_key(issuer: Issuer, gate: Authenticator) -> None:
    assert "'cnf'" in refused(gate, issuer.token(cnf={"jkt": "x"}))


def test_two_issuers_vouch_for_their_own_alone(tmp_path: Path) -> None:
    other_key = jwk(rsa_key(1), "RS256", kid="one")
    with issuing() as first, issuing([other_key]) as second:
        gate = authenticator(
            tmp_path,
            believed(first, principal_claim="email"),
            believed(second, audience="partner", prefix="partner."),
        )
        assert str(gate.caller(first.token(), NOW).principal) == "person:ada@shop.example"
        own = second.token(rsa_key(1), aud="partner", email=None)
        assert str(gate.caller(own, NOW).principal) == "person:partner.u-17"
        # signed by one, in the name of the other; for one, in the audience of the other
        assert "signature" in refused(gate, second.token(rsa_key(1), iss=first.url))
        assert "signature" in refused(gate, first.token(iss=second.url, aud="partner"))
        assert "audience" in refused(gate, second.token(rsa_key(1)))


def test_a_gateway_without_issuers_believes_nobody(tmp_path: Path) -> None:
    with issuing() as issuer:
        assert "does not believe" in refused(authenticator(tmp_path), issuer.token())
        assert not issuer.asked


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer a\nb",
        "Bearer é",
        "Digest x",
        "Negotiate eA==",
        "Basic",
        "Basic !!",
        "Basic eA==",  # no colon
        "Basic dG9rZW46",  # token: without a password
        "Basic //8=",  # no UTF-8
        "Bearer a.b.c.d",
        "Bearer ..",
        "Bearer a.b.",
        "Bearer mesh_",
        "Bearer mesh_admin_",
        "Bearer " + "a" * 100_000,
        "Basic " + base64.b64encode(b"token:\x00").decode(),
        "Basic " + base64.b64encode("token:mesh_admin_é".encode()).decode(),
    ],
)
def test_headers_of_another_form(gate: Authenticator, value: str) -> None:
    with pytest.raises(Unauthenticated):
        gate.authenticate(value, NOW)


@pytest.mark.parametrize(
    ("algorithm", "key", "kid"), [("RS256", rsa_key(), "one"), ("ES256", ec_key(), "curve")]
)
def test_any_changed_character_is_refused(
    issuer: Issuer, gate: Authenticator, algorithm: str, key: object, kid: str
) -> None:
    token = issuer.token(key, algorithm, {"kid": kid})
    assert gate.caller(token, NOW)

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.integers(0, len(token) - 1),
        st.characters(codec="utf-8"),
        st.sampled_from(["replace", "insert", "delete"]),
    )
    @example(len(token) - 1, "=", "insert")
    @example(len(token) - 1, "=", "replace")
    def changed(place: int, character: str, how: str) -> None:
        end = token[place + (how != "insert") :]
        other = token[:place] + ("" if how == "delete" else character) + end
        if other != token:
            with pytest.raises(Unauthenticated):
                gate.caller(other, NOW)

    changed()


def test_every_other_last_character_is_refused(issuer: Issuer, gate: Authenticator) -> None:
    # Two characters may stand for the same last bits of a signature.
    token = issuer.token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
    said = [refused(gate, token[:-1] + other) for other in set(alphabet) - {token[-1]}]
    assert sum("signature cannot be read" in each for each in said) == 60  # 2 of its 6 bits count
