"""What happened to a request, or was said of a product, as a CloudEvent (CloudEvents 1.0.2, JSON
format)."""

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

    from mesh_defs.gateway.state.feedback import Item
    from mesh_defs.gateway.state.outbox import Outbox
    from mesh_defs.gateway.state.requests import Request
    from mesh_defs.settings import Settings

Happened = Literal["requested", "approved", "denied", "withdrawn", "revoked"]
SaidWhat = Literal["rated", "asked", "reported", "answered", "acknowledged", "solved", "reopened"]

TYPE = "mesh.access."
SAID = "mesh.feedback."
_TO_OWNER = frozenset({"rated", "asked", "reported"})


class Teller:
    """Keeps what happens to requests for one product, and what is said of it, to be told. Make it
    before the transaction in which that happens: it reads the product's owner."""

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
        data = request.as_dict()
        data |= {"owner": self.owner, "reason": reason or data["reason"]}
        asks = happened in ("requested", "withdrawn")
        name = self.owner if asks else request.principal
        self._keep(connection, f"{TYPE}{happened}", request.url, data, name, now)

    def tell_said(
        self,
        connection: Connection,
        happened: SaidWhat,
        item: Item,
        now: datetime,
        answer: str | None = None,
    ) -> None:
        """Keep what was said, or answered, for the webhook and by mail: to the owner what others
        say, to them what is answered."""
        if self.silent:
            return
        data = {**item.as_dict(), "owner": self.owner, "answer": answer}
        name = self.owner if happened in _TO_OWNER else item.principal
        self._keep(connection, f"{SAID}{happened}", f"mesh://{item.identity}", data, name, now)

    def _keep(
        self,
        connection: Connection,
        kind: str,
        subject: str,
        data: dict[str, Any],
        recipient: str,
        now: datetime,
    ) -> None:
        event = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": f"mesh:{quote(self.settings.name, safe='')}",
            "type": kind,
            "subject": subject,
            "time": now.isoformat(),
            "datacontenttype": "application/json",
            "data": data,
        }
        if self.notify.webhook is not None:
            self.outbox.add(connection, "webhook", event, None, now)
        name = recipient.removeprefix("person:")
        if self.notify.smtp is not None and "@" in name:
            self.outbox.add(connection, "mail", event, name, now)


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
