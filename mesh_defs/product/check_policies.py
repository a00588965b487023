"""What the policies that need no data say of a mesh, as faults and warnings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, relative
from mesh_defs.policy.evaluate import declared_verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.product.model import Mesh, Product


def policy_faults(mesh: Mesh) -> tuple[list[Fault], list[Fault]]:
    """Findings that stop a product, and those that warn or are waived, each at its place."""
    stopping: set[Fault] = set()
    warning: set[Fault] = set()
    now = datetime.now(UTC)
    for product in mesh.products.values():
        for verdict in declared_verdicts(mesh, product, now):
            if verdict.ok:
                continue
            if verdict.outcome == "error":
                found = [_could_not_run(mesh, product, verdict)]
                (stopping if verdict.blocking else warning).update(found)
                continue
            for fault, waived in _findings(mesh, product, verdict):
                (stopping if verdict.severity == "error" and not waived else warning).add(fault)
    return sorted(stopping), sorted(warning)


def _could_not_run(mesh: Mesh, product: Product, verdict: Verdict) -> Fault:
    return Fault(
        _file(mesh, product),
        product.line,
        f"policy {verdict.rule}",
        f"a policy that could not run: {verdict.reason}",
        verdict.expected,
        f"mend the policy ({verdict.decided_by.removeprefix('policy in ')})",
    )


def _findings(mesh: Mesh, product: Product, verdict: Verdict) -> Iterator[tuple[Fault, bool]]:
    waiver = verdict.waivers[0] if verdict.waivers else None
    for finding in verdict.findings:
        waived = bool(finding.get("waived"))
        message = str(finding["message"])
        if waived and waiver is not None:
            message += f" (waived until {waiver['until']}: {waiver['reason']})"
        elif verdict.reason:
            message += f"; {verdict.reason}"
        fault = Fault(
            str(finding.get("file") or _file(mesh, product)),
            int(finding.get("line") or product.line),
            f"policy {verdict.rule}",
            message,
            verdict.expected,
            str(finding.get("fix") or "mend it, or ask for a waiver"),
        )
        yield fault, waived


def _file(mesh: Mesh, product: Product) -> str:
    return relative(product.folder / "defs.yaml", mesh.root)
