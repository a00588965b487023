"""Verdicts as Dagster's checks: one check per port, quality dimension and severity, and one per
port and policy.

An event costs 20 to 70 ms, so a rule is a row in its check's metadata and not a check of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from mesh_defs.contract.verdicts import Verdict
from mesh_defs.orchestration.names import (
    PORTAL,
    check_of,
    expectation_check,
    policy_check,
    port_key,
    promise_check,
)
from mesh_defs.portal_address import portal_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mesh_defs.product.model import InputPort, Mesh, OutputPort, Product
    from mesh_defs.product.report import RunReport

NOT_EMPTY = "not_empty"
_COLUMNS = ("rule", "outcome", "column", "expected", "observed", "failing rows", "decided by")
_FINDING_COLUMNS = ("finding", "column", "rows", "waived", "fix", "where")
_SHOWN_SAMPLES = 5
# Parts of a product's page.
_TRUST, _POLICIES = "trust", "policies"


def check_specs(mesh: Mesh, product: Product) -> list[dg.AssetCheckSpec]:
    """Every check of ``product``, with names that follow from what is declared alone."""
    first = port_key(product.identity, product.outputs[0].name)
    portal = portal_address(mesh.settings)
    specs = [
        dg.AssetCheckSpec(
            name=expectation_check(port.name),
            asset=first,
            description=f"What is expected of the input '{port.name}' ({port.source}).",
            blocking=True,
            metadata=page_metadata(portal, first, _TRUST),
        )
        for port in product.inputs
        if _expects(port)
    ]
    for output in product.outputs:
        key = port_key(product.identity, output.name)
        specs += _promise_specs(key, output, portal)
        specs += _policy_specs(mesh, product, output, key, portal)
    return specs


def page_metadata(
    portal: str | None, key: dg.AssetKey, section: str = ""
) -> dict[str, dg.MetadataValue[Any]]:
    """The page of the port ``key`` at the address ``portal``; nothing where nobody knows that.
    ``section`` is the part of the page that tells of it."""
    if portal is None:
        return {}
    url = f"{portal}/{'/'.join(key.path)}{'#' if section else ''}{section}"
    return {PORTAL: dg.MetadataValue.url(url)}


def _policy_specs(
    mesh: Mesh, product: Product, output: OutputPort, key: dg.AssetKey, portal: str | None
) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            name=policy_check(held.id),
            asset=key,
            description=(held.policy.message if held.policy else "Its declaration is broken.")
            + ("" if held.consequence == "stop" else " It warns and never stops a version."),
            blocking=held.consequence == "stop",
            metadata={
                "declared in": ", ".join(str(origin) for origin in held.origins),
                **page_metadata(portal, key, _POLICIES),
            },
        )
        for held in mesh.governance.in_force(product, output, mesh)
    ]


def _expects(port: InputPort) -> bool:
    return not port.allow_empty or bool(port.expectations and port.expectations.rules)


def _promise_specs(
    key: dg.AssetKey, output: OutputPort, portal: str | None
) -> list[dg.AssetCheckSpec]:
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
            metadata=page_metadata(portal, key, _TRUST),
        )
    return [specs[name] for name in sorted(specs)]


def check_results(
    product: Product, report: RunReport, portal: str | None = None
) -> Iterator[dg.AssetCheckResult]:
    """One result per check that was executed in the run of ``report``, with its page at the address
    ``portal``.

    A run that stopped at its expectations has no promises to show; they were not executed, and
    no result is made up for them.
    """
    declared: dict[str, list[Verdict]] = {}
    for verdict in report.policies:
        declared.setdefault(verdict.subject, []).append(verdict)
    for name, verdicts in declared.items():
        yield from promise_results(port_key(product.identity, name), verdicts, portal)
    if report.stopped_by_policy:
        return
    yield from expectation_results(product, report.expectations, portal)
    for name, ported in report.ports.items():
        yield from promise_results(port_key(product.identity, name), ported.verdicts, portal)


def expectation_results(
    product: Product, expectations: Sequence[Verdict], portal: str | None = None
) -> Iterator[dg.AssetCheckResult]:
    """One result per input, on the product's first port."""
    first = port_key(product.identity, product.outputs[0].name)
    for port in product.inputs:
        verdicts = [verdict for verdict in expectations if verdict.subject == port.name]
        if not verdicts and not port.allow_empty:
            verdicts = [_had_rows(port)]
        if verdicts:
            page = page_metadata(portal, first, _TRUST)
            yield check_result(first, expectation_check(port.name), verdicts, page)


