"""YAML that would end or hold the process that reads it is refused: a fault says where and why."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from commands import aircraft_files, aircraft_mesh
from commands import mesh as run_mesh
from hypothesis import given
from hypothesis import strategies as st
from meshes import write

from mesh_defs import yaml_source
from mesh_defs.contract.load import load_contract
from mesh_defs.faults import Fault
from mesh_defs.product.load import load_mesh
from mesh_defs.product.transforms import dbt_names
from mesh_defs.standards.importing.read import read_files
from mesh_defs.yaml_depth import MAX_DEPTH, deepest_possible, too_deep
from mesh_defs.yaml_source import parse, read_documents

NESTING: dict[str, Callable[[int], str]] = {
    "lists": lambda n: "[" * n + "]" * n,
    "mappings": lambda n: "{a: " * n + "1" + "}" * n,
    "pairs": lambda n: "[a: " * (n // 2) + "1" + "]" * (n // 2),
    "not closed": lambda n: "[" * n,
    "one line of items": lambda n: "- " * n + "1",
    "questions": lambda n: "? " * n + "1",
    "blocks": lambda n: "".join(" " * at + "a:\n" for at in range(n)) + " " * n + "1",
    "items at the indent of their key": lambda n: "".join(
        f"{' ' * 2 * at}{'- ' if at else ''}a:\n" for at in range(n // 2)
    ),
    "key of lists": lambda n: "? " + "[" * n + "]" * n + "\n: 1",
    "second document": lambda n: "a: 1\n---\n" + "[" * n + "]" * n,
    "other line breaks": lambda n: "\x85".join(" " * at + "a:" for at in range(n)),
}


def depth(text: str) -> int:
    """How deep the events of ``text`` go, as far as it is YAML."""
    now = most = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            now += isinstance(event, yaml.CollectionStartEvent)
            now -= isinstance(event, yaml.CollectionEndEvent)
            most = max(most, now)
    except yaml.YAMLError:
        pass
    return most


@pytest.mark.parametrize("kind", NESTING)
@pytest.mark.parametrize("levels", [MAX_DEPTH + 20, 900])
def test_what_is_nested_too_deep_is_refused_before_it_is_built(kind: str, levels: int) -> None:
    documents, faults = parse(NESTING[kind](levels), "f.yaml")
    assert documents == []
    assert [each.found for each in faults] == [
        "lists and mappings in each other more than 100 deep"
    ]
    assert faults[0].line > 0


@pytest.mark.parametrize("kind", ["lists", "mappings", "not closed", "key of lists"])
def test_no_depth_ends_the_process(kind: str) -> None:
    documents, faults = parse(NESTING[kind](100_000), "f.yaml")
    assert documents == []
    assert len(faults) == 1


def test_the_line_is_the_one_on_which_it_gets_too_deep() -> None:
    text = "a: 1\nb: [1, 2]\nc:\n" + "".join(f"{' ' * at}- \n" for at in range(1, 200))
    _, faults = parse(text, "f.yaml")
    assert [each.line for each in faults] == [103]


def test_what_is_not_too_deep_is_read_whatever_brackets_it_has() -> None:
    text = "a:\n" + "- [{b: '[[[['}, [c]]\n" * 500 + "- " * (MAX_DEPTH - 2) + "d\n"
    (document,), faults = parse(text, "f.yaml")
    assert faults == []
    assert len(document.data["a"]) == 501


def test_aliases_do_not_get_deeper_either() -> None:
    chain = "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 600))
    documents, faults = parse("a0: &a0 [1]\n" + chain, "f.yaml")
    assert documents == []
    assert "more than 100 deep" in faults[0].found
    few = "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 90))
    assert parse("a0: &a0 [1]\n" + few, "f.yaml")[1] == []


@given(st.text(alphabet="[]{}-?:,ab \n\x85\"'#&*", max_size=60))
def test_the_quick_bound_is_never_too_low(text: str) -> None:
    assert depth(text) <= deepest_possible(text)


@given(
    st.recursive(st.text(max_size=3), lambda x: st.lists(x, min_size=1, max_size=2)), st.booleans()
)
def test_the_quick_bound_holds_for_whole_documents(data: object, flow: bool) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow)
    assert depth(text) <= deepest_possible(text)
    assert too_deep(text) is None


def test_no_file_of_a_mesh_ends_those_who_read_it(tmp_path: Path) -> None:
    deep = "kind: DataContract\na: " + "[" * 40_000 + "]" * 40_000 + "\n"
    root = aircraft_mesh(tmp_path)
    nasty = aircraft_files(**{"contract.yaml": deep})
    write(root, {name.replace("/aircraft/", "/nasty/"): text for name, text in nasty.items()})
    mesh = load_mesh(root)
    assert list(mesh.products) == ["fleet/aircraft"]
    faults = [(each.file, each.line) for each in mesh.broken["fleet/nasty"].faults]
    assert ("domains/fleet/nasty/contract.yaml", 2) in faults


def test_a_deep_file_of_a_dbt_project_is_left_to_dbt(tmp_path: Path) -> None:
    file = tmp_path / "models" / "deep.yml"
    write(tmp_path, {"models/deep.yml": "models: " + "[" * 40_000 + "]" * 40_000})
    assert dbt_names.test_names(tmp_path, [file], ["wanted"]) is None


def test_import_refuses_it_in_words(tmp_path: Path) -> None:
    write(tmp_path, {"mesh.yaml": "name: test\n", "domains/__init__.py": ""})
    text = "kind: DataProduct\na: " + "[" * 500 + "]" * 500
    (tmp_path / "p.yaml").write_text(text)
    done = run_mesh(tmp_path, "import", str(tmp_path / "p.yaml"), "--domain", "shop")
    assert done.returncode == 1
    assert "100 levels" in done.stdout + done.stderr


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    file = pipe(tmp_path / "contract.yaml")
    contract, faults = load_contract(file)
    assert contract is None
    assert "not a regular file" in faults[0].found
    documents, faults = read_documents(file, "f.yaml", smallest="x")
    assert documents == []
    assert "not a regular file" in faults[0].found


def test_import_leaves_pipes_alone_and_says_so_of_one_that_is_named(tmp_path: Path) -> None:
    file = pipe(tmp_path / "p.yaml")
    write(tmp_path, {"notes.yaml": "a: 1\n"})
    found = read_files(tmp_path)
    assert found.passed_over == ["notes.yaml"]
    assert [each.found for each in found.faults] == ["no document to import"]
    (fault, *_) = read_files(file).faults
    assert "not a regular file" in fault.found


def test_a_file_is_read_no_further_than_it_may_be_long(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    with file.open("wb") as stream:
        stream.truncate(1 << 40)  # a sparse file of a terabyte
    wanted = Fault("f", 0, "", "more than 1000000 bytes", "up to 1000000", "split the file")
    assert read_documents(file, "f", smallest="x") == ([], [wanted])
    assert load_contract(file, tmp_path)[1][0].found == wanted.found
    with pytest.raises(yaml_source.TooLarge):
        yaml_source.read_source(file)
