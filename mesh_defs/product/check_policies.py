"""What the policies that need no data say of a mesh, as faults and warnings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, relative
from mesh_defs.policy.evaluate import declared_verdicts
from mesh_defs.policy.model import DataPolicy

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
        # Each was told once already, where it stands; it stops every product below.
        told = {broken.id for broken in mesh.governance.broken_for(product)}
        for verdict in declared_verdicts(mesh, product, now):
            if verdict.ok or verdict.rule in told:
                continue
            if verdict.outcome == "error":
                found = [_could_not_run(mesh, product, verdict)]
                (stopping if verdict.blocking else warning).update(found)
                continue
            for fault, waived in _findings(mesh, product, verdict):
                (stopping if verdict.severity == "error" and not waived else warning).add(fault)
    stopping.update(_shared_storage(mesh))
    warning.update(_holding_nowhere(mesh))
    warning.update(_ended(mesh, now))
    return sorted(stopping), sorted(warning)


def _shared_storage(mesh: Mesh) -> Iterator[Fault]:
    """Profiles that publish into one place under other policies: what the laxer one publishes is
    read under the stricter one."""
    limited = [d for d in mesh.governance.declarations if d.environments]
    profiles = mesh.settings.every_profile
    for at, (name, profile) in enumerate(profiles):
        for other_name, other in profiles[:at]:
            one, two = profile.environment or name, other.environment or other_name
            apart = [d for d in limited if (one in d.environments) != (two in d.environments)]
            if not apart or profile.storage != other.storage:
                continue
            yield mesh.settings.document.fault(
                ("profiles", name, "storage"),
                found=f"the storage of profile '{other_name}', where other policies hold "
                f"({', '.join(sorted({d.id for d in apart}))})",
                allowed="a storage of its own for each set of policies",
                fix="write another path, or put the policies in force in both environments",
            )


def _holding_nowhere(mesh: Mesh) -> Iterator[Fault]:
    """Declarations whose filter fits no port: perhaps a slip of the pen, perhaps ahead of time."""
    for declared in mesh.governance.declarations:
        where = declared.where
        if not (
            where.domain or where.archetype or where.tag or where.classification or where.status
        ):
            continue
        environment = mesh.governance.environment
        covered = (
            declared.covers(product, environment) and declared.covers_port(output)
            for product in mesh.products.values()
            for output in product.outputs
        )
        wrong_place = declared.environments and environment not in declared.environments
        if not wrong_place and not any(covered):
            yield Fault(
                declared.origin.file,
                declared.origin.line,
                f"policy {declared.id}",
                "a filter that fits no port of the mesh",
                "domains, archetypes, tags, classifications and status that products have",
                "mend 'where:', or leave it for products to come",
            )


def _ended(mesh: Mesh, now: datetime) -> Iterator[Fault]:
    """Waivers of policies on data whose end has come: what they find is not known before a run, and
    then it stops. One of a policy that needs no data is told with what that finds."""
    for waiver in mesh.governance.waivers:
        product = mesh.products.get(waiver.identity)
        if product is None or waiver.days_left(now) > 0:
            continue
        held = {
            each.id
            for output in product.outputs
            for each in mesh.governance.in_force(product, output, mesh)
            if isinstance(each.policy, DataPolicy)
        }
        if waiver.policy in held:
            yield Fault(
                waiver.file,
                waiver.line,
                "attributes.waivers.until",
                f"{waiver.until}, so that the waiver of {waiver.policy} for "
                f"mesh://{waiver.identity} has ended and lets nothing pass",
                "a day that has not passed, with a new approval; or no waiver",
                "mend what the policy finds and remove the waiver, or ask for an approval again",
            )


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
