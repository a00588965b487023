"""Drafts of products: what their files will hold, as values that can still be mended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from mesh_defs.contract.model import PortContract
from mesh_defs.product.check_queries import sql_type
from mesh_defs.product.envelope import PRODUCT_TYPE
from mesh_defs.sql import quote

MANIFEST = "defs.yaml"


@dataclass(slots=True)
class Draft:
    """A product that is to be written: the attributes of its manifest, its contracts by their
    files' names, the file that each port's contract is in; ``told`` is what of the documents could
    not be carried over, or was put in their place."""

    domain: str
    product: str
    attributes: dict[str, Any]
    contracts: dict[str, dict[str, Any]]
    ports: dict[str, str]
    told: list[str] = field(default_factory=list)

    @property
    def identity(self) -> str:
        """``<domain>/<product>``."""
        return f"{self.domain}/{self.product}"

    def tell(self, what: str) -> None:
        """Remember ``what`` could not be carried over, once."""
        if what not in self.told:
            self.told.append(what)

    def texts(self) -> dict[str, str]:
        """The manifest and the contracts, by their files' names."""
        manifest = {"type": PRODUCT_TYPE, "attributes": self.attributes}
        found = {MANIFEST: _yaml(manifest)}
        return {**found, **{name: _yaml(each) for name, each in self.contracts.items()}}


def query(promise: PortContract | None) -> str:
    """A query that makes no row of the columns that ``promise`` names: who drafts knows what a port
    is like, and not how it is made."""
    lines = [
        "-- Drafted by mesh import: no row is made yet. Write the SELECT that makes this port over",
        "-- the inputs of defs.yaml, then remove 'status: draft'.",
        "SELECT",
    ]
    columns = promise.columns if promise is not None else ()
    told = [f"    CAST(NULL AS {sql_type(c)}) AS {quote(c.name)}" for c in columns]
    return "\n".join([*lines, ",\n".join(told or ["    1 AS nothing"]), "WHERE false", ""])


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
