"""The graph of columns over all products that a version was made of: what flows where, and what it
brings along: its classification, and the purposes for which it may be used.

Operational systems classify nothing, so that nothing comes from them: whoever reads one says in the
own contract what it is. What lineage does not know counts as coming from everything that was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.contract.model import CLASSIFICATIONS, PERSONAL
from mesh_defs.errors import MeshError
from mesh_defs.policy.flow.agreement import MASKED_CHARACTERS, disagreement
from mesh_defs.policy.flow.listed import listed, unknown
from mesh_defs.policy.flow.pieces import Pieces
from mesh_defs.policy.flow.ways import DIRECT, chooses_only, decides_only

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mesh_defs.policy.flow.versions import Key, Version
    from mesh_defs.policy.flow.ways import Way


@dataclass(frozen=True, slots=True)
class Ref:
    """A column of one version."""

    key: Key
    port: str
    column: str


@dataclass(frozen=True, slots=True)
class Inflow:
    """What flows into a column from another product's ``source``. ``assumed`` tells that Python
    made it, which nothing but the data can say something of. ``reason`` is why lineage does not
    know, and takes every column that was read. ``equal``: it shows, at least in part, through a
    condition that makes the two equal or compares them."""

    source: Ref
    way: Way = (DIRECT,)
    assumed: bool = False
    reason: str = ""
    equal: bool = False


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How a column must be classified, and the columns that it comes through, the source last."""

    classification: str
    path: tuple[Ref, ...]

    @property
    def rank(self) -> int:
        """Higher is more protected."""
        return rank(self.classification)


@dataclass(frozen=True, slots=True)
class Purposes:
    """The purposes for which a column may be used (None: nobody says), and the columns from which
    that follows, the source last."""

    permitted: frozenset[str] | None
    path: tuple[Ref, ...]


