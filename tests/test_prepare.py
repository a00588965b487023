"""``prepare`` hooks: the mesh's own code is found, called, and its failures told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from meshes import MESH_YAML, load, write

from mesh_defs.product.prepare import hook_faults, prepare_services

MODULE = """
def make(settings, root, report):
    report("making")
    (root / settings["path"]).write_text(settings["greeting"])
    report("made")

def fail(settings, root, report):
    raise ValueError("no such luck")
"""


def mesh_with(root: Path, name: str, hook: str, module: str) -> Path:
    service = (
        f"      ops: {{driver: sqlite, path: x.db, greeting: '${{GREETING}}', prepare: '{hook}'}}\n"
    )
    write(root, {f"{name}.py": module})
    (root / "mesh.yaml").write_text(MESH_YAML + service)
    return root


def test_a_hook_gets_resolved_settings_root_and_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREETING", "hello")
    monkeypatch.setattr(sys, "path", [*sys.path])
    mesh = load(mesh_with(tmp_path, "hooks_one", "hooks_one:make", MODULE))
    told: list[tuple[str, str]] = []
    (prepared,) = prepare_services(mesh.settings, lambda name, step: told.append((name, step)))
    assert prepared.error is None
    assert (tmp_path / "x.db").read_text() == "hello"
    assert told == [("ops", "making"), ("ops", "made")]
    assert prepared.told == ("making", "made")


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ("hooks_two:fail", "ValueError: no such luck"),
        ("hooks_two:fial", "write 'fail' instead of 'fial'"),
        ("hooks_nowhere:make", "'hooks_nowhere' cannot be imported"),
        ("hooks_two.make", "allowed: module:function"),
        ("os; import x:make", "allowed: module:function"),
    ],
)
def test_a_hook_that_cannot_work_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: str, words: str
) -> None:
    monkeypatch.setenv("GREETING", "hello")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "hooks_two", raising=False)
    mesh = load(mesh_with(tmp_path, "hooks_two", hook, MODULE))
    (prepared,) = prepare_services(mesh.settings, lambda *_: None)
    assert prepared.error is not None
    assert words in prepared.error


def test_a_missing_environment_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GREETING", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    mesh = load(mesh_with(tmp_path, "hooks_three", "hooks_three:make", MODULE))
    (prepared,) = prepare_services(mesh.settings, lambda *_: None)
    assert prepared.error is not None
    assert "GREETING" in prepared.error
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize(
    ("hook", "found"),
    [
        ("hooks_four:make", None),
        ("json:dumps", None),
        ("nowhere_at_all:make", "no module 'nowhere_at_all'"),
        ("make", "'make'"),
    ],
)
def test_hooks_are_checked_without_importing_them(
    tmp_path: Path, hook: str, found: str | None
) -> None:
    mesh = load(mesh_with(tmp_path, "hooks_four", hook, "raise SystemExit('imported')\n"))
    faults = hook_faults(mesh.settings)
    assert [fault.found for fault in faults] == ([found] if found else [])
