"""``mesh access``: a decision in words, and who may read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from access_meshes import PORT, READERS, URL, column, permit, sales_files
from commands import mesh
from meshes import write_mesh

ADA = "person:ada@shop.example"
RULES = READERS + permit(
    annotations='@id("contacts")\n@mask("hash")', resource=f"resource == {column('email')}"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_mesh(tmp_path, sales_files(RULES))


def test_a_decision_in_words(root: Path) -> None:
    done = mesh(root, "access", "explain", URL, "--as", ADA)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.stdout.startswith(f"{ADA} may read mesh://shop/sales/sales\n")
    assert "  permitted by readers (domains/shop/access.cedar:1)\n" in done.stdout
    assert "  rows: all\n" in done.stdout
    assert ["id", "public", "clear", "public", "(default.cedar:4)"] in lines
    assert ["meal", "sensitive", "nothing", "no", "rule", "permits", "it"] in lines
    assert ["email", "personal", "nothing", "contacts", "(domains/shop/access.cedar:3)"] in lines
    assert "note: hash masks show nothing: profile 'local' has no hash_key" in done.stdout


def test_one_column_alone(root: Path) -> None:
    done = mesh(root, "access", "explain", f"{URL}#email", "--as", ADA)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["email", "personal", "nothing", "contacts", "(domains/shop/access.cedar:3)"] in lines
    assert not any("meal" in line or "id" in line for line in lines)
    done = mesh(root, "access", "explain", f"{URL}/sales#meal", "--as", ADA, "--json")
    assert [each["column"] for each in json.loads(done.stdout)["columns"]] == ["meal"]


def test_a_denial_is_exit_code_1(root: Path) -> None:
    done = mesh(root, "access", "explain", URL, "--as", "agent:helpr", "--action", "query")
    assert done.returncode == 1
    assert done.stdout.startswith("agent:helpr may not query mesh://shop/sales/sales\n")
    assert "the nearest is 'agent:helper'" in done.stdout
    assert mesh(root, "access", "explain", URL).returncode == 1
    assert mesh(root, "access", "explain", URL, MESH_PRINCIPAL=ADA).returncode == 0


def test_row_filters_and_purposes_are_told(root: Path) -> None:
    rule = permit(
        'context has purpose && context.purpose == "care"',
        annotations="@rows(\"origin = 'JFK'\")",
        resource=f"resource in {PORT}",
    )
    (root / "domains/shop/access.cedar").write_text(rule)
    done = mesh(root, "access", "explain", URL, "--as", ADA, "--purpose", "care")
    assert done.returncode == 0
    assert "may read mesh://shop/sales/sales for care\n" in done.stdout
    assert "  rows: those where ((origin = 'JFK'))\n" in done.stdout


def test_json_has_all_of_it(root: Path) -> None:
    done = mesh(root, "access", "explain", URL, "--as", ADA, "--json")
    found = json.loads(done.stdout)
    assert found["allowed"] is True
    assert found["rules"] == ["readers (domains/shop/access.cedar:1)"]
    seen = {each["column"]: each["mask"] for each in found["columns"]}
    assert seen["id"] is None
    assert seen["meal"] == "null"
    readers = json.loads(mesh(root, "access", "who", URL, "--json").stdout)["readers"]
    assert {each["principal"]: each["allowed"] for each in readers} == {
        ADA: True,
        "person:guest@shop.example": False,
        "service:reports": True,
        "agent:helper": True,
        "an anonymous person": False,
    }


def test_who_may_read(root: Path) -> None:
    done = mesh(root, "access", "who", URL)
    assert done.returncode == 0
    lines = {" ".join(line.split()) for line in done.stdout.splitlines()}
    why = "permitted by readers (domains/shop/access.cedar:1)"
    assert f"{ADA} reader 3 of 7 columns clear {why}" in lines
    assert f"service:reports reader, auditor 2 of 7 columns clear {why}" in lines
    assert "person:guest@shop.example - nothing no rule permits it" in lines
    (root / "domains/shop/access.cedar").write_text("forbid (principal, action, resource);")
    assert mesh(root, "access", "who", URL).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["explain", URL, "--as", "ada"], "person:<name>, service:<name> or agent:<name>"),
        (["explain", URL, "--action", "reed"], "write 'read' instead of 'reed'"),
        (["explain", "mesh://shop/sale"], "write 'mesh://shop/sales' instead"),
        (["who", f"{URL}/sold"], "has no port 'sold'"),
        (["explain", f"{URL}#emial"], "write 'email' instead of 'emial'"),
        (["explain", f"{URL}?version=1#email"], "names data of a product"),
        (["who", f"{URL}#email"], "names data of a product"),
        (["explian", URL], "allowed: explain, who. Fix: write 'explain' instead of 'explian'"),
    ],
)
def test_wrong_use(root: Path, arguments: list[str], words: str) -> None:
    done = mesh(root, "access", *arguments)
    assert done.returncode == 2, done.stderr
    said = " ".join(done.stderr.replace("│", " ").split())
    assert words in said


def test_check_shows_what_is_wrong(root: Path) -> None:
    (root / "domains/shop/access.cedar").write_text(
        'permit (principal, action, resource is Column)\nwhen { resource.clas == "public" };'
    )
    done = mesh(root, "check")
    assert done.returncode == 1
    assert "domains/shop/access.cedar:2" in done.stdout
    assert "unknown attribute 'clas'" in done.stdout
