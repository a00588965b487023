"""Records whose JSON is sound and whose values are of other types: that product's fault alone."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import mesh as command
from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.drivers.storage.protocol import Commit
from mesh_defs.errors import CorruptRecord
from mesh_defs.product.attempts import Attempts
from mesh_defs.product.container import run_product
from mesh_defs.product.ledger import NOT_A_RECORD, Ledger, Record
from mesh_defs.product.model import Mesh
from mesh_defs.product.publish import roll_forward
from mesh_defs.product.status import product_details
from mesh_defs.product.stores import product_store
from mesh_defs.urls import parse

THINGS = "mesh://shop/things"
OTHERS = ["text", "../../x", 7, 1.5, -5, 10**30, True, None, [], [1], {}, {"x": 1}]
# What stands below these is read as it is found, by whom it concerns.
FREE = {"profile", "lineage", "samples", "findings", "waivers", "info"}
# The row's key is unique and one of its rows is told: a verdict with a sample.
ID = "- {name: id, logicalType: integer, required: true, primaryKey: true}"
WARNS = "- {name: few, metric: rowCount, mustBeLessThan: 5, severity: warning}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mesh")
    write_parquet(root, "rows", "select i as id from range(10) t(i)")
    files = {}
    for name in ("things", "widgets"):
        files[f"domains/shop/{name}/defs.yaml"] = manifest("inputs: {rows: files://rows}")
        files[f"domains/shop/{name}/contract.yaml"] = contract(name, ID, quality=WARNS)
        files[f"domains/shop/{name}/{name}.sql"] = "select id from rows"
    mesh = load(write_mesh(root, files))
    for name in ("things", "widgets"):
        assert run_product(mesh, mesh.product(f"mesh://shop/{name}")).version == 0
    return root


@pytest.fixture(scope="module")
def mesh(root: Path) -> Mesh:
    return load(root)


def stored(root: Path, folder: str) -> Path:
    (file,) = (root / ".mesh/storage/shop/things" / folder).glob("*.json")
    return file


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every value in a JSON value, but for what is free."""
    if path:
        yield path
    if path and path[-1] in FREE:
        return
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = list(enumerate(value))[:2]
    for key, inner in items:
        yield from places(inner, (*path, key))


def changed(values: Any, path: tuple[str | int, ...], other: object) -> tuple[Any, object]:
    """``values`` with ``other`` at ``path``, and what stood there."""
    copied = copy.deepcopy(values)
    at = copied
    for key in path[:-1]:
        at = at[key]
    before, at[path[-1]] = at[path[-1]], other
    return copied, before


def mutated(values: Any) -> Iterator[tuple[str, Any, object, object]]:
    for path in places(values):
        for other in OTHERS:
            found, before = changed(values, path, other)
            yield ".".join(map(str, path)), found, before, other


def must_be_refused(before: object, other: object) -> bool:
    """Whether no field that holds ``before`` can hold ``other``."""
    if before is None or other is None:
        return False  # perhaps it may be left out
    numbers = (int, float)
    if type(before) in numbers and type(other) in numbers:
        return not -1 <= other < 2**63  # type: ignore[operator]
    return type(before) is not type(other)


