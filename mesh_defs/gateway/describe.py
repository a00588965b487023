"""What a product tells of itself to one caller: its purpose, its ports, what is in them, how to get
it. Nothing here comes from the rows but what the ledger says of all of them together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import MeshError, NotPublished, UnknownAddress
from mesh_defs.gateway.reads.port_state import port_state
from mesh_defs.product.model import Product
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mesh_defs.contract.model import Column
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.gateway.reads.port_state import PortState
    from mesh_defs.policy.access.decision import Decision
    from mesh_defs.product.described.said import Said
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import OutputPort


@dataclass(frozen=True, slots=True)
class PortView:
    """One port as a caller may know it. ``state`` None: it has no published version; ``rows`` None:
    there is none, or the caller may not know. ``grants`` are the terms under which it is read."""

    output: OutputPort
    read: Decision
    state: PortState | None
    rows: int | None
    grants: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        """The port's name."""
        return self.output.name


@dataclass(frozen=True, slots=True)
class ProductView:
    """A product as a caller may know it. ``main`` is the port that the product's address alone
    means."""

    address: MeshUrl
    record: Record | None
    ports: tuple[PortView, ...]
    main: str

    @property
    def identity(self) -> str:
        """``<domain>/<product>``."""
        return self.address.identity

    @property
    def newest(self) -> bool:
        """Whether its address names no version, and so means the newest."""
        address = self.address
        return address.version is None and address.as_of is None and address.major is None

    def port(self, name: str | None) -> PortView:
        """The port of that name; without one the main port. Raises `UnknownAddress`."""
        wanted = name or self.main
        for port in self.ports:
            if port.name == wanted:
                return port
        known = ", ".join(port.name for port in self.ports)
        raise UnknownAddress(f"mesh://{self.identity} has no port '{wanted}'; it has {known}")


def view(
    gateway: Gateway, caller: Caller, address: MeshUrl, now: datetime | None = None
) -> ProductView:
    """The product that ``address`` names, as ``caller`` may know it.

    Raises `UnknownAddress` (also for what the caller may not know of), `Unauthenticated`,
    `NotPublished` for a version that there is not, `InvalidMesh`.
    """
    time = now if now is not None else datetime.now(UTC)
    whole = replace(address, port=None, column=None)
    gateway.reads.check_named(caller, whole, "discover")
    found = _outputs(gateway, caller, whole)
    ports = []
    for output in found.outputs:
        port_address = whole.with_port(output.name)
        if gateway.reads.decide(caller, port_address, "discover", now=time).allowed:
            ports.append(_port(gateway, caller, port_address, output, found.record, time))
    names = [output.name for output in found.outputs]
    main = names[0] if len(names) == 1 else whole.product
    if not ports:
        raise gateway.reads.unseen(caller, whole)
    return ProductView(whole, found.record, tuple(ports), main)


@dataclass(frozen=True, slots=True)
class _Found:
    outputs: tuple[OutputPort, ...]
    record: Record | None


def _outputs(gateway: Gateway, caller: Caller, whole: MeshUrl) -> _Found:
    """The ports of the version that is meant, else as they are declared."""
    try:
        record = gateway.catalog.record(whole)
    except (UnknownAddress, NotPublished) as error:
        hidden = gateway.reads.hidden(caller, whole)
        if hidden is not None:
            raise hidden from None
        product = gateway.catalog.declared(whole.identity)
        any_version = whole.version is None and whole.as_of is None and whole.major is None
        if not any_version or not isinstance(product, Product):
            raise error from None
        return _Found(product.outputs, None)
    pinned = replace(whole, version=record.version, as_of=None, major=None)
    opened = (gateway.catalog.open(pinned.with_port(port)) for port in record.ports)
    return _Found(tuple(each.output for each in opened), record)


def _port(
    gateway: Gateway,
    caller: Caller,
    address: MeshUrl,
    output: OutputPort,
    record: Record | None,
    now: datetime,
) -> PortView:
    read = gateway.reads.decide(caller, address, "read", now=now)
    if record is None:
        return PortView(output, read, None, None, ())
    opened = gateway.catalog.open(replace(address, version=record.version, as_of=None, major=None))
    whole = read.allowed and read.row_filter is None
    rows = record.ports[output.name].rows if whole else None
    terms = tuple(grant.terms() for grant in gateway.reads.grants(caller, opened.version, now))
    return PortView(output, read, port_state(opened, read, now), rows, terms)


