"""What happened to a request, as a CloudEvent (CloudEvents 1.0.2, JSON format)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from mesh_defs.product.domain import load_domain
from mesh_defs.product.load import load_product
from mesh_defs.product.model import Product
from mesh_defs.product.protection import DOMAINS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from mesh_defs.gateway.state.outbox import Outbox
    from mesh_defs.gateway.state.requests import Request
    from mesh_defs.settings import Settings

Happened = Literal["requested", "approved", "denied", "withdrawn", "revoked"]

TYPE = "mesh.access."


class Teller:
    """Keeps what happens to requests for one product to be told. Make it before the transaction in
    which that happens: it reads the product's owner."""

    def __init__(self, outbox: Outbox, settings: Settings, identity: str) -> None:
        self.outbox = outbox
        self.settings = settings
        self.notify = settings.profile.gateway.notify
        self.silent = self.notify.webhook is None and self.notify.smtp is None
        self.owner = "" if self.silent else owner_of(settings, identity)

    def tell(
        self,
        connection: Connection,
        happened: Happened,
        request: Request,
        now: datetime,
        reason: str | None = None,
    ) -> None:
        """Keep an event: for the webhook whatever it is, for a mail to the owner when somebody
        asks, and to who asked when there is an answer."""
        if self.silent:
            return
        event = self._event(happened, request, now, reason)
        if self.notify.webhook is not None:
            self.outbox.add(connection, "webhook", event, None, now)
        if self.notify.smtp is not None:
            asks = happened in ("requested", "withdrawn")
            name = self.owner if asks else request.principal.removeprefix("person:")
            if "@" in name:
                self.outbox.add(connection, "mail", event, name, now)

    def _event(
        self, happened: Happened, request: Request, now: datetime, reason: str | None
    ) -> dict[str, Any]:
        data = request.as_dict()
        return {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": f"mesh:{quote(self.settings.name, safe='')}",
            "type": f"{TYPE}{happened}",
            "subject": request.url,
            "time": now.isoformat(),
            "datacontenttype": "application/json",
            "data": {**data, "owner": self.owner, "reason": reason or data["reason"]},
        }


def owner_of(settings: Settings, identity: str) -> str:
    """Who answers for a product: an address where there is one, of the product or else of its
    domain; empty when neither can be read."""
    folder = settings.root / DOMAINS / identity
    product = load_product(folder, settings) if folder.is_dir() else None
    own = product.manifest.owner if isinstance(product, Product) else ""
    if "@" in own or not folder.parent.is_dir():
        return own
    domain = load_domain(folder.parent, settings.root)[0].owner
    return domain if "@" in domain else own or domain
