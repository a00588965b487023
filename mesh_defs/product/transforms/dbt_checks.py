"""dbt's tests as verdicts of the product's ports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from mesh_defs.contract.checks.privacy import masked_rows
from mesh_defs.contract.verdicts import MAX_SAMPLES, Verdict
from mesh_defs.product.transforms.dbt_errors import body, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    import duckdb
    from dbt.artifacts.schemas.run import RunResult

    from mesh_defs.contract.verdicts import Outcome, Severity
    from mesh_defs.product.transforms.dbt_project import DbtTest

Status = Literal["pass", "warn", "fail", "error"]

# (status, failing rows, dbt's message), by the test's name
Results = dict[str, tuple[Status, "int | None", str]]
Samples = tuple["Mapping[str, Any]", ...]

DECIDED_BY = "dbt"

# Quality dimensions of dbt's own generic tests, and of packages that everybody uses.
_DIMENSIONS = {
    "not_null": "completeness",
    "unique": "uniqueness",
    "unique_combination_of_columns": "uniqueness",
    "accepted_values": "conformity",
    "accepted_range": "conformity",
    "relationships": "consistency",
    "recency": "timeliness",
}
_OUTCOMES: dict[Status, Outcome] = {
    "pass": "passed",
    "warn": "warned",
    "fail": "failed",
    "error": "error",
}


def results(tests: Iterable[DbtTest], ran: Sequence[RunResult], names: str | None) -> Results:
    """The outcome of every test, also of those that dbt did not or could not run. ``names`` as in
    `mesh_defs.product.transforms.dbt_errors.told`."""
    by_id = {result.node.unique_id: result for result in ran}
    return {test.unique_id: _result(test, by_id.get(test.unique_id), names) for test in tests}


def _result(
    test: DbtTest, result: RunResult | None, names: str | None
) -> tuple[Status, int | None, str]:
    if test.missing:
        reason = (
            f"it needs {', '.join(test.missing)}, which is neither built for this product nor one "
            "of its inputs; declare it as an input, or test it where it is built"
        )
        return "error", None, reason
    if result is None:
        return "error", None, "dbt did not run it"
    status = str(result.status)
    message = " ".join(body(str(result.message)).split()) if result.message else ""
    if status in ("pass", "warn", "fail"):
        return status, result.failures, message  # type: ignore[return-value]
    said = " ".join(told(result, names).split()) if message else f"dbt says {status}"
    return "error", None, said


def failing_rows(
    connection: duckdb.DuckDBPyConnection,
    tests: Iterable[DbtTest],
    ran: Sequence[RunResult],
    shown: Callable[[DbtTest, str], bool],
) -> dict[str, Samples]:
    """Some rows of each test that is not met, by its id; columns that are not ``shown`` masked."""
    import duckdb

    by_id = {test.unique_id: test for test in tests}
    found: dict[str, Samples] = {}
    for result in ran:
        code = getattr(result.node, "compiled_code", None)
        if str(result.status) not in ("fail", "warn") or code is None:
            continue
        try:
            answer = connection.execute(f"SELECT * FROM ({code}\n) LIMIT {MAX_SAMPLES}")
        except duckdb.Error:
            continue  # It needs what a hook made in dbt's own session; its count is known anyway.
        names = [column[0] for column in answer.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
        test = by_id[result.node.unique_id]
        found[test.unique_id] = masked_rows(rows, {n for n in names if not shown(test, n)})
    return found


def by_name(tests: Iterable[DbtTest], outcomes: Results) -> Results:
    """``outcomes`` by the test's name, as contracts write it."""
    return {test.name: outcomes[test.unique_id] for test in tests}


def verdicts(
    tests: Iterable[DbtTest],
    outcomes: Results,
    named: AbstractSet[str],
    samples: Mapping[str, Samples],
) -> dict[str, tuple[Verdict, ...]]:
    """Verdicts by port of every test, but for those ``named`` by a rule of a contract, which are
    that rule's verdict. ``samples`` are failing rows by the test's id."""
    found: dict[str, list[Verdict]] = {}
    for test in tests:
        if test.name not in named:
            status, failures, message = outcomes[test.unique_id]
            verdict = _verdict(test, status, failures, message)
            rows = samples.get(test.unique_id, ())
            found.setdefault(test.port, []).append(replace(verdict, samples=rows))
    return {port: tuple(of_port) for port, of_port in found.items()}


def _verdict(test: DbtTest, status: Status, failures: int | None, message: str) -> Verdict:
    # dbt's warn_if and error_if decide between warn and fail; its severity is the worst it can be.
    severity: Severity = "warning" if status == "warn" else test.severity
    return Verdict(
        rule=f"dbt.{test.name}",
        subject=test.port,
        stage="promise",
        outcome=_OUTCOMES[status],
        severity=severity,
        dimension=_DIMENSIONS.get(test.kind or "", "accuracy"),
        expected=_expected(test),
        observed=_observed(status, failures, message),
        decided_by=DECIDED_BY,
        column=test.column,
        description=test.description,
        failing_rows=failures,
        reason=message if status == "error" else None,
    )


def _expected(test: DbtTest) -> str:
    about = f"{test.kind} of {test.column}" if test.kind and test.column else test.kind or test.name
    return f"dbt test {about}"


def _observed(status: Status, failures: int | None, message: str) -> str:
    if status == "error":
        return "could not run"
    if status == "pass" or failures is None:
        return "passes" if status == "pass" else message
    return f"{failures} failing {'row' if failures == 1 else 'rows'}"
