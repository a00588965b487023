"""Operational systems that a mesh makes for itself, before its products read them.

A service of ``mesh.yaml`` may name ``prepare: "module:function"``. The module is found from the
mesh's root; the function is called with the service's settings (environment variables filled in),
the root, and something to tell its steps to.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from mesh_defs.errors import MeshError
from mesh_defs.faults import did_you_mean
from mesh_defs.interrupts import is_interrupt
from mesh_defs.settings import FILE, PROFILE_VARIABLE, ROOT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mesh_defs.faults import Fault
    from mesh_defs.settings import Settings

    Hook = Callable[[Mapping[str, object], Path, Callable[[str], None]], None]

KEY = "prepare"
_FORM = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)\Z")
_ALLOWED = "module:function, a module below the mesh's root or an installed one"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of one service's preparation, in ``seconds``: ``told`` are the steps in words,
    ``error`` says why it could not be prepared (None when it was)."""

    service: str
    seconds: float
    told: tuple[str, ...]
    error: str | None = None


def prepare_services(settings: Settings, report: Callable[[str, str], None]) -> list[Prepared]:
    """Prepare every service of the profile that has a hook, one after the other.

    ``report`` is told the service and the step. One that fails keeps no other from being prepared,
    so nothing is raised; its `Prepared` has the error.
    """
    return [
        _prepare(settings, name, str(service[KEY]), report)
        for name, service in settings.services.items()
        if KEY in service
    ]


def _prepare(
    settings: Settings, name: str, hook: str, report: Callable[[str, str], None]
) -> Prepared:
    told: list[str] = []

    def tell(step: str) -> None:
        told.append(step)
        report(name, step)

    started = time.perf_counter()
    error = None
    try:
        function = load_hook(settings.root, name, hook)
        function(settings.resolved(settings.services[name]), settings.root, tell)
    except MeshError as failure:
        error = str(failure)
    except Exception as failure:  # the hook is the mesh's own code and may raise all
        if is_interrupt(failure):
            raise
        error = f"{hook} raised {type(failure).__name__}: {failure}"
    return Prepared(name, time.perf_counter() - started, tuple(told), error)


def load_hook(root: Path, service: str, hook: str) -> Hook:
    """The function that ``hook`` names. Raises `MeshError`: what is wrong, what is allowed."""
    where = f"{FILE}: services.{service}.{KEY}"
    match = _FORM.match(hook)
    if match is None:
        raise MeshError(f"{where}: found '{hook}'; allowed: {_ALLOWED}")
    _make_importable(root)
    try:
        module = importlib.import_module(match.group(1))
    except ImportError as error:
        raise MeshError(
            f"{where}: '{match.group(1)}' cannot be imported from '{root}' ({error}); "
            f"allowed: {_ALLOWED}"
        ) from error
    function = getattr(module, match.group(2), None)
    if not callable(function):
        names = [n for n in vars(module) if callable(getattr(module, n)) and n[0] != "_"]
        raise MeshError(
            f"{where}: {match.group(1)} has no function '{match.group(2)}'; "
            f"fix: {did_you_mean(match.group(2), names)}"
        )
    return cast("Hook", function)


def enter(settings: Settings) -> None:
    """Let the mesh's own code run in this process: its modules are found, and what it opens or
    starts sees the same mesh and profile."""
    _make_importable(settings.root)
    os.environ[ROOT_VARIABLE] = str(settings.root)
    os.environ[PROFILE_VARIABLE] = settings.profile_name


def _make_importable(root: Path) -> None:
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))


def hook_faults(settings: Settings) -> list[Fault]:
    """Hooks that could not be called, of every service of the profile; nothing is imported."""
    faults: list[Fault] = []
    for name, service in settings.services.items():
        hook = service.get(KEY)
        if hook is None:
            continue
        path = ("profiles", settings.profile_name, "services", name, KEY)
        match = _FORM.match(str(hook))
        if match is None:
            found, fix = repr(hook), "write 'module:function'"
        elif not _exists(settings.root, match.group(1)):
            found, fix = f"no module '{match.group(1)}'", "correct it or write the module"
        else:
            continue
        faults.append(settings.document.fault(path, found=found, allowed=_ALLOWED, fix=fix))
    return faults


def _exists(root: Path, module: str) -> bool:
    parts = module.split(".")
    local = root.joinpath(*parts)
    if local.with_suffix(".py").is_file() or (local / "__init__.py").is_file():
        return True
    # The first part alone: to find what lies inside a package would import the package.
    return not (root / parts[0]).exists() and importlib.util.find_spec(parts[0]) is not None