def as_dict(product: ProductView, said: Said | None, base: str) -> dict[str, Any]:
    """The description as JSON values, with what is ``said`` of it
    (`mesh_defs.gateway.reads.catalog.Catalog.said`); links start with ``base``, the gateway's
    address."""
    record = product.record
    told: dict[str, Any] = {"url": str(product.address), "domain": product.address.domain}
    told["product"] = product.address.product
    if said is not None:
        told |= {
            "archetype": said.archetype,
            "status": said.status,
            "owner": said.owner,
            "purpose": said.purpose,
            "limitations": said.limitations,
            "usage": said.usage,
            "tags": list(said.tags),
            "licence": said.licence,
            "permitted_purposes": list(said.purposes),
        }
    told["product_version"] = record.product_version if record else said.version if said else None
    told["version"] = record.version if record else None
    told["published_at"] = record.published_at if record else None
    told["main_port"] = product.main
    told["ports"] = [port_dict(product, port, base) for port in product.ports]
    return told


def port_dict(product: ProductView, port: PortView, base: str) -> dict[str, Any]:
    """One port as JSON values."""
    contract, read = port.output.contract, port.read
    path = f"{base}/{product.identity}/{port.name}"
    return {
        "port": port.name,
        "url": f"mesh://{product.identity}/{port.name}",
        "description": port.output.promise.description,
        "contract": {"id": contract.id, "version": contract.version},
        "state": port.state.as_dict() if port.state is not None else None,
        "rows": port.rows,
        "readable": read.allowed,
        "reason": read.reason,
        "row_filter": read.row_filter is not None,
        "grants": list(port.grants),
        "columns": [_column(column, read) for column in port.output.promise.columns],
        "links": {
            "self": path,
            "data": f"{path}/data",
            "changes": f"{path}/changes",
            "request": f"{base}/-/requests",
        },
    }


def _column(column: Column, read: Decision) -> dict[str, Any]:
    decided = read.column(column.name)
    seen = "no"
    if read.allowed and decided is not None:
        seen = "clear" if decided.clear else decided.mask or "null"
    return {
        "name": column.name,
        "type": column.physical_type or column.logical_type,
        "title": column.business_name,
        "description": column.description,
        "classification": decided.classification if decided else column.classification,
        "required": column.required,
        "unique": column.unique,
        "key": column.primary_key_position,
        "tags": list(column.tags),
        "seen": seen,
    }


def listing(gateway: Gateway, caller: Caller) -> list[ProductView]:
    """Every product that ``caller`` may know of, by domain and name. What cannot be read is left
    out; its own address tells why."""
    return list(_views(gateway, caller, gateway.catalog.known(), None))


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the products; ``after`` is the name of the last one where there may be more, as
    ``<domain>/<product>``."""

    products: tuple[ProductView, ...]
    after: str | None


def page(
    gateway: Gateway,
    caller: Caller,
    most: int,
    *,
    domain: str | None = None,
    after: str | None = None,
    as_of: datetime | None = None,
) -> Page:
    """The first ``most`` products as in `listing`, of one ``domain``, of those ``after`` that name;
    as they were ``as_of``."""
    known = [pair for pair in gateway.catalog.known() if domain in (None, pair[0])]
    if after is not None:
        start = tuple(after.split("/"))
        known = [pair for pair in known if pair > start]
    found = list(islice(_views(gateway, caller, known, as_of), most + 1))
    more = len(found) > most
    return Page(tuple(found[:most]), found[most - 1].identity if more else None)


def _views(
    gateway: Gateway, caller: Caller, names: Iterable[tuple[str, str]], as_of: datetime | None
) -> Iterator[ProductView]:
    for domain, product in names:
        with suppress(MeshError):
            yield view(gateway, caller, MeshUrl(domain, product, as_of=as_of))
