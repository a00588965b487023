"""What one product tells of where it comes from: the record of its newest version and, as long as
there is none, what its files declare."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.lineage.model import Place, place_of
from mesh_defs.policy.flow.listed import listed, unknown
from mesh_defs.policy.flow.ways import text as words
from mesh_defs.policy.flow.ways import way
from mesh_defs.urls import is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_defs.policy.flow.ways import Way
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.manifest import Manifest

EVERYTHING = "*"
# A port and one of its columns; `EVERYTHING`: all columns of which nothing is listed.
Own = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """One input: its name, what it reads (the port may be left open), and the version that the
    newest version read. ``declared``: it stands in the manifest, and was not read yet."""

    input: str
    source: Place
    version: int | None = None
    declared: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """One source of a column, as `mesh_defs.discovery.lineage.model.Edge` says."""

    source: Place
    way: str
    assumed: bool
    equal: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What a manifest says of a product as a whole."""

    archetype: str
    status: str
    owner: str
    purpose: str


def told_by(manifest: Manifest | None) -> Told | None:
    """What ``manifest`` says; None for one that cannot be read."""
    if manifest is None:
        return None
    return Told(manifest.archetype, manifest.status, manifest.owner, manifest.purpose)


@dataclass(frozen=True)
class ProductFacts:
    """What is known of one product. ``version``: of its data, None where it has none yet.

    ``ports`` has the known columns by port, ``lineage`` what
    `mesh_defs.product.lineage.record` describes. ``problem`` is why its newest record, or its
    manifest, cannot be read. ``told`` is None as long as its manifest cannot be.
    """

    identity: str
    version: int | None
    published_at: str | None
    ports: Mapping[str, tuple[str, ...]]
    reads: tuple[Reading, ...]
    lineage: Mapping[str, Any] = field(default_factory=dict)
    told: Told | None = None
    problem: str | None = None

    @property
    def main_port(self) -> str:
        """The port that the product's URL alone means."""
        return next(iter(self.ports)) if len(self.ports) == 1 else self.identity.partition("/")[2]

    @cached_property
    def _assets(self) -> Mapping[str, Place]:
        """Entities by the path that lineage has for them: an entity's name may look like a
        product's."""
        return {
            one.source.owner.replace("://", "/", 1): one.source
            for one in self.reads
            if one.source.source
        }

    @cached_property
    def flows(self) -> Mapping[Own, tuple[Flow, ...]]:
        """The sources of every column of which they are known."""
        assumed = bool(self.lineage.get("assumed"))
        declared = self.lineage.get("declared", {})
        found: dict[Own, tuple[Flow, ...]] = {}
        for port, columns in self.lineage.get("ports", {}).items():
            for column in columns:
                by_name = assumed and column not in declared.get(port, ())
                found[port, column] = self._of_column(port, column, by_name)
        return found

    def _of_column(self, port: str, column: str, assumed: bool) -> tuple[Flow, ...]:
        ways: dict[Place, list[Way]] = {}
        equal: dict[Place, bool] = {}
        for one in listed(self.lineage, port, column) or ():
            source = self._source(one.asset).with_column(one.column)
            ways.setdefault(source, []).append(one.way)
            equal[source] = equal.get(source, True) and not one.flows
        return tuple(
            Flow(source, words(way(path for one in each for path in one)), assumed, equal[source])
            for source, each in ways.items()
        )

    def _source(self, asset: str) -> Place:
        entity = self._assets.get(asset)
        if entity is not None:
            return entity
        identity, _, port = asset.rpartition("/")
        return Place(identity, port)

    @cached_property
    def unknown(self) -> Mapping[Own, str]:
        """Why the sources of columns are not known."""
        if not self.lineage:
            return {(port, EVERYTHING): unknown({}, port, EVERYTHING) for port in self.ports}
        return {
            (port, column): unknown(self.lineage, port, column)
            for port, reasons in self.lineage.get("unknown", {}).items()
            for column in reasons
        }

    def reason(self, port: str, column: str) -> str | None:
        """Why nobody knows what ``column`` is made of; None where it is known."""
        if (port, column) in self.flows:
            return None
        return self.unknown.get((port, column)) or self.unknown.get((port, EVERYTHING))

    @cached_property
    def into(self) -> Mapping[Place, Sequence[tuple[Own, Flow]]]:
        """Into which of its columns each column that it reads flows."""
        found: dict[Place, list[tuple[Own, Flow]]] = {}
        for own, flows in self.flows.items():
            for flow in flows:
                found.setdefault(flow.source, []).append((own, flow))
        return found

    def column(self, port: str, name: str) -> str | None:
        """A column as it is written; upper and lower case are the same where nothing else is."""
        known = self.ports.get(port, ())
        if name in known:
            return name
        return next((one for one in known if one.lower() == name.lower()), None)


def recorded(identity: str, record: Record, manifest: Manifest | None) -> ProductFacts:
    """What the ``record`` of the newest version tells, and what the ``manifest`` adds to it: inputs
    that no version has read yet."""
    reads = []
    for name, read in record.inputs.items():
        reads.append(Reading(name, _place(read.source), read.version))
    known = {(one.source.owner, one.source.port) for one in reads}
    for name, declared in manifest.inputs.items() if manifest is not None else ():
        place = place_of(declared.source)
        if (place.owner, place.port) not in known:
            reads.append(Reading(name, place, declared=True))
    return ProductFacts(
        identity,
        record.version,
        record.published_at,
        {port: _columns(record.lineage, port) for port in record.ports},
        tuple(reads),
        record.lineage,
        told_by(manifest),
    )


def _place(source: str) -> Place:
    return place_of(parse(source)) if is_mesh_url(source) else Place(source, source=True)


def _columns(lineage: Mapping[str, Any], port: str) -> tuple[str, ...]:
    known = (*lineage.get("ports", {}).get(port, ()), *lineage.get("unknown", {}).get(port, ()))
    return tuple(column for column in known if column != EVERYTHING)
