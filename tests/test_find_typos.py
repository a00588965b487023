"""Words that nothing has are read as the nearest that something has, and the result says so."""

from __future__ import annotations

import pytest
from documents import column, document, entries, port
from hypothesis import given
from hypothesis import strategies as st
from indexes import ask, live_of, names

from mesh_defs.discovery.index.live import LiveIndex
from mesh_defs.discovery.index.spelling import edits


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> LiveIndex:
    return live_of(
        tmp_path_factory.mktemp("typos"),
        entries(
            document("network/carriers", "Airlines and their codes."),
            document("weather/observations", "Hourly measurements of stations."),
            document(
                "sales/orders", "What was bought.", port("orders", column("customer_segment"))
            ),
        ),
    )


@pytest.mark.parametrize(
    ("typed", "meant", "product"),
    [
        ("airlnies", "airlines", "network/carriers"),
        ("cariers", "carriers", "network/carriers"),
        ("observatoins", "observations", "weather/observations"),
        ("mesurements", "measurements", "weather/observations"),
        ("houly", "hourly", "weather/observations"),
        ("segmnt", "segment", "sales/orders"),
        ("segm", "segment", "sales/orders"),
        ("servation", "observations", "weather/observations"),
    ],
)
def test_a_word_is_read_as_the_nearest(
    live: LiveIndex, typed: str, meant: str, product: str
) -> None:
    found = ask(live, typed)
    assert names(found)[0] == product
    assert meant in found.read_as[typed]
    (why,) = [m for m in found.results[0].matches if m.found == meant]
    assert why.word == typed


@pytest.mark.parametrize("word", ["airline", "carrier", "measurement", "AIRLINES", "Coded"])
def test_another_form_of_a_word_is_no_error(live: LiveIndex, word: str) -> None:
    found = ask(live, word)
    assert found.results
    assert found.read_as == {}


def test_what_is_like_nothing_finds_nothing(live: LiveIndex) -> None:
    found = ask(live, "xylophone zq")
    assert found.results == ()
    assert found.read_as == {}


letters = st.text("abc", max_size=6)


@given(letters, letters, letters)
def test_edits_are_a_distance_with_swaps(one: str, other: str, third: str) -> None:
    assert edits(one, other) == edits(other, one)
    assert (edits(one, other) == 0) == (one == other)
    assert edits(one, other) <= max(len(one), len(other))
    assert edits(one + third, other + third) <= edits(one, other)
    swapped = one + "xy" + third
    assert edits(swapped, one + "yx" + third) == 1
