"""``mesh plan``: for people, for programs and for a pull request; its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import mesh
from plan_meshes import replace, shop, without_column

CONTRACT = "domains/shop/sales/contract.yaml"


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published shop after its sales lost a column."""
    root = shop(tmp_path_factory.mktemp("shop"))
    without_column(root, "amount")
    return root


def test_for_people(changed: Path) -> None:
    done = mesh(changed, "plan")
    assert done.returncode == 1
    text = done.stdout
    assert "mesh://shop/sales  breaking, 1.0.0, demands 2.0.0" in text
    assert "amount, column removed: removed: who reads it fails" in text
    assert "the new version was built (sales 2 rows) and would be published" in text
    assert "touches mesh://office/best (team:test)" in text
    way = "shop/sales/sales#amount -> shop/daily/daily#takings -> office/best/best#most"
    assert way in text
    assert "would fail on 'sales'" in text
    assert text.splitlines()[-1].endswith("a major version is missing in mesh://shop/sales")
    assert "\x1b" not in text


def test_for_programs(changed: Path) -> None:
    done = mesh(changed, "plan", "--json", "--no-build")
    assert done.returncode == 1
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert (found["ok"], found["against"], found["unchanged"]) == (False, "what is published", 3)
    (sales,) = found["products"]
    assert (sales["product"], sales["state"], sales["level"], sales["bump"]) == (
        "mesh://shop/sales",
        "changed",
        "breaking",
        "major",
    )
    assert sales["build"] is None
    assert {s["wanted"] for s in sales["shortfalls"]} == {"2.0.0"}
    assert {c["product"] for c in sales["consumers"]} == {
        "mesh://shop/daily",
        "mesh://office/best",
        "mesh://office/places",
    }
    (change,) = sales["ports"][0]["changes"]
    assert (change["kind"], change["column"], change["after"]) == ("column removed", "amount", None)


def test_for_a_pull_request(changed: Path) -> None:
    done = mesh(changed, "plan", "--markdown")
    assert done.returncode == 1
    text = done.stdout
    assert text.startswith("## ❌ mesh plan: 1 product changed, 1 breaking")
    assert "### `mesh://shop/sales`" in text
    assert "| amount | breaking | number \\(DOUBLE" in text or "| amount | breaking |" in text
    assert "| `mesh://shop/daily` | team:test |" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") in (5, 6), line


def test_what_people_write_is_no_markup(tmp_path: Path) -> None:
    root = shop(tmp_path)
    nasty = "a <script>|</script> [x](http://example.org) `b` @everyone\\nnext"
    replace(root, CONTRACT, "{name: note,", f'{{name: note, description: "{nasty}",')
    done = mesh(root, "plan", "--markdown", "--no-build")
    assert done.returncode == 0
    (line,) = (line for line in done.stdout.splitlines() if "script" in line)
    for bare in ("<script>", "[x](", " `b`", " @everyone", " |<"):
        assert bare not in line
    assert line.replace("\\|", "").count("|") == 6
    shown = mesh(root, "plan", "--no-build")
    assert "@everyone" in shown.stdout


def test_nothing_changed(tmp_path: Path) -> None:
    root = shop(tmp_path)
    done = mesh(root, "plan")
    assert (done.returncode, done.stdout) == (
        0,
        "compared with what is published\n\nnothing changed in 4 products\n",
    )
    assert json.loads(mesh(root, "plan", "--json").stdout)["products"] == []
    assert "✅ mesh plan: nothing changed" in mesh(root, "plan", "--markdown").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mesh://shop/sails"], "write 'mesh://shop/sales'"),
        (["shop/sales"], "is not a global URL"),
        (["--json", "--markdown"], "one of the two"),
        (["--against"], "requires an argument"),
        (["--profile", "locl"], "write 'local'"),
    ],
)
def test_wrong_use(changed: Path, arguments: list[str], words: str) -> None:
    done = mesh(changed, "plan", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
