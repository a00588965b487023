"""Partitioned ports: periods of the manifest as Dagster's time windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from mesh_defs.product.staging import Window

if TYPE_CHECKING:
    from mesh_defs.product.manifest import Grain
    from mesh_defs.product.model import Product

_FORMAT = "%Y-%m-%d"
_CRON: dict[Grain, str] = {"day": "0 0 * * *", "week": "0 0 * * 1", "month": "0 0 1 * *"}


def partitions_of(product: Product) -> dg.TimeWindowPartitionsDefinition | None:
    """The partitions of ``product``; None unless all its ports have the same periods.

    One op makes all ports, so a product of which only some ports are partitioned is not
    partitioned in Dagster; its container still replaces whole periods of those ports.
    """
    periods = {(port.mode, port.every, port.start, port.end) for port in product.outputs}
    if len(periods) != 1:
        return None
    mode, every, start, end = next(iter(periods))
    if mode != "partition" or start is None:
        return None
    return dg.TimeWindowPartitionsDefinition(
        start=start, end=end, fmt=_FORMAT, cron_schedule=_CRON[every], timezone="UTC"
    )


def cadence(partitions: dg.TimeWindowPartitionsDefinition) -> str:
    """A name for the periods, such as ``day_from_20230101``."""
    every = next(grain for grain, cron in _CRON.items() if cron == partitions.cron_schedule)
    return f"{every}_from_{partitions.start:%Y%m%d}"


def window_of(context: dg.AssetExecutionContext) -> Window | None:
    """The periods that a run is about; None when it is about all of them."""
    if not context.has_partition_key and not context.has_partition_key_range:
        return None
    definition = context.assets_def.partitions_def
    keys = context.partition_key_range
    if (
        definition is not None
        and keys.start == definition.get_first_partition_key()
        and keys.end == definition.get_last_partition_key()
    ):
        return None
    window = context.partition_time_window
    return Window(window.start.date(), window.end.date())


def everything(partitions: dg.PartitionsDefinition[str]) -> dict[str, str]:
    """Run tags that ask for all partitions in a single run; empty when there is none yet."""
    first, last = partitions.get_first_partition_key(), partitions.get_last_partition_key()
    if first is None or last is None:
        return {}
    return {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }
