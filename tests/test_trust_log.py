"""`mesh verify` misses what the log of a table says besides its files, and what was taken away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from meshes import contract, load, manifest, write_mesh, write_parquet
from trust_meshes import (
    DELAYS,
    FLIGHTS,
    attestation_of,
    chain_mesh,
    files_of,
    flights,
    folder_of,
    publish,
    settings,
    store_of,
)

from mesh_defs.discovery.trust.findings import Problem
from mesh_defs.discovery.trust.verify import verify
from mesh_defs.product.container import run_product
from mesh_defs.product.report import Progress
from mesh_defs.urls import parse

Actions = list[dict[str, Any]]
LOG = "ports/{port}/_delta_log/{version:020d}.json"
NEWEST = f"{FLIGHTS}?version=1"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chain_mesh(tmp_path_factory.mktemp("chain") / "mesh")


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Iterator[Path]:
    """The mesh as it was published, to be harmed."""
    copied = tmp_path / "mesh"
    shutil.copytree(built, copied)
    return copied


def problems(root: Path, url: str = FLIGHTS) -> tuple[Problem, ...]:
    return verify(settings(root), parse(url)).problems


def log(root: Path, url: str, version: int) -> Path:
    return folder_of(root, url) / LOG.format(port=url.rpartition("/")[2], version=version)


def edit(file: Path, change: Callable[[Actions], Actions]) -> None:
    actions = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(f"{json.dumps(action)}\n" for action in change(actions)))


def metadata(actions: Actions) -> dict[str, Any]:
    (found,) = (action["metaData"] for action in actions if "metaData" in action)
    assert isinstance(found, dict)
    return found


def with_fields(change: Callable[[Actions], Actions]) -> Callable[[Actions], Actions]:
    """Change the fields of the table's schema."""

    def changed(actions: Actions) -> Actions:
        told = metadata(actions)
        schema = json.loads(told["schemaString"])
        told["schemaString"] = json.dumps({**schema, "fields": change(schema["fields"])})
        return actions

    return changed


def mapped(actions: Actions) -> Actions:
    """Each of the two columns is read from the other's."""

    def swapped(fields: Actions) -> Actions:
        for number, (field, other) in enumerate(zip(fields, reversed(fields), strict=True), 1):
            field["metadata"] = {
                "delta.columnMapping.id": number,
                "delta.columnMapping.physicalName": other["name"],
            }
        return fields

    metadata(actions)["configuration"] |= {
        "delta.columnMapping.mode": "name",
        "delta.columnMapping.maxColumnId": "2",
    }
    for action in actions:
        if "protocol" in action:
            action["protocol"] = {"minReaderVersion": 2, "minWriterVersion": 5}
    return with_fields(swapped)(actions)


def told(**values: object) -> Callable[[Actions], Actions]:
    """Change the table's metadata."""

    def changed(actions: Actions) -> Actions:
        metadata(actions).update(values)
        return actions

    return changed


def needing(actions: Actions) -> Actions:
    for action in actions:
        if "protocol" in action:
            action["protocol"] = {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": ["deletionVectors"],
                "writerFeatures": ["deletionVectors"],
            }
    return actions


def renamed(fields: Actions) -> Actions:
    return [{**field, "name": f"{field['name']}s"} for field in fields]


def widened(fields: Actions) -> Actions:
    return [{**field, "type": "string"} for field in fields]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (mapped, "has settings that publishing does not make: delta.columnMapping.m"),
        (mapped, "needs readers of version 2"),
        (mapped, "has another schema than its files: id, delay"),
        (with_fields(renamed), "has another schema than its files: ids, delays, id and 1 more"),
        (with_fields(lambda fields: fields[:1]), "has another schema than its files: delay"),
        (with_fields(widened), "has another schema than its files: id, delay"),
        (with_fields(lambda fields: fields[::-1]), "its files: the order of its columns"),
        (told(partitionColumns=["delay"]), "takes columns from elsewhere than its files: delay"),
        (told(configuration={"delta.appendOnly": "true"}), "does not make: delta.appendOnly"),
        (told(description="The best table."), "has a name or a description"),
        (needing, "needs readers of version 3: deletionVectors"),
    ],
)
def test_a_log_that_says_more_than_its_files(
    root: Path, change: Callable[[Actions], Actions], said: str
) -> None:
    """Who reads the table alone would get other columns, under a list of files that is right."""
    edit(log(root, FLIGHTS, 0), change)
    found = problems(root)
    assert {one.kind for one in found} == {"replaced commit"}
    assert any(said in one.text for one in found), found


def test_a_commit_after_the_newest_version(root: Path) -> None:
    newest = log(root, FLIGHTS, 1)
    shutil.copy(newest, log(root, FLIGHTS, 2))
    (problem,) = problems(root)
    assert (problem.kind, problem.url) == ("replaced commit", NEWEST)
    assert "is at version 2, and 1 is that of the newest version" in problem.text
    # What was made from it is told, too; the version before it never was the newest of its table.
    assert [one.url for one in problems(root, DELAYS)] == [NEWEST]
    assert problems(root, f"{FLIGHTS}?version=0") == ()


