"""A caller never finds, counts or is suggested what they may not discover: the answer is the same
as if it were not there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from documents import column, document, entries, port
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from indexes import ask, live_of, names

from mesh_defs.discovery.index.question import Question

WORDS = ["flight", "flights", "weather", "winter", "carrier", "carriers", "secret", "delay"]
ASKED = [*WORDS, "secrt", "wether", "carier", "deley", "fligt", "sec", "win"]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
products = st.lists(st.tuples(texts, st.sampled_from(WORDS), st.booleans()), max_size=8)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(products, st.lists(st.sampled_from(ASKED), min_size=1, max_size=3).map(" ".join))
def test_what_is_hidden_changes_nothing(listed: list, question: str) -> None:
    made = [
        document(f"d/p{at}", purpose, port(f"p{at}", column(name)))
        for at, (purpose, name, _) in enumerate(listed)
    ]
    hidden = {f"p{at}" for at, (*_, closed) in enumerate(listed) if closed}
    seen = [each for each in made if each["product"] not in hidden]
    # An index that is open takes a lock, which is a file, whenever it looks for a newer commit.
    folders = [tempfile.TemporaryDirectory(ignore_cleanup_errors=True) for _ in range(2)]
    with folders[0] as one, folders[1] as other:
        whole, part = live_of(Path(one), entries(*made)), live_of(Path(other), entries(*seen))
        found = ask(whole, question, lambda entry: entry.product not in hidden)
        wanted = ask(part, question)
    assert set(names(found)) == set(names(wanted))
    assert [each.score for each in found.results] == [each.score for each in wanted.results]
    assert found.read_as == wanted.read_as
    assert found.more == wanted.more
    assert not {each.entry.product for each in found.results} & hidden


def test_of_a_product_only_the_ports_that_may_be_known_of_are_searched(tmp_path: Path) -> None:
    ports = (port("orders", column("id")), port("salaries", column("wage")))
    examples = [{"title": "wage by month", "text": "How salaries is used"}]
    live = live_of(tmp_path, entries(document("d/p", "All of it.", *ports, examples=examples)))
    for word in ("wage", "salaries", "wag", "month"):
        assert ask(live, word, lambda entry: entry.port == "orders").results == ()
    assert names(ask(live, "wage")) == ["d/p"]
    (result,) = ask(live, "all", lambda entry: entry.port == "orders").results
    assert result.ports == ("orders",)


def test_what_is_asked_for_is_full_whatever_is_hidden(tmp_path: Path) -> None:
    made = [document(f"d/p{at:03}", "Flights. " * (300 - at)) for at in range(300)]
    live = live_of(tmp_path, entries(*made))
    visible = {f"p{at:03}" for at in range(280, 300)}
    found = ask(live, "flights", lambda entry: entry.product in visible, most=15)
    assert len(found.results) == 15
    assert found.more
    rest = Question("flights", most=15, start=15)
    behind = live.search(rest, "some", lambda entry: entry.product in visible)
    assert len(behind.results) == 5
    assert not behind.more
    assert {*names(found), *names(behind)} == {f"d/{name}" for name in visible}


def test_what_is_shown_is_decided_again(tmp_path: Path) -> None:
    live = live_of(tmp_path, entries(document("d/a", "Flights."), document("d/b", "Flights.")))
    question = Question("flights")
    found = live.search(question, "who", lambda _: True, lambda entry: entry.product == "b")
    assert names(found) == ["d/b"]
