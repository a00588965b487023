"""Products that read each other in a circle: each circle is told once, and all of it is broken."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshes import contract, manifest, write_mesh

from mesh_defs.errors import InvalidMesh
from mesh_defs.product.check import check_mesh
from mesh_defs.product.load import load_mesh
from mesh_defs.product.status import mesh_status

PROPERTIES = "- {name: id, logicalType: integer, required: true}"


def reading(root: Path, reads: Mapping[str, Sequence[str]]) -> Path:
    """A mesh whose products read each other as ``reads`` says."""
    files: dict[str, str] = {}
    for name, sources in reads.items():
        inputs = "\n".join(f"  {source}: mesh://loop/{source}" for source in sources)
        body = f"inputs:\n{inputs}" if sources else ""
        files[f"domains/loop/{name}/defs.yaml"] = manifest(body)
        files[f"domains/loop/{name}/contract.yaml"] = contract(name, PROPERTIES)
        files[f"domains/loop/{name}/{name}.sql"] = "select 1 as id"
    return write_mesh(root, files)


def circles(root: Path) -> list[str]:
    return [f.found for f in load_mesh(root).faults]


def test_a_cycle_is_told_once_with_its_whole_path(tmp_path: Path) -> None:
    root = reading(tmp_path, {"c": ["a"], "a": ["b"], "b": ["c"], "free": ["a"]})
    mesh = load_mesh(root)
    (fault,) = mesh.faults
    assert fault.found == "a cycle: loop/a -> loop/b -> loop/c -> loop/a"
    assert (fault.file, fault.line) == ("domains/loop/a/defs.yaml", 8)
    assert fault.key == "attributes.inputs.b"
    assert set(mesh.broken) == {"loop/a", "loop/b", "loop/c"}
    assert set(mesh.products) == {"loop/free"}
    states = {status.identity: (status.state, status.faults) for status in mesh_status(mesh)}
    for name in ("a", "b", "c"):
        assert states[f"loop/{name}"] == ("broken", (fault,))
        with pytest.raises(InvalidMesh, match="a cycle: loop/a"):
            mesh.product(f"mesh://loop/{name}")


def test_a_check_of_any_of_its_products_tells_it(tmp_path: Path) -> None:
    root = reading(tmp_path, {"a": ["b"], "b": ["a"], "free": []})
    for name in ("a", "b"):
        found = check_mesh(root, only=f"domains/loop/{name}").faults
        assert "a cycle: loop/a -> loop/b -> loop/a" in [f.found for f in found]
    assert not check_mesh(root, only="domains/loop/free").faults


def test_a_product_that_reads_itself(tmp_path: Path) -> None:
    root = reading(tmp_path, {"a": ["a"]})
    assert circles(root) == ["a cycle: loop/a -> loop/a"]


def test_several_cycles_are_told_each(tmp_path: Path) -> None:
    root = reading(tmp_path, {"a": ["b", "c"], "b": ["a"], "c": ["a"], "d": ["e"], "e": ["d"]})
    assert circles(root) == [
        "a cycle: loop/a -> loop/b -> loop/a",
        "a cycle: loop/a -> loop/c -> loop/a",
        "a cycle: loop/d -> loop/e -> loop/d",
    ]


names = st.sampled_from("abcde")
graphs = st.dictionaries(names, st.lists(names, max_size=4, unique=True), max_size=5)


def reachable(reads: Mapping[str, Sequence[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for read in reads.get(waiting.pop(), ()):
            if read in reads and read not in found:
                found.add(read)
                waiting.append(read)
    return found


@settings(max_examples=60, deadline=None)
@given(graph=graphs)
def test_what_is_told_is_true_and_complete(graph: dict[str, list[str]]) -> None:
    reads = {name: [s for s in sources if s in graph] for name, sources in graph.items()}
    with TemporaryDirectory() as folder:
        mesh = load_mesh(reading(Path(folder), reads))
    inside = {name for name in reads if name in reachable(reads, name)}
    assert {identity.split("/")[1] for identity in mesh.broken} == inside
    told = [f.found.removeprefix("a cycle: ").replace("loop/", "") for f in mesh.faults]
    assert len(set(told)) == len(told)
    edges: set[tuple[str, str]] = set()
    for path in told:
        way = path.split(" -> ")
        assert way[0] == way[-1] == min(way)
        assert len(set(way)) == len(way) - 1
        assert all(read in reads[reader] for reader, read in itertools.pairwise(way))
        edges |= set(itertools.pairwise(way))
    assert edges == {
        (reader, read)
        for reader in reads
        for read in reads[reader]
        if reader == read or reader in reachable(reads, read)
    }
