"""Policies become verdicts: one per policy and port, with findings, fix, origin and waivers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import NOT_SHOWN, safe_text
from mesh_defs.contract.checks.quiet import quiet, with_places
from mesh_defs.contract.model import PERSONAL
from mesh_defs.contract.verdicts import Verdict
from mesh_defs.interrupts import is_interrupt
from mesh_defs.policy.model import DataPolicy, DeclaredPolicy, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mesh_defs.contract.verdicts import Outcome, Severity
    from mesh_defs.policy.governance import InForce
    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.policy.waivers import Waiver
    from mesh_defs.product.model import Mesh, OutputPort, Product

_MAX_FINDINGS = 50


def declared_verdicts(mesh: Mesh, product: Product, now: datetime) -> tuple[Verdict, ...]:
    """What the policies that need no data say of ``product``: one verdict per policy and port.

    Policies on data give none, so that nothing counts as executed which was not. Raises nothing.
    """
    verdicts: list[Verdict] = []
    made: dict[tuple[str, str], tuple[Finding, ...] | BaseException] = {}
    for output in product.outputs:
        for held in mesh.governance.in_force(product, output, mesh):
            policy = held.policy
            if isinstance(policy, DataPolicy):
                continue
            if isinstance(policy, DeclaredPolicy):
                key = (held.id, policy.model_dump_json())
                if key not in made:
                    made[key] = _declared(policy, product, mesh)
                found = made[key]
            else:
                found = ()
            verdicts.append(_verdict(mesh, product, output, held, found, now))
    return tuple(verdicts)


def data_verdicts(port: StagedPort) -> tuple[Verdict, ...]:
    """What the policies on data say of a staged ``port``, which learns what columns turned out to
    be; no verdict shows a value of them. Raises `duckdb.InterruptException`."""
    ran = [
        (held, run_on_data(held.policy, port))
        for held in port.mesh.governance.in_force(port.product, port.output, port.mesh)
        if isinstance(held.policy, DataPolicy)
    ]
    _learn(port, [found for _, found in ran])
    return tuple(
        _quiet(_verdict(port.mesh, port.product, port.output, held, found, port.now, port), port)
        for held, found in ran
    )


def _learn(port: StagedPort, found: Iterable[tuple[Finding, ...] | BaseException]) -> None:
    """Tell ``port`` which of its columns hold personal data by what was ``found``."""
    columns = {
        finding.column
        for each in found
        if isinstance(each, tuple)
        for finding in each
        if isinstance(finding, Finding)
        and finding.classification in PERSONAL
        and finding.port in (None, port.name)
        and finding.column is not None
    }
    if columns:
        port.learn(columns)


def _quiet(verdict: Verdict, port: StagedPort) -> Verdict:
    """``verdict`` of a policy that looked before another one found personal data."""
    if not port.turned_out:
        return verdict
    return quiet(
        verdict, {}, with_places(port.contract, port.hidden), frozenset(port.table.columns)
    )


def run_on_data(policy: DataPolicy, port: StagedPort) -> tuple[Finding, ...] | BaseException:
    """The findings of one policy, or what it raised. Raises `duckdb.InterruptException`."""
    import duckdb

    try:
        return tuple(policy.findings(port))
    except duckdb.InterruptException:
        raise
    except (Exception, SystemExit) as error:  # its verdict says so
        if is_interrupt(error):
            raise
        return error


def policy_verdict(
    mesh: Mesh,
    product: Product,
    output: OutputPort,
    held: InForce,
    now: datetime,
    port: StagedPort | None = None,
) -> Verdict:
    """What one policy says of ``output``; a policy on data needs ``port``. Raises `TypeError`
    without it, and `duckdb.InterruptException`."""
    found: tuple[Finding, ...] | BaseException = ()
    if isinstance(held.policy, DataPolicy):
        if port is None:
            raise TypeError(f"{held.id} looks at data")
        found = run_on_data(held.policy, port)
        _learn(port, [found])
        return _quiet(_verdict(mesh, product, output, held, found, now, port), port)
    if isinstance(held.policy, DeclaredPolicy):
        found = _declared(held.policy, product, mesh)
    return _verdict(mesh, product, output, held, found, now, port)


def _declared(
    policy: DeclaredPolicy, product: Product, mesh: Mesh
) -> tuple[Finding, ...] | BaseException:
    try:
        return tuple(policy.findings(product, mesh))
    except (Exception, SystemExit) as error:  # its verdict says so
        if is_interrupt(error):
            raise
        return error


def _verdict(
    mesh: Mesh,
    product: Product,
    output: OutputPort,
    held: InForce,
    found: tuple[Finding, ...] | BaseException,
    now: datetime,
    port: StagedPort | None = None,
) -> Verdict:
    severity: Severity = "error" if held.consequence == "stop" else "warning"
    origins = ", ".join(str(origin) for origin in held.origins)
    message = held.policy.message if held.policy is not None else f"the policy '{held.id}'"
    base = Verdict(
        rule=held.id,
        subject=output.name,
        stage="policy",
        outcome="passed",
        severity=severity,
        dimension="policy",
        expected=message,
        observed="as it asks",
        decided_by=f"policy in {origins}",
    )
    if held.policy is None:
        return _could_not(base, "its declaration is broken: " + str(held.broken[0]))
    if isinstance(found, BaseException):
        return _could_not(base, _reason(found, port))
    wrong = next((w for each in found if (w := _no_finding(each, product)) is not None), None)
    if wrong is not None:
        return _could_not(base, wrong)
    mine = [finding for finding in found if finding.port in (None, output.name)]
    return _judged(base, mine, mesh.governance.waivers_for(product), now)


def _no_finding(found: object, product: Product) -> str | None:
    """Why what a policy returned is no finding about ``product``; None when it is one."""
    if not isinstance(found, Finding) or not isinstance(found.message, str):
        return f"it returned no Finding with a message, but {type(found).__name__}"
    names = [output.name for output in product.outputs]
    if found.port is not None and found.port not in names:
        return f"it found something on a port that there is not; there are {', '.join(names)}"
    return None


def _could_not(base: Verdict, reason: str) -> Verdict:
    return replace(base, outcome="error", observed="it could not run", reason=reason)


def _reason(error: BaseException, port: StagedPort | None) -> str:
    text = next(iter(str(error).strip().splitlines()), "")
    reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if port is None:
        return reason
    import duckdb

    if not (port.private or port.hidden):
        return text if isinstance(error, duckdb.Error) else reason
    if isinstance(error, duckdb.Error):
        return safe_text(text, known=text, kind=type(error).__name__)
    return f"{type(error).__name__} ({NOT_SHOWN})"


def _judged(
    base: Verdict, findings: list[Finding], waivers: Iterable[Waiver], now: datetime
) -> Verdict:
    """The verdict on what was found, after the waivers that hold at ``now``."""
    if not findings:
        return base
    about = [w for w in waivers if w.policy == base.rule]
    pairs = [(f, _waiver(base, f, about, now)) for f in findings]
    # What blocks is shown first: a list that is cut must not hide it behind what was waived.
    pairs.sort(key=lambda pair: pair[1] is not None)
    open_ones = [finding for finding, waiver in pairs if waiver is None]
    outcome: Outcome = "failed" if open_ones and base.severity == "error" else "warned"
    used = list(dict.fromkeys(waiver for _, waiver in pairs if waiver is not None))
    first, more = pairs[0][0], len(pairs) - 1
    ended = [] if not open_ones else [w for w in about if w.days_left(now) <= 0]
    return replace(
        base,
        outcome=outcome,
        observed=first.message + (f" (and {more} more)" if more else ""),
        column=first.column,
        failing_rows=first.failing_rows,
        rows=first.rows,
        samples=first.samples,
        reason=_ended(ended[0]) if ended else None,
        fix=first.fix,
        findings=tuple(
            {**finding.as_dict(), "waived": waiver is not None}
            for finding, waiver in pairs[:_MAX_FINDINGS]
        ),
        waivers=tuple(waiver.as_dict(now) for waiver in used),
    )


def _waiver(
    base: Verdict, finding: Finding, waivers: Iterable[Waiver], now: datetime
) -> Waiver | None:
    for waiver in waivers:
        if waiver.days_left(now) > 0 and waiver.covers(base.rule, base.subject, finding):
            return waiver
    return None


def _ended(waiver: Waiver) -> str:
    return (
        f"its waiver in {waiver.file}:{waiver.line} ended on {waiver.until} "
        f"(approved by {waiver.approved_by})"
    )
