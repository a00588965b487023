"""Everything that can be known to be wrong before anything runs, grouped by whose it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.drivers.registry import SOURCES, STORAGES, known
from mesh_defs.errors import InvalidMesh
from mesh_defs.faults import Fault, did_you_mean, relative
from mesh_defs.product.load import DOMAINS, load_mesh
from mesh_defs.product.prepare import hook_faults
from mesh_defs.settings import FILE as MESH_FILE
from mesh_defs.workspace import read_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import duckdb

    from mesh_defs.product.model import BrokenProduct, Mesh, Product

_LINE = re.compile(r"\bLINE (\d+):")
_ONE_SELECT = "one SELECT over the product's inputs"


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of a check. ``groups`` has all faults by whose they are: a product's URL, a
    domain's folder or a file of the mesh; ``products`` counts the products that were looked at."""

    groups: Mapping[str, tuple[Fault, ...]]
    products: int

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All faults, in the order of their files and lines."""
        return tuple(sorted(fault for group in self.groups.values() for fault in group))


def check_mesh(root: Path, profile: str | None = None, only: str | None = None) -> Findings:
    """Check the mesh below ``root``.

    ``only`` limits the answer to one file or folder, as a path relative to ``root``. Raises nothing
    for what a person wrote.
    """
    try:
        mesh = load_mesh(root, profile)
    except InvalidMesh as error:
        return Findings({MESH_FILE: error.faults}, 0)
    return check_loaded(mesh, only)


def check_loaded(mesh: Mesh, only: str | None = None) -> Findings:
    """As `check_mesh`, for a mesh that was read already."""
    faults = [*mesh.faults, *_sql_faults(mesh)]
    faults += read_workspace(mesh.root, [domain.name for domain in mesh.domains])[1]
    faults += [*hook_faults(mesh.settings), *_driver_faults(mesh)]
    owners = _Owners(mesh)
    groups: dict[str, list[Fault]] = {}
    for fault in sorted(set(faults)):
        if only is None or owners.concerns(fault, only):
            groups.setdefault(owners.owner(fault), []).append(fault)
    looked_at = [p for p in _all(mesh) if only is None or _meet(_folder(mesh, p), only)]
    return Findings({name: tuple(found) for name, found in groups.items()}, len(looked_at))


def _all(mesh: Mesh) -> list[Product | BrokenProduct]:
    return [*mesh.products.values(), *mesh.broken.values()]


def _folder(mesh: Mesh, product: Product | BrokenProduct) -> str:
    return relative(product.folder, mesh.root)


def _meet(one: str, other: str) -> bool:
    """Whether one of two relative paths lies inside the other, or they are the same."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _driver_faults(mesh: Mesh) -> Iterable[Fault]:
    """Drivers that the profile names and that there are not."""
    profile = f"profiles.{mesh.settings.profile_name}"
    storage = mesh.settings.profile.storage.get("driver", "delta")
    named = [(STORAGES, f"{profile}.storage.driver", str(storage))]
    named += [
        (SOURCES, f"{profile}.services.{name}.driver", str(service["driver"]))
        for name, service in mesh.settings.services.items()
    ]
    for kind, key, driver in named:
        names = known(kind)
        if driver not in names:
            found = f"unknown {kind} driver '{driver}'"
            yield Fault(MESH_FILE, 0, key, found, ", ".join(names), did_you_mean(driver, names))


class _Owners:
    """Whose a fault is: that of the product or domain in whose folder its file lies, or which found
    it (a file elsewhere, such as a dbt project)."""

    def __init__(self, mesh: Mesh) -> None:
        self.folders = {_folder(mesh, p): f"mesh://{p.identity}" for p in _all(mesh)}
        self.found_by = {f: _folder(mesh, p) for p in mesh.broken.values() for f in p.faults}

    def _home(self, fault: Fault) -> str | None:
        parts = fault.file.split("/")
        inside = "/".join(parts[:3])
        if parts[0] == DOMAINS and inside in self.folders:
            return inside
        return self.found_by.get(fault)

    def owner(self, fault: Fault) -> str:
        home = self._home(fault)
        if home is not None:
            return self.folders[home]
        parts = fault.file.split("/")
        return "/".join(parts[:2]) if parts[0] == DOMAINS and len(parts) > 1 else parts[0]

    def concerns(self, fault: Fault, only: str) -> bool:
        home = self._home(fault)
        return _meet(home, only) if home is not None else _meet(fault.file, only)


def _sql_faults(mesh: Mesh) -> list[Fault]:
    files: list[tuple[Path, list[str] | None]] = []
    for product in mesh.products.values():
        if product.transform.kind == "sql":
            inputs = [port.name for port in product.inputs]
            files += [(file, inputs) for file in product.transform.files]
    for broken in mesh.broken.values():
        # What such a product reads is not known for sure, but whether its SQL can be read is.
        files += [(file, None) for file in sorted(broken.folder.glob("*.sql"))]
    if not files:
        return []
    import duckdb

    found: list[Fault] = []
    with duckdb.connect() as connection:
        for file, known in files:
            found += _file_faults(connection, file, relative(file, mesh.root), known)
    return found


def _file_faults(
    connection: duckdb.DuckDBPyConnection, file: Path, name: str, known: list[str] | None
) -> Iterable[Fault]:
    import duckdb

    from mesh_defs.product.transforms.sql import unknown_relations

    try:
        query = file.read_text(encoding="utf-8")
        statements = connection.extract_statements(query)
    except UnicodeDecodeError as error:
        yield Fault(name, 0, "", f"an unreadable file ({error})", "UTF-8 text", "save it as UTF-8")
        return
    except duckdb.Error as error:
        message = str(error)
        match = _LINE.search(message)
        line = int(match.group(1)) if match else 0
        found = message.split("\n\n", maxsplit=1)[0].strip().replace("\n", " ")
        yield Fault(name, line, "", found, _ONE_SELECT, "mend the syntax near this line")
        return
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        kinds = ", ".join(statement.type.name for statement in statements) or "no statement"
        yield Fault(name, 1, "", kinds, _ONE_SELECT, "write one SELECT and nothing else")
        return
    if known is None:
        return
    for relation, fix in unknown_relations(query, known):
        allowed = ", ".join(known) or "no relation: the product has no inputs"
        line = _line_of(query, relation)
        yield Fault(
            name,
            line,
            "",
            f"unknown relation '{relation}'",
            allowed,
            f"{fix}, or declare it below 'inputs:' in defs.yaml",
        )


def _line_of(query: str, relation: str) -> int:
    """The line on which a relation is read: the first that names it outside of a comment."""
    word = re.compile(rf"(?<!\w){re.escape(relation)}(?!\w)", re.IGNORECASE)
    for number, line in enumerate(query.splitlines(), start=1):
        if word.search(line.split("--", maxsplit=1)[0]):
            return number
    return 1
