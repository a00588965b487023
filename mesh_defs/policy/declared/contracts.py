"""Contracts that can be held to, and that say how fresh and how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.rules import ColumnType, NoOtherColumns, Unrunnable
from mesh_defs.policy.declared.places import contract_file
from mesh_defs.policy.model import DeclaredPolicy, Finding, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.product.model import Mesh, Product

_TIMES = ("date", "timestamp")


class ExecutableContract(DeclaredPolicy):
    """Every port's contract has rules that run and that stop a version, beyond names and types of
    columns."""

    rules: int = parameter(1, stricter="higher", ge=1, description="such rules at least per port")

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding per port with too few rules, and per rule that cannot run."""
        for output in product.outputs:
            file = contract_file(output, mesh)
            rules = output.promise.rules
            shapes = (ColumnType, NoOtherColumns, Unrunnable)
            real = [r for r in rules if not isinstance(r, shapes) and r.severity == "error"]
            if len(real) < self.rules:
                yield Finding(
                    f"{len(real)} rules of the port '{output.name}' run and stop a version",
                    fix=f"promise at least {self.rules}: required, unique, ranges, quality rules",
                    port=output.name,
                    file=file,
                )
            for rule in rules:
                if isinstance(rule, Unrunnable):
                    yield Finding(
                        f"the rule '{rule.id}' cannot run: {rule.reason}",
                        fix="mend it, or make it a rule of type text",
                        port=output.name,
                        column=rule.column,
                        file=file,
                        line=rule.line,
                    )


class TimesPromised(DeclaredPolicy):
    """Every port promises how fresh it is and, when its rows have a date or a time, how long they
    are kept (slaProperties latency and retention)."""

    freshness: bool = parameter(True, stricter="higher", description="whether freshness is asked")
    retention: bool = parameter(True, stricter="higher", description="whether retention is asked")

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding per promise that a port does not make."""
        for output in product.outputs:
            levels = output.promise.service_levels
            timed = any(c.logical_type in _TIMES for c in output.promise.columns)
            asked = {
                "latency": self.freshness and levels.freshness_seconds is None,
                "retention": self.retention and timed and levels.retention_seconds is None,
            }
            for name, missing in asked.items():
                if missing:
                    yield Finding(
                        f"the port '{output.name}' promises no {name}",
                        fix=f"add '- {{property: {name}, value: 1, unit: y}}' to slaProperties",
                        port=output.name,
                        file=contract_file(output, mesh),
                    )
