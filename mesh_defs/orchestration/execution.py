"""The one op of a product: it calls the container and tells Dagster what came of it."""

# No `from __future__ import annotations`: Dagster compares the annotation of `context` as it is.
from collections.abc import Iterator
from typing import NoReturn

import dagster as dg

from mesh_defs.errors import Busy, MeshError, SourceUnavailable
from mesh_defs.orchestration.checks import check_results, check_specs, rules_table
from mesh_defs.orchestration.events import materialize_results
from mesh_defs.orchestration.names import op_name
from mesh_defs.orchestration.observers import watch_of
from mesh_defs.orchestration.partitions import partitions_of, window_of
from mesh_defs.orchestration.specs import port_specs
from mesh_defs.portal_address import portal_address
from mesh_defs.product.container import run_product
from mesh_defs.product.model import Mesh, Product
from mesh_defs.product.report import Progress, RunReport

MAX_RETRIES = 3
RETRY_SECONDS = 5.0  # doubled with each retry
WAIT_SECONDS = 120.0  # for another run of the same product, before this one is tried again later

Event = dg.AssetCheckResult | dg.MaterializeResult[None]

# Each line is an event in Dagster's storage; these are what a person waits for.
_TOLD_STEPS = ("staged", "verified", "quarantined")


def product_assets(mesh: Mesh, product: Product) -> dg.AssetsDefinition:
    """All ports of ``product`` with their checks, made by one op."""
    partitions = partitions_of(product)

    @dg.multi_asset(
        name=op_name(product),
        description=product.manifest.purpose,
        specs=port_specs(mesh, product),
        check_specs=check_specs(mesh, product),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions is not None else None,
        can_subset=False,
    )
    def run(context: dg.AssetExecutionContext) -> Iterator[Event]:
        report = _contained(mesh, product, context)
        yield from _told(mesh, product, report)

    return run


def _contained(mesh: Mesh, product: Product, context: dg.AssetExecutionContext) -> RunReport:
    """Run the container; what it raises becomes a retry or a failure that a person can read."""
    watch = watch_of(context.run.run_id)

    def observe(progress: Progress) -> None:
        if progress.step.startswith(_TOLD_STEPS):
            rows = "" if progress.rows is None else f", {progress.rows:,} rows"
            context.log.info(f"{progress.step} after {progress.seconds:.2f} s{rows}")
        elif progress.note is not None:
            context.log.warning(progress.note)
        if watch is not None and watch.observer is not None:
            watch.observer(progress)

    try:
        report = run_product(
            mesh,
            product,
            run_id=context.run.run_id,
            window=window_of(context),
            observer=observe,
            wait_seconds=WAIT_SECONDS,
        )
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        if watch is not None:
            watch.stopped = True
        raise
    except MeshError as error:
        if watch is not None:
            watch.error = str(error)
        _give_up(error, context.retry_number)
    if watch is not None:
        watch.report = report
    version = "" if report.version is None else f", version {report.version}"
    context.log.info(f"mesh://{product.identity} {report.outcome}{version}")
    return report


def _give_up(error: MeshError, retries: int) -> NoReturn:
    if isinstance(error, SourceUnavailable | Busy) and retries < MAX_RETRIES:
        raise dg.RetryRequested(
            max_retries=MAX_RETRIES, seconds_to_wait=RETRY_SECONDS * 2**retries
        ) from error
    raise dg.Failure(description=str(error), allow_retries=False) from None


def _told(mesh: Mesh, product: Product, report: RunReport) -> Iterator[Event]:
    """Check results first. After a broken promise the failure comes before any materialization:
    Dagster's blocking checks do not protect consumers in other runs."""
    portal = portal_address(mesh.settings)
    yield from check_results(product, report, portal)
    if report.outcome == "failed":
        raise dg.Failure(
            description=report.explanation(),
            metadata={"verdicts": rules_table(v for v in report.verdicts if not v.ok)},
            allow_retries=False,
        )
    if report.record is not None and report.outcome == "published":
        yield from materialize_results(product, report.record, portal)
