"""Where a refused version goes: out of the port's folder, beside its verdicts."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from mesh_defs.drivers.storage.objects import storing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.staging import PortPlan

FOLDER = "quarantine"
KEPT = 3


def quarantine(
    store: ProductStore,
    run_id: str,
    plans: Mapping[str, PortPlan],
    verdicts: Mapping[str, tuple[Verdict, ...]],
) -> str:
    """Move the run's new files away and write its verdicts beside them; the folder's path.

    The newest `KEPT` quarantined runs of a product stay, older ones are removed. Raises
    `StorageFailed`.
    """
    place = None
    for name, plan in plans.items():
        place = store.quarantine(run_id, name, [file.path for file in plan.staged_files]).parent
    content = {name: [verdict.as_dict() for verdict in found] for name, found in verdicts.items()}
    store.replace(f"{FOLDER}/{run_id}/verdicts.json", json.dumps(content, indent=1).encode())
    if place is None:
        return ""
    with storing(place.parent):
        runs = [folder for folder in place.parent.iterdir() if folder.is_dir()]
        for old in sorted(runs, key=lambda folder: folder.stat().st_mtime_ns)[:-KEPT]:
            shutil.rmtree(old)
    return str(place)
