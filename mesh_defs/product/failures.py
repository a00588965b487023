"""What a run tells of a query that an engine could not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import NOT_SHOWN, safe_text
from mesh_defs.drivers.compute.protocol import ComputeFailed, QueryRefused
from mesh_defs.errors import MeshError
from mesh_defs.faults import relative
from mesh_defs.product.code import PYTHON_FILE
from mesh_defs.product.privacy import names_of

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.product.model import OutputPort, Product


def told(product: Product, output: OutputPort, root: Path, query: str, error: Exception) -> str:
    """What an ``error`` on the way to the rows of ``output`` says, without values of the data: the
    kind of an engine's error, and the place of ``query`` in its file. Our own texts stay whole."""
    if isinstance(error, ComputeFailed) and not isinstance(error, QueryRefused):
        return f"{output.compute}: {type(error.__cause__ or error).__name__} ({NOT_SHOWN})"
    if isinstance(error, MeshError):
        return str(error)
    text, known, place = str(error), names_of(product), ""
    if product.transform.kind == "python":
        place = relative(product.folder / PYTHON_FILE, root)
    elif product.transform.project is not None:
        place = relative(product.transform.project, root)
    else:
        from mesh_defs.product.transforms.sql import place_of

        known += f" {query}"
        place = place_of(product, output, root, query, text)
    return safe_text(text, known=known, place=place, kind=type(error).__name__)
