"""Names of a dbt project's tests, as far as its files tell without dbt.

dbt makes up the name of a generic test from its kind, its model and its arguments, so only the
beginning of such a name is known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from mesh_defs.yaml_depth import too_deep

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TESTS = ("data_tests", "tests")
_UNIT_TESTS = "unit_tests"


@dataclass(frozen=True, slots=True)
class TestNames:
    """``names`` are known in full, ``beginnings`` are those of names that dbt makes up."""

    names: frozenset[str]
    beginnings: tuple[str, ...]

    def may_have(self, name: str) -> bool:
        """Whether the project may have a test of that name; False is certain."""
        return name in self.names or name.startswith(self.beginnings)


def test_names(project: Path, files: Sequence[Path], wanted: Iterable[str]) -> TestNames | None:
    """The tests of ``project`` that consists of ``files``; None where they cannot be told: it
    installs packages, or has a file that is no plain YAML (or is nested deeper than any that is
    meant).

    Files are only read as far as they must be to find all ``wanted`` names.
    """
    names = {file.stem for file in files if file.suffix == ".sql" and _is_test(project, file)}
    if names.issuperset(wanted):
        return TestNames(frozenset(names), ())
    if any(file.name in ("packages.yml", "dependencies.yml") for file in files):
        return None
    beginnings: set[str] = set()
    for file in files:
        if file.suffix in (".yml", ".yaml") and file.name != "dbt_project.yml":
            try:
                text = file.read_text(encoding="utf-8")
                if too_deep(text) is not None:
                    return None
                data = yaml.load(text, _LOADER)  # noqa: S506 - it is safe
            except (OSError, ValueError, yaml.YAMLError, RecursionError):
                return None
            _collect(data, "", names, beginnings)
    return TestNames(frozenset(names), tuple(sorted(beginnings)))


def _is_test(project: Path, file: Path) -> bool:
    """Whether an SQL file may hold a test of its own. The folders of tests can be set to any; what
    is below ``models`` or ``generic`` is none."""
    folders = file.relative_to(project).parts[:-1]
    return "models" not in folders and "generic" not in folders


def _collect(node: object, owner: str, names: set[str], beginnings: set[str]) -> None:
    """Find the tests in ``node``, which belongs to the model or table ``owner``."""
    if isinstance(node, list):
        for item in node:
            _collect(item, owner, names, beginnings)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in _TESTS and isinstance(value, list):
            for test in value:
                _add(test, owner, names, beginnings)
        elif key == _UNIT_TESTS and isinstance(value, list):
            names.update(str(test["name"]) for test in value if _has_name(test))
        elif key in ("columns", "versions"):
            _collect(value, owner, names, beginnings)
        else:
            for each in value if isinstance(value, list) else ():
                below = str(each["name"]) if _has_name(each) else owner
                _collect(each, f"{owner}_{below}" if key == "tables" else below, names, beginnings)


def _has_name(node: object) -> bool:
    return isinstance(node, dict) and "name" in node


def _add(test: object, owner: str, names: set[str], beginnings: set[str]) -> None:
    given: object = None
    kind = test
    if isinstance(test, dict):
        kind = test.get("test_name") or next(iter(test), None)
        inside = test.get(kind) if isinstance(kind, str) else None
        given = test.get("name") or (inside.get("name") if isinstance(inside, dict) else None)
    if isinstance(given, str):
        names.add(given)
    elif isinstance(kind, str):
        made = f"{kind.replace('.', '_')}_{owner}"
        beginnings.update((made, f"source_{made}"))
