"""What is known of products, kept in a file from one start of a process to the next: reading the
record of each of them anew takes a thousand times as long."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.lineage.facts import ProductFacts, Reading, Told
from mesh_defs.discovery.lineage.model import Place
from mesh_defs.private_files import make_private, write_private
from mesh_defs.product.ledger import NOT_A_RECORD
from mesh_defs.stored import each, fitting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "lineage.json"
# Of what is written, and of how it is made of a record: another one is not read.
FORMAT = 1


def save(file: Path, known: Mapping[str, tuple[str, ProductFacts]]) -> None:
    """Write the facts of products, each with the mark of what they were read from. Raises
    OSError."""
    products = {name: [mark, _written(facts)] for name, (mark, facts) in known.items()}
    text = json.dumps({"format": FORMAT, "products": products}, separators=(",", ":"))
    make_private(file.parent)
    beside = file.with_suffix(f".{os.getpid()}.new")
    write_private(beside, text.encode())
    beside.replace(file)


def read(file: Path) -> dict[str, tuple[str, ProductFacts]]:
    """What `save` wrote; nothing where there is no such file, or another one."""
    try:
        told = json.loads(file.read_bytes())
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            return {}
        products = each(told["products"], "products", list)
        return {name: (str(mark), _read(values)) for name, (mark, values) in products.items()}
    except (OSError, *NOT_A_RECORD):
        return {}


def _written(facts: ProductFacts) -> dict[str, Any]:
    return {
        "identity": facts.identity,
        "version": facts.version,
        "published_at": facts.published_at,
        "ports": facts.ports,
        "reads": [asdict(one) for one in facts.reads],
        "lineage": facts.lineage,
        "told": asdict(facts.told) if facts.told is not None else None,
    }


def _read(values: dict[str, Any]) -> ProductFacts:
    told, ports = values["told"], each(values["ports"], "ports", list)
    known = fitting(ProductFacts, {**values, "told": None})
    known["ports"] = {port: tuple(columns) for port, columns in ports.items()}
    known["reads"] = tuple(_reading(one) for one in known["reads"])
    known["told"] = Told(**fitting(Told, told)) if told is not None else None
    return ProductFacts(**known)


def _reading(values: dict[str, Any]) -> Reading:
    known = fitting(Reading, {**values, "source": ""})
    return Reading(**{**known, "source": Place(**fitting(Place, values["source"]))})
