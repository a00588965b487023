"""Every filter holds for all results, alone and with words; wrong ones are told, all at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from documents import column, document, entries, port
from indexes import ask, live_of, names

from mesh_defs.discovery.index.live import LiveIndex
from mesh_defs.discovery.index.question import Filters, Question, age
from mesh_defs.errors import InvalidRequest

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> LiveIndex:
    secret = column("card", "Number of the credit card", classification="sensitive")
    broken = {"tally": {"passed": 3, "warned": 1}}
    late = {"service_levels": [{"property": "latency", "promised": 1, "kept": False}]}
    return live_of(
        tmp_path_factory.mktemp("filters"),
        entries(
            document(
                "shop/sales",
                "Flights sold.",
                port("sales", secret, mode="append by id"),
                tags=["Money"],
                published_at=(NOW - timedelta(hours=1)).isoformat(),
            ),
            document(
                "shop/stock",
                "Flights stored.",
                port("stock", column("bin"), **broken),
                owner="Ada@shop.example",
                archetype="source-aligned",
                published_at=(NOW - timedelta(days=9)).isoformat(),
            ),
            document(
                "office/desks",
                "Flights of stairs.",
                port(
                    "desks",
                    column("floor_number", tags=["place"]),
                    column("deskHeight", "In centimetres", title="How high a desk is"),
                    mode="snapshot",
                    **late,
                ),
                status="draft",
                limitations="Of the Spirit of Ecstasy nothing is known.",
                usage="Read it with a spoon.",
            ),
            document(
                "office/plans", "Flights planned.", port("plans", tally=None), published_at=None
            ),
        ),
    )


@pytest.mark.parametrize("words", ["", "flights"])
@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"domain": ("shop",)}, {"shop/sales", "shop/stock"}),
        ({"domain": ("shop", "nowhere")}, {"shop/sales", "shop/stock"}),
        ({"archetype": ("source-aligned",)}, {"shop/stock"}),
        ({"status": ("draft",)}, {"office/desks"}),
        ({"tag": ("money",)}, {"shop/sales"}),
        ({"tag": ("place",)}, {"office/desks"}),
        ({"owner": ("ada@shop.example",)}, {"shop/stock"}),
        ({"classification": ("sensitive",)}, {"shop/sales"}),
        ({"mode": ("append",)}, {"shop/sales"}),
        ({"trust": ("kept",)}, {"shop/sales"}),
        ({"trust": ("warned",)}, {"shop/stock", "office/desks"}),
        ({"trust": ("unproven",)}, {"office/plans"}),
        ({"fresh": timedelta(days=1)}, {"shop/sales"}),
        ({"fresh": timedelta(days=10)}, {"shop/sales", "shop/stock"}),
        ({"column": ("floor",)}, {"office/desks"}),
        ({"column": ("credit cards",)}, {"shop/sales"}),
        ({"column": ("bin", "floor")}, set()),
        ({"column": ("floor", "high desks")}, {"office/desks"}),
        ({"column": ("deskHeight",)}, {"office/desks"}),
        ({"column": ("desk_height centimetre",)}, {"office/desks"}),
        ({"column": ("floor height",)}, set()),  # words of two columns
        ({"column": ("snapshot",)}, set()),  # the port's mode
        ({"column": ("aggregate",)}, set()),  # the product's archetype
        ({"column": ("spirit",)}, set()),  # its limitations
        ({"column": ("spoon",)}, set()),  # how it is used
        ({"domain": ("shop",), "trust": ("warned",)}, {"shop/stock"}),
        ({"origin": ""}, {"shop/sales", "shop/stock", "office/desks", "office/plans"}),
        ({"origin": "https://other.example"}, set()),
    ],
)
def test_a_filter_holds(live: LiveIndex, words: str, filters: dict, wanted: set[str]) -> None:
    assert set(names(ask(live, words, **filters))) == wanted


def test_without_words_the_newest_come_first(live: LiveIndex) -> None:
    assert names(ask(live))[:2] == ["shop/sales", "shop/stock"]
    assert names(ask(live))[-1] == "office/plans"


def test_all_that_is_wrong_is_told() -> None:
    filters = Filters(trust=("keept",), classification=("secret\n",))
    with pytest.raises(InvalidRequest) as told:
        Question("a" * 2000, filters, most=0, start=-1)
    for part in ("2000", "'keept'", "kept, warned, unproven", "secret\\n", "1 to 100", "0 to 900"):
        assert part in str(told.value)


@pytest.mark.parametrize(("text", "long"), [("36h", 1.5), ("7d", 7), ("2w", 14)])
def test_ages(text: str, long: float) -> None:
    assert age(text) == timedelta(days=long)


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "1y", "7d\n", "9999999d"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is no age"):
        age(text)
