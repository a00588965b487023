"""Rules and policies in files that nothing reads: they look as if they held."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, nearest, relative
from mesh_defs.policy.access.load import FILE as RULES
from mesh_defs.policy.registry import FOLDER
from mesh_defs.product.load import DOMAINS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.product.model import Mesh

_CEDAR = ".cedar"
_POLICY = re.compile(rb"^class\s+\w+\s*\([^)]*\b(?:Data|Declared)Policy\b", re.MULTILINE)


def misnamed(mesh: Mesh) -> Iterator[Fault]:
    """A fault for each Cedar file, and each Python file with policies, that stands beside
    ``mesh.yaml`` or in a domain where none is read, or under a name that is not read. Raises
    nothing for what a person wrote."""
    for folder, names in _folders(mesh.root):
        for file in (folder / name for name in sorted(names)):
            if file.suffix.casefold() == _CEDAR and not _rules_are_read(mesh.root, file):
                yield _rules_fault(mesh.root, file)
            elif file.suffix == ".py" and not _policies_are_read(mesh.root, folder):
                yield from _policy_fault(mesh.root, file)


def _folders(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """The mesh's own folder, those in it that are meant to hold policies, and all of the domains,
    each with the names of its files. Links are not followed, nor folders that Dagster skips."""
    for where, folders, names in os.walk(root):
        here = Path(where)
        if here == root:
            meant = [name for name in folders if nearest(name.casefold(), [FOLDER])]
            folders[:] = sorted({*meant, *({DOMAINS} & set(folders))})
        elif here.parent == root and here.name != DOMAINS:
            folders[:] = []
        else:
            folders[:] = sorted(name for name in folders if name[0] not in "._")
        yield here, names


def _home(root: Path, folder: Path) -> bool:
    """Whether it is the mesh's own folder, or a domain's."""
    return folder == root or folder.parent == root / DOMAINS


def _rules_are_read(root: Path, file: Path) -> bool:
    return file.name == RULES and _home(root, file.parent)


def _policies_are_read(root: Path, folder: Path) -> bool:
    return folder.name == FOLDER and _home(root, folder.parent)


def _rules_fault(root: Path, file: Path) -> Fault:
    return Fault(
        relative(file, root),
        0,
        "",
        "rules that nobody reads: the file's name or its folder is another one",
        f"{RULES} beside mesh.yaml, and {DOMAINS}/<domain>/{RULES}",
        f"move what it says into {_place(root, file, RULES)}",
    )


def _policy_fault(root: Path, file: Path) -> Iterator[Fault]:
    try:
        found = _POLICY.search(text := file.read_bytes())
    except OSError:
        return  # what it is cannot be told; nothing imports it either
    if found is not None:
        yield Fault(
            relative(file, root),
            text.count(b"\n", 0, found.start()) + 1,
            "",
            "a policy's class where none is looked for",
            f"Python files in {FOLDER}/ beside mesh.yaml, and in {DOMAINS}/<domain>/{FOLDER}/",
            f"move the file to {_place(root, file, f'{FOLDER}/{file.name}')}",
        )


def _place(root: Path, file: Path, name: str) -> str:
    """Where ``name`` is read for what ``file`` is about: its domain, or the mesh."""
    parts = file.relative_to(root).parts
    inside = parts[0] == DOMAINS and len(parts) > 2
    return f"{DOMAINS}/{parts[1]}/{name}" if inside else name
