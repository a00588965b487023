"""The key that signs versions: made once and private, or the profile's; and whose are believed."""

from __future__ import annotations

import base64
import json
import stat
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from meshes import load, write
from trust_meshes import DELAYS, FLIGHTS, attestation_of, chain_mesh, publish, settings

from mesh_defs.discovery.trust.verify import verify
from mesh_defs.errors import InvalidMesh, MeshError, StorageFailed
from mesh_defs.product.attest.envelope import read_envelope, seal
from mesh_defs.product.attest.keys import signing_key, trusted_keys
from mesh_defs.product.container import run_product
from mesh_defs.urls import parse

VARIABLE = "TRUST_TEST_KEY"
DECLARED = f"""
name: test
profiles:
  local:
    services:
      files: {{driver: files, path: data}}
    attestation: {{key: "${{{VARIABLE}}}"}}
"""
LISTED = DECLARED.replace('}"}', '}", trusted: [keys/ours.pem]}')


def pem(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def empty(root: Path, mesh_yaml: str = "name: test\n") -> Path:
    return write(root, {"mesh.yaml": mesh_yaml})


def kinds(root: Path, url: str = DELAYS) -> set[str]:
    return {one.kind for one in verify(settings(root), parse(url)).problems}


def test_one_is_made_that_nobody_else_may_read(tmp_path: Path) -> None:
    key = signing_key(settings(empty(tmp_path)))
    file = tmp_path / ".mesh/keys/attestation.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [p.name for p in (tmp_path / ".mesh/keys/public").iterdir()] == [f"{key.keyid}.pem"]
    assert sorted(p.name for p in file.parent.iterdir()) == ["attestation.key", "public"]
    assert signing_key(settings(tmp_path)).keyid == key.keyid


def test_who_makes_it_at_the_same_time_gets_the_same(tmp_path: Path) -> None:
    found = settings(empty(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        ids = {key.keyid for key in pool.map(lambda _: signing_key(found), range(24))}
    assert len(ids) == 1


@pytest.mark.parametrize("form", ["pem", "one line", "seed"])
def test_the_profile_names_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    key = Ed25519PrivateKey.generate()
    texts = {
        "pem": pem(key),
        "one line": pem(key).replace("\n", "\\n"),
        "seed": base64.b64encode(key.private_bytes_raw()).decode(),
    }
    monkeypatch.setenv(VARIABLE, texts[form])
    found = settings(empty(tmp_path, DECLARED))
    assert signing_key(found).private.private_bytes_raw() == key.private_bytes_raw()
    assert list(trusted_keys(found)) == [signing_key(found).keyid]
    assert not (tmp_path / ".mesh/keys/attestation.key").exists()


def not_ed25519() -> str:
    other = generate_private_key(65537, 2048)
    return other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("cut", ["pem", "seed", "words", "rsa"])
def test_what_is_no_key_is_told_without_a_word_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    key = Ed25519PrivateKey.generate()
    secret = {
        "pem": pem(key)[:-40],
        "seed": base64.b64encode(key.private_bytes_raw()[:-2]).decode(),
        "words": "correct horse battery staple",
        "rsa": not_ed25519(),
    }[cut]
    monkeypatch.setenv(VARIABLE, secret)
    found = settings(empty(tmp_path, DECLARED))
    with pytest.raises(MeshError, match=f"{VARIABLE}.*attestation.key, holds no key") as caught:
        signing_key(found)
    told = "".join(traceback.format_exception(caught.value))
    assert not any(line in told for line in secret.splitlines() if "-----" not in line)
    assert found.redact(f"so {secret}") == "so ***"


def test_it_is_never_shown(tmp_path: Path) -> None:
    key = signing_key(settings(empty(tmp_path)))
    assert repr(key) == f"SigningKey(keyid='{key.keyid}')"


def test_a_variable_that_is_not_set_stops_the_run_before_it_reads(tmp_path: Path) -> None:
    root = chain_mesh(tmp_path)
    (root / "mesh.yaml").write_text(DECLARED)
    mesh = load(root)
    with pytest.raises(MeshError, match=f"{VARIABLE}.* is not set"):
        run_product(mesh, mesh.product(FLIGHTS))


def test_what_an_earlier_key_signed_stays_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = chain_mesh(tmp_path)
    first = signing_key(settings(root)).keyid
    (root / ".mesh/keys/attestation.key").unlink()
    publish(root, DELAYS)
    monkeypatch.setenv(VARIABLE, pem(Ed25519PrivateKey.generate()))
    (root / "mesh.yaml").write_text(DECLARED)
    publish(root, DELAYS)
    signed = {
        json.loads(attestation_of(root, DELAYS, n).read_text())["signatures"][0]["keyid"]
        for n in range(3)
    }
    assert len(signed) == 3
    assert first in signed
    assert [kinds(root, f"{DELAYS}?version={n}") for n in range(3)] == [set(), set(), set()]
    # Once its public half is removed, it is believed no longer.
    (root / f".mesh/keys/public/{first}.pem").unlink()
    assert kinds(root, f"{DELAYS}?version=0") == {"wrong key"}


def test_where_keys_are_listed_no_other_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = chain_mesh(tmp_path)
    old = signing_key(settings(root)).keyid
    monkeypatch.setenv(VARIABLE, pem(Ed25519PrivateKey.generate()))
    (root / "mesh.yaml").write_text(DECLARED)
    publish(root, DELAYS)
    ours = signing_key(settings(root)).keyid
    (root / "keys").mkdir()
    kept = root / ".mesh/keys/public"
    (root / "keys/ours.pem").write_bytes((kept / f"{ours}.pem").read_bytes())
    (root / "mesh.yaml").write_text(LISTED)
    # Who verifies needs no private key.
    monkeypatch.delenv(VARIABLE)
    (root / ".mesh/keys/attestation.key").unlink()
    found = verify(settings(root), parse(DELAYS)).problems
    assert {one.kind for one in found} == {"wrong key"}
    assert {one.url.partition("?")[0] for one in found} == {FLIGHTS}
    (root / "keys/ours.pem").write_bytes((kept / f"{old}.pem").read_bytes())
    assert kinds(root, FLIGHTS) == set()


@pytest.mark.parametrize("attestation", ["trusted: [keys/ok.pem]", "trusted: []", "declared"])
def test_where_keys_are_listed_one_put_into_the_folder_is_not_believed(
    tmp_path: Path, attestation: str
) -> None:
    """Whoever may write ``.mesh/keys`` signs what they like with a key of their own."""
    root = chain_mesh(tmp_path)
    (kept,) = (root / ".mesh/keys/public").iterdir()
    (root / "keys").mkdir()
    (root / "keys/ok.pem").write_bytes(kept.read_bytes())
    own = root / ".mesh/keys/attestation.key"
    own.write_text(pem(Ed25519PrivateKey.generate()))
    forged = attestation_of(root, DELAYS, 0)
    forged.write_text(seal(signing_key(settings(root)), read_envelope(forged.read_bytes()).payload))
    assert kinds(root) == set()
    if attestation == "declared":
        attestation = f'key: "${{{VARIABLE}}}", trusted: [keys/ok.pem]'
    profile = DECLARED[: DECLARED.index("    attestation:")]
    (root / "mesh.yaml").write_text(f"{profile}    attestation: {{{attestation}}}\n")
    assert "wrong key" in kinds(root)


def test_a_key_of_the_folder_is_not_believed_where_the_profile_names_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, pem(Ed25519PrivateKey.generate()))
    declared = signing_key(settings(empty(tmp_path, DECLARED))).keyid
    (tmp_path / ".mesh/keys/attestation.key").write_text(pem(Ed25519PrivateKey.generate()))
    monkeypatch.delenv(VARIABLE)
    assert list(trusted_keys(settings(tmp_path))) == [declared]


def test_every_listed_file_that_is_no_key_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, pem(Ed25519PrivateKey.generate()))
    listed = LISTED.replace("ours.pem]", "ours.pem, keys, keys/words.pem]")
    found = settings(write(empty(tmp_path, listed), {"keys/words.pem": "words"}))
    with pytest.raises(InvalidMesh) as caught:
        trusted_keys(found)
    assert [fault.key for fault in caught.value.faults] == [
        f"profiles.local.attestation.trusted[{n}]" for n in range(3)
    ]
    told = [fault.found for fault in caught.value.faults]
    assert told == [
        "'keys/ours.pem', which cannot be read: No such file or directory",
        "'keys', which cannot be read: Is a directory",
        "'keys/words.pem', which holds no public key",
    ]


def test_a_folder_where_the_key_should_be_is_told_by_its_name(tmp_path: Path) -> None:
    (empty(tmp_path) / ".mesh/keys/attestation.key").mkdir(parents=True)
    with pytest.raises(StorageFailed, match=r"keys/attestation\.key' cannot be used: Is a dir"):
        trusted_keys(settings(tmp_path))
