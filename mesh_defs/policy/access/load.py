"""The rules in force: those that ship, the mesh's and each domain's ``access.cedar``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, relative
from mesh_defs.policy.access.apart import is_apart
from mesh_defs.policy.access.literals import compared, entities
from mesh_defs.policy.access.rules import RuleFile, parse_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import cedarpy

    from mesh_defs.policy.access.rules import Rule

FILE = "access.cedar"
SHIPPED = "default.cedar"
_DOMAINS = "domains"
_KEPT = 512  # files whose policies stay parsed, as long as their text stays the same


@dataclass(frozen=True, slots=True)
class InForce:
    """The rules for the resources of one domain: ``policies`` is None while a file has faults.
    ``columns`` are those that some rule names, ``named`` the names of anything that one does, and
    ``purposes`` those that some rule asks for; ``apart`` is `is_apart` of all of them, ``rows``
    tells that one gives some rows alone."""

    rules: Mapping[str, Rule]
    policies: cedarpy.PolicySet | None
    faults: tuple[Fault, ...]
    purposes: frozenset[str]
    columns: frozenset[str]
    named: frozenset[str] = frozenset()
    apart: bool = False
    rows: bool = False


class Rulebook:
    """All rules of a mesh. A domain's file is evaluated for requests on that domain's resources
    and for no others, so that it can decide nothing about anybody else's."""

    def __init__(self, mesh: Iterable[RuleFile], domains: Mapping[str, RuleFile]) -> None:
        self.mesh = tuple(mesh)
        self.domains = domains
        self._in_force: dict[str, InForce] = {}

    @property
    def files(self) -> tuple[RuleFile, ...]:
        """Every file that was read."""
        return (*self.mesh, *self.domains.values())

    def in_force(self, domain: str) -> InForce:
        """The rules for the resources of ``domain``, parsed once."""
        found = self._in_force.get(domain)
        if found is None:
            own = self.domains.get(domain)
            files = (*self.mesh, own) if own is not None else self.mesh
            found = self._in_force[domain] = _compiled(files)
        return found


def load_rules(root: Path, domains: Iterable[str]) -> Rulebook:
    """Read the rules of the mesh below ``root`` and of ``domains``. Raises nothing for what a
    person wrote: a file with faults denies whatever it would have a say in."""
    shipped = _read(Path(__file__).with_name(SHIPPED), SHIPPED)
    mesh = _read(root / FILE, FILE)
    own = {}
    for domain in domains:
        path = root / _DOMAINS / domain / FILE
        found = _read(path, relative(path, root))
        if found is not None:
            own[domain] = found
    assert shipped is not None  # noqa: S101  a file of this package
    return Rulebook([shipped] if mesh is None else [shipped, mesh], own)


def _read(path: Path, name: str) -> RuleFile | None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        found = f"bytes that are no UTF-8 (at {error.start})"
        fault = Fault(name, 0, "", found, "text in UTF-8", "save the file as UTF-8")
        return RuleFile(name, faults=(fault,))
    except OSError as error:
        found = f"a file that cannot be read ({error.strerror or error})"
        fault = Fault(name, 0, "", found, "Cedar policies", "make it a readable file")
        return RuleFile(name, faults=(fault,))
    return _parsed(text, name)


_parsed = lru_cache(maxsize=_KEPT)(parse_rules)


def _compiled(files: Iterable[RuleFile]) -> InForce:
    import cedarpy

    listed = list(files)
    faults = tuple(fault for file in listed for fault in file.faults)
    rules = {rule.place: rule for file in listed for rule in file.rules}
    purposes = frozenset(
        each.value
        for rule in rules.values()
        for each in compared(rule)
        if (each.owner, each.attribute) == ("context", "purpose")
    )
    every = {each for rule in rules.values() for each in entities(rule)}
    columns = frozenset(name for kind, name in every if kind == "Column")
    if faults:
        return InForce(rules, None, faults, purposes, columns)
    document = {
        "staticPolicies": {place: rule.json for place, rule in rules.items()},
        "templates": {},
        "templateLinks": [],
    }
    policies = cedarpy.PolicySet.from_json_str(json.dumps(document))
    apart = all(is_apart(dict(rule.json)) for rule in rules.values())
    named = frozenset(name for _, name in every)
    rows = any("rows" in rule.annotations for rule in rules.values())
    return InForce(rules, policies, (), purposes, columns, named, apart, rows)
