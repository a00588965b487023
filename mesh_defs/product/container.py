"""The container: resolve, expect, transform, promise, publish, tell; around one product.

It imports no Dagster; `mesh_defs.orchestration` wraps it, ``mesh run`` calls it as it is.
"""

from __future__ import annotations

import shutil
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.interrupts import is_interrupt, listening, received
from mesh_defs.product.attempts import Attempt, Attempts, is_name
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.privacy import untold
from mesh_defs.product.publish import clean_up, roll_forward
from mesh_defs.product.report import Progress, RunReport
from mesh_defs.product.resolve import current_inputs
from mesh_defs.product.run import Run
from mesh_defs.product.stores import product_store
from mesh_defs.product.tell import Tellers

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.report import Observer
    from mesh_defs.product.staging import Window

WAIT_SECONDS = 600.0


def run_product(
    mesh: Mesh,
    product: Product,
    *,
    run_id: str | None = None,
    window: Window | None = None,
    rebuild: bool = False,
    observer: Observer | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> RunReport:
    """Run ``product`` once and publish its next version, or say why not.

    ``window`` limits partitioned ports to whole periods; ``rebuild`` ignores what was published and
    replaces everything. Runs of one product wait for each other. A broken promise is a report with
    outcome ``failed``; raises `TransformFailed`, `NotPublished`, `SourceUnavailable`, `Busy`,
    `PublishConflict` and other `MeshError`s; KeyboardInterrupt after Ctrl-C, whatever an engine
    made of it.
    """
    store = product_store(mesh.settings, product.domain, product.name)
    identity = run_id or new_run_id()
    if not is_name(identity):
        raise MeshError(
            f"'{identity}' cannot be a run's id: use letters, digits, '.', '_' and '-', at most "
            "100, a letter or digit first"
        )
    watch = observer or _ignore
    with store.lock(wait_seconds), listening():
        tellers = Tellers(mesh, product, watch)
        tellers.recovered(*recover(mesh, product, store, rebuild=rebuild))
        watch(Progress(product.identity, "locked", 0.0))
        return _attempt(mesh, product, store, identity, window, rebuild, watch, tellers)


def _attempt(
    mesh: Mesh,
    product: Product,
    store: ProductStore,
    run_id: str,
    window: Window | None,
    rebuild: bool,
    observer: Observer,
    tellers: Tellers,
) -> RunReport:
    attempts = Attempts(store)
    now = datetime.now(UTC)
    # Files are named by the attempt, not by the run, which may be tried again.
    token = uuid.uuid4().hex
    attempt = Attempt(
        run_id,
        now.isoformat(timespec="milliseconds"),
        "running",
        token=token,
        digest=product.digest,
    )
    attempts.write(attempt)
    started = time.perf_counter()
    tellers.started(run_id, attempt.started_at)
    scratch = work_folder(mesh) / run_id
    run: Run | None = None
    try:
        run = Run(
            mesh,
            product,
            store,
            run_id,
            token,
            now,
            scratch,
            observer,
            window=window,
            rebuild=rebuild,
        )
        report = run.execute()
        if received() and report.outcome != "published":
            raise KeyboardInterrupt  # a check may take it for a fault of its own
    except BaseException as error:
        stopped = is_interrupt(error)
        hidden = None if stopped else untold(mesh, product, error)
        message = mesh.settings.redact(str(hidden or error))
        if stopped:
            message = f"stopped by {received() or 'Ctrl-C'}"
        elif hidden is not None:
            hidden.args = (message,)
        elif isinstance(error, MeshError):
            error.args = (message, *error.args[1:])
        else:
            message = f"{type(error).__name__}: {message}"
        seconds = time.perf_counter() - started
        try:
            # First, because what cannot be written may want the room that these files take.
            if run is not None:
                run.discard()
        finally:
            attempts.write(replace(attempt, result="error", seconds=seconds, message=message))
            tellers.broke(run_id, message, _now(), stopped=stopped)
        if stopped and isinstance(error, Exception):
            raise KeyboardInterrupt from None  # what it says is of no use, and may quote values
        if hidden is not None:
            raise hidden from None
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    attempts.write(
        replace(
            attempt,
            result=report.outcome,
            seconds=report.seconds,
            version=report.version if report.outcome == "published" else None,
            message=report.explanation() if report.outcome == "failed" else None,
            verdicts=report.verdicts,
            digest=product.digest,
            inputs=dict(report.inputs),
        )
    )
    tellers.ended(report, _now())
    observer(Progress(product.identity, "told", time.perf_counter() - started, report.rows))
    return report


def recover(
    mesh: Mesh, product: Product, store: ProductStore, *, rebuild: bool = False
) -> tuple[list[Record], list[str]]:
    """Finish what an interrupted run had decided, remove what it had only begun; the versions that
    became visible by it, and the ids of runs that had ended without a word. The caller holds the
    product's lock. A ``rebuild`` gives up what can no longer be finished."""
    finished = roll_forward(store, rebuild=rebuild)
    return finished, clean_up(store, [port.name for port in product.outputs], work_folder(mesh))


def is_current(mesh: Mesh, product: Product) -> bool:
    """Whether this code has nothing new to publish from these very inputs: it made the newest
    version from them, or its last run found nothing in them that was not published already.

    An input that cannot be reached or was never published, or a record that cannot be read, counts
    as not current, so that the run itself tells why.
    """
    store = product_store(mesh.settings, product.domain, product.name)
    try:
        record = Ledger(store).latest()
        inputs = current_inputs(mesh.settings, product)
    except MeshError:
        return False
    if record is None:
        return False
    if any(i.version is None and i.fingerprint is None for i in inputs.values()):
        return False
    if record.digest == product.digest and dict(record.inputs) == inputs:
        return True
    last = Attempts(store).latest()
    return (
        last is not None
        and last.result == "unchanged"
        and last.digest == product.digest
        and dict(last.inputs) == inputs
    )


def work_folder(mesh: Mesh) -> Path:
    """Where runs keep what lives no longer than they do."""
    return mesh.settings.state / "work"


def new_run_id() -> str:
    """A run's id: a random UUID, as Dagster's."""
    return str(uuid.uuid4())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _ignore(_: Progress) -> None:
    """Progress that nobody watches."""
