"""Verification: what a contract asks, decided on the data, one verdict per rule.

In `mesh_defs.contract.checks`, `compile` says what a rule means in SQL and `scan` counts the rows
that break row rules, in one scan or none; `keys` and `foreign_keys` look after relationships;
`schema_check` and `statistics` need no row at all; `runner` hands out the rules and `samples`
shows what broke them. Here findings become verdicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import MASK
from mesh_defs.contract.checks.privacy import safe_reason
from mesh_defs.contract.checks.runner import Runner
from mesh_defs.contract.checks.samples import Sample, Wanted, take
from mesh_defs.contract.describe import expected
from mesh_defs.contract.rules import Freshness, Retention
from mesh_defs.contract.verdicts import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from mesh_defs.contract.checks.findings import Finding
    from mesh_defs.contract.data import Staged, Surroundings
    from mesh_defs.contract.model import PortContract
    from mesh_defs.contract.rules import Rule
    from mesh_defs.contract.verdicts import Severity, Stage


def verify(
    connection: duckdb.DuckDBPyConnection,
    contract: PortContract,
    staged: Staged,
    surroundings: Surroundings,
    *,
    stage: Stage = "promise",
) -> tuple[Verdict, ...]:
    """One verdict per rule of ``contract``, in their order.

    Row rules are about the rows that were added; metrics, queries, keys, foreign keys and ages
    are about the whole version. Reads only what ``staged`` and ``surroundings`` name, and drops
    the temporary tables and views that it creates. A rule that cannot run gives an ``error``
    verdict with the reason, and all others still run. No verdict shows a value of a personal
    column, nor of a column that an expectation, or a contract with personal columns, does not
    name. Raises only `duckdb.InterruptException`.
    """
    runner = Runner(connection, contract, staged, surroundings, stage)
    try:
        findings = runner.findings()
        samples = _samples(runner, contract, findings)
        return tuple(
            _verdict(runner, contract, rule, finding, stage, samples.get(index))
            for index, (rule, finding) in enumerate(zip(contract.rules, findings, strict=True))
        )
    finally:
        runner.close()


def _verdict(
    runner: Runner,
    contract: PortContract,
    rule: Rule,
    finding: Finding,
    stage: Stage,
    sample: Sample | None,
) -> Verdict:
    tells_a_value = isinstance(rule, (Freshness, Retention)) and finding.met is not None
    observed = MASK if tells_a_value and rule.column in runner.hidden else finding.observed
    reason = finding.reason or (sample.problem if sample is not None else None)
    return Verdict(
        rule=rule.id,
        subject=contract.name,
        stage=stage,
        outcome=_outcome(finding.met, rule.severity),
        severity=rule.severity,
        dimension=rule.dimension,
        expected=finding.expected or expected(rule),
        observed=observed,
        decided_by=finding.decided_by,
        column=rule.column,
        description=rule.description,
        failing_rows=finding.failing_rows,
        rows=finding.rows,
        reason=safe_reason(reason, runner.hidden) if reason is not None else None,
        samples=finding.samples if sample is None else sample.rows,
    )


def _outcome(met: bool | None, severity: Severity) -> Outcome:
    if met is None:
        return "error"
    if met:
        return "passed"
    return "failed" if severity == "error" else "warned"


def _samples(
    runner: Runner, contract: PortContract, findings: Sequence[Finding]
) -> dict[int, Sample]:
    """The samples of the findings that have failing rows, by their index."""
    wanted = {
        index: Wanted(
            runner.table_of(finding.failing),
            finding.failing,
            finding.failing_rows or 0,
        )
        for index, finding in enumerate(findings)
        if finding.failing is not None
    }
    taken = take(list(wanted.values()), contract.primary_key, runner.hidden)
    return dict(zip(wanted, taken, strict=True))
