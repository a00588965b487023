"""Drafts on trial: beside what the mesh has, in a folder of their own, until a check finds nothing
in them that cannot be used here. What others wrote is mended by leaving it out, and told."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.load import read_contract
from mesh_defs.product.check import check_mesh
from mesh_defs.product.load import DOMAINS
from mesh_defs.product.scaffold import scaffold_domain
from mesh_defs.standards.importing.draft import MANIFEST, Draft, query

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh_defs.faults import Fault
    from mesh_defs.yaml_source import KeyPath

_ROUNDS = 40
_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
# One item of such a list can go without the rest.
_LISTS = frozenset(
    {
        "authoritativeDefinitions",
        "customProperties",
        "quality",
        "relationships",
        "roles",
        "servers",
        "slaProperties",
        "support",
        "tags",
        "team",
        "transformSourceObjects",
    }
)
_NEEDED = frozenset({"apiVersion", "id", "kind", "name", "properties", "schema", "status"})
_NO_RULES = "a contract with no executable rule"
_ROWS = {
    "name": "there are rows",
    "metric": "rowCount",
    "mustBeGreaterThan": 0,
    "dimension": "completeness",
}


def tried(root: Path, drafts: Iterable[Draft], profile: str | None = None) -> list[Fault]:
    """Mend ``drafts`` until `mesh check` has nothing against them in the mesh below ``root``; the
    faults that are left, such as those of policies. Nothing is written there."""
    listed = list(drafts)
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "mesh"
        _stage(root, stage, listed)
        faults: list[Fault] = []
        for _ in range(_ROUNDS):
            for draft in listed:
                write(stage, draft)
            faults = [f for f in check_mesh(stage, profile).faults if _of(f, listed) is not None]
            mended = [_mend(fault, listed) for fault in _last_first(faults)]
            if not any(mended):
                break
        return faults


def write(root: Path, draft: Draft) -> list[Path]:
    """Write the files of ``draft`` below ``root``; a query for each port as its contract is."""
    folder = root / DOMAINS / draft.domain / draft.product
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, text in draft.texts().items():
        (folder / name).write_text(text, encoding="utf-8")
        files.append(folder / name)
    for port, name in draft.ports.items():
        contract, _ = read_contract(folder / name, root)
        file = folder / f"{port}.sql"
        promise = contract.for_port(port) if contract is not None else None
        file.write_text(query(promise), encoding="utf-8")
        files.append(file)
    return files


def _stage(root: Path, stage: Path, drafts: list[Draft]) -> None:
    """The mesh once more: files as copies, since new domains change some, folders as links."""
    stage.mkdir()
    for entry in root.iterdir():
        if entry.name in (DOMAINS, ".mesh"):
            continue
        if entry.is_file():
            shutil.copyfile(entry, stage / entry.name)
        elif entry.name == "schemas":
            shutil.copytree(entry, stage / entry.name)
        elif entry.is_dir():
            (stage / entry.name).symlink_to(entry, target_is_directory=True)
    (stage / DOMAINS).mkdir()
    touched = {draft.domain for draft in drafts}
    existing = (root / DOMAINS).iterdir() if (root / DOMAINS).is_dir() else ()
    for entry in existing:
        if entry.name in touched:
            (stage / DOMAINS / entry.name).mkdir()
            for child in entry.iterdir():
                (stage / DOMAINS / entry.name / child.name).symlink_to(child, child.is_dir())
        else:
            (stage / DOMAINS / entry.name).symlink_to(entry, entry.is_dir())
    for domain in sorted(touched):
        if not (stage / DOMAINS / domain / MANIFEST).exists():
            scaffold_domain(stage, domain)


def _of(fault: Fault, drafts: list[Draft]) -> tuple[Draft, str] | None:
    """The draft in whose file a fault is, and the file's name."""
    parts = fault.file.split("/", 3)
    if len(parts) != 4 or parts[0] != DOMAINS:
        return None
    identity = f"{parts[1]}/{parts[2]}"
    return next(((draft, parts[3]) for draft in drafts if draft.identity == identity), None)


