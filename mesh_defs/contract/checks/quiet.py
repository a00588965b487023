"""Verdicts that were made before it turned out that columns hold personal data: what they may still
show, as if the contract had said so from the start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.checks.engine_text import MASK, NOT_SHOWN
from mesh_defs.contract.checks.privacy import counts_rows, mentions, safe_reason
from mesh_defs.contract.rules import Custom, Freshness, Query, Retention

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from mesh_defs.contract.model import PortContract
    from mesh_defs.contract.rules import Rule
    from mesh_defs.contract.verdicts import Verdict


def with_places(contract: PortContract, hidden: AbstractSet[str]) -> frozenset[str]:
    """``hidden`` columns and the places inside them that rules of ``contract`` name."""
    lower = {name.lower() for name in hidden}
    return frozenset(hidden) | {p.name for p in contract.inside if p.column.lower() in lower}


def quiet(
    verdict: Verdict,
    rules: Mapping[str, Rule],
    hidden: AbstractSet[str],
    known: AbstractSet[str] | None = None,
) -> Verdict:
    """``verdict`` without a value of ``hidden`` columns, upper or lower case.

    ``rules`` are those of its contract, by id; one that is not there is of another engine. Of its
    rows only columns that are ``known`` are shown (None: all), because a query calls a column as it
    likes.
    """
    lower = {name.lower() for name in hidden}
    seen = {name.lower() for name in known} if known is not None else None
    rule = rules.get(verdict.rule)
    return replace(
        verdict,
        observed=_observed(verdict, rule, hidden),
        reason=_reason(verdict, rule, hidden),
        samples=tuple(_row(row, lower, seen) for row in verdict.samples),
        findings=tuple(
            {**each, "samples": [_row(row, lower, seen) for row in each.get("samples", ())]}
            for each in verdict.findings
        ),
    )


def _row(
    row: Mapping[str, Any], hidden: AbstractSet[str], known: AbstractSet[str] | None
) -> dict[str, Any]:
    def shows(name: str) -> bool:
        return name.lower() not in hidden and (known is None or name.lower() in known)

    return {name: value if shows(name) else MASK for name, value in row.items()}


def _observed(verdict: Verdict, rule: Rule | None, hidden: AbstractSet[str]) -> str:
    if verdict.outcome == "error" or verdict.stage == "policy":
        return verdict.observed
    if isinstance(rule, Query) and not counts_rows(rule.query):
        return f"the query yields {MASK}"
    if isinstance(rule, (Freshness, Retention)):
        return MASK if _is_hidden(rule.column, hidden) else verdict.observed
    if isinstance(rule, Custom) and (
        _is_hidden(rule.column, hidden) or mentions(str(rule.implementation), hidden)
    ):
        return f"{verdict.failing_rows} rows" if verdict.failing_rows is not None else MASK
    return verdict.observed


def _reason(verdict: Verdict, rule: Rule | None, hidden: AbstractSet[str]) -> str | None:
    if verdict.reason is None or verdict.stage == "policy":
        return verdict.reason
    if rule is None or isinstance(rule, Custom):
        return NOT_SHOWN
    return safe_reason(verdict.reason, hidden)


def _is_hidden(column: str | None, hidden: AbstractSet[str]) -> bool:
    return column is not None and column.lower() in {name.lower() for name in hidden}
