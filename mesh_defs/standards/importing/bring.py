"""Import documents into the mesh: all of them, or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.errors import InvalidMesh, StorageFailed
from mesh_defs.faults import Fault, relative
from mesh_defs.names import wrong_name
from mesh_defs.product.load import DOMAINS
from mesh_defs.product.scaffold import scaffold_domain
from mesh_defs.standards.importing.draft import MANIFEST
from mesh_defs.standards.importing.plan import Plan
from mesh_defs.standards.importing.read import read_files
from mesh_defs.standards.importing.trial import tried, write

if TYPE_CHECKING:
    from mesh_defs.standards.importing.draft import Draft


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written: ``files``; the ``drafts`` with what could not be carried over; what
    `mesh check` has against them still (``faults``); documents that are of no such standard."""

    files: list[Path]
    drafts: list[Draft]
    faults: list[Fault]
    passed_over: list[str]


def import_documents(
    root: Path, path: Path, domain: str | None = None, profile: str | None = None
) -> Imported:
    """Draft products of the ODPS and ODCS documents at ``path`` in the mesh below ``root``.

    Nothing that exists is overwritten. Raises `InvalidMesh` with all faults of all documents, and
    then nothing is written; `StorageFailed`.
    """
    found = read_files(path)
    faults = list(found.faults)
    plan = Plan(found, domain)
    if not faults:
        plan.make()
        faults += plan.faults
        faults += [each for draft in plan.drafts for each in _in_the_way(root, draft)]
    if faults:
        raise InvalidMesh(sorted(faults))
    left = tried(root, plan.drafts, profile)
    files: list[Path] = []
    try:
        for draft in plan.drafts:
            if not (root / DOMAINS / draft.domain / MANIFEST).exists():
                files += scaffold_domain(root, draft.domain)
            files += write(root, draft)
    except OSError as error:
        raise StorageFailed(f"a draft cannot be written: {error}") from None
    return Imported(files, plan.drafts, left, found.passed_over)


def _in_the_way(root: Path, draft: Draft) -> list[Fault]:
    """Names that cannot be, a product of that name that there is already, and a link that leads
    elsewhere."""
    wrong = wrong_name("domain", draft.domain)
    folder = root / DOMAINS / draft.domain / draft.product
    place = relative(folder, root)
    if wrong is not None:
        return [Fault(place, 0, "domain", *wrong)]
    if any(part.is_symlink() for part in (folder, folder.parent, root / DOMAINS)):
        fix = "import with --domain into a domain whose folder lies in the mesh"
        return [Fault(place, 0, "", "a link to another place", "folders of the mesh itself", fix)]
    if folder.exists() and any(folder.iterdir()):
        fix = "import with --domain into another domain, or remove the folder first"
        return [Fault(place, 0, "", "a product that is there already", "a new product", fix)]
    return []
