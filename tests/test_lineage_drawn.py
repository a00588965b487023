"""Mermaid and DOT of any names are what they are meant to be: names stay text."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_defs.discovery.lineage.drawn import dot, dot_text, mermaid, mermaid_text
from mesh_defs.discovery.lineage.facts import ProductFacts, Reading, Told
from mesh_defs.discovery.lineage.graph import LineageGraph
from mesh_defs.discovery.lineage.model import Place
from mesh_defs.discovery.lineage.walk import Found, walk
from mesh_defs.faults import one_line, short

ODD = st.text(max_size=30) | st.sampled_from(
    [
        '"]; n0 --> evil["',
        "</script><script>alert(1)</script>",
        "end",
        "`x`",
        "#quot;",
        "&lt;b&gt; &quot;",
        '\\N \\" \\',
        "%%{init: {}}%%\nclick n0 call evil()",
        "1. a\n2. b",
        "\u202e\x00\x1b[2J",
        "",
    ]
)
TOLD = Told("aggregate", "active", "team:t", "A purpose.")


def drawn(column: str, source: str, purpose: str, reason: str) -> Found:
    """A column made of another one, an odd purpose, and a column of which nobody knows."""
    above = ProductFacts("d/up", 0, None, {"o": (source,)}, ())
    lineage = {
        "ports": {"o": {column: [["d/up/o", source]]}},
        "ways": {"o": {column: {f"d/up/o#{source}": "aggregated(20)"}}},
        "unknown": {"o": {f"{column}!": reason}},
    }
    reads = (Reading("up", Place("d/up", "o"), 3), Reading("far", Place("else/where")))
    told = replace(TOLD, purpose=purpose)
    columns = {"o": (column, f"{column}!")}
    below = ProductFacts("d/down", 1, None, columns, reads, lineage, told)
    graph = LineageGraph({one.identity: one for one in (above, below)})
    both = [walk(graph, Place("d/down", "o", name)) for name in (column, f"{column}!")]
    edges = tuple(dict.fromkeys([*both[0].edges, *both[1].edges]))
    return replace(both[0], places={**both[1].places, **both[0].places}, edges=edges)


# A strict reader of the part of DOT that is written: statements of nodes and edges with lists of
# attributes whose values are identifiers, numbers or strings.
TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([A-Za-z_][A-Za-z_0-9]*|[0-9]+)|(->|[{}\[\];=,]))')


def tokens(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        assert match is not None, text[at : at + 40]
        found.append(match.group().strip())
        at = match.end()
    return found


def parse_dot(text: str) -> tuple[dict[str, dict[str, str]], list[tuple[str, str, dict[str, str]]]]:
    """Nodes and edges with their attributes, unescaped."""
    words = tokens(text)
    assert words[:3] == ["digraph", "lineage", "{"]
    assert words[-1] == "}"
    nodes: dict[str, dict[str, str]] = {}
    edges: list[tuple[str, str, dict[str, str]]] = []
    rest = words[3:-1]
    while rest:
        statement, rest = rest[: rest.index(";")], rest[rest.index(";") + 1 :]
        if statement == ["rankdir", "=", "LR"]:
            continue
        attributes: dict[str, str] = {}
        if "[" in statement:
            at = statement.index("[")
            assert statement[-1] == "]"
            inner, statement = statement[at + 1 : -1], statement[:at]
            for number in range(0, len(inner), 4):
                name, equals, value, *comma = inner[number : number + 4]
                assert equals == "="
                assert comma in ([], [","])
                attributes[name] = plain(value) if value.startswith('"') else value
        if len(statement) == 1:
            nodes[statement[0]] = attributes
        else:
            source, arrow, target = statement
            assert arrow == "->"
            edges.append((source, target, attributes))
    return nodes, edges


def plain(value: str) -> str:
    """A string of DOT as its label shows it."""
    return re.sub(r"\\(.)", r"\1", value[1:-1]).replace("&amp;", "&")


def shown(value: str) -> str:
    return short(one_line(value), 200)


@settings(deadline=None)
@given(ODD, ODD, ODD, ODD)
def test_dot_has_these_nodes_and_edges_and_no_others(
    column: str, source: str, purpose: str, reason: str
) -> None:
    found = drawn(column, source, purpose, reason)
    nodes, edges = parse_dot(dot(found))
    assert [one["label"] for one in nodes.values()] == [shown(p.id) for p in found.places]
    labels = {name: one["label"] for name, one in nodes.items()}
    assert [(labels[a], labels[b]) for a, b, _ in edges] == [
        (shown(e.source.id), shown(e.target.id)) for e in found.edges
    ]
    assert {one["tooltip"] for one in nodes.values() if "tooltip" in one} == {shown(purpose)}
    assert shown(purpose) == plain(dot_text(purpose))


NODE = re.compile(r'  n[0-9]+(\[|\(\[|\(|\[\(|\{\{)"([^"]*)"(\]|\]\)|\)|\)\]|\}\})\Z')
EDGE = re.compile(r'  (n[0-9]+) (-->|-\.->)(?:\|"([^"]*)"\|)? (n[0-9]+)\Z')
QUOTED = re.compile(r"(?:[A-Za-z0-9 _./:,?=@-]|#[0-9]+;)*\Z")


def unquoted(text: str) -> str:
    """What Mermaid shows of a text in quotes."""
    assert QUOTED.match(text), text
    return re.sub(r"#([0-9]+);", lambda code: chr(int(code[1])), text)


@settings(deadline=None)
@given(ODD, ODD, ODD, ODD)
def test_mermaid_has_these_nodes_and_edges_and_no_others(
    column: str, source: str, purpose: str, reason: str
) -> None:
    found = drawn(column, source, purpose, reason)
    head, *lines, style = mermaid(found).splitlines()
    assert (head, style[:9]) == ("flowchart LR", "  style n")
    nodes = [NODE.match(line) for line in lines[: len(found.places)]]
    assert [unquoted(n[2]) for n in nodes if n] == [shown(p.id) for p in found.places]
    edges = [EDGE.match(line) for line in lines[len(found.places) :]]
    assert all(edges)
    assert len(edges) == len(found.edges)
    for edge in edges:
        assert edge is not None
        assert QUOTED.match(edge[3] or "")


@settings(deadline=None)
@given(ODD)
def test_mermaid_takes_nothing_of_a_name_for_its_own(name: str) -> None:
    assert unquoted(mermaid_text(name)) == shown(name)


def test_what_is_not_sure_is_dashed() -> None:
    found = drawn("c", "s", "A purpose.", "why")
    assert "-.->|" in mermaid(found)
    assert [more.get("style") for _, _, more in parse_dot(dot(found))[1]].count("dashed") == 2
    assert 'label="aggregated(20)"' in dot(found)
    assert "not known#58; why" not in mermaid(found)  # a colon is plain
    assert "not known: why" in mermaid(found)
