"""From entries in YAML to declarations: which class is meant, with which parameters, and whether it
weakens what stands above."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, did_you_mean
from mesh_defs.policy import registry
from mesh_defs.policy.governance import (
    BrokenDeclaration,
    Declaration,
    Origin,
    allowed_values,
    weaker,
)
from mesh_defs.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mesh_defs.policy.entry import PolicyEntry
    from mesh_defs.policy.governance import Level
    from mesh_defs.policy.model import Policy
    from mesh_defs.yaml_source import Document, KeyPath


@dataclass(frozen=True, slots=True)
class Written:
    """The entries of one file: where they stand, and what they are about (``scope`` is empty for
    the mesh, ``<domain>`` or ``<domain>/<product>``)."""

    entries: Sequence[PolicyEntry]
    document: Document
    path: KeyPath
    scope: str
    folder: Path

    @property
    def level(self) -> Level:
        """The level of the file."""
        if not self.scope:
            return "mesh"
        return "product" if "/" in self.scope else "domain"


class Reader:
    """Reads declarations from the top down. ``declarations`` and ``broken`` grow with each file."""

    def __init__(self, environments: Iterable[str], domains: Iterable[str]) -> None:
        self.environments = sorted(set(environments))
        self.domains = sorted(set(domains))
        self.declarations: list[Declaration] = []
        self.broken: list[BrokenDeclaration] = []
        self.faults: list[Fault] = []

    def read(self, written: Written, local: Mapping[str, registry.Local]) -> list[Fault]:
        """Read one file after those above it, and return its faults. ``local`` has the classes of
        the ``policies/`` folders that it sees, by scope."""
        found: list[Fault] = []
        seen: set[str] = set()
        for index, entry in enumerate(written.entries):
            path = (*written.path, index)
            faults = _unknown_words(
                written.document, (*path, "environment"), entry.environment, self.environments
            )
            faults += _unknown_words(
                written.document, (*path, "where", "domain"), entry.where.domain, self.domains
            )
            if entry.name in seen:
                faults.append(_twice(entry.name, written.document, path))
            seen.add(entry.name)
            made = self._policy(entry, written, path, local)
            if isinstance(made, list):
                faults += made
            else:
                declaration = _declaration(entry, written, path, made)
                faults += self._weaker(declaration, entry, written, path)
                if not faults:
                    self.declarations.append(declaration)
            if faults:
                origin = Origin(written.document.file, written.document.line(path), written.level)
                self.broken.append(
                    BrokenDeclaration(entry.name, written.scope, tuple(faults), origin)
                )
            found += faults
        return found

    def _policy(
        self,
        entry: PolicyEntry,
        written: Written,
        path: KeyPath,
        local: Mapping[str, registry.Local],
    ) -> tuple[Policy, str] | list[Fault]:
        """The policy with its parameters, and the digest of its source; or what is wrong."""
        if entry.sql is not None:
            return _sql_policy(entry, written, path)
        name = entry.policy or ""
        source = ""
        found = registry.policy_class(name)
        if found is None:
            found, source = _local_class(name, written.scope, local)
        if found is None:
            above = self._above(written.scope, name)
            if above is not None:  # a policy of the mesh under its own id, made stricter here
                found, source = type(above.policy), above.source
        if found is None:
            return [_unknown(name, written, path, local)]
        above = self._above(written.scope, entry.name)
        given = entry.with_
        if above is not None and type(above.policy) is found:
            given = {**above.policy.model_dump(), **entry.with_}
        result = validate(found, written.document, (*path, "with"), given)
        return result if isinstance(result, list) else (result, source)

    def _above(self, scope: str, name: str) -> Declaration | None:
        """The nearest declaration of that id above ``scope``."""
        scopes = _scopes_above(scope)
        matching = [d for d in self.declarations if d.id == name and d.scope in scopes]
        return matching[-1] if matching else None

    def _weaker(
        self, declaration: Declaration, entry: PolicyEntry, written: Written, path: KeyPath
    ) -> list[Fault]:
        faults: list[Fault] = []
        scopes = _scopes_above(declaration.scope)
        for above in self.declarations:
            if (
                above.id == declaration.id
                and above.scope in scopes
                and _overlap(above, declaration)
            ):
                faults += _weakened(declaration, entry, above, written.document, path)
        return faults


def _weakened(
    declaration: Declaration,
    entry: PolicyEntry,
    above: Declaration,
    document: Document,
    path: KeyPath,
) -> list[Fault]:
    kind = type(above.policy)
    if type(declaration.policy) is not kind:
        found = f"the id '{declaration.id}', which {above.origin} gives to {kind.__name__}"
        fix = "add 'id:' with another name"
        return [document.fault((*path, "id"), found=found, allowed="an id of its own", fix=fix)]
    faults = []
    if entry.sql is not None and declaration.policy != above.policy:
        found = f"another query under the id '{declaration.id}' of {above.origin}"
        fix = "add 'id:' with another name: both hold then"
        faults.append(
            document.fault((*path, "sql"), found=found, allowed="an id of its own", fix=fix)
        )
    if entry.consequence == "warn" and above.consequence == "stop":
        faults.append(
            document.fault(
                (*path, "consequence"),
                found=f"'warn', which is weaker than 'stop' in {above.origin}",
                allowed="stop: a policy is made stricter below the level that set it, never weaker",
                fix="remove 'consequence', or ask for a waiver",
            )
        )
    for name in sorted(declaration.given):
        direction = kind.direction(name)
        value, other = getattr(declaration.policy, name), getattr(above.policy, name)
        order = kind.order(name)
        if weaker(direction, value, other, order):
            allowed = allowed_values(direction, other, order)
            faults.append(
                document.fault(
                    (*path, "with", name),
                    found=f"{value}, which is weaker than {other} in {above.origin}"
                    if direction is not None
                    else f"{value} instead of {other} in {above.origin}",
                    allowed=allowed,
                    fix=f"write {allowed}, or ask for a waiver",
                )
            )
    return faults


def _scopes_above(scope: str) -> set[str]:
    if not scope:
        return set()
    domain, _, product = scope.partition("/")
    return {"", domain} if product else {""}


def _overlap(one: Declaration, other: Declaration) -> bool:
    both = set(one.environments) & set(other.environments)
    return bool(both) or not one.environments or not other.environments


def _declaration(
    entry: PolicyEntry, written: Written, path: KeyPath, made: tuple[Policy, str]
) -> Declaration:
    policy, source = made
    return Declaration(
        id=entry.name,
        policy=policy,
        consequence=entry.consequence or "stop",
        where=entry.where,
        environments=tuple(entry.environment),
        origin=Origin(written.document.file, written.document.line(path), written.level),
        scope=written.scope,
        given=frozenset(entry.with_),
        source=source,
    )


def _local_class(
    name: str, scope: str, local: Mapping[str, registry.Local]
) -> tuple[type[Policy] | None, str]:
    for place in ("", scope.partition("/")[0]):
        classes = local.get(place)
        if classes is not None and name in classes.classes:
            return classes.classes[name], classes.digests[name]
    return None, ""


def _sql_policy(
    entry: PolicyEntry, written: Written, path: KeyPath
) -> tuple[Policy, str] | list[Fault]:
    from mesh_defs.policy.sql import SqlPolicy, query_fault

    text = entry.sql or ""
    if text.strip().endswith(".sql") and len(text.split()) == 1:
        file = (written.folder / text.strip()).resolve()
        if not file.is_relative_to(written.folder.resolve()) or not file.is_file():
            return [
                written.document.fault(
                    (*path, "sql"),
                    found=f"no file '{text.strip()}'",
                    allowed="a .sql file beside this one or below, or the query itself",
                    fix="write the file, or the query in its place",
                )
            ]
        text = file.read_text(encoding="utf-8", errors="replace")
    problem = query_fault(text)
    if problem is not None:
        return [
            written.document.fault(
                (*path, "sql"),
                found=problem,
                allowed="one SELECT that yields the rows which break the policy",
                fix="mend the query; {object} stands for the port",
            )
        ]
    policy = SqlPolicy(query=text, asks=entry.message or "", fix=entry.fix)
    return policy, hashlib.sha256(text.encode()).hexdigest()


def _unknown(
    name: str, written: Written, path: KeyPath, local: Mapping[str, registry.Local]
) -> Fault:
    known = sorted({*registry.names(), *(n for each in local.values() for n in each.classes)})
    key = "policy" if (*path, "policy") in written.document.lines else ""
    return written.document.fault(
        (*path, key) if key else path,
        found=f"unknown policy '{name}'",
        allowed=", ".join(known) or "no policy at all",
        fix=f"{did_you_mean(name, known)}; classes of your own stand in a 'policies' folder",
    )


def _unknown_words(
    document: Document, path: KeyPath, words: Iterable[str], known: list[str]
) -> list[Fault]:
    return [
        document.fault(
            path,
            found=f"unknown {path[-1]} '{word}'",
            allowed=", ".join(known) or f"no {path[-1]} at all",
            fix=did_you_mean(word, known),
        )
        for word in words
        if word not in known
    ]


def _twice(name: str, document: Document, path: KeyPath) -> Fault:
    return document.fault(
        path,
        found=f"the policy '{name}' twice",
        allowed="each id once in a file",
        fix="remove one, or give it an 'id:' of its own",
    )