def test_each_value_of_a_version(root: Path, mesh: Mesh) -> None:
    file = stored(root, "ledger")
    sound = file.read_bytes()
    refused = set()
    ledger = Ledger(product_store(mesh.settings, "shop", "things"))
    try:
        for place, values, before, other in mutated(json.loads(sound)):
            file.write_text(json.dumps(values))
            try:
                ledger.latest()
            except CorruptRecord as error:
                refused.add(str(error).partition(" ")[0])
            else:
                assert not must_be_refused(before, other), (place, other)
                json.dumps(product_details(mesh, parse(THINGS)).as_dict())
    finally:
        file.write_bytes(sound)
    assert refused == {str(file)}
    assert Record.from_json(sound).to_json() == sound


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("ports", "things", "rows"), "many"),
        (("product_version",), "abc"),
        (("product_version",), "1"),
        (("ports", "things", "table_version"), "../../x"),
        (("ports", "things", "contract_digest"), "../../x"),
        (("published_at",), "yesterday"),
        (("published_at",), "2026-01-01T00:00:00"),
        (("inputs", "rows", "version"), "1"),
        (("seconds", "resolved"), "long"),
        (("expectations",), [{"rule": 1}]),
    ],
)
def test_it_is_told_of_that_product_alone(root: Path, path: tuple[str, ...], value: object) -> None:
    file = stored(root, "ledger")
    sound = file.read_bytes()
    try:
        file.write_text(json.dumps(changed(json.loads(sound), path, value)[0]))
        done = command(root, "status", "--json")
        with pytest.raises(CorruptRecord, match="--rebuild"):
            Ledger(product_store(load(root).settings, "shop", "things")).latest()
    finally:
        file.write_bytes(sound)
    assert done.returncode == 0, done.stderr
    things, widgets = json.loads(done.stdout)["products"]
    assert (things["state"], str(file) in things["error"]) == ("broken", True)
    assert (widgets["state"], widgets["error"]) == ("published", None)


def test_a_port_s_name_that_leaves_the_product_is_no_record(root: Path) -> None:
    values = json.loads(stored(root, "ledger").read_bytes())
    values["ports"]["../../widgets/ports/widgets"] = values["ports"].pop("things")
    with pytest.raises(ValueError, match="cannot be a port's name"):
        Record.from_dict(values)


def test_each_value_of_a_run(root: Path, mesh: Mesh) -> None:
    file = stored(root, "runs")
    sound = file.read_bytes()
    attempts = Attempts(product_store(mesh.settings, "shop", "things"))
    try:
        for place, values, before, other in mutated(json.loads(sound)):
            file.write_text(json.dumps(values))
            if must_be_refused(before, other):
                assert attempts.latest() is None, (place, other)
                assert attempts.corrupt() == [str(file)]
            else:
                json.dumps(product_details(mesh, parse(THINGS)).as_dict())
    finally:
        file.write_bytes(sound)


def test_each_value_of_a_publish_that_was_decided(root: Path, mesh: Mesh) -> None:
    """Nothing is published of it, and nothing is written outside of the table."""
    store = product_store(mesh.settings, "shop", "things")
    record = json.loads(stored(root, "ledger").read_bytes())
    added = {"path": "a.parquet", "rows": 1, "bytes": 2, "statistics": "{}"}
    commit = Commit(1, "{}", (), (), True, {}).as_dict()
    intent = {
        "record": {**record, "version": 1},
        "commits": {"things": {**commit, "adds": [added], "removes": [added]}},
    }
    Commit.from_dict(intent["commits"]["things"])
    name = "intents/000000000001.json"
    try:
        for place, values, before, other in mutated(intent):
            if must_be_refused(before, other):
                store.replace(name, json.dumps(values).encode())
                with pytest.raises(CorruptRecord):
                    roll_forward(store)
                assert store.names("ledger") == ["000000000000.json"], (place, other)
    finally:
        store.remove(name)


@pytest.mark.parametrize("path", ["../x.parquet", "/x.parquet", "a/../../x.parquet"])
def test_a_file_outside_of_the_table_is_never_committed(path: str) -> None:
    file = {"path": path, "rows": 1, "bytes": 2, "statistics": "{}"}
    values = {**Commit(1, "{}", (), (), True, {}).as_dict(), "adds": [file]}
    with pytest.raises(NOT_A_RECORD, match="not inside the table"):
        Commit.from_dict(values)


def test_a_record_with_a_fault_says_which(root: Path) -> None:
    values, _ = changed(
        json.loads(stored(root, "ledger").read_bytes()), ("ports", "things", "rows"), "many"
    )
    with pytest.raises(ValueError, match="'rows' is 'many', not a number"):
        Record.from_dict(values)
