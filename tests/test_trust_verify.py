"""`mesh verify` names the link of a chain of versions that is broken, whatever was done to it."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trust_meshes import (
    DELAYS,
    FLIGHTS,
    attestation_of,
    chain_mesh,
    files_of,
    folder_of,
    publish,
    settings,
    store_of,
)

from mesh_defs.discovery.trust.findings import Hashed, Verification
from mesh_defs.discovery.trust.verify import verify
from mesh_defs.product.attest.envelope import read_envelope, seal
from mesh_defs.product.attest.keys import signing_key
from mesh_defs.urls import parse


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chain_mesh(tmp_path_factory.mktemp("chain") / "mesh")


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Iterator[Path]:
    """The mesh as it was published, to be harmed."""
    copied = tmp_path / "mesh"
    shutil.copytree(built, copied)
    return copied


def verified(root: Path, url: str = DELAYS, *, deep: bool = False) -> Verification:
    return verify(settings(root), parse(url), deep=deep)


def broken(root: Path, url: str = DELAYS, *, deep: bool = False) -> list[tuple[str, str]]:
    """What is wrong, and of which version."""
    found = verified(root, url, deep=deep)
    assert found.sound == (not found.problems)
    return [(one.kind, one.url) for one in found.problems]


def forge(file: Path, change: dict[str, Any], root: Path | None = None) -> None:
    """Change the predicate of an attestation; with ``root`` signed again, with its key."""
    envelope = json.loads(file.read_text())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["predicate"] |= change
    payload = json.dumps(statement).encode()
    if root is not None:
        file.write_text(seal(signing_key(settings(root)), payload))
        return
    envelope["payload"] = base64.b64encode(payload).decode()
    file.write_text(json.dumps(envelope))


def flip(file: Path, at: int = 40) -> None:
    """Change one byte in the middle of a file; its size stays."""
    with file.open("r+b") as opened:
        opened.seek(at)
        byte = opened.read(1)
        opened.seek(at)
        opened.write(bytes([byte[0] ^ 1]))


def test_a_chain_that_nobody_touched_is_sound_up_to_its_sources(root: Path) -> None:
    for deep in (False, True):
        found = verified(root, deep=deep)
        assert found.problems == ()
        assert [one.url for one in found.versions] == [
            f"{DELAYS}?version=0",
            f"{FLIGHTS}?version=1",
            f"{FLIGHTS}?version=0",
        ]
        assert {(one.source, one.read_by) for one in found.sources} == {
            ("files://flights", f"{FLIGHTS}?version=1"),
            ("files://flights", f"{FLIGHTS}?version=0"),
        }
        # Of the versions that only were read, files are read again with --deep alone.
        assert [one.hashed for one in found.versions] == ([1, 2, 0] if deep else [1, 0, 0])


def test_a_tampered_file(root: Path) -> None:
    flip(files_of(root, DELAYS, 0)[0])
    assert broken(root) == [("tampered file", f"{DELAYS}?version=0")]


def test_a_file_of_another_size(root: Path) -> None:
    with files_of(root, DELAYS, 0)[0].open("ab") as file:
        file.write(b"more")
    assert broken(root) == [("tampered file", f"{DELAYS}?version=0")]


def test_a_file_that_is_gone(root: Path) -> None:
    files_of(root, DELAYS, 0)[0].unlink()
    assert broken(root) == [("missing file", f"{DELAYS}?version=0")]


def test_a_tampered_file_of_a_parent_is_found_when_it_is_read(root: Path) -> None:
    flip(files_of(root, FLIGHTS, 1)[0])
    assert broken(root) == []
    assert broken(root, deep=True) == [("tampered file", f"{FLIGHTS}?version=1")]


def test_a_file_of_a_parent_that_is_gone_is_found_at_once(root: Path) -> None:
    files_of(root, FLIGHTS, 1)[0].unlink()
    assert broken(root) == [("missing file", f"{FLIGHTS}?version=1")]


def test_a_replaced_commit_with_another_file(root: Path) -> None:
    """The log points to a file that nobody signed, with everything else as it was."""
    (file,) = files_of(root, DELAYS, 0)
    other = file.with_name("other.parquet")
    shutil.copy(file, other)
    log = file.parent / "_delta_log/00000000000000000000.json"
    log.write_text(log.read_text().replace(file.name, other.name))
    found = verified(root)
    assert [one.kind for one in found.problems] == ["replaced commit", "replaced commit"]
    assert "other.parquet" in found.problems[0].text
    assert file.name in found.problems[1].text


def test_a_replaced_commit_with_a_file_more(root: Path) -> None:
    (file,) = files_of(root, DELAYS, 0)
    shutil.copy(file, file.with_name("more.parquet"))
    log = file.parent / "_delta_log/00000000000000000000.json"
    lines = log.read_text().splitlines()
    (add,) = [line for line in lines if '"add"' in line]
    log.write_text("\n".join([*lines, add.replace(file.name, "more.parquet")]) + "\n")
    assert broken(root) == [("replaced commit", f"{DELAYS}?version=0")]


def test_a_replaced_commit_that_tells_other_counts(root: Path) -> None:
    (file,) = files_of(root, DELAYS, 0)
    log = file.parent / "_delta_log/00000000000000000000.json"
    text = log.read_text()
    size = file.stat().st_size
    assert f'"size":{size}' in text
    log.write_text(text.replace(f'"size":{size}', f'"size":{size - 1}'))
    assert broken(root) == [("replaced commit", f"{DELAYS}?version=0")]


def test_a_commit_that_cannot_be_read(root: Path) -> None:
    (file,) = files_of(root, DELAYS, 0)
    (file.parent / "_delta_log/00000000000000000000.json").unlink()
    assert broken(root) == [("replaced commit", f"{DELAYS}?version=0")]


def test_a_wrong_key(root: Path, tmp_path: Path) -> None:
    """Somebody signs what they like with a key of their own."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "mesh.yaml").write_text("name: test\n")
    stranger = signing_key(settings(other))
    file = attestation_of(root, DELAYS, 0)
    file.write_text(seal(stranger, read_envelope(file.read_bytes()).payload))
    (problem,) = verified(root).problems
    assert problem.kind == "wrong key"
    assert stranger.keyid[:12] in problem.text


