"""The mesh as this process sees it: read once, read again when a file changed."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from mesh_defs.product.code import DBT_PROJECTS
from mesh_defs.product.load import DOMAINS, load_mesh
from mesh_defs.settings import FILE, PROFILE_VARIABLE, find_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from mesh_defs.product.model import Mesh

Signature = tuple[tuple[str, int, int], ...]

_SKIPPED = frozenset({"__pycache__", "target", "logs", "dbt_packages", "dbt_internal_packages"})

_cache: dict[tuple[Path, str | None], tuple[Signature, Mesh]] = {}
_lock = Lock()


def mesh_of(folder: Path | None = None) -> Mesh:
    """The mesh around ``folder`` (default: found from the working folder), cached per process and
    profile until a file below it changes. Raises as `mesh_defs.product.load.load_mesh`."""
    root = find_root(folder)
    key = (root, os.environ.get(PROFILE_VARIABLE))
    with _lock:
        signature = tuple(_files(root))
        known = _cache.get(key)
        if known is not None and known[0] == signature:
            return known[1]
        mesh = load_mesh(root)
        _cache[key] = (signature, mesh)
        return mesh


def _files(root: Path) -> Iterator[tuple[str, int, int]]:
    yield _state(root / FILE)
    for top in (DOMAINS, DBT_PROJECTS):
        for folder, inner, names in os.walk(root / top):
            inner[:] = sorted(name for name in inner if name not in _SKIPPED and name[0] != ".")
            for name in sorted(names):
                if not name.endswith(".pyc"):
                    yield _state(Path(folder, name))


def _state(file: Path) -> tuple[str, int, int]:
    try:
        status = file.stat()
    except OSError:  # a dangling link, or a file that an editor is just replacing
        return str(file), 0, 0
    return str(file), status.st_mtime_ns, status.st_size


def domain_module(root: Path, domain: str) -> ModuleType:
    """The Python package of ``domains/<domain>`` below ``root``, so that plain Dagster definitions
    in a domain's folder can be imported. A process that turns to another mesh forgets the
    modules of the one before."""
    home = root / DOMAINS
    loaded = sys.modules.get(DOMAINS)
    if loaded is not None and home not in _paths(loaded):
        for name in [n for n in sys.modules if n == DOMAINS or n.startswith(f"{DOMAINS}.")]:
            del sys.modules[name]
    if sys.path[:1] != [str(root)]:
        if str(root) in sys.path:
            sys.path.remove(str(root))
        sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    return importlib.import_module(f"{DOMAINS}.{domain}")


def _paths(module: ModuleType) -> list[Path]:
    return [Path(path) for path in getattr(module, "__path__", [])]
