"""``workspace.yaml``: which code locations Dagster serves, one per domain.

Read here without Dagster, for `mesh check` and for starting one code server per location. The form
is Dagster's (docs.dagster.io, "workspace.yaml reference").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, did_you_mean, nearest
from mesh_defs.validation import shown
from mesh_defs.yaml_source import read_documents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mesh_defs.yaml_source import Document, KeyPath

FILE = "workspace.yaml"
MODULE = "mesh_defs.locations"
SERVER = "grpc_server"

# Where each form of a location keeps what it loads, and the option of `dagster code-server start`.
_FORMS = {
    "python_module": ("module_name", "--module-name"),
    "autoload_defs_module": ("module_name", "--autoload-defs-module-name"),
    "python_package": ("package_name", "--package-name"),
    "python_file": ("relative_path", "--python-file"),
}
_ENTRY_FORMS = (*_FORMS, SERVER)
_SHAPE = (
    f"{{python_module: {{module_name: {MODULE}, attribute: <domain>, location_name: <domain>}}}}"
)


@dataclass(frozen=True, slots=True)
class Location:
    """One code location. ``arguments`` start its server (``dagster code-server start ...``);
    empty when it is ``external``: a server that somebody else runs, as it stands in the file."""

    name: str
    arguments: tuple[str, ...]
    external: Mapping[str, object] | None = None


def read_workspace(
    root: Path, domains: Sequence[str]
) -> tuple[tuple[Location, ...], tuple[Fault, ...]]:
    """The code locations, and every fault: domains without one, locations without a domain."""
    file = root / FILE
    if not file.is_file():
        if not domains:
            return (), ()
        fix = f"write it with '- {_SHAPE}' below load_from for: {', '.join(domains)}"
        return (), (Fault(FILE, 0, "", "no file", "one code location per domain", fix),)
    documents, faults = read_documents(file, FILE, smallest=f"'- {_SHAPE}' below 'load_from:'")
    if faults:
        return (), tuple(faults)
    if len(documents) != 1:
        found = f"{len(documents)} documents"
        return (), (Fault(FILE, 0, "", found, "one document", "write 'load_from:' once"),)
    reader = _Reader(documents[0], domains)
    return tuple(reader.locations), tuple(reader.faults)


class _Reader:
    """Reads one document and collects its faults."""

    def __init__(self, document: Document, domains: Sequence[str]) -> None:
        self.document = document
        self.domains = domains
        self.locations: list[Location] = []
        self.faults: list[Fault] = []
        self._read()

    def _fault(self, path: KeyPath, found: str, allowed: str, fix: str) -> None:
        self.faults.append(self.document.fault(path, found=found, allowed=allowed, fix=fix))

    def _read(self) -> None:
        data = self.document.data
        entries = data.get("load_from") if isinstance(data, dict) else None
        if not isinstance(entries, list):
            keys = [str(key) for key in data] if isinstance(data, dict) else []
            close = nearest("load_from", keys) if entries is None else None
            self._fault(
                (close or "load_from",),
                f"unknown key '{close}'" if close else shown(entries),
                "a list of code locations",
                f"write 'load_from' instead of '{close}'"
                if close
                else f"write '- {_SHAPE}' for each domain below 'load_from:'",
            )
            return
        for index, value in enumerate(entries):
            self._location(("load_from", index), value)
        names = [location.name for location in self.locations]
        for domain in self.domains:
            if domain not in names:
                fix = "add '- " + _SHAPE.replace("<domain>", domain) + "'"
                self._fault(
                    ("load_from",), f"no location '{domain}'", "one code location per domain", fix
                )

    def _location(self, path: KeyPath, value: object) -> None:
        form = next(iter(value), None) if isinstance(value, dict) and len(value) == 1 else None
        if not isinstance(value, dict) or form not in _ENTRY_FORMS:
            self._fault(path, shown(value), f"one of {', '.join(_ENTRY_FORMS)}", f"write {_SHAPE}")
            return
        settings = value[form]
        name = settings.get("location_name") if isinstance(settings, dict) else None
        if not isinstance(settings, dict) or not isinstance(name, str):
            self._fault(
                (*path, form, "location_name"),
                shown(name),
                "the domain's name",
                "add 'location_name: <domain>'",
            )
            return
        if name in (location.name for location in self.locations):
            self._fault((*path, form), f"location '{name}' twice", "each once", "remove one")
            return
        if name not in self.domains:
            self._fault(
                (*path, form, "location_name"),
                f"location '{name}', which is no domain",
                ", ".join(self.domains) or "no domain exists yet",
                did_you_mean(name, self.domains),
            )
        if form == SERVER:
            self.locations.append(Location(name, (), settings))
            return
        key, option = _FORMS[form]
        target = settings.get(key)
        if not isinstance(target, str):
            self._fault((*path, form, key), shown(target), f"text for '{key}'", f"add '{key}:'")
            return
        attribute = settings.get("attribute")
        if target == MODULE and attribute != name and name in self.domains:
            self._fault(
                (*path, form, "attribute"),
                shown(attribute),
                f"the domain's name, '{name}', as in location_name",
                f"write 'attribute: {name}'",
            )
        arguments = [option, target]
        for other, flag in (("attribute", "--attribute"), ("working_directory", "-d")):
            if isinstance(settings.get(other), str):
                arguments += [flag, settings[other]]
        self.locations.append(Location(name, tuple(arguments)))
