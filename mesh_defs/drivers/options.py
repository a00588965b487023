"""Which settings a driver takes in ``mesh.yaml``, as data, so that they are checked without it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.faults import did_you_mean, nearest
from mesh_defs.validation import shown

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.faults import Fault
    from mesh_defs.yaml_source import Document, KeyPath

_KINDS: Mapping[type, str] = {
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
}


@dataclass(frozen=True, slots=True)
class Option:
    """One setting. ``kind`` is `str`, `int`, `float` or `bool`; ``only_with`` names another setting
    without which it means nothing; ``never_in_path`` is what the path that it is, from the mesh's
    root on, must not contain."""

    description: str
    kind: type = str
    required: bool = False
    only_with: str | None = None
    never_in_path: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """All settings of one driver. Of each group in ``one_of`` exactly one is given."""

    known: Mapping[str, Option] = field(default_factory=dict)
    one_of: tuple[tuple[str, ...], ...] = ()

    def faults(
        self,
        document: Document,
        path: KeyPath,
        values: Mapping[str, object],
        others: tuple[str, ...],
        *,
        root: Path,
        more: bool = False,
    ) -> list[Fault]:
        """What is wrong with ``values``, which stand at ``path`` of ``document``.

        ``others`` are settings that are not the driver's own; with ``more`` there may be any, as
        long as they do not look like a known one. Values with ``${NAME}`` may be of any kind.
        """
        names = [*others, *self.known]
        found = []
        for name, value in values.items():
            option = self.known.get(name)
            if option is not None:
                found += _given(document, (*path, name), option, value, values)
                found += _unfit_path(document, (*path, name), option, value, root)
            elif name not in others and not (more and nearest(name, names) is None):
                found.append(
                    document.fault(
                        (*path, name),
                        found=f"unknown key '{name}'",
                        allowed=", ".join(names),
                        fix=did_you_mean(name, [n for n in names if n not in values]),
                    )
                )
        return [*found, *self._absent(document, path, values)]

    def _misspelt(self, name: str, values: Mapping[str, object]) -> bool:
        """Whether an unknown key, a fault already, was most likely meant to be ``name``."""
        return any(nearest(key, [name]) for key in values if key not in self.known)

    def _absent(
        self, document: Document, path: KeyPath, values: Mapping[str, object]
    ) -> list[Fault]:
        faults = [
            document.fault(
                path,
                found=f"no '{name}'",
                allowed=f"'{name}' is required ({option.description})",
                fix=f"add '{name}:'",
            )
            for name, option in self.known.items()
            if option.required and name not in values and not self._misspelt(name, values)
        ]
        for group in self.one_of:
            given = [name for name in group if name in values]
            if len(given) == 1:
                continue
            names = " or ".join(f"'{name}'" for name in group)
            told = "; ".join(f"{name}: {self.known[name].description}" for name in group)
            faults.append(
                document.fault(
                    (*path, given[1]) if given else path,
                    found=" and ".join(f"'{name}'" for name in given) or f"no {names}",
                    allowed=f"one of {names} ({told})",
                    fix="remove one of them" if given else f"add {names}",
                )
            )
        return faults


def _given(
    document: Document,
    path: KeyPath,
    option: Option,
    value: object,
    values: Mapping[str, object],
) -> list[Fault]:
    """What is wrong with a setting that is written down."""
    key, wanted = path[-1], option.only_with
    if wanted is not None and wanted not in values:
        found, allowed = f"'{key}' without '{wanted}'", f"'{key}' together with '{wanted}'"
        fix = f"remove it, or add '{wanted}:'"
        return [document.fault(path, found=found, allowed=allowed, fix=fix)]
    if fits(value, option.kind):
        return []
    fix = f"write {_KINDS[option.kind]}" + (" in quotes" if option.kind is str else "")
    return [document.fault(path, found=shown(value), allowed=_KINDS[option.kind], fix=fix)]


def _unfit_path(
    document: Document, path: KeyPath, option: Option, value: object, root: Path
) -> list[Fault]:
    if option.never_in_path is None or not isinstance(value, str) or "${" in value:
        return []
    whole = (root / value).resolve()
    match = option.never_in_path.search(str(whole))
    if match is None:
        return []
    return [
        document.fault(
            path,
            found=f"the folder '{whole}', whose path has '{match.group()}'",
            allowed=f"a path without '{match.group()}', which the driver cannot read back",
            fix=f"move the mesh, or write another folder in '{path[-1]}:'",
        )
    ]


def fits(value: object, kind: type) -> bool:
    """Whether a setting's ``value`` is of ``kind``, or is a text that the environment completes."""
    if isinstance(value, str) and "${" in value:
        return True
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
