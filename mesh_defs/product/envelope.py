"""A ``defs.yaml`` as a file of Dagster components: its documents, their types, their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.faults import did_you_mean, nearest
from mesh_defs.validation import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.faults import Fault
    from mesh_defs.yaml_source import Document

PRODUCT_TYPE = "mesh_defs.DataProduct"
DOMAIN_TYPE = "mesh_defs.Domain"
FOLDER_TYPE = "dagster.DefsFolderComponent"
COMPONENT_KEYS = ("type", "attributes", "template_vars_module", "requirements", "post_processing")
SMALLEST_PRODUCT = (
    f"'type: {PRODUCT_TYPE}' and below 'attributes:' archetype, version, owner and purpose"
)
SMALLEST_DOMAIN = (
    f"'type: {DOMAIN_TYPE}' with owner and purpose below 'attributes:', then '---', then "
    f"'type: {FOLDER_TYPE}'"
)


def envelope_faults(
    document: Document, kind: str, keys: Sequence[str] = COMPONENT_KEYS
) -> list[Fault]:
    """What is wrong around the attributes: not a component of type ``kind``, unknown keys."""
    data = document.data
    if not isinstance(data, dict):
        fix = f"start with 'type: {kind}'"
        allowed = f"a mapping of {' and '.join(keys[:2])}"
        return [document.fault((), found=shown(data), allowed=allowed, fix=fix)]
    faults = []
    unknown = [str(key) for key in data if key not in keys]
    given = data.get("type")
    # A misspelt `type:` is one mistake, which its unknown key tells.
    if given != kind and not ("type" not in data and any(nearest(k, ["type"]) for k in unknown)):
        fix = f"write 'type: {kind}'"
        faults.append(document.fault(("type",), found=shown(given), allowed=kind, fix=fix))
    return faults + [
        document.fault(
            (key,),
            found=f"unknown key '{key}'",
            allowed=", ".join(keys),
            fix=did_you_mean(key, keys),
        )
        for key in unknown
    ]
