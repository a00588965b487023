"""Each version is published with an attestation: of its files, of what it read, of its verdicts."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st
from meshes import load, write_parquet
from trust_meshes import (
    DELAYS,
    FLIGHTS,
    attestation_of,
    chain_mesh,
    files_of,
    flights,
    folder_of,
    publish,
    record_of,
    statement_of,
)

from mesh_defs.product.attest.digests import Hashing
from mesh_defs.product.attest.envelope import pae
from mesh_defs.product.attest.statement import record_digest
from mesh_defs.product.container import run_product
from mesh_defs.product.report import Progress


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chain_mesh(tmp_path_factory.mktemp("chain"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_is_an_in_toto_statement_in_a_dsse_envelope(root: Path) -> None:
    envelope = json.loads(attestation_of(root, DELAYS, 0).read_text())
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    payload = base64.b64decode(envelope["payload"])
    (signature,) = envelope["signatures"]
    key = load_pem_public_key((root / f".mesh/keys/public/{signature['keyid']}.pem").read_bytes())
    # DSSE 1.0.2, "protocol": the signature is over the pre-authentication encoding.
    signed = b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(payload), payload)
    key.verify(base64.b64decode(signature["sig"]), signed)
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "urn:mesh:attestation:version:1"


def test_the_encoding_is_that_of_the_specification() -> None:
    # DSSE 1.0.2, "Test Vectors".
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@given(st.text(max_size=20), st.binary(max_size=40), st.text(max_size=20), st.binary(max_size=40))
def test_no_two_payloads_have_one_encoding(a: str, b: bytes, c: str, d: bytes) -> None:
    assert (pae(a, b) == pae(c, d)) == ((a, b) == (c, d))


def test_its_subjects_are_all_files_with_their_digests(root: Path) -> None:
    found = {
        one["annotations"]["path"]: one["digest"]["sha256"]
        for one in statement_of(root, FLIGHTS, 1)["subject"]
    }
    files = files_of(root, FLIGHTS, 1)
    assert len(files) == 2
    assert found == {file.name: sha256(file) for file in files}


def test_it_says_what_was_made_from_what(root: Path) -> None:
    told = statement_of(root, DELAYS, 0)["predicate"]
    assert isinstance(told, dict)
    record = record_of(root, DELAYS, 0)
    read = base64.b64decode(json.loads(attestation_of(root, FLIGHTS, 1).read_text())["payload"])
    assert told["inputs"] == [
        {
            "name": "flights",
            "source": FLIGHTS,
            "version": 1,
            "statement": hashlib.sha256(read).hexdigest(),
            "fingerprint": None,
        }
    ]
    assert (told["product"], told["version"], told["mesh"]) == (DELAYS, 0, "test")
    assert (told["run_id"], told["published_at"]) == (record.run_id, record.published_at)
    assert (told["transform"], told["environment"]) == (record.digest, "local")
    assert told["record"] == record_digest(record)
    assert told["ports"]["delays"]["contract_digest"] == record.ports["delays"].contract_digest
    assert told["tally"] == record.tally
    assert {one["outcome"] for one in told["blocking"]} == {"passed"}
    assert told["previous"] is None


def test_it_speaks_of_sources_by_their_fingerprints(root: Path) -> None:
    told = statement_of(root, FLIGHTS, 1)["predicate"]
    assert isinstance(told, dict)
    record = record_of(root, FLIGHTS, 1)
    (read,) = told["inputs"]
    assert read["source"] == "files://flights"
    assert read["fingerprint"] == record.inputs["flights"].fingerprint
    assert told["previous"]["version"] == 0


def test_only_added_files_are_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = chain_mesh(tmp_path)
    asked: list[str] = []
    digest = Hashing.digest

    def watched(self: Hashing, path: str) -> str:
        asked.append(Path(path).name)
        return digest(self, path)

    monkeypatch.setattr(Hashing, "digest", watched)
    before = {file.name for file in files_of(root, FLIGHTS, 1)}
    flights(root, 180)
    publish(root, FLIGHTS)
    after = {file.name for file in files_of(root, FLIGHTS, 2)}
    assert set(asked) == after - before
    assert len(asked) == 1


def test_kept_files_are_hashed_where_the_version_before_has_no_attestation(tmp_path: Path) -> None:
    root = chain_mesh(tmp_path)
    attestation_of(root, FLIGHTS, 1).unlink()
    flights(root, 180)
    publish(root, FLIGHTS)
    told = statement_of(root, FLIGHTS, 2)
    found = {one["digest"]["sha256"] for one in told["subject"]}
    assert found == {sha256(file) for file in files_of(root, FLIGHTS, 2)}
    assert told["predicate"]["previous"] == {"version": 1, "statement": None}


def test_a_tampered_file_that_is_kept_is_not_signed_anew(tmp_path: Path) -> None:
    root = chain_mesh(tmp_path)
    kept = files_of(root, FLIGHTS, 0)[0]
    signed = sha256(kept)
    with kept.open("r+b") as file:
        file.seek(4)
        file.write(b"\0")
    flights(root, 180)
    publish(root, FLIGHTS)
    told = statement_of(root, FLIGHTS, 2)["subject"]
    found = {one["annotations"]["path"]: one["digest"]["sha256"] for one in told}
    assert found[kept.name] == signed != sha256(kept)


def test_what_was_decided_is_finished_with_its_attestation(tmp_path: Path) -> None:
    root = chain_mesh(tmp_path)
    flights(root, 180)

    class Died(Exception):
        pass

    def watch(progress: Progress) -> None:
        if progress.step == "intent":
            raise Died

    mesh = load(root)
    with pytest.raises(Died):
        run_product(mesh, mesh.product(FLIGHTS), observer=watch)
    assert not attestation_of(root, FLIGHTS, 2).exists()
    flights(root, 190)
    publish(root, FLIGHTS)
    for version in (2, 3):
        told = statement_of(root, FLIGHTS, version)["predicate"]
        assert told["record"] == record_digest(record_of(root, FLIGHTS, version))
    assert sorted(p.name for p in (folder_of(root, FLIGHTS) / "attestations").iterdir()) == [
        f"{number:012d}.json" for number in range(4)
    ]


def test_nothing_is_signed_where_a_promise_is_broken(tmp_path: Path) -> None:
    root = chain_mesh(tmp_path)
    write_parquet(root, "flights", "select i as id, -i as delay from range(200) t(i)")
    mesh = load(root)
    assert run_product(mesh, mesh.product(FLIGHTS)).outcome == "failed"
    assert not attestation_of(root, FLIGHTS, 2).exists()
