"""Lineage is followed as far as asked, and as far as whoever asks may know of what is there."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_defs.discovery.lineage.facts import ProductFacts, Reading
from mesh_defs.discovery.lineage.graph import LineageGraph
from mesh_defs.discovery.lineage.model import Place
from mesh_defs.discovery.lineage.text import tree
from mesh_defs.discovery.lineage.walk import walk
from mesh_defs.errors import UnknownAddress
from mesh_defs.product.shown_lineage import NOT_KNOWN
from mesh_defs.urls import MeshUrl


def facts(
    name: str,
    sources: dict[str, list[tuple[str, str]]],
    reads: list[str],
    unknown: dict[str, str] | None = None,
) -> ProductFacts:
    """``d/<name>`` with the port ``o``, whose columns come from columns of other products."""
    lineage = {
        "ports": {"o": {c: [[f"d/{p}/o", s] for p, s in each] for c, each in sources.items()}},
        "unknown": {"o": unknown or {}},
    }
    readings = tuple(Reading(f"i{n}", Place(f"d/{p}", "o"), 0) for n, p in enumerate(reads))
    columns = (*sources, *(unknown or {}))
    return ProductFacts(f"d/{name}", 0, None, {"o": columns}, readings, lineage)


def chain(count: int) -> LineageGraph:
    """``d/p0`` to ``d/p<count - 1>``, each made of the one before."""
    made = [
        facts(f"p{n}", {"c": [(f"p{n - 1}", "c")] if n else []}, [f"p{n - 1}"] if n else [])
        for n in range(count)
    ]
    return LineageGraph({one.identity: one for one in made})


def test_depth_counts_products() -> None:
    graph = chain(6)
    for depth in (1, 2, 3):
        found = walk(graph, Place("d/p2"), up=False, depth=depth)
        products = [place.owner for place in found.places if place.port is None]
        assert products == [f"d/p{n}" for n in range(2, 3 + depth)]
        found = walk(graph, Place("d/p5", "o", "c"), down=False, depth=depth)
        assert [place.owner for place in found.places] == [f"d/p{5 - n}" for n in range(depth + 1)]


def test_a_long_chain_is_followed_and_shown_whole() -> None:
    graph = chain(3000)
    found = walk(graph, Place("d/p2999", "o", "c"), most=10_000)
    assert len(found.places) == 3000
    assert len(list(tree(found, upward=True))) == 2999


def test_no_more_places_than_asked_for_and_the_nearest_ones() -> None:
    found = walk(chain(50), Place("d/p25", "o", "c"), down=False, most=10)
    assert found.cut
    assert [place.owner for place in found.places] == [f"d/p{25 - n}" for n in range(10)]
    assert not walk(chain(5), Place("d/p0", "o", "c"), most=10).cut


def test_what_comes_twice_is_shown_once() -> None:
    made = [
        facts("top", {"c": []}, []),
        facts("mid", {"c": [("top", "c")]}, ["top"]),
        facts("left", {"c": [("mid", "c")]}, ["mid"]),
        facts("right", {"c": [("mid", "c")]}, ["mid"]),
        facts("end", {"c": [("left", "c"), ("right", "c")]}, ["left", "right"]),
    ]
    graph = LineageGraph({one.identity: one for one in made})
    lines = list(tree(walk(graph, Place("d/end", "o", "c")), upward=True))
    assert [(line.url, line.said) for line in lines] == [
        ("mesh://d/left/o#c", ""),
        ("mesh://d/mid/o#c", ""),
        ("mesh://d/top/o#c", ""),
        ("mesh://d/right/o#c", ""),
        ("mesh://d/mid/o#c", "see above"),
    ]


def knows_not(*products: str):
    def knows(url: MeshUrl) -> bool:
        return url.product not in products

    return knows


def test_what_is_hidden_is_left_out_with_what_lies_behind_it() -> None:
    graph = chain(5)
    found = walk(graph, Place("d/p4", "o", "c"), knows=knows_not("p2"))
    assert [place.owner for place in found.places] == ["d/p4", "d/p3"]
    assert "p2" not in str(found.as_dict())
    found = walk(graph, Place("d/p0"), knows=knows_not("p2"))
    assert {place.owner for place in found.places} == {"d/p0", "d/p1"}


def test_it_is_asked_of_no_more_places_than_are_shown() -> None:
    asked = []

    def knows(url: MeshUrl) -> bool:
        asked.append(url.product)
        return url.product != "p4"

    walk(chain(10), Place("d/p0", "o", "c"), depth=2, knows=knows)
    assert sorted(asked) == ["p0", "p1", "p2"]
    # That there is more is told of what may be known of alone.
    assert walk(chain(4), Place("d/p0", "o", "c"), knows=knows, most=3).cut
    assert not walk(chain(10), Place("d/p0", "o", "c"), knows=knows, most=4).cut


def test_a_hidden_start_is_as_if_it_was_not_there() -> None:
    for hidden in (Place("d/p2"), Place("d/p2", "o"), Place("d/p2", "o", "c"), Place("d/none")):
        with pytest.raises(UnknownAddress) as told:
            walk(chain(5), hidden, knows=knows_not("p2"))
        assert str(told.value) == f"no product mesh://{hidden.owner}"


def test_reasons_do_not_name_hidden_inputs() -> None:
    made = [
        facts("secret", {"c": []}, []),
        facts("open", {"c": []}, []),
        facts("mix", {}, ["secret", "open"], {"x": "relation 'secret' is odd"}),
    ]
    graph = LineageGraph({one.identity: one for one in made})
    found = walk(graph, Place("d/mix", "o", "x"), knows=knows_not("secret"))
    unknown = [edge for edge in found.edges if edge.kind == "unknown"]
    assert [(edge.source.owner, edge.reason) for edge in unknown] == [("d/open", NOT_KNOWN)]
    found = walk(graph, Place("d/open", "o", "c"), knows=knows_not("secret"))
    assert [edge.reason for edge in found.edges] == [NOT_KNOWN]
    told = walk(graph, Place("d/mix", "o", "x")).edges
    assert {e.reason for e in told if e.kind == "unknown"} == {"relation 'secret' is odd"}


@dataclass(frozen=True)
class Drawn:
    graph: LineageGraph
    hidden: frozenset[str]


@st.composite
def graphs(draw: st.DrawFn) -> Drawn:
    count = draw(st.integers(2, 7))
    made = []
    for n in range(count):
        earlier = [f"p{m}" for m in range(n)]
        reads = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if n else []
        places = st.tuples(st.sampled_from(reads), st.sampled_from("ab")) if reads else st.nothing()
        flows = {c: draw(st.lists(places, unique=True, max_size=2)) if reads else [] for c in "ab"}
        unknown = {"u": "why"} if draw(st.booleans()) else {}
        made.append(facts(f"p{n}", flows, reads, unknown))
    hidden = frozenset(draw(st.sets(st.sampled_from([f"p{n}" for n in range(count)]))))
    return Drawn(LineageGraph({one.identity: one for one in made}), hidden)


@settings(deadline=None)
@given(graphs())
def test_up_and_down_are_the_same_graph_and_nothing_hidden_is_in_it(drawn: Drawn) -> None:
    graph, knows = drawn.graph, knows_not(*drawn.hidden)
    columns = [
        Place(identity, "o", column)
        for identity, one in graph.products.items()
        if identity.partition("/")[2] not in drawn.hidden
        for column in one.ports["o"]
    ]
    above = {c: walk(graph, c, down=False, knows=knows) for c in columns}
    below = {c: walk(graph, c, up=False, knows=knows) for c in columns}
    for found in (*above.values(), *below.values()):
        assert not {place.owner.partition("/")[2] for place in found.places} & drawn.hidden
        assert {end for e in found.edges for end in (e.source, e.target)} <= set(found.places)
    for one in columns:
        for other in columns:
            if one in {p for p in above[other].places if p.column is not None}:
                assert other in below[one].places
