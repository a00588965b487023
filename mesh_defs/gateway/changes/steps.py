"""From one published version of a port to the next: which files came, and which went."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh_defs.contract.data import Rows
from mesh_defs.errors import NotPublished, UnknownAddress
from mesh_defs.product.resolve import port_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.gateway.reads.catalog import Catalog
    from mesh_defs.gateway.reads.reading import Reading
    from mesh_defs.gateway.reads.reads import Reads
    from mesh_defs.policy.access.schema import Action
    from mesh_defs.urls import MeshUrl

ACTION: Action = "subscribe"


@dataclass(frozen=True, slots=True)
class Link:
    """A published version of a port, and the one before it (None: it is the first)."""

    version: int
    before: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """A link that was opened for a caller, who sees either version as decided for that version.
    ``added`` and ``removed`` are the files that only the later or the earlier one has. It must be
    closed."""

    link: Link
    reading: Reading
    previous: Reading | None
    added: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def unchanged(self) -> bool:
        """Whether both versions have the same files."""
        return not self.added and not self.removed

    def close(self) -> None:
        """Give everything back. A read that was begun and not ended counts as aborted."""
        with ExitStack() as stack:
            for reading in (self.previous, self.reading):
                if reading is not None:
                    stack.push(reading)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants to know of the versions of the port ``address``, for what."""

    reads: Reads
    caller: Caller
    address: MeshUrl
    purpose: str | None
    protocol: str
    action: Action = ACTION

    def located(self) -> Asked:
        """The same with the port written out. Raises as `Reads.open` for what is not there."""
        catalog, address = self.reads.catalog, self.address
        try:
            port = port_of(catalog.record(address), address)
        except (UnknownAddress, NotPublished) as error:
            raise self.reads.hidden(self.caller, address) or error from None
        return replace(self, address=address.with_port(port))

    def open(self, link: Link) -> Step:
        """Open both versions of ``link``. Raises as `Reads.open`."""
        reading = self._open(link.version)
        try:
            before = None if link.before is None else self._open(link.before)
        except BaseException:
            reading.close()
            raise
        new = reading.opened.version.files
        old = before.opened.version.files if before is not None else ()
        return Step(link, reading, before, _without(new, old), _without(old, new))

    def current(self) -> Reading:
        """The newest version, whatever its age. Raises as `Reads.open`."""
        links = self.links()
        return self._open(links[-1].version if links else None)

    def links(self) -> list[Link]:
        """Every published version of the port, the oldest first. Raises `CorruptRecord`."""
        return list(links_of(self.reads.catalog, self.address))

    def _open(self, version: int | None) -> Reading:
        address = replace(self.address, version=version, as_of=None, major=None, column=None)
        return self.reads.open(
            self.caller, address, action=self.action, purpose=self.purpose, protocol=self.protocol
        )


def links_of(catalog: Catalog, address: MeshUrl) -> Iterator[Link]:
    """Every published version of the port ``address``, the oldest first; of the one major version
    that it names, if it does. Raises `CorruptRecord`."""
    ledger = catalog.ledger(address.identity)
    before: int | None = None
    for version in ledger.versions():
        record = ledger.record(version)
        if record is None or address.port not in record.ports:
            continue
        if address.major is not None and record.major != address.major:
            continue
        yield Link(version, before)
        before = version


def seen(reading: Reading, files: Sequence[str], held: ExitStack) -> Rows:
    """What ``reading`` lets be seen of ``files`` (at least one) of its version: these, or a masked
    copy that lasts as long as ``held``. Raises `AccessDenied`."""
    if reading.in_place:
        return Rows.parquet(files)
    reads = reading.reads
    key = reads.catalog.access.access.hash_key
    return held.enter_context(reads.snapshots.held(reading.decision, files, key))


def _without(files: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    known = set(others)
    return tuple(file for file in files if file not in known)
