"""What is said of products is kept, in SQLite and in PostgreSQL: one rating each, questions and
problems up to a limit, answers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from state_places import ADA, BEN, DAY, NOW, ONE_SERVER, place_in, server

from mesh_defs.errors import UnknownRecord, WrongState
from mesh_defs.gateway.state.counter import access_version, alone
from mesh_defs.gateway.state.database import State
from mesh_defs.gateway.state.feedback import MOST_A_DAY, MOST_ANSWERS, MOST_OPEN, Item, Said

pytestmark = ONE_SERVER
SALES, BILLS = "shop/sales", "shop/bills"
HOSTILE = "<script>alert(1)</script>\n'; DROP TABLE mesh_feedback; -- \x1b[31m \u202e \U0001f600"


@pytest.fixture(params=["sqlite", "postgres"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    dsn = server() if request.param == "postgres" else None
    with State(place_in(tmp_path, dsn)) as made:
        yield made


def add(state: State, said: Said, now=NOW) -> Item:
    with alone(state.database) as connection:
        return state.feedback.add(connection, said, now)


def ask(state: State, text: str = "why?", who: str = ADA, of: str = SALES) -> Item:
    return add(state, Said("question", of, who, text=text))


def test_what_is_said_is_kept_as_it_is(state: State) -> None:
    item = add(state, Said("problem", SALES, ADA, text=HOSTILE, version=7))
    assert state.feedback.get(item.id) == item
    assert (item.text, item.version, item.state) == (HOSTILE, 7, "open")
    assert (item.created_at, item.changed_at, item.principal) == (NOW, NOW, ADA)
    assert state.feedback.listed(identity=SALES) == [item]
    assert state.feedback.listed(identity=BILLS) == []


def test_a_principal_rates_a_product_once_and_may_change_it(state: State) -> None:
    first = add(state, Said("rating", SALES, ADA, stars=2, text="slow"))
    add(state, Said("rating", BILLS, ADA, stars=1))
    add(state, Said("rating", SALES, BEN, stars=5))
    again = add(state, Said("rating", SALES, ADA, stars=4), NOW + DAY)
    assert (again.id, again.stars, again.text) == (first.id, 4, None)
    assert (again.created_at, again.changed_at) == (NOW, NOW + DAY)
    found = state.feedback.ratings(SALES)
    assert (found.count, found.mean) == (2, 4.5)
    assert found.stars == {1: 0, 2: 0, 3: 0, 4: 1, 5: 1}
    assert state.feedback.ratings("shop/none").mean is None


def test_who_rates_many_times_at_once_has_one_rating(state: State) -> None:
    with ThreadPoolExecutor(4) as pool:
        said = [Said("rating", SALES, ADA, stars=1 + n % 5) for n in range(12)]
        list(pool.map(lambda one: add(state, one), said))
    assert state.feedback.ratings(SALES).count == 1


def test_a_question_is_answered(state: State) -> None:
    item = ask(state)
    with alone(state.database) as connection:
        state.feedback.answer(connection, item, BEN, "because", NOW + DAY)
        item = state.feedback.answer(connection, item, BEN, HOSTILE, NOW + 2 * DAY)
    assert (item.state, item.settled_by) == ("answered", BEN)
    assert [one.text for one in item.answers] == ["because", HOSTILE]
    assert state.feedback.get(item.id) == item


def test_a_problem_is_acknowledged_solved_and_open_again(state: State) -> None:
    item = add(state, Said("problem", SALES, ADA, text="late"))
    for standing in ("acknowledged", "solved", "open"):
        with alone(state.database) as connection:
            item = state.feedback.settle(connection, item, standing, BEN, NOW + DAY)
        assert (item.state, item.settled_by) == (standing, BEN)
    with alone(state.database) as connection, pytest.raises(WrongState, match="is open already"):
        state.feedback.settle(connection, item, "open", BEN, NOW)
    question = ask(state)
    with alone(state.database) as connection, pytest.raises(WrongState, match="only a problem"):
        state.feedback.settle(connection, question, "solved", BEN, NOW)


def test_nobody_says_too_much_of_one_product(state: State) -> None:
    for _ in range(MOST_OPEN):
        ask(state)
    with pytest.raises(WrongState, match=f"{MOST_OPEN} questions and problems of {ADA}"):
        ask(state)
    ask(state, who=BEN)
    add(state, Said("rating", SALES, ADA, stars=1))
    ask(state, of=BILLS)


def test_nobody_says_too_much_in_a_day(state: State) -> None:
    for number in range(MOST_A_DAY):
        ask(state, of=f"shop/p{number}")
    with pytest.raises(WrongState, match=f"{MOST_A_DAY} things of products in a day"):
        add(state, Said("rating", SALES, ADA, stars=1))
    add(state, Said("rating", SALES, ADA, stars=1), NOW + DAY + timedelta(seconds=1))


def test_the_limit_holds_for_those_who_ask_at_once(state: State) -> None:
    def one(_: int) -> None:
        with suppress(WrongState):
            ask(state)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(MOST_OPEN + 10)))
    assert len(state.feedback.listed(principal=ADA)) == MOST_OPEN


def test_answers_have_an_end(state: State) -> None:
    item = ask(state)
    with alone(state.database) as connection:
        for _ in range(MOST_ANSWERS):
            item = state.feedback.answer(connection, item, BEN, "so", NOW)
        with pytest.raises(WrongState, match="no more are taken"):
            state.feedback.answer(connection, item, BEN, "so", NOW)


def test_what_there_is_not_is_unknown(state: State) -> None:
    with pytest.raises(UnknownRecord, match="'ask_1'"):
        state.feedback.get("ask_1")


def test_it_changes_nobodys_access(state: State) -> None:
    before = access_version(state.database)
    ask(state)
    assert access_version(state.database) == before


def test_the_newest_come_first_and_no_more_than_asked_for(state: State) -> None:
    items = [add(state, Said("question", SALES, ADA, text="?"), NOW + n * DAY) for n in range(4)]
    assert state.feedback.listed(identity=SALES, most=2) == [items[3], items[2]]
    assert state.feedback.listed(identity=SALES, kinds=["problem"]) == []


def test_without_names_it_tells_of_people_that_they_are_people(state: State) -> None:
    item = ask(state)
    with alone(state.database) as connection:
        item = state.feedback.answer(connection, item, BEN, "because", NOW)
    told = item.as_dict(names=False)
    assert (told["principal"], told["settled_by"]) == ("person", "person")
    assert told["answers"][0]["principal"] == "person"
    assert ADA not in str(told)
    assert BEN not in str(told)
