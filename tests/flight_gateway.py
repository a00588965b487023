"""A real Flight gateway on loopback, in this process, over a small real mesh of two domains."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pyarrow.flight as fl
from access_meshes import ROWS, publish, sales_files
from meshes import contract, manifest, write_mesh, write_parquet

from mesh_defs.gateway.asking import approve, ask
from mesh_defs.gateway.core import Gateway
from mesh_defs.gateway.flight.gateway import FlightGateway
from mesh_defs.gateway.flight.messages import decode, pack, unpack
from mesh_defs.gateway.identity.local import make_admin_token
from mesh_defs.gateway.state.grants import Grant
from mesh_defs.gateway.state.tokens import NewToken
from mesh_defs.settings import load_settings

ADA, GUEST, JFK = "person:ada@shop.example", "person:guest@shop.example", "person:jfk@shop.example"
SALES = "shop.sales.sales"
EVERYWHERE = ("mesh://shop", "mesh://office")
PEOPLE = """
people:
  ada@shop.example: {roles: [reader], domain: shop}
  guest@shop.example: {domain: office}
  jfk@shop.example: {roles: [regional], domain: office}
services:
  reports: {roles: [reader], domain: office}
"""
RULES = """
@id("readers")
permit (principal in Role::"reader", action in [Action::"read", Action::"query"],
  resource == Port::"shop/sales/sales");

@id("regional")
@rows("origin = 'JFK'")
permit (principal in Role::"regional", action in [Action::"read", Action::"query"],
  resource == Port::"shop/sales/sales");

@id("initial")
@mask("partial")
permit (principal in Role::"reader", action in [Action::"read", Action::"query"],
  resource == Column::"shop/sales/sales#email");
"""
SALES_COLUMNS = """
- {name: id, logicalType: integer, classification: public, primaryKey: true, required: true}
- name: origin
  logicalType: string
  classification: internal
  description: Where it starts.
  relationships: [{to: 'mesh://office/airports/airports#code'}]
- {name: price, logicalType: number, physicalType: DOUBLE, classification: confidential}
- {name: email, logicalType: string, classification: personal}
- {name: phone, logicalType: string, classification: personal}
- {name: born, logicalType: date, classification: personal}
- {name: meal, logicalType: string, classification: sensitive}
"""
AIRPORTS = """
select * from (values ('JFK', 'Kennedy'), ('LGA', 'La Guardia'), ('EWR', 'Newark')) t(code, name)
"""
MESH = """
name: test
profiles:
  local:
    gateway: GATEWAY
    services:
      files: {driver: files, path: data}
