"""How the values of a property lie in the data, as far as its contract tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.odcs.dates import date_format
from mesh_defs.contract.odcs.values import TEMPORAL
from mesh_defs.contract.physical_types import UnknownType, parse

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty


def effective_type(model: SchemaProperty) -> str | None:
    """The logical type that is meant. In ODCS 3.0 ``date`` stood for timestamps and times too,
    and only the format told them apart."""
    logical = model.logicalType
    if logical not in TEMPORAL:
        return logical
    text = (model.logicalTypeOptions or {}).get("format")
    form = date_format(text) if isinstance(text, str) else None
    if logical != "date" or form is None or not form.timed:
        return logical
    return "timestamp" if form.dated else "time"


def stored_as_text(model: SchemaProperty) -> bool:
    """Whether the physical type is text or JSON."""
    if not model.physicalType:
        return False
    try:
        return parse(model.physicalType).name in ("VARCHAR", "JSON")
    except UnknownType:
        return False  # the rule on the column's type says so