def test_a_record_that_was_removed_to_bring_an_older_version_back(root: Path) -> None:
    (folder_of(root, FLIGHTS) / "ledger/000000000001.json").unlink()
    assert [(one.kind, one.url) for one in problems(root)] == [("missing record", NEWEST)]


def test_a_ledger_that_was_removed(root: Path) -> None:
    shutil.rmtree(folder_of(root, FLIGHTS) / "ledger")
    kinds = {(one.kind, one.url) for one in problems(root)}
    assert ("missing record", NEWEST) in kinds


def test_a_version_that_was_removed_but_for_its_commit(root: Path) -> None:
    for name in ("ledger", "attestations", "discovery"):
        (folder_of(root, FLIGHTS) / f"{name}/000000000001.json").unlink()
    (problem,) = problems(root)
    assert (problem.kind, problem.url) == ("replaced commit", f"{FLIGHTS}?version=0")
    # Whoever was made from it misses it.
    assert ("missing parent", NEWEST) in {(one.kind, one.url) for one in problems(root, DELAYS)}


@pytest.mark.parametrize("step", ["intent", "commit:flights", "documents", "ledger"])
def test_who_verifies_while_a_run_publishes_finds_nothing_wrong(tmp_path: Path, step: str) -> None:
    root = chain_mesh(tmp_path)
    flights(root, 200)
    found: list[tuple[str, tuple[Problem, ...]]] = []

    def watch(progress: Progress) -> None:
        if progress.step == step:
            seen = verify(settings(root), parse(FLIGHTS))
            found.append((seen.url, seen.problems))

    mesh = load(root)
    assert run_product(mesh, mesh.product(FLIGHTS), observer=watch).outcome == "published"
    assert found == [(f"{FLIGHTS}?version={2 if step == 'ledger' else 1}", ())]
    assert problems(root) == ()


def test_a_publish_that_died_is_no_excuse_when_nobody_runs(tmp_path: Path) -> None:
    root = chain_mesh(tmp_path)
    flights(root, 200)

    class Died(Exception):
        pass

    def watch(progress: Progress) -> None:
        if progress.step == "documents":
            raise Died

    mesh = load(root)
    with pytest.raises(Died):
        run_product(mesh, mesh.product(FLIGHTS), observer=watch)
    assert ("missing record", f"{FLIGHTS}?version=2") in {(p.kind, p.url) for p in problems(root)}
    flights(root, 220)
    publish(root, FLIGHTS)
    assert problems(root) == ()


ODD = """
- {name: id, logicalType: integer, primaryKey: true, required: true}
- {name: local, logicalType: timestamp, physicalType: TIMESTAMP}
- {name: moment, logicalType: timestamp, physicalType: TIMESTAMP WITH TIME ZONE}
- {name: amount, logicalType: number, physicalType: "DECIMAL(18,4)"}
- {name: day, logicalType: date}
- {name: raw, logicalType: string, physicalType: BLOB}
- {name: tags, logicalType: array, items: {logicalType: string}}
- name: place
  logicalType: object
  properties:
  - {name: x, logicalType: number, physicalType: DOUBLE}
"""
ODD_ROWS = """
select i as id, timestamp '2026-01-31 12:00:00' as local, timestamptz '2026-01-31 12:00:00+00' as
  moment, 1.5::decimal(18,4) as amount, date '2026-01-31' as day, 'ab'::blob as raw,
  ['a', null] as tags, {'x': 1.5::double} as place from range(20) t(i)
"""
MODES = (
    "inputs: {odd: files://odd}\n",
    "inputs: {odd: files://odd}\noutputs: {odd: {mode: append, cursor: id}}\n",
    "inputs: {odd: files://odd}\noutputs: {odd: {mode: upsert, key: [id]}}\n",
)


@hypothesis_settings(max_examples=8, deadline=None)
@given(mode=st.sampled_from(MODES), steps=st.lists(st.integers(1, 40), min_size=1, max_size=3))
def test_what_publishing_writes_is_sound_whatever_its_types(
    tmp_path_factory: pytest.TempPathFactory, mode: str, steps: list[int]
) -> None:
    root = write_mesh(
        tmp_path_factory.mktemp("odd"),
        {
            "domains/ops/odd/defs.yaml": manifest(mode),
            "domains/ops/odd/contract.yaml": contract("odd", ODD),
            "domains/ops/odd/odd.sql": "select * from odd",
        },
    )
    rows = 0
    for step in steps:
        rows += step
        write_parquet(root, "odd", ODD_ROWS.replace("range(20)", f"range({rows})"))
        publish(root, "mesh://ops/odd")
        assert problems(root, "mesh://ops/odd") == ()


def test_the_mesh_that_is_harmed_here_is_sound(root: Path) -> None:
    assert problems(root) == problems(root, DELAYS) == ()
    assert len(files_of(root, FLIGHTS, 1)) == 2
    assert attestation_of(root, FLIGHTS, 1).exists()
    assert store_of(root, FLIGHTS).table_version("flights") == 1
