"""OpenLineage events go to a server with its key; who cannot be told fails no run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import mesh as command
from meshes import contract, load, manifest, write_mesh, write_parquet
from told_servers import webhooks

from mesh_defs.product.container import run_product
from mesh_defs.product.report import Progress, RunReport

COLUMNS = "- {name: id, logicalType: integer, physicalType: INTEGER, required: true}"


def shop(root: Path, openlineage: str) -> Path:
    files = {
        "mesh.yaml": (
            "name: shop\nprofiles:\n  local:\n"
            f"    openlineage: {openlineage}\n"
            "    services:\n      files: {driver: files, path: data}\n"
        ),
        "domains/shop/sales/defs.yaml": manifest("inputs: {sales: files://sales}"),
        "domains/shop/sales/contract.yaml": contract("sales", COLUMNS),
        "domains/shop/sales/sales.sql": "SELECT id FROM sales",
    }
    write_parquet(root, "sales", "SELECT 1 AS id")
    return write_mesh(root, files)


def run(root: Path) -> tuple[RunReport, list[str]]:
    """The report, and what was warned of."""
    mesh = load(root)
    notes: list[str] = []

    def observe(progress: Progress) -> None:
        if progress.note is not None:
            notes.append(progress.note)

    return run_product(mesh, mesh.products["shop/sales"], observer=observe), notes


def test_events_are_posted_with_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAGE_KEY", "very-secret-key")
    with webhooks() as server:
        url = server.url.removesuffix("/hook")
        root = shop(tmp_path, f'{{url: "{url}", key: "${{LINEAGE_KEY}}"}}')
        report, notes = run(root)
    assert report.outcome == "published"
    assert notes == []
    kinds = [json.loads(body)["eventType"] for _, body in server.posted]
    assert kinds == ["START", "COMPLETE"]
    headers = server.posted[0][0]
    assert headers["authorization"] == "Bearer very-secret-key"
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("code", [307, 401, 500])
def test_a_server_that_refuses_is_a_warning(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAGE_KEY", "very-secret-key")
    with webhooks() as server:
        server.answers = [code, code]
        url = server.url.removesuffix("/hook")
        root = shop(tmp_path, f'{{url: "{url}", key: "${{LINEAGE_KEY}}"}}')
        report, notes = run(root)
    assert report.outcome == "published"
    assert len(notes) == 2
    assert all(f"answered {code}" in note for note in notes)
    assert len(server.posted) == 2  # a redirect is not followed: the key is this server's


def test_a_server_that_is_gone_is_a_warning_and_so_is_a_key_that_is_not_set(
    tmp_path: Path,
) -> None:
    with webhooks() as server:
        url = server.url.removesuffix("/hook")
    report, notes = run(shop(tmp_path / "gone", f'{{url: "{url}"}}'))
    assert report.outcome == "published"
    assert "cannot be reached" in notes[0]
    report, notes = run(shop(tmp_path / "unset", f'{{url: "{url}", key: "${{NOT_SET_KEY}}"}}'))
    assert report.outcome == "published"
    assert len(notes) == 2
    assert all("NOT_SET_KEY" in note for note in notes)


def test_the_command_shows_the_warning(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    done = command(shop(tmp_path, "{file: taken/events.jsonl}"), "run", "mesh://shop/sales")
    assert done.returncode == 0
    assert "events.jsonl cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('{file: a, url: "https://x.example"}', "both file and url"),
        ('{key: "${KEY}"}', "a key without url"),
        ('{url: "http://x.example"}', "https"),
        ('{url: "https://x.example", key: plain-secret}', "keep the secret out"),
    ],
)
def test_a_wrong_declaration_is_told(tmp_path: Path, declared: str, said: str) -> None:
    done = command(shop(tmp_path, declared), "check")
    assert done.returncode == 1
    assert said in done.stdout + done.stderr
    assert "plain-secret" not in done.stdout + done.stderr
