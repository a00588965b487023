"""Service tokens and leases: found by their secret alone, within what they came of, until ended."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from state_places import ADA, BEN, DAY, NOW, ONE_SERVER, granted, place_in, server

from mesh_defs.errors import InvalidRequest, UnknownRecord, WrongState
from mesh_defs.gateway.state.counter import changing
from mesh_defs.gateway.state.database import State
from mesh_defs.gateway.state.tokens import Issued, NewToken

pytestmark = ONE_SERVER

REPORTS = NewToken("reports", "service:reports", ("mesh://shop/sales",), NOW + 90 * DAY)
LEASE = NewToken("lease", "service:reports", ("mesh://shop/sales/sales",), NOW + DAY)


@pytest.fixture(params=["sqlite", "postgres"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    dsn = server() if request.param == "postgres" else None
    with State(place_in(tmp_path, dsn)) as made:
        yield made


@pytest.fixture
def issued(state: State) -> Issued:
    return state.tokens.create(REPORTS, BEN, NOW)


def test_a_token_is_found_by_its_text_and_kept_without_it(state: State, issued: Issued) -> None:
    assert re.fullmatch(rf"mesh_{issued.token.id}_[0-9a-f]{{64}}", issued.secret)
    assert state.tokens.find(issued.secret) == issued.token
    assert issued.token.urls == ("mesh://shop/sales",)
    assert (issued.token.created_at, issued.token.created_by) == (NOW, BEN)
    with state.database.reading() as connection:
        (row,) = connection.exec_driver_sql("SELECT * FROM mesh_tokens").all()
    assert hashlib.sha256(issued.secret.encode()).hexdigest() in row
    assert issued.secret.rpartition("_")[2] not in repr(row)
    assert issued.secret not in repr(issued)
    assert issued.secret not in repr(issued.token.as_dict(NOW))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_other_text_is_it(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    with State(place_in(tmp_path_factory.mktemp("tokens"))) as state:
        secret = state.tokens.create(REPORTS, BEN, NOW).secret
        position = data.draw(st.integers(0, len(secret) - 1))
        letter = data.draw(st.characters().filter(lambda c: c != secret[position]))
        assert state.tokens.find(secret[:position] + letter + secret[position + 1 :]) is None
        assert state.tokens.find(secret + letter) is None
        assert state.tokens.find(data.draw(st.text())) is None


def test_a_revoked_token_says_so(state: State, issued: Issued) -> None:
    before = state.grants.version()
    state.tokens.revoke(issued.token, ADA, "it was in a log", NOW + DAY)
    found = state.tokens.find(issued.secret)
    assert found is not None
    assert (found.state(NOW + DAY), found.revoked_at) == ("revoked", NOW + DAY)
    assert (found.revoked_by, found.revoked_because) == (ADA, "it was in a log")
    assert state.grants.version() > before
    with pytest.raises(WrongState, match="is revoked already"):
        state.tokens.revoke(issued.token, ADA, "again", NOW + DAY)
    assert state.tokens.listed(NOW) == []
    assert state.tokens.listed(NOW, every=True) == [found]


def test_who_has_shown_a_token_before_is_told_at_once_that_another_process_revoked_it(
    state: State, issued: Issued
) -> None:
    with State(state.database.place) as other:
        for _ in range(2):
            shown = other.tokens.find(issued.secret)
            assert shown is not None
            assert shown.state(NOW) == "valid"
        wrong = issued.secret[:-1] + ("0" if issued.secret[-1] != "0" else "1")
        assert other.tokens.find(wrong) is None
        state.tokens.revoke(issued.token, ADA, "it was in a log", NOW)
        found = other.tokens.find(issued.secret)
        assert found is not None
        assert found.state(NOW) == "revoked"


def test_a_name_is_free_again_when_its_token_has_ended(state: State, issued: Issued) -> None:
    with pytest.raises(WrongState, match="there is a token 'reports' already"):
        state.tokens.create(REPORTS, BEN, NOW)
    later = NOW + 91 * DAY
    assert issued.token.state(later) == "ended"
    again = state.tokens.create(replace(REPORTS, expires_at=later + DAY), BEN, later)
    assert state.tokens.named("reports", later) == again.token
    assert state.tokens.named(issued.token.id, later) == issued.token
    with pytest.raises(UnknownRecord, match="no token 'report'"):
        state.tokens.named("report", later)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "a b"}, "is no name of a token"),
        ({"name": "x" * 65}, "is no name of a token"),
        ({"urls": ()}, "1 to 100 URLs"),
        ({"urls": ("mesh://shop/sales?version=1",)}, "is no scope"),
        ({"urls": ("mesh://shop/../x",)}, "is no scope"),
        ({"actions": ()}, "no action"),
        ({"actions": ("write",)}, "unknown action 'write'"),
        ({"expires_at": NOW}, "would have ended already"),
    ],
)
def test_what_no_token_may_be(tmp_path: Path, changed: dict[str, object], words: str) -> None:
    with State(place_in(tmp_path)) as state, pytest.raises(InvalidRequest, match=words):
        state.tokens.create(replace(REPORTS, **changed), BEN, NOW)


def test_a_lease_ends_with_the_token_that_was_shown_for_it(state: State, issued: Issued) -> None:
    lease = state.tokens.lease(LEASE, f"token:{issued.token.id}", NOW)
    assert (lease.token.kind, lease.token.parent) == ("lease", f"token:{issued.token.id}")
    assert lease.token.state(NOW) == "valid"
    state.tokens.revoke(issued.token, ADA, "over", NOW)
    found = state.tokens.find(lease.secret)
    assert found is not None
    assert found.state(NOW) == "revoked"
    assert state.tokens.listed(NOW) == []


def test_a_lease_ends_with_its_grant(state: State) -> None:
    grant = granted(state, days=2)
    wanted = replace(LEASE, principal=ADA, expires_at=NOW + 9 * DAY)
    lease = state.tokens.lease(wanted, "oidc", NOW, grant_id=grant.id)
    assert lease.token.expires_at == grant.until
    with changing(state.database) as connection:
        state.grants.revoke(connection, grant, BEN, "over", NOW + DAY)
    assert state.tokens.get(lease.token.id).state(NOW + DAY) == "revoked"


def test_a_lease_ends_no_later_than_what_was_shown_for_it(state: State, issued: Issued) -> None:
    long = replace(LEASE, expires_at=NOW + 365 * DAY)
    parent = f"token:{issued.token.id}"
    assert state.tokens.lease(long, parent, NOW).token.expires_at == issued.token.expires_at
    soon = NOW + timedelta(minutes=5)
    made = state.tokens.lease(long, "oidc", NOW, parent_expires_at=soon)
    assert made.token.expires_at == soon


@pytest.mark.parametrize(
    "changed",
    [
        {"urls": ("mesh://shop",)},
        {"urls": ("mesh://shop/sales/sales", "mesh://shop/salesx")},
        {"actions": ("control",)},
        {"principal": ADA},
    ],
)
def test_a_lease_reaches_no_further_than_its_token(
    state: State, issued: Issued, changed: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequest, match="would reach further"):
        state.tokens.lease(replace(LEASE, **changed), f"token:{issued.token.id}", NOW)
    assert len(state.tokens.listed(NOW)) == 1


def test_a_token_of_one_purpose_gives_leases_of_no_other(state: State) -> None:
    made = state.tokens.create(replace(REPORTS, purpose="analytics"), BEN, NOW)
    with pytest.raises(InvalidRequest, match="for the purpose 'analytics' alone"):
        state.tokens.lease(LEASE, f"token:{made.token.id}", NOW)


def test_who_has_no_right_to_a_lease(state: State, issued: Issued) -> None:
    lease = state.tokens.lease(LEASE, f"token:{issued.token.id}", NOW)
    for parent in (f"lease:{lease.token.id}", "anonymous"):
        with pytest.raises(InvalidRequest, match="a token of one's own"):
            state.tokens.lease(LEASE, parent, NOW)
    with pytest.raises(WrongState, match="no service token"):
        state.tokens.lease(LEASE, f"token:{lease.token.id}", NOW)
    with pytest.raises(UnknownRecord):
        state.tokens.lease(LEASE, "token:000000000000", NOW)
    grant = granted(state)
    with pytest.raises(UnknownRecord, match="service:reports has no grant"):
        state.tokens.lease(LEASE, "oidc", NOW, grant_id=grant.id)
    with changing(state.database) as connection:
        state.grants.revoke(connection, grant, BEN, "over", NOW)
    with pytest.raises(WrongState, match="is revoked"):
        state.tokens.lease(replace(LEASE, principal=ADA), "oidc", NOW, grant_id=grant.id)