class Flows:
    """The columns of one version, ``root``, and of all ``versions`` that it was made of."""

    def __init__(self, root: Version, versions: Mapping[Key, Version]) -> None:
        self.root = root
        self.versions = versions
        self.pieces = Pieces(self)
        self._sensitivity: dict[Ref, Sensitivity] = {}
        self._purposes: dict[Ref, tuple[Purposes, ...]] = {}

    def ref(self, port: str, column: str) -> Ref:
        """A column of the root version."""
        return Ref(self.root.key, port, column)

    def url(self, ref: Ref) -> str:
        """The global URL of ``ref``."""
        return self.version(ref.key).url(ref.port, ref.column)

    def version(self, key: Key) -> Version:
        """The version of that key. Raises `MeshError` when nothing is known of it."""
        if key == self.root.key:
            return self.root
        try:
            return self.versions[key]
        except KeyError:
            raise MeshError(
                f"version {key[1]} of mesh://{key[0]}, which was read, is not known any more"
            ) from None

    def inflows(self, ref: Ref) -> Iterator[Inflow]:
        """What flows into ``ref`` from other products, one step up."""
        version = self.version(ref.key)
        found = listed(version.lineage, ref.port, ref.column)
        if found is None:
            yield from self._everything(version, ref)
            return
        assumed = bool(version.lineage.get("assumed"))
        for one in found:
            for source in _refs(version, one.asset, one.column):
                yield Inflow(source, one.way, assumed and one.flows, equal=one.equal)

    def _everything(self, version: Version, ref: Ref) -> Iterator[Inflow]:
        reason = unknown(version.lineage, ref.port, ref.column)
        assumed = bool(version.lineage.get("assumed"))
        for read in version.reads:
            for column in self.version(read.key).outputs[read.port].promise.columns:
                source = Ref(read.key, read.port, column.name)
                yield Inflow(source, assumed=assumed, reason=reason)

    def sensitivity(self, ref: Ref) -> Sensitivity:
        """How ``ref`` is classified: as its contract says, or higher, as what flows into it unless
        that is reduced as the contract says and no pieces are put together again.

        Raises `MeshError`.
        """
        if ref not in self._sensitivity:
            best = self._declared(ref)
            self._sensitivity[ref] = best  # A cycle adds nothing to what is on it.
            for inflow in self.inflows(ref):
                found = self.sensitivity(inflow.source)
                if found.rank <= best.rank or not follows(inflow, found):
                    continue
                if not self.reduced(ref, inflow):
                    best = Sensitivity(found.classification, (ref, *found.path))
            for origin, shown in self.pieces.of(ref).items():
                found = self.sensitivity(origin)
                if found.rank > best.rank and sum(shown.values()) > MASKED_CHARACTERS:
                    best = Sensitivity(found.classification, (ref, *found.path))
            self._sensitivity[ref] = best
        return self._sensitivity[ref]

    def _declared(self, ref: Ref) -> Sensitivity:
        version = self.version(ref.key)
        column = version.column(ref.port, ref.column)
        if column is not None:
            found = version.turned_out.get((ref.port, ref.column.lower()), column.classification)
            return Sensitivity(max(found, column.classification, key=rank), (ref,))
        # A column that its contract does not name may hold what any of them holds.
        named = version.outputs[ref.port].promise.columns if ref.port in version.outputs else ()
        words = [each.classification for each in named] or [CLASSIFICATIONS[-1]]
        return Sensitivity(max(words, key=rank), (ref,))

    def reduced(self, ref: Ref, inflow: Inflow) -> bool:
        """Whether ``inflow`` is reduced as the contract of ``ref`` says. Where nothing but the data
        could prove it, that was looked at when the version was published."""
        if decides_only(inflow.way):
            return True
        version = self.version(ref.key)
        annotations = version.annotations.get(ref.port)
        reduction = annotations.reduced_by(ref.column) if annotations is not None else None
        if reduction is None:
            return False
        counters = version.counters(ref.port, ref.column)
        return inflow.assumed or disagreement(reduction, inflow.way, counters) is None

    def purposes(self, ref: Ref) -> tuple[Purposes, ...]:
        """What restricts the use of ``ref``: what is said of the column itself, and of every column
        that flows into it other than in aggregates. Raises `MeshError`."""
        if ref not in self._purposes:
            self._purposes[ref] = ()
            own = self.own_purposes(ref)
            found = [Purposes(own, (ref,))] if own is not None else []
            for one in self.inherited_purposes(ref):
                if all(one.permitted != other.permitted for other in found):
                    found.append(one)
            self._purposes[ref] = tuple(found)
        return self._purposes[ref]

    def inherited_purposes(self, ref: Ref) -> Iterable[Purposes]:
        """What restricts the use of what flows into ``ref``."""
        version = self.version(ref.key)
        annotations = version.annotations.get(ref.port)
        reduction = annotations.reduced_by(ref.column) if annotations is not None else None
        anonymous = reduction is not None and reduction.method in ("aggregated", "dropped")
        for inflow in self.inflows(ref):
            if decides_only(inflow.way) or (anonymous and self.reduced(ref, inflow)):
                continue
            for found in self.purposes(inflow.source):
                yield Purposes(found.permitted, (ref, *found.path))

    def own_purposes(self, ref: Ref) -> frozenset[str] | None:
        """For what ``ref`` may be used as its own contract says, else its product; None when
        neither says anything."""
        version = self.version(ref.key)
        annotations = version.annotations.get(ref.port)
        said = annotations.permitted_purposes(ref.column) if annotations is not None else None
        said = said if said is not None else version.purposes
        return frozenset(said) if said is not None else None


def follows(inflow: Inflow, found: Sensitivity) -> bool:
    """Whether what is ``found`` of the source must follow. Of what only chose rows by its order,
    nothing less than personal data does: the newest row of each key tells nothing of a person."""
    return found.classification in PERSONAL or not chooses_only(inflow.way)


def _refs(version: Version, asset: str, column: str) -> Iterator[Ref]:
    """The column in each version of the product that ``version`` read."""
    identity, _, port = asset.rpartition("/")
    for key in dict.fromkeys(read.key for read in version.reads if read.key[0] == identity):
        yield Ref(key, port, column)


def rank(classification: str) -> int:
    """Higher is more protected."""
    return CLASSIFICATIONS.index(classification)
