"""The one way to open a port for a caller, whatever the protocol."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError, NotPublished, Unauthenticated, UnknownAddress
from mesh_defs.gateway.errors import Changed, Ended, Gone, Refused, Stale
from mesh_defs.gateway.holders import fitting
from mesh_defs.gateway.identity.declared import caller_now
from mesh_defs.gateway.reads.catalog import Kept
from mesh_defs.gateway.reads.decisions import Decisions, shown
from mesh_defs.gateway.reads.port_state import is_stale, port_state
from mesh_defs.gateway.reads.reading import Reading
from mesh_defs.gateway.state.facts import Read
from mesh_defs.policy.access.decision import Approved
from mesh_defs.product.model import Product
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.gateway.reads.catalog import Catalog, Opened
    from mesh_defs.gateway.reads.decisions import Basis
    from mesh_defs.gateway.state.database import State
    from mesh_defs.gateway.state.grants import Grant
    from mesh_defs.policy.access.decision import Decision
    from mesh_defs.policy.access.entities import PortSubject
    from mesh_defs.policy.access.schema import Action
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.product.masked import Snapshots
    from mesh_defs.product.resolve import Published

_RETRY_SECONDS = 60
_HOLDERS_KEPT = 1024  # principals whose grants are remembered until any grant changes
_MOST = 1000
_MOST_PURPOSES = 20  # that are tried for a hint
_LONGEST_NAME = 128  # what storage takes as the name of a folder, and more than anybody writes
RETIRED = "retired"
_NAMELESS = "only who says who it is may do this"


class Reads:
    """Opens ports: address, version, decision, grant, freshness, receipt. Used by all threads."""

    def __init__(self, catalog: Catalog, state: State, snapshots: Snapshots) -> None:
        self.catalog = catalog
        self.state = state
        self.snapshots = snapshots
        self._grants: Kept[list[Grant]] = Kept(_HOLDERS_KEPT)
        self._decisions = Decisions()
        self._public = catalog.settings.profile.gateway.public_discovery

    def open(
        self,
        caller: Caller,
        address: MeshUrl,
        *,
        action: Action = "read",
        purpose: str | None = None,
        protocol: str,
        now: datetime | None = None,
    ) -> Reading:
        """Open the version that ``address`` names, as ``caller`` may see it.

        Raises `Refused` (with how to ask), `Unauthenticated` for an anonymous caller who may not,
        `UnknownAddress` also for what the caller may not even know of, `NotPublished`, `Gone`,
        `Stale`, `AccessDenied`. A refusal leaves a receipt.
        """
        time = now if now is not None else datetime.now(UTC)
        asked = caller.purpose(purpose)
        self.check_named(caller, address, action)
        access = self.catalog.access
        # Whoever goes on reading may have called long ago.
        caller = caller_now(caller, access.principals, self.catalog.settings)
        opened, subject = self._found(caller, address)
        before = self.state.grants.version()
        grant, asked = fitting(self.grants(caller, opened.version, time, before), asked)
        decision = self._decide(caller, subject, action, asked, time, grant, access)
        outside = caller.may(address.with_port(subject.port), action)
        if outside is not None or not decision.allowed:
            self._refuse(caller, opened, decision, outside, protocol)
        if subject.status == RETIRED:
            raise Gone(
                f"{subject.url} is retired: nobody may rely on it any more. Fix: ask "
                f"{subject.owner or f'the domain {subject.domain}'} what takes its place"
            )
        state = port_state(opened, decision, time)
        newest = address.version is None and address.as_of is None
        if newest and is_stale(opened, time) and self.catalog.refuses_stale(opened):
            raise Stale(
                f"{subject.url} is older than its contract promises, and it rather gives nothing "
                "than that. Fix: wait for its next version, or ask for one: "
                f"{subject.url}?version=<n> reads a version whatever its age",
                retry_after=_RETRY_SECONDS,
            )
        basis = self._decisions.basis(access, subject)
        return Reading(self, caller, opened, decision, state, grant, protocol, basis, before)

    def check_named(self, caller: Caller, address: MeshUrl, action: Action) -> None:
        """Raise `Unauthenticated` where who does not say who it is may do ``action`` with nothing:
        before anything is looked up, so that the time tells nothing either."""
        if self._nameless(caller, action):
            raise _who(address)

    def _nameless(self, caller: Caller, action: Action) -> bool:
        return caller.anonymous and (action != "discover" or not self._public)

    def decide(
        self,
        caller: Caller,
        address: MeshUrl,
        action: Action,
        purpose: str | None = None,
        now: datetime | None = None,
    ) -> Decision:
        """What ``caller`` may do with the port that ``address`` names, published or only declared.
        Raises `UnknownAddress`, `InvalidMesh`."""
        time = now if now is not None else datetime.now(UTC)
        asked = caller.purpose(purpose)
        subject, version = self.catalog.about(address)
        grant = None
        if version is not None:
            grant, asked = fitting(self.grants(caller, version, time), asked)
        return self._decide(caller, subject, action, asked, time, grant)

    def grants(
        self, caller: Caller, version: Published, now: datetime, changes: int | None = None
    ) -> tuple[Grant, ...]:
        """The grants under which ``caller`` may read the port, the one that holds longest first;
        ``changes`` is `Grants.version`, where it was just asked for."""
        principal = str(caller.principal)
        identity, port, major = version.identity, version.port, version.record.major
        if caller.anonymous:
            return ()
        key = (principal, changes if changes is not None else self.state.grants.version())
        every = self._grants.get(
            key, lambda: self.state.grants.listed(now, every=True, principal=principal, most=_MOST)
        )
        if len(every) >= _MOST:
            return self.state.grants.in_force(principal, identity, port, major, now)
        fitting = (grant for grant in every if (grant.identity, grant.port) == (identity, port))
        held = [grant for grant in fitting if grant.major == major and grant.in_force(now)]
        held.sort(key=lambda grant: grant.until, reverse=True)
        return tuple(held)

    def still_good(self, reading: Reading, seen: int) -> int:
        """The number of changes of who may do what that ``reading`` is known to be good after.
        Raises `Ended`."""
        now = datetime.now(UTC)
        caller, grant = reading.caller, reading.grant
        if caller.expired(now):
            raise Ended(f"{reading.url}: the credential of {caller.principal} has ended")
        if grant is not None and not grant.in_force(now):
            raise Ended(f"{reading.url}: the grant {grant.id} has ended")
        changes = self.state.grants.version()
        if changes != seen:
            if grant is not None and not self.state.grants.get(grant.id).in_force(now):
                raise Ended(f"{reading.url}: the grant {grant.id} was revoked")
            kind, _, number = caller.credential.partition(":")
            stored = kind in ("token", "lease")
            if stored and self.state.tokens.get(number).state(now) != "valid":
                raise Ended(f"{reading.url}: the credential of {caller.principal} was revoked")
        return changes

    def still_same(self, reading: Reading) -> Basis:
        """What ``reading`` is decided by now, which lets the same be seen as before. Raises
        `Changed` when it does not."""
        try:
            access = self.catalog.access
            subject = self.catalog.subject(reading.opened)
            if reading.basis.holds(access, subject):
                return reading.basis
            caller = caller_now(reading.caller, access.principals, self.catalog.settings)
        except (MeshError, OSError) as error:
            raise _changed(reading) from error
        old, now = reading.decision, datetime.now(UTC)
        new = self._decide(caller, subject, old.action, old.purpose, now, reading.grant, access)
        if shown(new) != shown(old) or (subject.status == RETIRED != old.subject.status):
            raise _changed(reading)
        return self._decisions.basis(access, subject)

    def _found(self, caller: Caller, address: MeshUrl) -> tuple[Opened, PortSubject]:
        """The version, and the port as decisions see it. Of what is not there, a caller learns as
        little as of what is closed."""
        if _too_long(address):
            raise _who(address) if caller.anonymous else _nowhere(address)
        try:
            ledger = self.catalog.ledger(address.identity)
            opened = self.catalog.open(address, ledger)
        except (UnknownAddress, NotPublished) as error:
            hidden = self.hidden(caller, address)
            raise hidden if hidden is not None else error from None
        return opened, self.catalog.subject(opened, ledger)

    def hidden(self, caller: Caller, address: MeshUrl) -> MeshError | None:
        """What ``caller`` is told of a product of which there is nothing to show: the same, whether
        there is none or it may not be known of. None where it may be known of."""
        if caller.anonymous:
            return _who(address)
        if _too_long(address):
            return _nowhere(address)
        try:
            subject, _ = self.catalog.about(replace(address, version=None, as_of=None))
        except MeshError:
            return self._missing(caller, address)
        return None if self._discovers(caller, subject) else self._missing(caller, address)

    def unseen(self, caller: Caller, address: MeshUrl) -> MeshError:
        """What ``caller`` is told of a product of which no port may be known of."""
        return _who(address) if caller.anonymous else _nowhere(address)

    def _missing(self, caller: Caller, address: MeshUrl) -> UnknownAddress:
        """That there is no such port, or product: the same for what ``caller`` may not know of."""
        whole = MeshUrl(address.domain, address.product)
        others = (name for name in self._ports(whole) if name != address.port)
        seen = [name for name in others if self.knows(caller, whole.with_port(name))]
        name = address.port or address.product
        if not seen or name in seen:
            return _nowhere(address)
        return UnknownAddress(f"{whole} has no port '{name}'; it has {', '.join(seen)}")

    def _ports(self, whole: MeshUrl) -> list[str]:
        try:
            return list(self.catalog.record(whole).ports)
        except MeshError:
            product = self.catalog.declared(whole.identity)
            return [port.name for port in product.outputs] if isinstance(product, Product) else []

    def knows(self, caller: Caller, address: MeshUrl) -> bool:
        """Whether ``caller`` may know that there is the port that ``address`` names: as it is now
        or, where it is gone, as it was in the version that is named."""
        for each in dict.fromkeys((replace(address, version=None), address)):
            with suppress(MeshError):
                return self._discovers(caller, self.catalog.about(each)[0])
        return False

    def _discovers(self, caller: Caller, subject: PortSubject) -> bool:
        return self._decide(caller, subject, "discover", None, datetime.now(UTC), None).allowed

    def _decide(
        self,
        caller: Caller,
        subject: PortSubject,
        action: Action,
        purpose: str | None,
        now: datetime,
        grant: Grant | None,
        access: MeshAccess | None = None,
    ) -> Decision:
        approved = Approved(grant.id, grant.role) if grant is not None else None
        rules = (access if access is not None else self.catalog.access).access
        decision = self._decisions.decide(
            rules, caller.principal, subject, action, purpose, now, approved
        )
        if self._nameless(caller, action):
            # Whatever the rules say: what they permit to everybody is found without a token, and
            # read with one.
            return replace(decision, allowed=False, reason=_NAMELESS, columns=(), row_filter=None)
        return decision

    def _refuse(
        self,
        caller: Caller,
        opened: Opened,
        decision: Decision,
        outside: str | None,
        protocol: str,
    ) -> None:
        subject = decision.subject
        reason = outside or decision.reason
        version = opened.version
        read = Read(
            str(caller.principal),
            caller.credential,
            version.identity,
            version.port,
            protocol,
            version.record.version,
            version.record.ports[version.port].contract_version,
            decision.purpose,
            decision.approved.id if decision.approved is not None else None,
        )
        if caller.anonymous:
            raise _who(subject)  # without a receipt: nobody is held to it, and anybody can ask
        written = self.state.receipts.refused(read, reason)
        if not self._discovers(caller, subject):
            # Its receipt is not waited for: what is not there has none, and answers as fast.
            raise self._missing(caller, MeshUrl(subject.domain, subject.product, subject.port))
        written.result()
        said = f"{caller.principal} may not {decision.action} {subject.url}: {reason}"
        if outside is not None:
            raise Refused(f"{said}. Fix: use a token that is for it, or log in yourself")
        owner = subject.owner or f"the domain {subject.domain}"
        ask = f"mesh request {subject.url} --purpose <purpose> --for 90d, which {owner} decides"
        if self._otherwise(caller, decision):
            ask = f"read it for another purpose, named as ?purpose=<purpose>, or {ask}"
        raise Refused(f"{said}. Fix: {ask}")

    def _otherwise(self, caller: Caller, refused: Decision) -> bool:
        """Whether ``caller`` may do what was refused for another purpose than was named."""
        subject = refused.subject
        rules = self.catalog.access.access.rulebook.in_force(subject.domain).purposes
        named = {purpose for column in subject.columns for purpose in column.purposes or ()}
        others = sorted({*subject.purposes, *(named | rules)} - {refused.purpose})[:_MOST_PURPOSES]
        return any(
            self._decide(caller, subject, refused.action, each, refused.time, None).allowed
            for each in others
            if caller.scope is None or caller.scope.purpose in (None, each)
        )


def _changed(reading: Reading) -> Changed:
    return Changed(
        f"{reading.url}: what {reading.caller.principal} may see of it has changed since it was "
        "asked for. Fix: ask again"
    )


def _who(address: MeshUrl | PortSubject) -> Unauthenticated:
    name = f"mesh://{address.domain}/{address.product}"
    return Unauthenticated(
        f"nobody who does not say who it is may read {name}, if there is such a product. Fix: send "
        "a token, as 'Authorization: Bearer <token>'"
    )


def _too_long(address: MeshUrl) -> bool:
    names = (address.domain, address.product, address.port or "")
    return max(map(len, names)) > _LONGEST_NAME


def _nowhere(address: MeshUrl | PortSubject) -> UnknownAddress:
    return UnknownAddress(f"no product mesh://{address.domain}/{address.product}")