def test_a_wrong_signature(root: Path) -> None:
    forge(attestation_of(root, DELAYS, 0), {"environment": "production"})
    assert broken(root) == [("wrong signature", f"{DELAYS}?version=0")]


def test_a_key_whose_name_is_that_of_another(root: Path, tmp_path: Path) -> None:
    """A public key is believed below its own id alone, so that none can take another's place."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "mesh.yaml").write_text("name: test\n")
    stranger = signing_key(settings(other))
    (trusted,) = (root / ".mesh/keys/public").iterdir()
    (root / ".mesh/keys/attestation.key").unlink()
    shutil.copy(other / f".mesh/keys/public/{stranger.keyid}.pem", trusted)
    file = attestation_of(root, DELAYS, 0)
    file.write_text(seal(stranger, read_envelope(file.read_bytes()).payload))
    assert ("wrong key", f"{DELAYS}?version=0") in broken(root)


def test_an_envelope_without_a_signature(root: Path) -> None:
    file = attestation_of(root, DELAYS, 0)
    file.write_text(json.dumps({**json.loads(file.read_text()), "signatures": []}))
    assert broken(root) == [("wrong key", f"{DELAYS}?version=0")]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"payloadType": 3}', "\0" * 30])
def test_what_is_no_attestation(root: Path, text: str) -> None:
    attestation_of(root, DELAYS, 0).write_text(text)
    assert broken(root) == [("malformed attestation", f"{DELAYS}?version=0")]


@pytest.mark.parametrize(
    "change",
    [
        {"version": "0"},
        {"ports": []},
        {"inputs": [{"name": 3}]},
        {"previous": 7},
        {"documents": {"a": 1}},
        {"tally": None},
    ],
)
def test_what_is_signed_and_no_statement(root: Path, change: dict[str, Any]) -> None:
    forge(attestation_of(root, DELAYS, 0), change, root)
    assert broken(root) == [("malformed attestation", f"{DELAYS}?version=0")]


def test_a_subject_outside_of_its_port_is_no_file_of_it(root: Path) -> None:
    file = attestation_of(root, DELAYS, 0)
    statement = json.loads(read_envelope(file.read_bytes()).payload)
    statement["subject"][0]["annotations"]["path"] = "../../../../../mesh.yaml"
    file.write_text(seal(signing_key(settings(root)), json.dumps(statement).encode()))
    assert broken(root) == [("malformed attestation", f"{DELAYS}?version=0")]


def test_a_missing_parent_version(root: Path) -> None:
    shutil.rmtree(folder_of(root, FLIGHTS))
    (problem,) = verified(root).problems
    assert (problem.kind, problem.url) == ("missing parent", f"{FLIGHTS}?version=1")
    assert f"{DELAYS}?version=0" in problem.text


def test_a_missing_parent_attestation(root: Path) -> None:
    attestation_of(root, FLIGHTS, 1).unlink()
    (problem,) = verified(root).problems
    assert (problem.kind, problem.url) == ("missing parent", f"{FLIGHTS}?version=1")


def test_a_missing_attestation_of_the_version_before(root: Path) -> None:
    attestation_of(root, FLIGHTS, 0).unlink()
    assert broken(root, FLIGHTS) == [("missing parent", f"{FLIGHTS}?version=0")]


def test_an_attestation_that_is_gone(root: Path) -> None:
    attestation_of(root, FLIGHTS, 1).unlink()
    assert broken(root, FLIGHTS) == [("missing attestation", f"{FLIGHTS}?version=1")]


def test_a_parent_that_was_signed_anew_is_not_the_one_that_was_read(root: Path) -> None:
    """Whoever has the key can sign, and cannot change what others were made from."""
    forge(attestation_of(root, FLIGHTS, 1), {"environment": "other"}, root)
    assert ("changed parent", f"{FLIGHTS}?version=1") in broken(root)


def test_a_record_that_was_changed(root: Path) -> None:
    file = Path(store_of(root, DELAYS).location("ledger/000000000000.json"))
    values = json.loads(file.read_text())
    values["published_at"] = "2020-01-01T00:00:00+00:00"
    values["ports"]["delays"]["rows"] += 1
    file.write_text(json.dumps(values))
    (problem,) = verified(root).problems
    assert problem.kind == "changed record"
    assert "published_at, ports" in problem.text


def test_a_verdict_that_was_changed_in_a_record(root: Path) -> None:
    """Something that the statement does not repeat, and is signed all the same."""
    file = Path(store_of(root, DELAYS).location("ledger/000000000000.json"))
    values = json.loads(file.read_text())
    values["ports"]["delays"]["verdicts"][0]["observed"] = "nothing"
    file.write_text(json.dumps(values))
    assert broken(root) == [("changed record", f"{DELAYS}?version=0")]


def test_a_record_written_in_another_order_is_the_same(root: Path) -> None:
    file = Path(store_of(root, DELAYS).location("ledger/000000000000.json"))
    file.write_text(json.dumps(json.loads(file.read_text()), sort_keys=True, indent=2))
    assert broken(root) == []


def test_a_record_that_cannot_be_read(root: Path) -> None:
    Path(store_of(root, DELAYS).location("ledger/000000000000.json")).write_text("{")
    assert broken(root) == [("changed record", f"{DELAYS}?version=0")]


def test_a_record_that_is_gone(root: Path) -> None:
    Path(store_of(root, DELAYS).location("ledger/000000000000.json")).unlink()
    assert broken(root, f"{DELAYS}?version=0") == [("missing record", f"{DELAYS}?version=0")]


def test_an_attestation_swapped_for_that_of_another_version(root: Path) -> None:
    shutil.copy(attestation_of(root, FLIGHTS, 0), attestation_of(root, FLIGHTS, 1))
    (problem,) = verified(root, FLIGHTS).problems
    assert (problem.kind, problem.url) == ("swapped attestation", f"{FLIGHTS}?version=1")
    assert f"that of {FLIGHTS}?version=0" in problem.text
    kinds = {kind for kind, _ in broken(root)}
    assert kinds == {"swapped attestation", "changed parent"}


def test_an_attestation_swapped_for_that_of_another_product(root: Path) -> None:
    shutil.copy(attestation_of(root, FLIGHTS, 0), attestation_of(root, DELAYS, 0))
    assert broken(root) == [("swapped attestation", f"{DELAYS}?version=0")]


def test_an_attestation_of_another_mesh(root: Path) -> None:
    forge(attestation_of(root, DELAYS, 0), {"mesh": "other"}, root)
    assert broken(root) == [("swapped attestation", f"{DELAYS}?version=0")]


def test_a_tampered_contract(root: Path) -> None:
    for file in (folder_of(root, DELAYS) / "contracts").iterdir():
        file.write_text(file.read_text() + "# more\n")
    assert broken(root) == [("tampered contract", f"{DELAYS}?version=0")]


def test_a_tampered_discovery_document(root: Path) -> None:
    file = folder_of(root, DELAYS) / "discovery/000000000000.json"
    file.write_text(file.read_text().replace("A product of a test.", "The best product."))
    assert broken(root) == [("tampered document", f"{DELAYS}?version=0")]


def test_a_version_of_before_is_told_as_such(root: Path) -> None:
    for version in (0, 1):
        attestation_of(root, FLIGHTS, version).unlink()
    (problem,) = verified(root, FLIGHTS).problems
    assert problem.kind == "no attestation"
    assert "before versions were attested" in problem.text
    # What is made from it now says so, and ends there.
    publish(root, DELAYS)
    assert broken(root) == [("no attestation", f"{FLIGHTS}?version=1")]


def test_every_link_that_is_broken_is_named(root: Path) -> None:
    flip(files_of(root, DELAYS, 0)[0])
    files_of(root, FLIGHTS, 1)[0].unlink()
    (folder_of(root, FLIGHTS) / "ledger/000000000000.json").write_text("{")
    assert broken(root) == [
        ("tampered file", f"{DELAYS}?version=0"),
        ("missing file", f"{FLIGHTS}?version=1"),
        ("changed record", f"{FLIGHTS}?version=0"),
    ]


def test_progress_is_told_in_bytes(root: Path) -> None:
    told: list[Hashed] = []
    verify(settings(root), parse(DELAYS), watch=told.append)
    size = files_of(root, DELAYS, 0)[0].stat().st_size
    assert told[-1] == Hashed(f"{DELAYS}?version=0", size, size)
