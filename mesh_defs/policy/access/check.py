"""What is wrong with access rules beyond their text: names that there are not, rules about what is
not theirs, row filters that do not fit the ports they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, did_you_mean
from mesh_defs.policy.access.conditions import BadCondition, read_condition
from mesh_defs.policy.access.literals import compared, entities
from mesh_defs.policy.access.load import SHIPPED
from mesh_defs.policy.access.schema import VALUES
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import duckdb

    from mesh_defs.policy.access.entities import PortSubject
    from mesh_defs.policy.access.load import Rulebook
    from mesh_defs.policy.access.principals import Principals
    from mesh_defs.policy.access.rules import Rule, RuleFile

_PRINCIPALS = {"Person": "person", "Service": "service", "Agent": "agent"}


class RuleCheck:
    """Checks the rules of a mesh. ``ports`` are those of its sound products, ``products`` the names
    (``<domain>/<product>``) of all, ``domains`` those of all domains, ``types`` the DuckDB type of
    each column by port and name. ``connection`` serves to parse and bind, and reads nothing;
    ``more_roles`` are those that principals from elsewhere may have."""

    def __init__(
        self,
        principals: Principals,
        ports: Sequence[PortSubject],
        products: Iterable[str],
        domains: Iterable[str],
        types: Mapping[tuple[str, str], str],
        connection: duckdb.DuckDBPyConnection,
        more_roles: Iterable[str] = (),
    ) -> None:
        self.principals = principals
        self.ports = ports
        self.products = sorted(products)
        self.domains = sorted(domains)
        self.types = types
        self.connection = connection
        contracts = {role for port in ports for role in port.roles}
        self.roles = sorted(principals.roles | contracts | {*more_roles})

    def faults(self, rulebook: Rulebook) -> Iterator[Fault]:
        """Every fault of every file."""
        for file in rulebook.mesh:
            yield from self._file(file, None)
        for domain, file in rulebook.domains.items():
            yield from self._file(file, domain)

    def _file(self, file: RuleFile, domain: str | None) -> Iterator[Fault]:
        yield from file.faults
        if file.file == SHIPPED:
            return
        for rule in file.rules:
            for kind, name in entities(rule):
                yield from self._named(rule, kind, name, domain)
            yield from self._values(rule, domain)
            yield from self._rows(rule, domain)

    def _named(self, rule: Rule, kind: str, name: str, domain: str | None) -> Iterator[Fault]:
        if self.principals.faults and kind in ("Role", *_PRINCIPALS):
            return  # Who there is will be known when these are mended.
        if kind == "Role":
            yield from _unless(rule, "role", name, self.roles)
        elif kind in _PRINCIPALS:
            prefix = f"{_PRINCIPALS[kind]}:"
            known = [
                n.removeprefix(prefix) for n in self.principals.by_name if n.startswith(prefix)
            ]
            yield from _unless(rule, _PRINCIPALS[kind], name, known)
        elif kind in ("Domain", "Product", "Port", "Column"):
            yield from self._resource(rule, kind, name, domain)

    def _resource(self, rule: Rule, kind: str, name: str, domain: str | None) -> Iterator[Fault]:
        if domain is not None and name.partition("/")[0] != domain:
            found = f"{kind} '{name}' in the rules of the domain {domain}"
            allowed = "the domain's own resources: a domain decides on nobody else's"
            fix = "remove it, or ask that domain or the mesh's access.cedar for it"
            yield Fault(rule.file, rule.line_of(name), "", found, allowed, fix)
            return
        yield from _unless(rule, kind.lower(), name, self._known(kind, name))

    def _known(self, kind: str, name: str) -> list[str]:
        if kind == "Domain":
            return self.domains
        if kind == "Product":
            return self.products
        sound = {f"{port.domain}/{port.product}" for port in self.ports}
        product = "/".join(name.split("/")[:2])
        if product in self.products and product not in sound:
            return [name]  # Its own faults are shown; which ports it has is not known.
        if kind == "Port":
            return [port.path for port in self.ports]
        return [f"{port.path}#{column.name}" for port in self.ports for column in port.columns]

    def _values(self, rule: Rule, domain: str | None) -> Iterator[Fault]:
        for each in compared(rule):
            if each.attribute == "domain" and each.owner in ("resource", "principal"):
                own = [domain] if domain is not None and each.owner == "resource" else self.domains
                yield from _unless(rule, "domain", each.value, own)
            elif (each.owner, each.attribute) == ("context", "purpose"):
                ports = [port for port in self.ports if domain in (None, port.domain)]
                known = sorted({purpose for port in ports for purpose in port.purposes})
                yield from _unless(rule, "purpose", each.value, known or [each.value])
            elif each.owner == "resource" and each.attribute in VALUES:
                yield from _unless(rule, each.attribute, each.value, VALUES[each.attribute])

    def _rows(self, rule: Rule, domain: str | None) -> Iterator[Fault]:
        text = rule.annotations.get("rows")
        if text is None:
            return
        line = rule.line_of("@rows")
        for port in self._in_scope(rule, domain):
            try:
                condition = read_condition(text, [c.name for c in port.columns], self.connection)
                problem = self._unbound(condition.sql, port)
            except BadCondition as error:
                problem = error.found, error.allowed, error.fix
            if problem is not None:
                found, allowed, fix = problem
                found = f"{found} (for {port.url})"
                yield Fault(rule.file, line, "@rows", found, allowed, fix)
                return

    def _unbound(self, condition: str, port: PortSubject) -> tuple[str, str, str] | None:
        import duckdb

        columns = ", ".join(
            f"CAST(NULL AS {self.types[port.path, column.name]}) AS {quote(column.name)}"
            for column in port.columns
        )
        try:
            self.connection.execute(f"DESCRIBE SELECT 1 FROM (SELECT {columns}) WHERE {condition}")
        except duckdb.Error as error:
            said = str(error).partition("\n")[0]
            return said, "a condition that fits the columns' types", "mend the condition"
        return None

    def _in_scope(self, rule: Rule, domain: str | None) -> list[PortSubject]:
        """The ports that the rule's head is about."""
        scope = rule.json["resource"]
        named = [scope["entity"]] if "entity" in scope else list(scope.get("entities", ()))
        if isinstance(scope.get("in"), dict):
            named.append(scope["in"]["entity"])
        names = [each["id"].partition("#")[0] for each in named]
        return [
            port
            for port in self.ports
            if domain in (None, port.domain)
            and (not names or any(f"{port.path}/".startswith(f"{name}/") for name in names))
        ]


def _unless(rule: Rule, kind: str, name: str, known: Sequence[str]) -> Iterator[Fault]:
    if name in known:
        return
    yield Fault(
        rule.file,
        rule.line_of(name),
        "",
        f"unknown {kind} '{name}'",
        ", ".join(known) or f"no {kind} at all",
        did_you_mean(name, known),
    )
