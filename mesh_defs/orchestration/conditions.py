"""From a manifest's trigger to the condition under which Dagster runs the product by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster import AutomationCondition as Condition

from mesh_defs.orchestration.names import entity_key, upstream_key
from mesh_defs.orchestration.partitions import partitions_of
from mesh_defs.product.manifest import ServiceInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.product.model import Mesh, Product

AssetCondition = dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey]


def condition_of(mesh: Mesh, product: Product) -> AssetCondition | None:
    """The condition of ``product``; None when a person, or its domain's sources sensor, starts it.

    Whatever starts it waits for the blocking checks of its inputs: Dagster's own blocking checks
    do not reach a consumer in another run.
    """
    trigger = product.manifest.trigger
    if trigger.cron is not None:
        return _on_cron(trigger.cron, trigger.timezone)
    if trigger.on_update is None or not any(product.upstream()):
        return None
    return _on_update(mesh, product, every=trigger.on_update == "all")


def _on_cron(cron: str, timezone: str) -> AssetCondition:
    # Not Condition.on_cron: that waits until every input was updated since the tick, and a run at
    # six reads whatever is published at six.
    tick: AssetCondition = Condition.cron_tick_passed(cron, timezone)
    return (
        Condition.in_latest_time_window()
        & tick.since_last_handled()
        & _checked()
        & ~Condition.in_progress()
    ).with_label(f"cron {cron} {timezone}")


def _on_update(mesh: Mesh, product: Product, *, every: bool) -> AssetCondition:
    keys = list(dict.fromkeys(upstream_key(mesh, url) for url in product.upstream()))
    updated = _all_updated(keys) if every else _updated(keys).since_last_handled()
    first = Condition.newly_missing().since_last_handled()
    # A service's entity has no materializations, and a partitioned input is read as a whole:
    # neither may count as missing.
    loose = [entity_key(p.source) for p in product.inputs if isinstance(p.source, ServiceInput)]
    loose += [
        upstream_key(mesh, url)
        for url in product.upstream()
        if (upstream := mesh.products.get(url.identity)) and partitions_of(upstream)
    ]
    missing = Condition.any_deps_missing()
    if loose:
        missing = missing.ignore(dg.AssetSelection.assets(*loose))
    label = "all inputs updated" if every else "any input updated"
    return (
        (updated | first)
        & ~missing
        & ~Condition.any_deps_in_progress()
        & ~Condition.in_progress()
        & _checked()
    ).with_label(label)


def _updated(keys: Sequence[dg.AssetKey]) -> AssetCondition:
    return Condition.any_deps_updated().allow(dg.AssetSelection.assets(*keys))


def _all_updated(keys: Sequence[dg.AssetKey]) -> AssetCondition:
    # Not any_deps_updated().allow(key): Dagster keeps what a `since` remembers under an id that
    # ignores which inputs are allowed, so the inputs would overwrite each other's memory.
    news = (
        Condition.newly_updated() & ~Condition.executed_with_root_target()
    ) | Condition.will_be_requested()
    each: list[AssetCondition] = [Condition.asset_matches(key, news) for key in keys]
    condition = each[0].since_last_handled()
    for other in each[1:]:
        condition = condition & other.since_last_handled()
    return condition


def _checked() -> AssetCondition:
    return Condition.all_deps_blocking_checks_passed()
