"""Whom a change reaches: from the changed columns downstream, column by column.

The way follows the lineage that the last run of each consumer recorded. Beyond that a consumer is
touched when it expects something of a changed column, when its code names it (it may only decide
which rows there are, which lineage does not tell), and when nobody knows what it reads.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import MeshError
from mesh_defs.faults import relative
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.model import BrokenProduct, Product
from mesh_defs.product.plan.mentions import Mentions, word_pattern
from mesh_defs.product.plan.model import HOW, Touched
from mesh_defs.product.stores import product_store
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mesh_defs.policy.compatibility.model import Change, Comparison, Interface
    from mesh_defs.product.model import InputPort, Mesh
    from mesh_defs.product.plan.model import How

Consumer = Product | BrokenProduct
Way = tuple[str, ...]

# In place of a column: all of the port. Lineage writes what it does not know of a port so, too.
EVERYTHING = "*"
# Changes that reach readers although nothing breaks: their values look different.
_SEEN = frozenset({"type", "classification", "mode", "status"})
# Changes of a whole port that name the columns that they are about.
_NAMING = frozenset({"rule", "reference", "key"})
_WAYS = 5


@dataclass(slots=True)
class _Reach:
    """One consumer while it is being reached."""

    consumer: Consumer
    distance: int
    pinned: int | None
    how: How
    reason: str
    columns: set[str] = field(default_factory=set)
    ways: list[Way] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Hit:
    """What of a port's affected columns a consumer reads (``column``), how, and into which of its
    own columns it goes, as ``(port, column)``."""

    column: str
    how: How
    reason: str
    into: tuple[tuple[str, str], ...]


class Downstream:
    """Finds whom changes reach. ``before`` are the interfaces that consumers read so far."""

    def __init__(self, mesh: Mesh, before: Mapping[str, Interface]) -> None:
        self.mesh = mesh
        self.before = before
        self._lineages: dict[str, Mapping[str, Any] | None] = {}
        self._mentions = Mentions(mesh.root)
        self._readers: dict[str, list[tuple[Consumer, InputPort]]] = {}
        consumers: list[Consumer] = [*mesh.products.values(), *mesh.broken.values()]
        for consumer in consumers:
            for port in consumer.inputs:
                if isinstance(port.source, MeshUrl):
                    asset = self._asset(port.source)
                    self._readers.setdefault(asset, []).append((consumer, port))

    def direct(self, identity: str, port: str) -> list[tuple[Consumer, InputPort]]:
        """Who reads a port, each with its input."""
        return self._readers.get(f"{identity}/{port}", [])

    def columns(self, identity: str, port: str) -> list[str]:
        """The columns that a port had before; none when it was not there."""
        before = self.before.get(identity)
        found = before.ports.get(port) if before is not None else None
        return [column.name for column in found.promise.columns] if found is not None else []

    def touched(self, identity: str, comparison: Comparison) -> tuple[Touched, ...]:
        """Whom the changes of one product reach, the nearest first."""
        changed = {
            port.port: changed_columns(port.changes, self.columns(identity, port.port))
            for port in comparison.ports
        }
        return self.reached(identity, changed, _major(comparison.version_after))

    def reached(
        self,
        identity: str,
        changed: Mapping[str, Iterable[str]],
        major: int | None = None,
        seen_by: Callable[[str], bool] = lambda _identity: True,
    ) -> tuple[Touched, ...]:
        """Whom ``changed`` columns (`EVERYTHING`: all) of the ports of one product reach, the
        nearest first; ``major`` is the new major version of its interface. Consumers that are not
        ``seen_by`` who asks, by ``<domain>/<product>``, are left out with what lies behind them."""
        reached: dict[str, _Reach] = {}
        seen: dict[tuple[str, str], Way] = {}
        waiting: deque[tuple[str, str, int]] = deque()
        for port, columns in changed.items():
            for column in columns:
                asset = f"{identity}/{port}"
                seen[asset, column] = (_place(asset, column),)
                waiting.append((asset, column, 1))
        while waiting:
            asset, column, distance = waiting.popleft()
            way = seen[asset, column]
            for consumer, reads in self._readers.get(asset, ()):
                if consumer.identity == identity or not seen_by(consumer.identity):
                    continue
                for hit in self._hits(consumer, reads, asset, column):
                    self._note(reached, consumer, reads, hit, way, distance, major)
                    for into in hit.into:
                        key = (f"{consumer.identity}/{into[0]}", into[1])
                        if key not in seen:
                            seen[key] = (*way, _place(*key))
                            waiting.append((*key, distance + 1))
        return tuple(self._done(reach) for reach in reached.values())

    def _note(
        self,
        reached: dict[str, _Reach],
        consumer: Consumer,
        reads: InputPort,
        hit: _Hit,
        way: Way,
        distance: int,
        major: int | None,
    ) -> None:
        found = reached.get(consumer.identity)
        if found is None:
            pinned = _pin(reads, major) if distance == 1 else None
            found = _Reach(consumer, distance, pinned, hit.how, hit.reason)
            reached[consumer.identity] = found
        if HOW.index(hit.how) < HOW.index(found.how):
            found.how, found.reason = hit.how, hit.reason
        found.columns.add(_short(way[0]))
        ends = [_place(f"{consumer.identity}/{port}", column) for port, column in hit.into]
        if not ends and not any(known[: len(way)] == way for known in found.ways):
            ends = [f"mesh://{consumer.identity}"]
        for end in ends:
            if len(found.ways) < _WAYS and (*way, end) not in found.ways:
                found.ways.append((*way, end))

    def _done(self, reach: _Reach) -> Touched:
        consumer = reach.consumer
        owner = consumer.manifest.owner if isinstance(consumer, Product) else "unknown"
        return Touched(
            product=consumer.identity,
            owner=owner,
            distance=reach.distance,
            how=reach.how,
            reason=reach.reason,
            columns=tuple(sorted(reach.columns)),
            ways=tuple(reach.ways),
            pinned=reach.pinned,
        )

    def _hits(
        self, consumer: Consumer, reads: InputPort, asset: str, column: str
    ) -> Iterator[_Hit]:
        """How ``consumer`` reads ``column`` (`EVERYTHING`: whatever it reads) of ``asset``."""
        everything = tuple((port, EVERYTHING) for port in self._ports(consumer))
        lineage = self._lineage(consumer)
        if column == EVERYTHING:
            yield _Hit(column, "port", f"reads it as its input '{reads.name}'", everything)
            return
        flows, unknown = ((), {}) if lineage is None else _flows(lineage, asset, column)
        if flows:
            into = ", ".join(f"{port}#{name}" for port, name in flows)
            yield _Hit(column, "flows", f"flows into {into}{_assumed(lineage, flows)}", flows)
        expected = self._expectation(consumer, reads, column)
        if expected:
            yield _Hit(column, "expects", expected, ())
        named = "" if flows else self._mentions.first(consumer, column)
        if named:
            yield _Hit(column, "names", f"its code names it in {named}", everything)
        elif lineage is None:
            reason = "what it reads is not known: it has no published version"
            yield _Hit(column, "unknown", reason, everything)
        elif unknown:
            why = next(iter(unknown.values()))
            reason = f"what it reads is not known: {why}"
            yield _Hit(column, "unknown", reason, tuple(unknown))

    def _expectation(self, consumer: Consumer, reads: InputPort, column: str) -> str:
        expected = reads.expectations
        if expected is None:
            return ""
        rule = next((r for r in expected.rules if r.column == column), None)
        if rule is None and expected.column(column) is None:
            return ""
        file = relative(consumer.folder / "defs.yaml", self.mesh.root)
        return f"expects something of it in {file}:{rule.line if rule else reads.line}"

    def _lineage(self, consumer: Consumer) -> Mapping[str, Any] | None:
        if consumer.identity not in self._lineages:
            store = product_store(self.mesh.settings, consumer.domain, consumer.name)
            try:
                record = Ledger(store).latest()
            except MeshError:
                record = None
            found = record.lineage if record is not None and record.lineage else None
            self._lineages[consumer.identity] = found
        return self._lineages[consumer.identity]

    def _ports(self, consumer: Consumer) -> list[str]:
        if isinstance(consumer, Product):
            return [output.name for output in consumer.outputs]
        before = self.before.get(consumer.identity)
        return list(before.ports) if before is not None else []

    def _asset(self, url: MeshUrl) -> str:
        """The asset that an input reads, also where its product is broken or gone."""
        if url.port is not None:
            return f"{url.identity}/{url.port}"
        product, before = self.mesh.products.get(url.identity), self.before.get(url.identity)
        ports = [o.name for o in product.outputs] if product is not None else []
        ports = ports or (list(before.ports) if before is not None else [])
        return f"{url.identity}/{ports[0] if len(ports) == 1 else url.product}"


def changed_columns(changes: Iterable[Change], columns: Iterable[str]) -> list[str]:
    """Those of ``columns`` whose change reaches readers; `EVERYTHING` for what is about all of
    them. A rule, key or reference of the port is about the columns that it names."""
    known = list(columns)
    found: list[str] = []
    for change in changes:
        if change.level == "breaking" or (change.level == "compatible" and change.kind in _SEEN):
            if change.top is not None:
                found.append(change.top)
            else:
                found += _named(change, known) or [EVERYTHING]
    return list(dict.fromkeys(found))


def _named(change: Change, columns: list[str]) -> list[str]:
    if change.kind not in _NAMING:
        return []
    text = f"{change.before or ''} {change.after or ''}"
    return [name for name in columns if word_pattern(name).search(text)]


def _flows(
    lineage: Mapping[str, Any], asset: str, column: str
) -> tuple[tuple[tuple[str, str], ...], dict[tuple[str, str], str]]:
    """Into which columns of the consumer ``column`` flows, and of which nobody knows where they
    come from."""
    flows = [
        (port, name)
        for port, columns in lineage["ports"].items()
        for name, sources in columns.items()
        if any(source[0] == asset and source[1] == column for source in sources)
    ]
    unknown = {
        (port, name): reason
        for port, reasons in lineage["unknown"].items()
        for name, reason in reasons.items()
    }
    return tuple(flows), unknown


def _assumed(lineage: Mapping[str, Any] | None, flows: tuple[tuple[str, str], ...]) -> str:
    """Words for flows that are known by the columns' names alone."""
    if lineage is None or not lineage.get("assumed"):
        return ""
    declared = lineage.get("declared", {})
    known = all(name in declared.get(port, ()) for port, name in flows)
    return "" if known else " (assumed, by its name)"


def _pin(reads: InputPort, major: int | None) -> int | None:
    """The major version that the input keeps to, when the new version has another one."""
    pinned = reads.source.major if isinstance(reads.source, MeshUrl) else None
    return pinned if pinned is not None and major is not None and pinned != major else None


def _major(version: str | None) -> int | None:
    return int(version.partition(".")[0]) if version is not None else None


def _place(asset: str, column: str) -> str:
    return f"mesh://{asset}" + ("" if column == EVERYTHING else f"#{column}")


def _short(place: str) -> str:
    """``<port>#<column>`` of a place."""
    return place.removeprefix("mesh://").split("/", 2)[2]
