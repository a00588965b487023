"""Products run one after the other through Dagster in this process, as ``mesh up`` does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg

from mesh_defs.errors import MeshError
from mesh_defs.orchestration.names import PRODUCT, REASON, port_keys
from mesh_defs.orchestration.observers import watching
from mesh_defs.orchestration.partitions import everything, partitions_of
from mesh_defs.orchestration.product_defs import product_definitions
from mesh_defs.product.container import is_current
from mesh_defs.product.graph import build_order
from mesh_defs.product.stores import ledger

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo

    from mesh_defs.orchestration.observers import Watch
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.report import Observer, RunReport

BuildOutcome = Literal["published", "unchanged", "current", "failed", "error", "waiting"]

_INTERRUPTED = frozenset({"DagsterExecutionInterruptedError", "KeyboardInterrupt"})
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class Built:
    """What came of one product. ``published`` and ``unchanged`` ran well; ``current`` was up to
    date and did not run; ``failed`` broke a promise (``report`` has the verdicts); ``error`` broke
    otherwise and ``waiting`` did not run, because an input was never published: ``error`` says why.
    ``seconds`` is wall time, Dagster's part included."""

    product: Product
    outcome: BuildOutcome
    seconds: float
    report: RunReport | None = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the product's published version is what its code and inputs say now."""
        return self.outcome in ("published", "unchanged", "current")


def build_products(
    mesh: Mesh,
    instance: dg.DagsterInstance,
    products: Iterable[Product] | None = None,
    *,
    on_start: Callable[[Product], None] | None = None,
    on_progress: Observer | None = None,
    on_end: Callable[[Built], None] | None = None,
) -> list[Built]:
    """Run ``products`` (default: all sound ones) in build order; their runs are recorded in
    ``instance`` and belong to their domain's code location there.

    A product whose input failed runs all the same and reads the input's last good version. Raises
    nothing for what a product does; `KeyboardInterrupt` passes through.
    """
    built: list[Built] = []
    for product in build_order(mesh.products.values() if products is None else products):
        if on_start is not None:
            on_start(product)
        result = _build(mesh, instance, product, on_progress)
        built.append(result)
        if on_end is not None:
            on_end(result)
    return built


def _build(
    mesh: Mesh, instance: dg.DagsterInstance, product: Product, observer: Observer | None
) -> Built:
    started = time.perf_counter()
    if is_current(mesh, product):
        return Built(product, "current", time.perf_counter() - started)
    missing = list(_never_published(mesh, product))
    if missing:
        reason = f"its input {', '.join(missing)} was never published"
        return Built(product, "waiting", time.perf_counter() - started, error=reason)
    run_id = str(uuid.uuid4())
    with watching(run_id, observer) as watch:
        result = execute(mesh, instance, product, run_id)
    if watch.stopped or _interrupted(result):
        raise KeyboardInterrupt
    seconds = time.perf_counter() - started
    if watch.report is not None and (result.success or watch.report.outcome == "failed"):
        return Built(product, watch.report.outcome, seconds, report=watch.report)
    return Built(product, "error", seconds, report=watch.report, error=_reason(watch, result))


def execute(
    mesh: Mesh, instance: dg.DagsterInstance, product: Product, run_id: str
) -> dg.ExecuteInProcessResult:
    """One run of ``product`` through Dagster in this process, all partitions in a single run.

    One after the other: two runs in threads of one process can deadlock in Dagster's own set-up of
    logging.
    """
    definitions = product_definitions(mesh, product)
    partitions = partitions_of(product)
    job = definitions.resolve_implicit_global_asset_job_def()
    tags = {
        PRODUCT: product.identity,
        REASON: "mesh up",
        ".dagster/repository": f"__repository__@{product.domain}",
        **(everything(partitions) if partitions is not None else {}),
    }
    return job.execute_in_process(
        run_config=_QUIET,
        instance=instance,
        raise_on_error=False,
        asset_selection=port_keys(product),
        run_id=run_id,
        tags=tags,
    )


def _never_published(mesh: Mesh, product: Product) -> Iterator[str]:
    for url in product.upstream():
        try:
            known = ledger(mesh.settings, url.domain, url.product).latest() is not None
        except MeshError:
            known = True  # it was published and cannot be read: the run itself says so
        if not known:
            yield str(url.product_url())


def _interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether Ctrl-C ended the run: Dagster makes an event of it and goes on."""
    return any(error.cls_name in _INTERRUPTED for error in _errors(result))


def _reason(watch: Watch, result: dg.ExecuteInProcessResult) -> str:
    """Why a run failed, in the words of the innermost error."""
    if watch.error is not None:
        return watch.error
    messages = [error.message.strip() for error in _errors(result)]
    return messages[-1] if messages else "the run failed without a message"


def _errors(result: dg.ExecuteInProcessResult) -> Iterator[SerializableErrorInfo]:
    """Every error of a run's events, each followed by its causes."""
    for event in result.all_events:
        data: Any = event.event_specific_data
        error: SerializableErrorInfo | None = getattr(data, "error", None)
        while error is not None:
            yield error
            error = error.cause
