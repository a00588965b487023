"""Verdicts as Dagster's checks: one check per port, quality dimension and severity.

An event costs 20 to 70 ms, so a rule is a row in its check's metadata and not a check of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from mesh_defs.contract.verdicts import Verdict
from mesh_defs.orchestration.names import (
    check_of,
    expectation_check,
    port_key,
    promise_check,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mesh_defs.product.model import InputPort, OutputPort, Product
    from mesh_defs.product.report import RunReport

NOT_EMPTY = "not_empty"
_COLUMNS = ("rule", "outcome", "column", "expected", "observed", "failing rows", "decided by")
_SHOWN_SAMPLES = 5


def check_specs(product: Product) -> list[dg.AssetCheckSpec]:
    """Every check of ``product``, with names that follow from its contracts alone."""
    first = port_key(product.identity, product.outputs[0].name)
    specs = [
        dg.AssetCheckSpec(
            name=expectation_check(port.name),
            asset=first,
            description=f"What is expected of the input '{port.name}' ({port.source}).",
            blocking=True,
        )
        for port in product.inputs
        if _expects(port)
    ]
    for output in product.outputs:
        specs += _promise_specs(port_key(product.identity, output.name), output)
    return specs


def _expects(port: InputPort) -> bool:
    return not port.allow_empty or bool(port.expectations and port.expectations.rules)


def _promise_specs(key: dg.AssetKey, output: OutputPort) -> list[dg.AssetCheckSpec]:
    kinds = dict.fromkeys((rule.dimension, rule.severity) for rule in output.promise.rules)
    specs: dict[str, dg.AssetCheckSpec] = {}
    for dimension, severity in kinds:
        name = promise_check(dimension, severity)
        rules = sum(
            promise_check(rule.dimension, rule.severity) == name for rule in output.promise.rules
        )
        specs[name] = dg.AssetCheckSpec(
            name=name,
            asset=key,
            description=f"{rules} rule(s) on {dimension}"
            + ("" if severity == "error" else ", which warn and never stop a version"),
            blocking=severity == "error",
        )
    return [specs[name] for name in sorted(specs)]


def check_results(product: Product, report: RunReport) -> Iterator[dg.AssetCheckResult]:
    """One result per check that was executed in the run of ``report``.

    A run that stopped at its expectations has no promises to show; they were not executed, and
    no result is made up for them.
    """
    yield from expectation_results(product, report.expectations)
    for name, ported in report.ports.items():
        yield from promise_results(port_key(product.identity, name), ported.verdicts)


def expectation_results(
    product: Product, expectations: Sequence[Verdict]
) -> Iterator[dg.AssetCheckResult]:
    """One result per input, on the product's first port."""
    first = port_key(product.identity, product.outputs[0].name)
    for port in product.inputs:
        verdicts = [verdict for verdict in expectations if verdict.subject == port.name]
        if not verdicts and not port.allow_empty:
            verdicts = [_had_rows(port)]
        if verdicts:
            yield check_result(first, expectation_check(port.name), verdicts)


def promise_results(key: dg.AssetKey, verdicts: Iterable[Verdict]) -> Iterator[dg.AssetCheckResult]:
    """One result per check among the promises' ``verdicts`` of one port."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(check_of(verdict), []).append(verdict)
    for name in sorted(groups):
        yield check_result(key, name, groups[name])


def _had_rows(port: InputPort) -> Verdict:
    """The container stops with a verdict when an input has no row, and says nothing when it has."""
    return Verdict(
        rule=NOT_EMPTY,
        subject=port.name,
        stage="expectation",
        outcome="passed",
        severity="error",
        dimension="coverage",
        expected="at least one row",
        observed="at least one row",
        decided_by="query",
    )


def check_result(key: dg.AssetKey, name: str, verdicts: Sequence[Verdict]) -> dg.AssetCheckResult:
    """The verdicts of one check as its result. Only ``passed`` passes: a rule that could not run
    (``error``) fails the check as one that was broken does."""
    passed = all(verdict.ok for verdict in verdicts)
    stops = any(verdict.blocking for verdict in verdicts)
    warning_only = bool(verdicts) and all(verdict.severity == "warning" for verdict in verdicts)
    severity = (
        dg.AssetCheckSeverity.WARN
        if warning_only or (not passed and not stops)
        else dg.AssetCheckSeverity.ERROR
    )
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=key,
        check_name=name,
        severity=severity,
        description=_summary(verdicts),
        metadata=_metadata(verdicts),
    )


def _summary(verdicts: Sequence[Verdict]) -> str:
    broken = [verdict for verdict in verdicts if not verdict.ok]
    if not broken:
        return f"{len(verdicts)} rule(s) passed"
    from mesh_defs.product.report import describe

    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    return describe(broken[0]) + more


def _metadata(verdicts: Sequence[Verdict]) -> dict[str, dg.MetadataValue[Any]]:
    metadata: dict[str, dg.MetadataValue[Any]] = {"rules": rules_table(verdicts)}
    for verdict in verdicts:
        if verdict.samples and not verdict.ok:
            shown = [dict(row) for row in verdict.samples[:_SHOWN_SAMPLES]]
            metadata[f"samples: {verdict.rule}"] = dg.MetadataValue.json(shown)
    return metadata


def rules_table(verdicts: Iterable[Verdict]) -> dg.TableMetadataValue:
    """One row per rule: how it ended, what was expected and found, and how it was decided."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord(_row(verdict)) for verdict in verdicts],
        schema=dg.TableSchema(columns=[dg.TableColumn(name) for name in _COLUMNS]),
    )


def _row(verdict: Verdict) -> dict[str, str | int | float | bool]:
    values = (
        verdict.rule,
        verdict.outcome,
        verdict.column or "",
        verdict.expected,
        verdict.reason or verdict.observed,
        "" if verdict.failing_rows is None else str(verdict.failing_rows),
        verdict.decided_by,
    )
    return dict(zip(_COLUMNS, values, strict=True))
