"""``mesh verify``: whether a version still is what was signed, and so is all that it was made of.

The chain goes from a version to the versions that it read, each by the digest of its statement, up
to those that read operational systems alone; and to the versions before it of which it kept files.
Files of the version that is asked for are read again; of the others' it is asked whether they are
there, in the size that was signed, unless the verification is ``deep``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.discovery.trust.checks import Depth, VersionCheck
from mesh_defs.discovery.trust.findings import (
    HIDDEN,
    Problem,
    Source,
    Verification,
    version_url,
)
from mesh_defs.errors import CorruptRecord, UnknownAddress
from mesh_defs.product.attest.envelope import BadSignature, UnknownKey, check, read_envelope
from mesh_defs.product.attest.keys import trusted_keys
from mesh_defs.product.attest.statement import FOLDER as ATTESTATIONS
from mesh_defs.product.attest.statement import (
    attestation_name,
    attested_versions,
    digest_of,
    read_statement,
)
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.publish import publishing
from mesh_defs.product.resolve import record_of
from mesh_defs.product.stores import product_store
from mesh_defs.urls import is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from mesh_defs.discovery.trust.findings import Checked, Hashed, Kind, Watch
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.attest.statement import Statement
    from mesh_defs.settings import Settings
    from mesh_defs.urls import MeshUrl

_Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Link:
    """A version to look at, how closely, and who says that it was made from it: the ``child``, in
    words (empty: it was asked for), by the digest of its statement (None: it had none then)."""

    identity: str
    version: int
    depth: Depth
    child: str = ""
    digest: str | None = None

    @property
    def url(self) -> str:
        return version_url(self.identity, self.version)


@dataclass(slots=True)
class _Seen:
    """What was found of a version: how closely it was looked at, and its statement's digest."""

    depth: Depth
    digest: str | None
    checked: Checked | None = None


def everybody(_identity: str) -> bool:
    """Who may know of everything."""
    return True


def verify(
    settings: Settings,
    url: MeshUrl,
    *,
    deep: bool = False,
    watch: Watch | None = None,
    knows: Callable[[str], bool] = everybody,
) -> Verification:
    """Verify the version that ``url`` names (a product's; a port's is that of its product), and
    what it was made of. ``watch`` is told how far hashing has come; products that who asks does not
    ``know`` of (by ``<domain>/<product>``) are verified all the same, and not named.

    Raises `UnknownAddress`, `NotPublished`, and `MeshError` where keys cannot be read.
    """
    store = product_store(settings, url.domain, url.product)
    first = _Link(url.identity, _number(store, url), Depth.FILES)
    _check_port(store, url, first.version)
    chain = _Chain(settings, trusted_keys(settings), watch or _ignore, knows, deep=deep)
    chain.follow(first)
    checked = [(key, one.checked) for key, one in chain.seen.items() if one.checked is not None]
    told = tuple(one for (identity, _), one in checked if knows(identity))
    return Verification(
        first.url,
        deep,
        told,
        tuple(chain.sources),
        tuple(chain.problems),
        whole=all(one.depth is not Depth.SIZES for one in chain.seen.values()),
        hidden=len(checked) - len(told),
    )


def _number(store: ProductStore, url: MeshUrl) -> int:
    """The version that is meant, whether its record can be read or not: the newest is the newest of
    which there is a record or an attestation, so that one whose record was removed is missed."""
    ledger = Ledger(store)
    if url.version is not None and store.read(attestation_name(url.version)) is not None:
        return url.version
    attested = max(attested_versions(store.names(ATTESTATIONS)), default=-1)
    if publishing(store, attested):
        attested = -1
    versions = ledger.versions()
    if url.version is not None and url.version in versions:
        return url.version
    newest = max([attested, *versions[-1:]])
    if newest >= 0 and url.version is None and url.as_of is None and url.major is None:
        return newest
    return record_of(ledger, url).version


def _check_port(store: ProductStore, url: MeshUrl, version: int) -> None:
    """Raises `UnknownAddress` for a port that the version does not have."""
    try:
        record = Ledger(store).record(version)
    except CorruptRecord:
        return  # It is told as such.
    if url.port is not None and record is not None and url.port not in record.ports:
        raise UnknownAddress(f"{url.product_url()} has no port '{url.port}' in version {version}")


