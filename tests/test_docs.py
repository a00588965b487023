"""The guides' files and commands run as they stand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_guide_to_products_runs_as_it_stands(tmp_path: Path) -> None:
    text = (ROOT / "docs/guides/write-a-product.md").read_text()
    commands = 0
    for language, file, body in BLOCK.findall(text):
        if file:
            path = tmp_path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
        elif language == "console":
            for line in body.splitlines():
                if line.startswith("$ mesh "):
                    run(shlex.split(line[len("$ mesh ") :]), tmp_path)
                    commands += 1
    assert commands >= 5
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


def run(arguments: list[str], folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mesh_defs.cli", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        timeout=120,
    )
    assert done.returncode == 0, f"mesh {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize(
    "page", [*ROOT.glob("docs/**/*.md"), ROOT / "README.md"], ids=lambda p: p.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
