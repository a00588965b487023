"""The graph of columns: what flows in never lowers what a column must be classified as."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshes import contract

from mesh_defs.contract.load import load_contract
from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.errors import MeshError
from mesh_defs.policy.flow.graph import Flows, rank
from mesh_defs.policy.flow.versions import NEXT, Key, Read, Version
from mesh_defs.product.model import OutputPort

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS = (None, "hashed", "masked", "aggregated", "dropped")
WORDS = ("direct", "hashed", "masked(3)", "masked(9)", "aggregated(20)", "aggregated", "condition")


def output(folder: Path, name: str, columns: Mapping[str, tuple[str, str | None]]) -> OutputPort:
    """A port ``name`` with these columns: classification, and the method of ``reducedBy``."""
    listed = ""
    for column, (classification, method) in columns.items():
        k = ", k: 20" if method == "aggregated" else ""
        value = f"{{method: {method}{k}}}"
        custom = f", customProperties: [{{property: reducedBy, value: {value}}}]" if method else ""
        listed += (
            f"- {{name: {column}, required: true, classification: {classification}{custom}}}\n"
        )
    path = folder / f"{name}-{abs(hash(listed))}.yaml"
    path.write_text(contract(name, listed))
    found, faults = load_contract(path)
    assert found is not None, faults
    return OutputPort(name, found, found.ports[0], "snapshot")


Columns = dict[str, tuple[str, str | None]]
# (from: product and column, to: column, words), one layer of products after the other.
Edge = tuple[int, int, int, str]


@st.composite
def layers(draw: st.DrawFn) -> tuple[list[Columns], list[list[Edge]], Edge]:
    """Products in a row, each with columns made of those of products before it, and one more edge
    into the last."""
    count = draw(st.integers(2, 4))
    columns = [
        {
            f"c{i}": (draw(st.sampled_from(CLASSIFICATIONS)), draw(st.sampled_from(METHODS)))
            for i in range(draw(st.integers(1, 3)))
        }
        for _ in range(count)
    ]

    def edge(target: int) -> Edge:
        source = draw(st.integers(0, target - 1))
        start = draw(st.integers(0, len(columns[source]) - 1))
        end = draw(st.integers(0, len(columns[target]) - 1))
        return source, start, end, draw(st.sampled_from(WORDS))

    edges = [[edge(i) for _ in range(draw(st.integers(0, 3)))] if i else [] for i in range(count)]
    target = draw(st.integers(1, count - 1))
    return columns, edges, (target, *edge(target))  # type: ignore[return-value]


def mesh(
    folder: Path, columns: list[Columns], edges: list[list[Edge]]
) -> tuple[Version, dict[Key, Version]]:
    made: dict[Key, Version] = {}
    root = Version(("d/p0", NEXT), {})
    for index, (each, incoming) in enumerate(zip(columns, edges, strict=True)):
        ports: dict[str, list[list[str]]] = {column: [] for column in each}
        ways: dict[str, dict[str, str]] = {}
        for source, start, end, words in incoming:
            name = f"d/p{source}/o"
            ports[f"c{end}"].append([name, f"c{start}"])
            known = ways.setdefault(f"c{end}", {})
            key = f"{name}#c{start}"
            known[key] = f"{known[key]} or {words}" if key in known else words
        lineage: dict[str, Any] = {"ports": {"o": ports}, "ways": {"o": ways}}
        reads = tuple(Read(f"i{i}", (f"d/p{i}", 0), "o") for i in range(index))
        root = Version((f"d/p{index}", 0), {"o": output(folder, "o", each)}, lineage, reads)
        made[root.key] = root
    return replace(root, key=(root.identity, NEXT)), made


@given(layers())
@settings(max_examples=60, deadline=None)
def test_one_more_path_never_lowers_what_a_column_is(
    tmp_path_factory: pytest.TempPathFactory,
    given: tuple[list[Columns], list[list[Edge]], Any],
) -> None:
    columns, edges, (target, *more) = given
    folder = tmp_path_factory.mktemp("contracts")
    before = Flows(*mesh(folder, columns, edges))
    longer = [[*each, tuple(more)] if i == target else each for i, each in enumerate(edges)]
    after = Flows(*mesh(folder, columns, longer))
    for name, (declared, _) in columns[-1].items():
        was = before.sensitivity(before.ref("o", name))
        now = after.sensitivity(after.ref("o", name))
        assert rank(declared) <= was.rank <= now.rank
        # The way ends where the classification is declared, and starts at the column itself.
        end = now.path[-1]
        column = after.version(end.key).column(end.port, end.column)
        assert column is not None
        assert column.classification == now.classification
        assert now.path[0] == after.ref("o", name)


def two(folder: Path, lineage: dict[str, Any], **columns: tuple[str, str | None]) -> Flows:
    """``d/b`` with ``columns``, made of ``d/a``, whose ``c0`` is personal and ``c1`` public."""
    source: Columns = {"c0": ("personal", None), "c1": ("public", None)}
    first = Version(("d/a", 3), {"o": output(folder, "o", source)})
    root = Version(
        ("d/b", NEXT),
        {"o": output(folder, "o", columns)},
        lineage,
        (Read("a", ("d/a", 3), "o"),),
    )
    return Flows(root, {first.key: first})


def test_what_is_not_known_comes_from_everything(tmp_path: Path) -> None:
    lineages: list[dict[str, Any]] = [
        {},
        {"ports": {"o": {}}, "unknown": {"o": {"*": "it is not made by SQL"}}},
        {"ports": {"o": {}}, "unknown": {"o": {"x": "made in Python"}}},
    ]
    for lineage in lineages:
        flows = two(tmp_path, lineage, x=("public", None))
        found = list(flows.inflows(flows.ref("o", "x")))
        assert {one.source.column for one in found} == {"c0", "c1"}
        assert all(one.reason for one in found)
        assert flows.sensitivity(flows.ref("o", "x")).classification == "personal"


def test_a_column_that_its_contract_does_not_name_may_be_any_of_them(tmp_path: Path) -> None:
    lineage = {"ports": {"o": {"x": [["d/a/o", "other"]]}}}
    flows = two(tmp_path, lineage, x=("public", None))
    assert flows.sensitivity(flows.ref("o", "x")).classification == "personal"


def test_operational_systems_classify_nothing(tmp_path: Path) -> None:
    lineage = {"ports": {"o": {"x": [["ops/bookings", "email"]]}}}
    flows = two(tmp_path, lineage, x=("public", None))
    assert flows.sensitivity(flows.ref("o", "x")).classification == "public"


def test_what_only_decides_which_rows_there_are_brings_nothing_along(tmp_path: Path) -> None:
    lineage = {
        "ports": {"o": {"x": [["d/a/o", "c0"]]}},
        "ways": {"o": {"x": {"d/a/o#c0": "condition"}}},
    }
    flows = two(tmp_path, lineage, x=("public", None))
    assert flows.sensitivity(flows.ref("o", "x")).classification == "public"


def test_a_version_that_nobody_knows_any_more_is_an_error(tmp_path: Path) -> None:
    flows = two(tmp_path, {"ports": {"o": {"x": [["d/a/o", "c0"]]}}}, x=("public", None))
    gone = Flows(flows.root, {})
    with pytest.raises(MeshError, match="version 3 of mesh://d/a"):
        gone.sensitivity(gone.ref("o", "x"))