@dataclass(slots=True)
class _Chain:
    """What is found on the way."""

    settings: Settings
    trusted: Mapping[str, Ed25519PublicKey]
    watch: Watch
    knows: Callable[[str], bool]
    deep: bool
    seen: dict[_Key, _Seen] = field(default_factory=dict)
    # Each once, in the order in which they were found.
    problems: dict[Problem, None] = field(default_factory=dict)
    sources: dict[Source, None] = field(default_factory=dict)

    def follow(self, first: _Link) -> None:
        """Look at ``first`` and at all that it leads to. It may be a long way, and a circle."""
        waiting = [first]
        while waiting:
            link = waiting.pop()
            seen = self.seen.get((link.identity, link.version))
            if seen is None or seen.depth < link.depth:
                waiting += self._look(link)
            self._linked(link)

    def _look(self, link: _Link) -> list[_Link]:
        """Look at one version; what it leads to."""
        seen = self.seen[link.identity, link.version] = _Seen(link.depth, None)
        domain, _, product = link.identity.partition("/")
        store = product_store(self.settings, domain, product)
        content = store.read(attestation_name(link.version))
        if content is None:
            self._missing(link)
            return []
        try:
            envelope = read_envelope(content)
            seen.digest = digest_of(envelope.payload)
            key = check(envelope, self.trusted)
            statement = read_statement(envelope.payload)
        except ValueError as error:
            self._problem(_kind(error), link, f"{store.location(_name(link))}: {error}")
            return []
        wrong = self._swapped(link, statement)
        if wrong is not None:
            self._problem("swapped attestation", link, f"{store.location(_name(link))} {wrong}")
            return []
        watch = self.watch if self.knows(link.identity) else _ignore
        version = VersionCheck(store, link.url, statement, watch)
        seen.checked = version.check(key, link.depth)
        for problem in version.problems:
            self._problem(problem.kind, link, problem.text)
        return self._parents(link, statement)

    def _parents(self, link: _Link, statement: Statement) -> list[_Link]:
        depth = Depth.FILES if self.deep else Depth.SIZES
        found = []
        for each in statement.inputs:
            if each.version is None or not is_mesh_url(each.source):
                if self.knows(link.identity):
                    self.sources[Source(each.source, each.fingerprint, link.url)] = None
                continue
            try:
                identity = parse(each.source).identity
            except UnknownAddress as error:
                self._problem("missing parent", link, f"its input '{each.name}': {error}")
                continue
            found.append(_Link(identity, each.version, depth, self._named(link), each.statement))
        before = statement.previous
        if before is not None and before.statement is not None:
            kept = (Depth.STATEMENT, self._named(link), before.statement)
            found.append(_Link(link.identity, before.version, *kept))
        return found

    def _linked(self, link: _Link) -> None:
        """Compare with what the child says that it was made from."""
        found = self.seen[link.identity, link.version].digest
        if not link.child or found is None or found == link.digest:
            return
        if link.digest is None:
            text = f"{link.child} was made from it when it had no attestation"
            self._problem("no attestation", link, text)
            return
        self._problem(
            "changed parent",
            link,
            f"what it says of itself is not what {link.child} was made from (signed "
            f"{link.digest[:12]}…, found {found[:12]}…)",
        )

    def _missing(self, link: _Link) -> None:
        domain, _, product = link.identity.partition("/")
        store = product_store(self.settings, domain, product)
        versions = Ledger(store).versions()
        if link.child and link.version not in versions:
            text = f"there is no such version any more, and {link.child} was made from it"
            self._problem("missing parent", link, text)
        elif link.digest is not None:
            text = f"{store.location(_name(link))} is gone, and {link.child} was made from it"
            self._problem("missing parent", link, text)
        elif any(store.read(attestation_name(n)) is not None for n in versions if n < link.version):
            text = f"{store.location(_name(link))} is gone: versions before it have theirs"
            self._problem("missing attestation", link, text)
        else:
            text = "it was published before versions were attested. Fix: run the product again"
            self._problem("no attestation", link, text)

    def _swapped(self, link: _Link, statement: Statement) -> str | None:
        """Whose attestation lies there, when it is not that of the version."""
        if (statement.product, statement.version) != (f"mesh://{link.identity}", link.version):
            known = self.knows(statement.product.removeprefix("mesh://"))
            whose = f"{statement.product}?version={statement.version}" if known else HIDDEN
            return f"is that of {whose}"
        if statement.mesh != self.settings.name:
            return f"is that of the mesh '{statement.mesh}'"
        return None

    def _named(self, link: _Link) -> str:
        return link.url if self.knows(link.identity) else HIDDEN

    def _problem(self, kind: Kind, link: _Link, text: str) -> None:
        known = self.knows(link.identity)
        told = text if known else "those who may know of it can verify it and see what is wrong"
        self.problems[Problem(kind, self._named(link), told)] = None


def _name(link: _Link) -> str:
    return attestation_name(link.version)


def _kind(error: ValueError) -> Kind:
    if isinstance(error, UnknownKey):
        return "wrong key"
    return "wrong signature" if isinstance(error, BadSignature) else "malformed attestation"


def _ignore(_: Hashed) -> None:
    """Progress that nobody watches."""
