"""Commands that verify a product, show what was measured of it, and let people say something."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commands import mesh
from trust_meshes import DELAYS, FLIGHTS, attestation_of, chain_mesh, files_of

PEOPLE = """
people:
  ada@shop.example: {roles: [reader]}
"""
RULES = """
@id("all")
permit (principal in Role::"reader", action == Action::"read", resource);
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chain_mesh(tmp_path_factory.mktemp("chain") / "mesh")


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "mesh")
    return tmp_path / "mesh"


def test_verify_says_that_all_is_as_signed(root: Path) -> None:
    done = mesh(root, "verify", DELAYS)
    assert done.returncode == 0, done.stderr
    head = f"{DELAYS}?version=0: 3 versions in its chain, "
    assert f"{head}as signed as far as was read" in done.stdout
    assert "1 of 4 files read again; --deep reads all" in done.stdout
    assert f"{head}all as signed" in mesh(root, "verify", DELAYS, "--deep").stdout
    # What read operational systems alone has nothing that was not read.
    assert "2 versions in its chain, all as signed" in mesh(root, "verify", FLIGHTS).stdout
    assert "from files://flights" in done.stdout
    deep = json.loads(mesh(root, "verify", f"{DELAYS}?version=0", "--deep", "--json").stdout)
    assert (deep["sound"], deep["deep"], deep["problems"]) == (True, True, [])


def test_verify_names_what_broke_and_its_answer_is_no(root: Path) -> None:
    files_of(root, FLIGHTS, 1)[0].unlink()
    attestation_of(root, FLIGHTS, 0).unlink()
    done = mesh(root, "verify", DELAYS)
    assert done.returncode == 1
    assert f"missing file: {FLIGHTS}?version=1" in done.stdout
    assert f"missing parent: {FLIGHTS}?version=0" in done.stdout
    told = json.loads(mesh(root, "verify", DELAYS, "--json").stdout)
    assert told["sound"] is False
    assert {one["kind"] for one in told["problems"]} == {"missing file", "missing parent"}


@pytest.mark.parametrize(
    "url",
    ["mesh://ops/none", "nonsense", f"{DELAYS}?version=9", f"{DELAYS}/nope", f"{DELAYS}#delay"],
)
def test_verify_of_what_there_is_not_is_wrong_use(root: Path, url: str) -> None:
    done = mesh(root, "verify", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("who", [{}, {"MESH_PRINCIPAL": "person:ada@shop.example"}])
@pytest.mark.parametrize("of", [FLIGHTS, DELAYS])
def test_verify_of_what_is_damaged_says_what_is(root: Path, who: dict[str, str], of: str) -> None:
    """Who may know of it cannot be decided by its record then."""
    if who:
        (root / "principals.yaml").write_text(PEOPLE)
    attestation = attestation_of(root, of, 1 if of == FLIGHTS else 0)
    (attestation.parent.parent / "ledger" / attestation.name).write_text("{}")
    done = mesh(root, "verify", DELAYS, **who)
    assert done.returncode == 1, done.stderr
    assert f"changed record: {of}" in done.stdout


def test_trust_shows_facts_and_says_how_they_were_measured(root: Path) -> None:
    done = mesh(root, "trust", FLIGHTS)
    assert done.returncode == 0, done.stderr
    for line in ("mesh://ops/flights/flights", "Promises kept", "Incidents", "Consumers"):
        assert line in done.stdout
    assert "Ratings" in done.stdout
    assert not (root / ".mesh/gateway").exists()
    told = json.loads(mesh(root, "trust", f"{FLIGHTS}/flights", "--json").stdout)
    facts = {one["id"]: one for one in told["ports"][0]["facts"]}
    assert facts["promises_kept"]["value"] == 1.0
    assert facts["consumers"]["details"]["products"] == [DELAYS]
    assert (facts["ratings"]["value"], facts["ratings"]["details"]["count"]) == (None, 0)
    assert all(one["how"] for one in facts.values())
    assert mesh(root, "trust", "mesh://ops/none").returncode == 2


def test_people_say_something_and_read_it(root: Path) -> None:
    (root / "principals.yaml").write_text(PEOPLE)
    (root / "domains/ops/access.cedar").write_text(RULES)
    ada = {"MESH_PRINCIPAL": "person:ada@shop.example"}
    done = mesh(root, "feedback", FLIGHTS, "--rate", "4", "--text", "good \x1b[31m", **ada)
    assert done.returncode == 0, done.stderr
    asked = mesh(root, "feedback", FLIGHTS, "--ask", "Are helicopters in it?", "--json", **ada)
    number = json.loads(asked.stdout)["feedback"]["id"]
    assert "is rated by nobody yet" in mesh(root, "feedback", DELAYS, **ada).stdout
    refused = mesh(root, "feedback", FLIGHTS, "--answer", number, "--text", "No.", **ada)
    assert refused.returncode == 1
    assert "for those who control" in refused.stderr
    shown = mesh(root, "feedback", FLIGHTS, **ada)
    assert "is rated 4.0 of 5, by 1" in shown.stdout
    assert "Are helicopters in it?" in shown.stdout
    assert "\x1b[31m" not in shown.stdout
    facts = json.loads(mesh(root, "trust", FLIGHTS, "--json", **ada).stdout)["ports"][0]["facts"]
    assert {one["id"]: one["value"] for one in facts}["ratings"] == 4.0


def test_who_is_alone_with_a_mesh_answers(root: Path) -> None:
    reported = mesh(root, "feedback", FLIGHTS, "--report", "late", "--json")
    number = json.loads(reported.stdout)["feedback"]["id"]
    assert mesh(root, "feedback", FLIGHTS, "--acknowledge", number).returncode == 0
    assert mesh(root, "feedback", FLIGHTS, "--answer", number, "--text", "soon").returncode == 0
    assert mesh(root, "feedback", FLIGHTS, "--solve", number).returncode == 0
    (told,) = json.loads(mesh(root, "feedback", FLIGHTS, "--json").stdout)["problems"]
    assert (told["state"], told["answers"][0]["text"]) == ("solved", "soon")
    assert mesh(root, "feedback", DELAYS, "--solve", number).returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--rate", "6"),
        ("--rate", "3", "--ask", "why?"),
        ("--text", "alone"),
        ("--ask", ""),
        ("--answer", "ask_none", "--text", "x"),
    ],
)
def test_what_makes_no_sense_is_wrong_use(root: Path, arguments: tuple[str, ...]) -> None:
    done = mesh(root, "feedback", FLIGHTS, *arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
