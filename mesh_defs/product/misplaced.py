"""Manifests where no product can be: a product is a folder in the folder of its domain."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, relative
from mesh_defs.product.envelope import DOMAIN_TYPE, PRODUCT_TYPE
from mesh_defs.product.load import DOMAINS, FILE
from mesh_defs.yaml_source import parse, read_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.product.model import Mesh

_DEPTH = 2  # domains/<domain>/<product>
_TYPES = {PRODUCT_TYPE: "a product", DOMAIN_TYPE: "a domain"}


def misplaced(mesh: Mesh) -> Iterator[Fault]:
    """A fault for each ``defs.yaml`` of a product, or of a domain, that is not where one can be:
    nothing of ours reads it, and Dagster shows it as broken. Components of other kinds may be
    anywhere."""
    base = mesh.root / DOMAINS
    for folder, depth in _folders(base):
        if depth == 0 or depth > _DEPTH:
            yield from _fault(mesh, folder / FILE)


def _folders(base: Path) -> Iterator[tuple[Path, int]]:
    """Each folder below ``base`` that has a manifest, with its depth. Links are not followed, nor
    folders that Dagster skips."""
    for where, folders, files in os.walk(base):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        if FILE in files:
            yield Path(where), len(Path(where).relative_to(base).parts)


def _fault(mesh: Mesh, file: Path) -> Iterator[Fault]:
    name = relative(file, mesh.root)
    try:
        documents, _ = parse(read_source(file).decode("utf-8"), name)
    except (OSError, UnicodeDecodeError):
        return  # what it is cannot be told; Dagster does not read it either
    for document in documents:
        kind = document.data.get("type") if isinstance(document.data, dict) else None
        if isinstance(kind, str) and kind in _TYPES:
            parts = file.parent.relative_to(mesh.root / DOMAINS).parts
            place = f"{DOMAINS}/{parts[0]}, under a name of its own" if parts else ""
            yield document.fault(
                ("type",),
                found=f"{_TYPES[kind]} that no command sees, in {relative(file.parent, mesh.root)}",
                allowed=f"products in {DOMAINS}/<domain>/<product>, domains in {DOMAINS}/<domain>",
                fix=f"move the folder into {place}" if place else "move the file into a folder",
            )
