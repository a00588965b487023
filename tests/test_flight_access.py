"""Over Flight everybody sees what the rules let them see, and nobody else sees anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.flight as fl
import pytest
from flight_gateway import ADA, GUEST, JFK, SALES, Flying, flight_mesh, flying, until
from meshes import write_parquet

from mesh_defs.gateway.flight.messages import pack


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    with flying(flight_mesh(tmp_path_factory.mktemp("mesh"))) as served:
        yield served


@pytest.mark.parametrize("sql", [f"select * from {SALES}", f"select count(*) from {SALES}"])
def test_who_has_no_access_is_told_how_to_ask(mesh: Flying, sql: str) -> None:
    with pytest.raises(fl.FlightUnauthorizedError, match="mesh request mesh://shop/sales/sales"):
        mesh.client(mesh.token(GUEST)).info(sql)
    assert mesh.events()[-1]["event"] == "refused"
    assert mesh.events()[-1]["protocol"] == "flight"


def test_masks_hold_in_every_kind_of_statement(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    assert client.query(f"select email from {SALES}")["email"].to_pylist()[0].startswith("p***@")
    assert client.query(f"select * from {SALES} where meal = 'kosher'").num_rows == 0
    assert client.query(f"select * from {SALES} where email = 'person1@mail.example'").num_rows == 0
    found = client.query(f"select max(meal) m, min(phone) p, count(distinct email) e from {SALES}")
    assert found.to_pylist() == [{"m": None, "p": None, "e": 1}]
    joined = f"select a.email from {SALES} a join {SALES} b on a.meal = b.meal"
    assert client.query(joined).num_rows == 0


def test_a_row_filter_holds_in_every_kind_of_statement(mesh: Flying) -> None:
    client = mesh.client(mesh.token(JFK))
    info = client.info(f"select * from {SALES}")
    assert info.schema.metadata[b"mesh.row_filter"] == b"true"
    assert set(client.read(info)["origin"].to_pylist()) == {"JFK"}
    assert client.query(f"select count(*) n from {SALES}")["n"].to_pylist() == [4]
    assert client.query(f"select * from {SALES} where origin <> 'JFK'").num_rows == 0
    assert client.query(f"select * from {SALES} where origin <> 'JFK' or true").num_rows == 4


def test_a_grant_opens_a_port_and_its_end_closes_it(mesh: Flying) -> None:
    client = mesh.client(mesh.token(GUEST))
    grant = mesh.granted(GUEST, "mesh://shop/sales", "analytics")
    info = client.info(f"select id, price from {SALES}")
    assert info.schema.metadata[b"mesh.grant"].decode() == grant.id
    assert client.read(info).num_rows == 12
    late = client.info(f"select id from {SALES}")
    end(mesh, grant.id)
    with pytest.raises(fl.FlightUnauthorizedError, match="was revoked"):
        client.read(late)
    with pytest.raises(fl.FlightUnauthorizedError, match="may not read"):
        client.info(f"select id from {SALES}")


def end(mesh: Flying, grant: str) -> None:
    from mesh_defs.gateway.asking import revoke

    access = mesh.gateway.catalog.access
    who = access.principals.find(ADA)
    revoke(mesh.gateway.state, access, who, grant, "a test", datetime.now(UTC), admin=True)


def test_a_purpose_is_said_by_header(mesh: Flying) -> None:
    token = mesh.token(ADA)
    sql = "select 1 from office.airports"
    with pytest.raises(fl.FlightUnauthorizedError, match="unknown purpose 'nonsense'"):
        mesh.client(token, mesh_purpose="nonsense").info(f"select * from {SALES}")
    read = mesh.client(token, mesh_purpose="care").info(f"select * from {SALES}")
    mesh.client(token, mesh_purpose="care").read(read)
    assert mesh.events()[-1]["purpose"] == "care"
    bound = mesh.token(ADA, purpose="analytics")
    with pytest.raises(fl.FlightUnauthorizedError, match="purpose 'analytics'"):
        mesh.client(bound, mesh_purpose="care").info(sql)


def test_a_token_reaches_no_further_than_its_scope(mesh: Flying) -> None:
    narrow = mesh.client(mesh.token(ADA, urls=("mesh://office/airports",)))
    assert narrow.query("select * from office.airports").num_rows == 3
    with pytest.raises(fl.FlightUnauthorizedError, match="its token is for"):
        narrow.info(f"select * from {SALES}")
    with pytest.raises(fl.FlightUnauthorizedError, match="its token is for"):
        narrow.info(f"select a.* from office.airports a, {SALES}")
    reading = mesh.client(mesh.token(ADA, actions=("read",)))
    assert reading.query(f"select id from {SALES} where id < 3 order by id limit 2").num_rows == 2
    with pytest.raises(fl.FlightUnauthorizedError, match="not to query"):
        reading.info(f"select count(*) from {SALES}")


def test_credentials_that_are_no_good(mesh: Flying) -> None:
    good = mesh.token(ADA)
    gone, short = mesh.token(ADA), mesh.token(ADA, seconds=0.3)
    mesh.revoke(gone)
    tokens = mesh.gateway.state.tokens
    until(lambda: tokens.find(short).state(datetime.now(UTC)) == "ended")
    last = "0" if good[-1] != "0" else "1"
    header = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGFAc2hvcC5leGFtcGxlIn0."
    for secret in (
        gone,
        short,
        good[:-1] + last,
        "mesh_admin_" + "0" * 64,
        "xyzzy",
        header,
        good * 20,
    ):
        for ask in (
            lambda c: c.info(f"select * from {SALES}"),
            lambda c: c.listed("CommandGetTables"),
            lambda c: c.listed("CommandGetSqlInfo"),
            lambda c: c.prepare("select 1 from office.airports"),
            lambda c: list(c.raw.list_flights(options=c.options)),
        ):
            with pytest.raises(fl.FlightUnauthenticatedError) as refused:
                ask(mesh.client(secret))
            assert secret not in str(refused.value)
            mesh.gateway.limiter.__init__(mesh.gateway.profile.limits)  # failures are counted


def test_wrong_credentials_are_counted_and_end_in_a_wait(tmp_path) -> None:
    gateway = "{limits: {failures_per_minute: 3}}"
    with flying(flight_mesh(tmp_path, gateway)) as mesh:
        for _ in range(3):
            with pytest.raises(fl.FlightUnauthenticatedError):
                mesh.client("mesh_nothing").listed("CommandGetTables")
        with pytest.raises(fl.FlightUnavailableError, match="try again in") as told:
            mesh.client("mesh_nothing").listed("CommandGetTables")
        assert b'"status": 429' in told.value.extra_info
        assert mesh.client(mesh.token(ADA)).query("select * from office.airports").num_rows == 3


def test_requests_are_counted_and_end_in_a_wait(tmp_path) -> None:
    with flying(flight_mesh(tmp_path, "{limits: {per_principal_per_minute: 5}}")) as mesh:
        client = mesh.client(mesh.token(ADA))
        for _ in range(5):
            assert client.query("select * from office.airports").num_rows == 3
        with pytest.raises(fl.FlightUnavailableError, match="try again in"):
            client.query("select * from office.airports")


def test_without_a_token_public_products_are_found_and_nothing_is_read(mesh: Flying) -> None:
    nobody = mesh.client()
    tables = nobody.listed("CommandGetTables", include_schema=True).to_pylist()
    assert [row["db_schema_name"] for row in tables] == ["airports"]
    assert nobody.listed("CommandGetCatalogs").to_pylist() == [{"catalog_name": "office"}]
    for sql in ("select * from office.airports", f"select * from {SALES}", "select * from a.b"):
        with pytest.raises(fl.FlightUnauthenticatedError, match="send a token"):
            nobody.info(sql)
        with pytest.raises(fl.FlightUnauthenticatedError):
            nobody.prepare(sql)


def test_even_that_can_be_switched_off(tmp_path) -> None:
    with flying(flight_mesh(tmp_path, "{public_discovery: false}")) as mesh:
        for name in ("CommandGetTables", "CommandGetSqlInfo", "CommandGetCatalogs"):
            with pytest.raises(fl.FlightUnauthenticatedError):
                mesh.client().listed(name)
        with pytest.raises(fl.FlightUnauthenticatedError):
            list(mesh.client().raw.list_flights())


def test_what_may_not_be_known_of_is_told_as_what_is_not_there(mesh: Flying) -> None:
    stranger = mesh.client(mesh.token("person:stranger@elsewhere.example"))
    told = []
    for name in ("shop.sales.sales", "shop.nothing.at_all"):
        with pytest.raises(pa.ArrowKeyError) as refused:
            stranger.info(f"select * from {name}")
        told.append(str(refused.value).replace(name.split(".")[1], "X"))
    assert told[0] == told[1]


def test_rows_of_a_changed_rule_are_read_by_the_new_one(tmp_path) -> None:
    root = flight_mesh(tmp_path)
    with flying(root) as mesh:
        client = mesh.client(mesh.token(ADA))
        assert client.query(f"select id from {SALES}").num_rows == 12
        rules = root / "domains/shop/access.cedar"
        rules.write_text(rules.read_text().replace('"reader"', '"nobody"'))
        with pytest.raises(fl.FlightUnauthorizedError):
            client.info(f"select id from {SALES}")


def test_one_time_for_all_products_of_a_query(tmp_path) -> None:
    from access_meshes import publish

    root = flight_mesh(tmp_path)
    before = datetime.now(UTC)
    more = "select 'SFO' as code, 'San Francisco' as name"
    write_parquet(root, "airports", more)
    publish(root, "mesh://office/airports")
    with flying(root) as mesh:
        token = mesh.token(ADA)
        sql = f"select count(*) n from {SALES} join office.airports on code = origin"
        assert mesh.client(token).query(sql)["n"].to_pylist() == [0]
        then = mesh.client(token, mesh_as_of=before.isoformat())
        assert then.query(sql)["n"].to_pylist() == [12]
        pinned = 'select count(*) n from "mesh://office/airports?version=1"'
        assert then.query(pinned)["n"].to_pylist() == [1]
        early = mesh.client(token, mesh_as_of=(before - timedelta(days=9)).isoformat())
        with pytest.raises(pa.ArrowKeyError, match="had no version"):
            early.info(sql)
        with pytest.raises(pa.ArrowInvalid, match="not a timestamp"):
            mesh.client(token, mesh_as_of="yesterday").info(sql)


def test_the_ticket_of_a_list_lists_for_who_shows_it(mesh: Flying) -> None:
    ticket = fl.Ticket(pack("CommandGetTables", {"include_schema": False}))
    known, nobody = mesh.client(mesh.token(ADA)), mesh.client()
    assert known.raw.do_get(ticket, known.options).read_all().num_rows == 2
    assert nobody.raw.do_get(ticket, nobody.options).read_all().num_rows == 1
