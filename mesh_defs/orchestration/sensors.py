"""What starts products of a domain by themselves: its conditions, and its operational sources."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import dagster as dg

from mesh_defs.errors import MeshError
from mesh_defs.orchestration.events import materializations, seen_version
from mesh_defs.orchestration.names import PRODUCT, REASON, port_keys
from mesh_defs.orchestration.partitions import everything, partitions_of
from mesh_defs.portal_address import portal_address
from mesh_defs.product.manifest import ServiceInput
from mesh_defs.product.resolve import current_inputs
from mesh_defs.product.stores import ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mesh_defs.product.ledger import InputRecord, Record
    from mesh_defs.product.model import Mesh, Product

INTERVAL_VARIABLE = "MESH_SENSOR_SECONDS"
INTERVAL_SECONDS = 30


def interval_seconds() -> int:
    """Seconds between two looks of a sensor: ``MESH_SENSOR_SECONDS``, 30 when it is no number."""
    given = os.environ.get(INTERVAL_VARIABLE, "")
    return max(1, int(given)) if given.isdecimal() else INTERVAL_SECONDS


def automation_sensor(
    domain: str, products: Sequence[Product]
) -> dg.AutomationConditionSensorDefinition:
    """Evaluates the conditions of the domain's products. It runs by default: Dagster's own default
    sensor waits until somebody starts it."""
    return dg.AutomationConditionSensorDefinition(
        name=f"{domain}__automation",
        target=_selection(products),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=interval_seconds(),
        description=f"Runs products of {domain} when their triggers ask for it.",
        run_tags={REASON: "trigger"},
    )


def sources_sensor(mesh: Mesh, domain: str, products: Sequence[Product]) -> dg.SensorDefinition:
    """Runs products whose operational sources changed, and tells Dagster of versions that were
    published without it."""

    @dg.sensor(
        name=f"{domain}__sources",
        asset_selection=_selection(products),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=interval_seconds(),
        description=f"Watches the operational systems that {domain} reads, and its ledgers.",
    )
    def sources(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return look(mesh, products, context.instance)

    return sources


def look(mesh: Mesh, products: Iterable[Product], instance: dg.DagsterInstance) -> dg.SensorResult:
    """One look at sources and ledgers. What cannot be reached is a reason, never a failed tick, so
    that one system that is down does not hide changes in the others."""
    requests: list[dg.RunRequest] = []
    reasons: list[str] = []
    events: list[dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation] = []
    for product in products:
        try:
            record = ledger(mesh.settings, product.domain, product.name).latest()
            if record is not None and _unheard(product, record, instance):
                events += materializations(product, record, portal_address(mesh.settings))
            if watches_sources(product):
                awaited = list(_awaited(mesh, product)) if record is None else []
                if awaited:
                    reasons.append(f"{product.name}: waits for the first version of {awaited[0]}")
                    continue
                request, reason = _request(product, record, current_inputs(mesh.settings, product))
                requests += [request] if request is not None else []
                reasons += [reason] if reason is not None else []
        except MeshError as error:
            reasons.append(f"{product.name}: {error}")
    if not requests and not reasons:
        reasons.append("no product here is triggered by an operational source")
    return dg.SensorResult(
        run_requests=requests or None,
        skip_reason=None if requests else "; ".join(reasons),
        asset_events=events,
    )


def _awaited(mesh: Mesh, product: Product) -> Iterator[str]:
    """Products that the contract's foreign keys refer to and that were never published. A run would
    end in an error; products that refer to each other in a circle do not wait."""
    for url in product.references():
        other = mesh.products.get(url.identity)
        circle = other is not None and product.identity in {u.identity for u in other.references()}
        if not circle and ledger(mesh.settings, url.domain, url.product).latest() is None:
            yield str(url.product_url())


def watches_sources(product: Product) -> bool:
    """Whether a change in an operational system starts ``product``."""
    reads_service = any(isinstance(port.source, ServiceInput) for port in product.inputs)
    return reads_service and product.manifest.trigger.on_update is not None


def _request(
    product: Product, record: Record | None, inputs: dict[str, InputRecord]
) -> tuple[dg.RunRequest | None, str | None]:
    """The run that a change asks for, or the reason why there is none."""
    sources = {
        port.name: inputs[port.name]
        for port in product.inputs
        if isinstance(port.source, ServiceInput)
    }
    silent = [str(read.source) for read in sources.values() if read.fingerprint is None]
    if silent and record is not None:
        return None, f"{product.name}: {', '.join(silent)} cannot tell whether it changed"
    read = {} if record is None else {name: record.inputs.get(name) for name in sources}
    if record is not None and read == sources:
        return None, f"{product.name}: up to date with its sources"
    partitions = partitions_of(product)
    # The published version is part of the key: a source that turns back to an earlier state is a
    # change all the same. The code's digest is, too: mended code may try again.
    state = f"{record.version if record else None}|{product.digest}|" + "|".join(
        f"{name}={sources[name].fingerprint}" for name in sorted(sources)
    )
    key = f"{product.identity}:{hashlib.sha256(state.encode()).hexdigest()[:32]}"
    return (
        dg.RunRequest(
            run_key=key,
            asset_selection=port_keys(product),
            tags={
                PRODUCT: product.identity,
                REASON: "a source changed",
                **(everything(partitions) if partitions is not None else {}),
            },
        ),
        None,
    )


def _unheard(product: Product, record: Record, instance: dg.DagsterInstance) -> bool:
    """Whether Dagster has not been told of ``record``, and no run of its own is about to."""
    event = instance.get_latest_materialization_event(port_keys(product)[0])
    told = event.asset_materialization if event is not None else None
    seen = seen_version(told.tags) if told is not None else None
    if seen is not None and seen >= record.version:
        return False
    run = instance.get_run_by_id(record.run_id)
    return run is None or run.is_finished


def _selection(products: Sequence[Product]) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(key for product in products for key in port_keys(product)))
