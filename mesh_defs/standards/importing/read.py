"""The files that are imported: found, bounded, read, told apart."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_defs.faults import Fault
from mesh_defs.standards.importing.odps_model import DataProduct
from mesh_defs.validation import shown, validate
from mesh_defs.yaml_source import read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.yaml_source import Document

MOST_FILES = 1000
_ENDINGS = (".yaml", ".yml", ".json")
_PRODUCT, _CONTRACT = "DataProduct", "DataContract"
_SMALLEST = "'kind: DataProduct' (ODPS) or 'kind: DataContract' (ODCS), and what belongs to it"


@dataclass(frozen=True, slots=True)
class Found:
    """What the files hold: products with the document of each, contracts as they are written."""

    products: list[tuple[DataProduct, Document]] = field(default_factory=list)
    contracts: list[Document] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def read_files(path: Path) -> Found:
    """Every ODPS and ODCS document at ``path``, a file or a folder with what lies below it. Links,
    pipes, devices and what is hidden are left alone; other documents of a folder are
    ``passed_over``. Raises nothing for what is in the files."""
    found = Found()
    alone = not path.is_dir()
    files = [path] if alone else list(_below(path))
    if len(files) > MOST_FILES:
        what, fix = f"more than {MOST_FILES} files", "import a folder of it at a time"
        found.faults.append(Fault(str(path), 0, "", what, f"up to {MOST_FILES}", fix))
        return found
    for file in files:
        name = str(file) if alone else str(file.relative_to(path))
        documents, faults = read_documents(file, name, smallest=_SMALLEST)
        found.faults.extend(faults)
        for document in documents:
            _sort(found, document, alone=alone)
    if not files or not (found.products or found.contracts or found.faults):
        fix = "name a file or folder with such documents"
        found.faults.append(Fault(str(path), 0, "", "no document to import", _SMALLEST, fix))
    return found


def _below(folder: Path) -> Iterator[Path]:
    count = 0
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        for name in sorted(names):
            file = Path(where) / name
            if name[0] != "." and name.endswith(_ENDINGS) and _is_regular(file):
                yield file
                count += 1
                if count > MOST_FILES:
                    return


def _is_regular(file: Path) -> bool:
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except OSError:
        return True  # reading it says what is wrong


def _sort(found: Found, document: Document, *, alone: bool) -> None:
    kind: Any = document.data.get("kind") if isinstance(document.data, dict) else None
    if kind == _PRODUCT:
        result = validate(DataProduct, document, (), document.data)
        if isinstance(result, list):
            found.faults.extend(result)
        else:
            found.products.append((result, document))
    elif kind == _CONTRACT:
        found.contracts.append(document)
    elif alone:
        found.faults.append(
            document.fault(
                ("kind",),
                found=shown(kind),
                allowed=f"{_PRODUCT} or {_CONTRACT}",
                fix="import a document of the Open Data Product or Open Data Contract Standard",
            )
        )
    else:
        found.passed_over.append(document.file)