def promise_results(
    key: dg.AssetKey, verdicts: Iterable[Verdict], portal: str | None = None
) -> Iterator[dg.AssetCheckResult]:
    """One result per check among the ``verdicts`` of one port: its promises' and policies'."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(check_of(verdict), []).append(verdict)
    for name in sorted(groups):
        section = _POLICIES if groups[name][0].stage == "policy" else _TRUST
        yield check_result(key, name, groups[name], page_metadata(portal, key, section))


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


def check_result(
    key: dg.AssetKey,
    name: str,
    verdicts: Sequence[Verdict],
    more: Mapping[str, dg.MetadataValue[Any]] | None = None,
) -> dg.AssetCheckResult:
    """The verdicts of one check as its result, with ``more`` metadata. Only ``passed`` passes: a
    rule that could not run (``error``) fails the check as one that was broken does. What is waived
    passes too, because consumers wait for the blocking checks of their inputs; its description says
    so."""
    passed = all(verdict.ok or _waived(verdict) for verdict in verdicts)
    waived = any(_waived(verdict) for verdict in verdicts)
    stops = any(verdict.blocking for verdict in verdicts)
    warning_only = bool(verdicts) and all(verdict.severity == "warning" for verdict in verdicts)
    severity = (
        dg.AssetCheckSeverity.WARN
        if warning_only or waived or (not passed and not stops)
        else dg.AssetCheckSeverity.ERROR
    )
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=key,
        check_name=name,
        severity=severity,
        description=_summary(verdicts),
        metadata={**_metadata(verdicts), **(more or {})},
    )


def _waived(verdict: Verdict) -> bool:
    """Whether every finding of a policy that would stop is waived."""
    return verdict.outcome == "warned" and verdict.severity == "error"


def _summary(verdicts: Sequence[Verdict]) -> str:
    if verdicts and _waived(verdicts[0]):
        waiver = verdicts[0].waivers[0]
        return (
            f"waived until {waiver['until']} by {waiver['approved_by']}: {waiver['reason']} "
            f"Found: {verdicts[0].observed}"
        )
    broken = [verdict for verdict in verdicts if not verdict.ok]
    if not broken and verdicts and verdicts[0].stage == "policy":
        return verdicts[0].expected
    if not broken:
        return f"{len(verdicts)} rule(s) passed"
    from mesh_defs.product.report import describe

    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    return describe(broken[0]) + more


def _metadata(verdicts: Sequence[Verdict]) -> dict[str, dg.MetadataValue[Any]]:
    if verdicts and verdicts[0].stage == "policy":
        return _policy_metadata(verdicts[0])
    metadata: dict[str, dg.MetadataValue[Any]] = {"rules": rules_table(verdicts)}
    for verdict in verdicts:
        if verdict.samples and not verdict.ok:
            shown = [dict(row) for row in verdict.samples[:_SHOWN_SAMPLES]]
            metadata[f"samples: {verdict.rule}"] = dg.MetadataValue.json(shown)
    return metadata


def _policy_metadata(verdict: Verdict) -> dict[str, dg.MetadataValue[Any]]:
    """What a policy asks for and found: findings with their fixes, and the waivers that held."""
    metadata: dict[str, dg.MetadataValue[Any]] = {
        "asks for": dg.MetadataValue.text(verdict.expected),
        "consequence": dg.MetadataValue.text("stop" if verdict.severity == "error" else "warn"),
        "declared by": dg.MetadataValue.text(verdict.decided_by),
    }
    if verdict.reason:
        metadata["reason"] = dg.MetadataValue.text(verdict.reason)
    if verdict.fix:
        metadata["fix"] = dg.MetadataValue.text(verdict.fix)
    if verdict.findings:
        metadata["findings"] = dg.MetadataValue.table(
            records=[dg.TableRecord(_finding_row(finding)) for finding in verdict.findings],
            schema=dg.TableSchema(columns=[dg.TableColumn(name) for name in _FINDING_COLUMNS]),
        )
    for number, waiver in enumerate(verdict.waivers, start=1):
        name = "waiver" if len(verdict.waivers) == 1 else f"waiver {number}"
        metadata[name] = dg.MetadataValue.json(dict(waiver))
    if verdict.samples:
        shown = [dict(row) for row in verdict.samples[:_SHOWN_SAMPLES]]
        metadata["samples"] = dg.MetadataValue.json(shown)
    return metadata


def _finding_row(finding: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    count = finding.get("failing_rows")
    place = finding.get("file") or ""
    values = (
        " <- ".join((str(finding["message"]), *finding.get("path", ()))),
        finding.get("column") or "",
        "" if count is None else str(count),
        "yes" if finding.get("waived") else "no",
        finding.get("fix") or "",
        f"{place}:{finding['line']}" if place and finding.get("line") else place,
    )
    return dict(zip(_FINDING_COLUMNS, values, strict=True))


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
