"""The guides' files and commands run as they stand."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from commands import mesh

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def follow(guide: str, folder: Path) -> int:
    """Write the files of ``docs/guides/<guide>`` and run its commands; how many there were."""
    commands = 0
    variables: dict[str, str] = {}
    for language, file, body in BLOCK.findall((ROOT / "docs/guides" / guide).read_text()):
        if file:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
        elif language == "console":
            for line in body.splitlines():
                if line.startswith("$ export "):
                    name, _, value = shlex.split(line)[2].partition("=")
                    variables[name] = value
                elif line.startswith("$ mesh "):
                    run(shlex.split(line[len("$ mesh ") :]), folder, variables)
                    commands += 1
    return commands


def test_the_guide_to_governance_runs_as_it_stands(tmp_path: Path) -> None:
    assert follow("govern.md", tmp_path) == 6


def test_the_guide_to_following_data_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MESH_HASH_KEY", raising=False)
    assert follow("follow-the-data.md", tmp_path) == 3


def test_the_guide_to_standards_runs_as_it_stands(tmp_path: Path) -> None:
    assert follow("standards.md", tmp_path) == 6
    assert (tmp_path / "exported/shop/breads.odps.yaml").is_file()
    assert (tmp_path / "domains/copies/breads/contract.yaml").is_file()
    events = (tmp_path / ".mesh/openlineage.jsonl").read_text().splitlines()
    assert len(events) == 2


def test_the_guide_to_access_runs_as_it_stands(tmp_path: Path) -> None:
    assert follow("govern-access.md", tmp_path) == 5
    text = (ROOT / "docs/guides/govern-access.md").read_text()
    (script,) = [body for language, file, body in BLOCK.findall(text) if language == "python"]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    desk, bills, denied = done.stdout.splitlines()
    assert desk.startswith("[(1, 'New York', 'r***@mail.example', None, None), (2, ")
    assert bills == "[(1, 'New York', 'robin@mail.example', datetime.date(1980, 6, 15), None)]"
    assert "no rule permits it. Fix: ask team:shop for the role customers_reader or" in denied


def test_the_guide_to_products_runs_as_it_stands(tmp_path: Path) -> None:
    assert follow("write-a-product.md", tmp_path) >= 5
    script = (
        "import mesh_defs as mesh;"
        "print(mesh.open('mesh://shop/daily_sales').arrow().sort_by('day').to_pylist());"
        "print(mesh.open('mesh://shop/articles').polars().sort('article').rows())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "'takings': 3.7" in done.stdout
    assert "[('apples', 2), ('pears', 1)]" in done.stdout


def run(arguments: list[str], folder: Path, variables: dict[str, str]) -> None:
    done = mesh(folder, *arguments, NO_COLOR="1", **variables)
    assert done.returncode == 0, f"mesh {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"


def test_the_guide_to_changing_a_contract_runs_as_it_stands(tmp_path: Path) -> None:
    assert as_shown("change-a-contract.md", tmp_path) >= 10


def test_the_guide_to_finding_products_runs_as_it_stands(tmp_path: Path) -> None:
    assert as_shown("find-products.md", tmp_path) >= 25


def as_shown(guide: str, tmp_path: Path) -> int:
    """Run the commands of ``docs/guides/<guide>``, whose output has every line that the guide
    shows; how many these are."""
    text = (ROOT / "docs/guides" / guide).read_text()
    shown = 0
    for language, file, body in BLOCK.findall(text):
        if file:
            path = tmp_path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
        elif language == "console":
            said = ""
            for line in body.splitlines():
                if line.startswith("$ "):
                    said = command(line[2:], tmp_path)
                elif line.strip() not in ("", "..."):
                    assert line in said.splitlines(), f"{line}\n{said}"
                    shown += 1
    return shown


def command(line: str, folder: Path) -> str:
    """Run a command line of a guide, which may end with ``# exit code N``; what it printed."""
    words, _, code = line.partition("# exit code ")
    arguments = shlex.split(words)
    if arguments[0] == "mesh":
        done = mesh(folder, *arguments[1:], NO_COLOR="1")
    else:
        done = subprocess.run(
            arguments, cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == int(code or 0), f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    "page", [*ROOT.glob("docs/**/*.md"), ROOT / "README.md"], ids=lambda p: p.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