def _path(key: str) -> KeyPath:
    return tuple(int(n) if n else name for n, name in _PART.findall(key))


def _last_first(faults: list[Fault]) -> list[Fault]:
    """So that the places of what is before an item that goes stay what they are."""
    return sorted(faults, key=lambda f: (f.file, [(str(type(p)), p) for p in _path(f.key)]))[::-1]


def _mend(fault: Fault, drafts: list[Draft]) -> bool:
    """Leave out what ``fault`` is about; whether anything was."""
    place = _of(fault, drafts)
    if place is None:
        return False
    draft, file = place
    path = _path(fault.key)
    if file == MANIFEST:
        return _mend_manifest(draft, path[1:], fault)
    contract = draft.contracts.get(file)
    if contract is None:
        return False
    if fault.found.startswith(_NO_RULES):
        return _with_rows(contract, draft, path, file)
    return _leave_out(contract, draft, path, fault, file)


def _mend_manifest(draft: Draft, path: KeyPath, fault: Fault) -> bool:
    if path[:1] == ("inputs",) and len(path) > 1:
        gone = draft.attributes.get("inputs", {}).pop(path[1], None)
        if gone is not None:
            draft.tell(f"input '{path[1]}' ({gone}): {fault.found}")
        if not draft.attributes.get("inputs"):
            draft.attributes.pop("inputs", None)
        return gone is not None
    if path[:1] == ("outputs",) and len(path) > 2:
        port: dict[str, Any] = draft.attributes["outputs"].get(path[1], {})
        kept = {"contract": port["contract"]} if "contract" in port else {}
        if port == kept:
            return False
        draft.attributes["outputs"][path[1]] = kept
        draft.tell(f"port '{path[1]}': how its versions follow each other: {fault.found}")
        return True
    if path == ("version",) and "behind version" in fault.found:
        version = fault.fix.split("'version: ", 1)[-1].split("'", 1)[0]
        draft.tell(f"version {draft.attributes['version']} becomes {version}: its contract's major")
        draft.attributes["version"] = version
        return True
    return False


def _with_rows(contract: dict[str, Any], draft: Draft, path: KeyPath, file: str) -> bool:
    """A contract needs a rule that can fail."""
    objects = contract.get("schema")
    chosen = objects if len(path) < 2 else [_at(contract, path[:2])]
    added = False
    for each in chosen if isinstance(chosen, list) else ():
        if isinstance(each, dict) and _ROWS not in each.setdefault("quality", []):
            each["quality"].append(dict(_ROWS))
            added = True
    if added:
        draft.tell(f"{file}: no rule could be carried over: 'there are rows' is in its place")
    return added


def _leave_out(
    contract: dict[str, Any], draft: Draft, path: KeyPath, fault: Fault, file: str
) -> bool:
    """Take the smallest part out that can go: an item of a list, or a key that is not needed."""
    for length in range(len(path), 1, -1):
        if isinstance(path[length - 1], int) and path[length - 2] in _LISTS:
            holder, item = _at(contract, path[: length - 1]), path[length - 1]
            if not isinstance(holder, list) or not isinstance(item, int) or item >= len(holder):
                return False
            gone = holder.pop(item)
            if path[length - 2] == "quality":
                _as_text(holder, item, gone)
            draft.tell(f"{file}: {fault.key}: {fault.found}")
            return True
    holder = _at(contract, path[:-1])
    if not path or path[-1] in _NEEDED or not isinstance(holder, dict) or path[-1] not in holder:
        return False
    del holder[str(path[-1])]
    draft.tell(f"{file}: {fault.key}: {fault.found}")
    return True


def _as_text(holder: list[Any], place: int, gone: object) -> None:
    """Keep for people what a rule that cannot be run here is about."""
    if not isinstance(gone, dict) or gone.get("type") == "text":
        return
    said = gone.get("description") or gone.get("name")
    if isinstance(said, str) and said.strip():
        holder.insert(place, {"type": "text", "description": said})


def _at(node: Any, path: KeyPath) -> Any:  # noqa: ANN401  any part of a document
    for part in path:
        if isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
        elif isinstance(node, dict):
            node = node.get(part)
        else:
            return None
    return node
