"""What is known of one version of a product, as far as flows of columns go."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.policy.annotations import annotations_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mesh_defs.contract.model import Column
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.policy.annotations import Annotations
    from mesh_defs.product.model import OutputPort

# A product's identity and the number of one of its versions; NEXT is the one that is being made.
Key = tuple[str, int]
NEXT = -1


@dataclass(frozen=True, slots=True)
class Read:
    """One input as it was read: its name, the port of the product ``key``."""

    input: str
    key: Key
    port: str


@dataclass(frozen=True)
class Version:
    """A version of a product: its ports with the contracts that it was made under, its lineage
    (`mesh_defs.product.lineage.record`), what it read of other products, for which purposes the
    product as a whole may be used (None: nothing is said), and what its columns (port and name in
    lower case) turned out to be when it was published, whatever the contract says."""

    key: Key
    outputs: Mapping[str, OutputPort]
    lineage: Mapping[str, Any] = field(default_factory=dict)
    reads: tuple[Read, ...] = ()
    purposes: tuple[str, ...] | None = None
    turned_out: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """``<domain>/<product>``."""
        return self.key[0]

    @cached_property
    def annotations(self) -> Mapping[str, Annotations]:
        """What the contracts say in custom properties, by port."""
        return {name: annotations_of(output) for name, output in self.outputs.items()}

    @cached_property
    def _columns(self) -> Mapping[tuple[str, str], Column]:
        return {
            (name, column.name.lower()): column
            for name, output in self.outputs.items()
            for column in output.promise.columns
        }

    def column(self, port: str, name: str) -> Column | None:
        """What the contract says of a column; upper and lower case are the same."""
        return self._columns.get((port, name.lower()))

    def counters(self, port: str, column: str) -> tuple[str, ...]:
        """The columns that count the rows behind the aggregates of ``column``."""
        return tuple(self.lineage.get("counted", {}).get(port, {}).get(column, ()))

    def url(self, port: str, column: str) -> str:
        """The column's global URL."""
        return f"mesh://{self.identity}/{port}#{column}"


def turned_out(verdicts: Mapping[str, Iterable[Verdict]]) -> dict[tuple[str, str], str]:
    """The classifications that policies found columns to have, by port and column in lower case;
    ``verdicts`` are those of a published version, by port."""
    found: dict[tuple[str, str], str] = {}
    for port, each in verdicts.items():
        for finding in (one for verdict in each for one in verdict.findings):
            column, word = finding.get("column"), finding.get("classification")
            if isinstance(column, str) and word in CLASSIFICATIONS:
                key = (port, column.lower())
                found[key] = max(word, found.get(key, word), key=CLASSIFICATIONS.index)
    return found
