"""Grants hold for one principal, port, major version and purpose, for a while, until revoked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from state_places import (
    ADA,
    BEN,
    DAY,
    NOW,
    ONE_SERVER,
    READ,
    WISH,
    append,
    entry,
    granted,
    place_in,
    server,
)

from mesh_defs.errors import UnknownRecord, WrongState
from mesh_defs.gateway.asking import holders
from mesh_defs.gateway.state.counter import changing
from mesh_defs.gateway.state.database import State
from mesh_defs.gateway.state.grants import Grant
from mesh_defs.gateway.state.requests import MOST_PENDING, PENDING_DAYS

pytestmark = ONE_SERVER


@pytest.fixture(params=["sqlite", "postgres"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    dsn = server() if request.param == "postgres" else None
    with State(place_in(tmp_path, dsn)) as made:
        yield made


def test_a_grant_is_for_its_own_principal_port_and_major(state: State) -> None:
    grant = granted(state)
    assert state.grants.in_force(ADA, "shop/sales", "sales", 1, NOW) == (grant,)
    for other in (
        (BEN, "shop/sales", "sales", 1),
        (ADA, "shop/bills", "sales", 1),
        (ADA, "shop/sales", "bills", 1),
        (ADA, "shop/sales", "sales", 2),
    ):
        assert state.grants.in_force(*other, NOW) == ()


def test_a_grant_begins_and_ends_by_itself(state: State) -> None:
    grant = granted(state, days=30)
    moment = timedelta(microseconds=1)
    for at, holds in (
        (NOW - moment, False),
        (NOW, True),
        (grant.until - moment, True),
        (grant.until, False),
    ):
        assert grant.in_force(at) is holds
        assert bool(state.grants.in_force(ADA, "shop/sales", "sales", 1, at)) is holds
    assert grant.state(grant.until) == "ended"
    assert state.grants.listed(grant.until) == []
    assert state.grants.listed(grant.until, every=True) == [grant]


def test_another_process_sees_a_revocation_by_one_tiny_query(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    with State(state.database.place) as other:
        grant = granted(state)
        seen = other.grants.version()
        assert other.grants.version() == seen
        with changing(state.database) as connection:
            state.grants.revoke(connection, grant, BEN, "over", NOW)
        queries: list[str] = []
        event.listen(
            other.database.engine,
            "before_cursor_execute",
            lambda *arguments: queries.append(arguments[2]),
        )
        first = other.database.first
        monkeypatch.setattr(
            other.database, "first", lambda query: queries.append(query) or first(query)
        )
        assert other.grants.version() > seen
        assert len(queries) == 1
        assert other.grants.in_force(ADA, "shop/sales", "sales", 1, NOW) == ()
        assert not other.grants.get(grant.id).in_force(NOW)


def test_what_failed_changes_nothing(state: State) -> None:
    grant = granted(state)
    before = state.grants.version()
    with pytest.raises(ZeroDivisionError), changing(state.database) as connection:
        _revoke_and_fail(state, connection, grant)
    assert state.grants.version() == before
    assert state.grants.get(grant.id).in_force(NOW)


def test_a_grant_ends_once(state: State) -> None:
    grant = granted(state)
    with changing(state.database) as connection:
        revoked = state.grants.revoke(connection, grant, BEN, "over", NOW)
    assert (revoked.revoked_at, revoked.revoked_by, revoked.revoked_because) == (NOW, BEN, "over")
    with pytest.raises(WrongState, match="is revoked already"), changing(state.database) as again:
        state.grants.revoke(again, revoked, BEN, "over", NOW)
    with pytest.raises(UnknownRecord, match="no grant 'grant_x'"):
        state.grants.get("grant_x")


def test_holders_of_a_port_and_of_a_product(state: State) -> None:
    first = granted(state)
    second = granted(state, replace(WISH, principal=BEN, port="totals"))
    granted(state, replace(WISH, identity="shop/bills"))
    assert set(holders(state, "shop/sales", None, NOW)) == {first, second}
    assert holders(state, "shop/sales", "totals", NOW) == (second,)
    assert holders(state, "shop/sales", None, NOW + 365 * DAY) == ()


def test_a_request_is_asked_once_and_expires_by_itself(state: State) -> None:
    with changing(state.database) as connection:
        request = state.requests.add(connection, WISH, NOW)
    again = pytest.raises(WrongState, match=f"already, in {request.id}")
    with again, changing(state.database) as connection:
        state.requests.add(connection, WISH, NOW)
    assert state.requests.pending(NOW) == 1
    later = NOW + PENDING_DAYS * DAY
    assert state.requests.pending(later) == 0
    assert state.requests.get(request.id, later).state == "expired"
    expired = state.requests.get(request.id, later)
    with pytest.raises(WrongState, match="is expired"), changing(state.database) as connection:
        state.requests.decide(connection, expired, "approved", BEN, later)
    with changing(state.database) as connection:
        assert state.requests.add(connection, WISH, later).id != request.id
    assert [each.state for each in state.requests.listed(later, pending=False)] == [
        "pending",
        "expired",
    ]


def test_nobody_drowns_owners_in_requests(state: State) -> None:
    with changing(state.database) as connection:
        for number in range(MOST_PENDING):
            state.requests.add(connection, replace(WISH, purpose=f"purpose{number}"), NOW)
        with pytest.raises(WrongState, match="no more are taken"):
            state.requests.add(connection, WISH, NOW)
        state.requests.add(connection, replace(WISH, principal=BEN), NOW)


def test_usage_counts_what_was_read_by_whom_and_when(state: State) -> None:
    append(state, 4)  # 0, 1, 2 and 3 rows
    other = replace(READ, principal=BEN)
    for each in (entry(7, "aborted", other), entry(0, "refused", other), entry(0, "begun", other)):
        state.receipts.put(each).result()
    state.receipts.put(entry(86_400, "completed", other)).result()
    state.receipts.put(entry(1, read=replace(READ, identity="shop/bills", port="bills"))).result()

    ada, ben = sorted(state.usage.of("shop/sales"), key=lambda use: use.principal or "")
    assert (ada.reads, ada.aborted, ada.refused, ada.rows, ada.bytes) == (4, 0, 0, 6, 40)
    assert ada.last_read == NOW + timedelta(seconds=3)
    assert (ben.reads, ben.aborted, ben.refused, ben.rows) == (1, 1, 1, 86_407)
    days = state.usage.of("shop/sales", by="consumer and day")
    assert [(use.day, use.principal, use.reads) for use in days] == [
        ("2026-11-22", BEN, 1),
        ("2026-11-21", ADA, 4),
        ("2026-11-21", BEN, 0),
    ]
    (all_of_it,) = state.usage.of("shop/sales", since=NOW + DAY, by="day")
    assert (all_of_it.principal, all_of_it.reads) == (None, 1)
    assert {use.identity for use in state.usage.of()} == {"shop/sales", "shop/bills"}
    assert state.usage.of("shop/none") == []


def _revoke_and_fail(state: State, connection: Connection, grant: Grant) -> None:
    assert state.grants.revoke(connection, grant, BEN, "over", NOW).revoked_at == NOW
    _ = 1 / 0


def test_a_message_is_taken_by_one_process_at_a_time(state: State) -> None:
    with State(state.database.place) as other:
        with changing(state.database) as connection:
            for number in range(3):
                told = {"id": str(number), "type": "test"}
                state.outbox.add(connection, "webhook", told, None, NOW)
        taken = state.outbox.claim(NOW)
        assert [(message.event["id"], message.attempts) for message in taken] == [
            ("0", 1),
            ("1", 1),
            ("2", 1),
        ]
        assert other.outbox.claim(NOW) == []
        state.outbox.delivered(taken[0], NOW)
        state.outbox.failed(taken[1], "no answer", NOW)
        assert other.outbox.undelivered() == (2, "no answer")
        assert {message.id for message in other.outbox.claim(NOW + DAY)} == {
            "1.webhook",
            "2.webhook",
        }
