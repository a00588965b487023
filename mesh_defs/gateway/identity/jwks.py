"""The public keys of one issuer: fetched, kept, refetched when they age or a new one is named."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mesh_defs.errors import SourceUnavailable
from mesh_defs.gateway.identity.fetch import SECONDS, NotFetched, fetch_json
from mesh_defs.gateway.identity.keys import KeySet, read_keys
from mesh_defs.gateway_profile import private_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from jwt import PyJWK

    from mesh_defs.gateway_profile import Issuer

LEAST_SECONDS, MOST_SECONDS, USUAL_SECONDS = 60, 86_400, 600
# Forged tokens name keys that there are not: they make us ask this often at most.
PAUSE_SECONDS = 10.0
# How long keys are good for while their issuer cannot be asked.
KEPT_SECONDS = 86_400.0

_DISCOVERY = "/.well-known/openid-configuration"  # OpenID Connect Discovery 1.0, section 4
_WAITING = 8  # callers who may wait for one fetch; more would hold all threads of the gateway
_log = logging.getLogger(__name__)


class IssuerKeys:
    """The keys of ``issuer``. ``clock`` counts seconds and never goes back. It may be used from
    several threads: one of them fetches."""

    def __init__(
        self,
        issuer: Issuer,
        clock: Callable[[], float] = time.monotonic,
        seconds: float = SECONDS,
    ) -> None:
        self.issuer = issuer
        self._clock = clock
        self._seconds = seconds
        self._fetching = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_WAITING)
        self._keys: KeySet | None = None
        self._fetched_at = self._fresh_until = 0.0
        self._tried_at: float | None = None

    def find(self, kid: str | None, algorithm: str) -> tuple[PyJWK, ...]:
        """The keys that may verify a token which names ``kid`` and ``algorithm``; none where the
        issuer has no such key. Raises `SourceUnavailable` when it cannot be asked."""
        keys = self._keys
        if keys is None or self._clock() >= self._fresh_until:
            keys = self._refreshed(keys, wait=keys is None)
        found = keys.find(kid, algorithm)
        if found or not self._may_ask():
            return found
        return self._refreshed(keys, wait=True).find(kid, algorithm)

    def _may_ask(self) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= PAUSE_SECONDS

    def _refreshed(self, seen: KeySet | None, *, wait: bool) -> KeySet:
        """The keys after a fetch by this or another thread; the old ones while they are kept."""
        if not self._waiting.acquire(blocking=False):
            return self._kept()
        try:
            if self._fetching.acquire(blocking=wait):
                try:
                    if self._keys is seen and self._may_ask():
                        self._fetch()
                finally:
                    self._fetching.release()
        finally:
            self._waiting.release()
        return self._kept()

    def _kept(self) -> KeySet:
        keys = self._keys
        if keys is None or self._clock() - self._fetched_at > KEPT_SECONDS:
            raise SourceUnavailable(
                f"the keys of the issuer {self.issuer.issuer} cannot be read now. "
                "Fix: try again; its operator finds the reason in the gateway's log"
            )
        return keys

    def _fetch(self) -> None:
        try:
            fetched = fetch_json(self._address(), self._seconds)
            keys = read_keys(fetched.data, self.issuer.algorithms)
        except NotFetched as error:
            _log.warning("keys of the issuer %s: %s", self.issuer.issuer, error)
            self._tried_at = self._clock()
            return
        asked = USUAL_SECONDS if fetched.max_age is None else fetched.max_age
        now = self._clock()
        self._fresh_until = now + min(max(asked, LEAST_SECONDS), MOST_SECONDS)
        self._fetched_at = self._tried_at = now
        self._keys = keys

    def _address(self) -> str:
        """Where the keys are. Raises `NotFetched`."""
        if self.issuer.jwks_uri is not None:
            return self.issuer.jwks_uri
        url = self.issuer.issuer.rstrip("/") + _DISCOVERY
        told = fetch_json(url, self._seconds).data
        if told.get("issuer") != self.issuer.issuer:
            raise NotFetched(f"{url} speaks of another issuer")
        address = told.get("jwks_uri")
        try:
            address = private_url(address) if isinstance(address, str) else ""
        except ValueError:
            address = ""
        # An issuer on the network sends nobody to this machine's own ports.
        if urlsplit(address).scheme not in ("https", urlsplit(url).scheme):
            raise NotFetched(f"{url} names no jwks_uri that begins with https://")
        return address