"""


def flight_mesh(root: Path, gateway: str = "{}") -> Path:
    """Sales of a shop with columns of every classification, and public airports of an office;
    ``gateway`` is the key of the profile, in YAML."""
    files = sales_files(RULES)
    files |= {
        "mesh.yaml": MESH.replace("GATEWAY", gateway),
        "principals.yaml": PEOPLE,
        "domains/shop/sales/contract.yaml": contract("sales", SALES_COLUMNS),
        "domains/office/airports/defs.yaml": manifest("inputs: {airports: files://airports}"),
        "domains/office/airports/contract.yaml": contract(
            "airports",
            "- {name: code, logicalType: string, classification: public, primaryKey: true}\n"
            "- {name: name, logicalType: string, classification: public, required: true}\n",
        ),
        "domains/office/airports/airports.sql": "select * from airports",
    }
    write_mesh(root, files)
    write_parquet(root, "sales", ROWS)
    write_parquet(root, "airports", AIRPORTS)
    publish(root, "mesh://office/airports", "mesh://shop/sales")
    return root


@dataclass
class Flying:
    """``gateway`` answers Flight at ``flight.location``."""

    gateway: Gateway
    flight: FlightGateway
    _held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _made: int = 0

    def token(self, principal: str = ADA, seconds: float = 3600, **more: object) -> str:
        """The secret of a new service token for ``principal``."""
        self._made += 1
        now = datetime.now(UTC)
        urls = more.pop("urls", EVERYWHERE)
        wanted = NewToken(
            f"t{self._made}", principal, urls, now + timedelta(seconds=seconds), **more
        )
        return self.gateway.state.tokens.create(wanted, "person:admin", now).secret

    def revoke(self, secret: str) -> None:
        """Revoke the token of that text."""
        tokens = self.gateway.state.tokens
        tokens.revoke(tokens.find(secret), "person:admin", "a test", datetime.now(UTC))

    def admin(self) -> str:
        """The admin token."""
        return make_admin_token(self.gateway.settings).read_text().strip()

    def client(self, secret: str | None = None, **headers: str) -> Client:
        """A plain client of Flight that shows ``secret`` and ``headers``."""
        raw = self._held.enter_context(fl.FlightClient(self.flight.location))
        shown = {"authorization": f"Bearer {secret}"} if secret is not None else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        pairs = [(k.encode(), v.encode()) for k, v in {**shown, **named}.items()]
        return Client(raw, fl.FlightCallOptions(headers=pairs, timeout=60))

    def adbc(self, secret: str, **headers: str) -> dbapi.Connection:
        """A connection of the ADBC driver that shows ``secret`` and ``headers``."""
        options = {"adbc.flight.sql.authorization_header": f"Bearer {secret}"}
        for name, value in headers.items():
            options[f"adbc.flight.sql.rpc.call_header.{name.replace('_', '-')}"] = value
        connection = dbapi.connect(self.flight.location, db_kwargs=options, autocommit=True)
        return self._held.enter_context(connection)

    def granted(self, principal: str, url: str, purpose: str = "analytics") -> Grant:
        """A grant, as the admin gives it."""
        now = datetime.now(UTC)
        access = self.gateway.catalog.access
        who = access.principals.find(principal)
        asked = ask(self.gateway.state, access, who, url, purpose, 30, now)
        admin = access.principals.find(ADA)
        return approve(self.gateway.state, access, admin, asked.request.id, now, admin=True)

    def events(self, receipt: str | None = None) -> list[dict]:
        """What the receipts say, oldest first; of one read alone."""
        found = self.gateway.state.receipts.listed(most=10_000)
        bodies = [each.body for each in reversed(found)]
        return [body for body in bodies if receipt in (None, body["receipt"])]


@dataclass
class Client:
    """A client with the options of all its calls."""

    raw: fl.FlightClient
    options: fl.FlightCallOptions

    def info(self, sql: str) -> fl.FlightInfo:
        """The answer to a statement, as tickets."""
        return self.command("CommandStatementQuery", query=sql)

    def command(self, name: str, **values: object) -> fl.FlightInfo:
        """The answer to a command of Flight SQL, as tickets."""
        return self.raw.get_flight_info(
            fl.FlightDescriptor.for_command(pack(name, values)), self.options
        )

    def read(self, info: fl.FlightInfo) -> pa.Table:
        """Everything behind its tickets, one after the other."""
        tables = [self.raw.do_get(each.ticket, self.options).read_all() for each in info.endpoints]
        return pa.concat_tables(tables)

    def query(self, sql: str) -> pa.Table:
        """The answer to a statement."""
        return self.read(self.info(sql))

    def listed(self, name: str, **values: object) -> pa.Table:
        """The answer to a command that lists; its columns are those that were promised."""
        info = self.command(name, **values)
        table = self.read(info)
        assert table.schema == info.schema
        return table

    def act(self, action: str, body: bytes) -> list[bytes]:
        """The answer to an action."""
        found = self.raw.do_action(fl.Action(action, body), self.options)
        return [each.body.to_pybytes() for each in found]

    def prepare(self, sql: str) -> dict[str, object]:
        """A prepared statement: handle and schemas."""
        body = pack("ActionCreatePreparedStatementRequest", {"query": sql})
        (answer,) = self.act("CreatePreparedStatement", body)
        return dict(unpack(answer).values)

    def bind(self, handle: bytes, batch: pa.RecordBatch) -> bytes:
        """Bind the parameters of a prepared statement; the handle that is answered."""
        command = pack("CommandPreparedStatementQuery", {"prepared_statement_handle": handle})
        writer, reader = self.raw.do_put(
            fl.FlightDescriptor.for_command(command), batch.schema, self.options
        )
        with writer:
            writer.write_batch(batch)
            writer.done_writing()
            answer = reader.read().to_pybytes()
        return decode("DoPutPreparedStatementResult", answer)["prepared_statement_handle"]


@contextlib.contextmanager
def flying(root: Path) -> Iterator[Flying]:
    """The mesh below ``root``, served on a free port of loopback while the block lasts."""
    gateway = Gateway(load_settings(root), "http://127.0.0.1:1", "grpc://127.0.0.1:1")
    # Clients and their rows are in this process too: its memory is not that of a gateway.
    gateway.engine._watch._most_mb = None
    with contextlib.closing(gateway), FlightGateway(gateway) as flight:
        mesh = Flying(gateway, flight)
        with mesh._held:
            yield mesh


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def receipt_of(info: fl.FlightInfo) -> str:
    """The id of the receipt of a statement over one port."""
    return info.schema.metadata[b"mesh.receipt"].decode()
