"""Small files that hold something else than they should: told with their place, never guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import mesh as command
from meshes import contract, load, manifest, write_mesh, write_parquet

import mesh_defs
from mesh_defs.errors import CorruptRecord
from mesh_defs.product.attempts import Attempt, Attempts
from mesh_defs.product.container import run_product
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.model import Mesh
from mesh_defs.product.publish import roll_forward
from mesh_defs.product.status import mesh_status
from mesh_defs.product.stores import product_store

BAD = [b"", b"{", b"\xff\xfe", b"[]", b"null", b"{}", b'{"version": 0}', b'"text"']
# More brackets than a reader of JSON can go down.
BAD.append(b"[" * 200_000)
BODY = "inputs: {things: files://things}"
ID = "- {name: id, logicalType: integer, required: true}"


def two_products(root: Path) -> Mesh:
    write_parquet(root, "things", "select i as id from range(10) t(i)")
    files = {}
    for name in ("things", "widgets"):
        files[f"domains/shop/{name}/defs.yaml"] = manifest(BODY)
        files[f"domains/shop/{name}/contract.yaml"] = contract(name, ID)
        files[f"domains/shop/{name}/{name}.sql"] = "select id from things"
    mesh = load(write_mesh(root, files))
    for name in ("things", "widgets"):
        assert run_product(mesh, mesh.product(f"mesh://shop/{name}")).version == 0
    return mesh


def product(root: Path) -> Path:
    return root / ".mesh/storage/shop/things"


@pytest.mark.parametrize("content", BAD)
def test_a_bad_ledger_record_is_told_and_no_older_version_shown(
    tmp_path: Path, content: bytes
) -> None:
    mesh = two_products(tmp_path)
    run_product(mesh, mesh.product("mesh://shop/things"))
    (record := product(tmp_path) / "ledger/000000000001.json").write_bytes(content)
    with pytest.raises(CorruptRecord, match="--rebuild") as caught:
        mesh_defs.open("mesh://shop/things", root=tmp_path)
    assert str(caught.value).startswith(str(record))
    with pytest.raises(CorruptRecord):
        run_product(mesh, mesh.product("mesh://shop/things"))
    assert mesh_defs.open("mesh://shop/things?version=0", root=tmp_path).arrow().num_rows == 10
    ledger = Ledger(product_store(mesh.settings, "shop", "things"))
    records, errors = ledger.sound()
    assert ([r.version for r in records], len(errors)) == ([0], 1)
    last, number = ledger.base(rebuild=True)
    assert (last and last.version, number) == (0, 2)


def test_a_record_under_another_s_name_is_a_bad_record(tmp_path: Path) -> None:
    two_products(tmp_path)
    ledger = product(tmp_path) / "ledger"
    (ledger / "000000000001.json").write_bytes((ledger / "000000000000.json").read_bytes())
    with pytest.raises(CorruptRecord, match="speaks of version 0"):
        mesh_defs.open("mesh://shop/things", root=tmp_path)


@pytest.mark.parametrize("versions", [1, 2])
def test_a_rebuild_publishes_past_a_bad_record(tmp_path: Path, versions: int) -> None:
    mesh = two_products(tmp_path)
    for _ in range(versions - 1):
        run_product(mesh, mesh.product("mesh://shop/things"))
    bad = product(tmp_path) / f"ledger/{versions - 1:012}.json"
    bad.write_bytes(b"{")
    assert run_product(mesh, mesh.product("mesh://shop/things"), rebuild=True).version == versions
    port = mesh_defs.open("mesh://shop/things", root=tmp_path)
    assert (port.version, port.arrow().num_rows) == (versions, 10)
    assert bad.read_bytes() == b"{"
    with pytest.raises(CorruptRecord):
        mesh_defs.open(f"mesh://shop/things?version={versions - 1}", root=tmp_path)
    assert run_product(mesh, mesh.product("mesh://shop/things")).version == versions + 1


def test_status_tells_it_of_that_product_alone(tmp_path: Path) -> None:
    mesh = two_products(tmp_path)
    (record := product(tmp_path) / "ledger/000000000000.json").write_bytes(b"{")
    things, widgets = mesh_status(mesh)
    assert (things.state, widgets.state) == ("broken", "published")
    assert (things.record, things.attempt is not None) == (None, True)
    assert str(record) in (things.problem or "")
    assert widgets.problem is None
    shown = command(tmp_path, "status")
    assert (shown.returncode, "000000000000.json" in shown.stdout) == (0, True)
    details = command(tmp_path, "status", "mesh://shop/things")
    assert (details.returncode, "000000000000.json" in details.stdout) == (0, True)
    answer = json.loads(command(tmp_path, "status", "--json").stdout)["products"]
    assert [str(record) in (p["error"] or "") for p in answer] == [True, False]


def test_a_bad_record_of_an_older_version_is_a_note_of_the_history(tmp_path: Path) -> None:
    mesh = two_products(tmp_path)
    run_product(mesh, mesh.product("mesh://shop/things"))
    (product(tmp_path) / "ledger/000000000000.json").write_bytes(b"{")
    done = command(tmp_path, "status", "mesh://shop/things", "--json")
    found = json.loads(done.stdout)
    assert (found["state"], found["version"], len(found["history"])) == ("published", 1, 1)
    assert "000000000000.json" in found["notes"][0]


@pytest.mark.parametrize("content", BAD)
def test_a_bad_record_of_a_run_stops_nothing_and_is_put_aside(
    tmp_path: Path, content: bytes
) -> None:
    mesh = two_products(tmp_path)
    store = product_store(mesh.settings, "shop", "things")
    (good,) = Attempts(store).all()
    bad = product(tmp_path) / "runs/20990101T000000.000Z-x.json"
    bad.write_bytes(content)
    assert Attempts(store).all() == [good]
    assert Attempts(store).latest() == good
    (things, _) = mesh_status(mesh)
    assert (things.state, things.notes[0].startswith(str(bad))) == ("published", True)
    assert run_product(mesh, mesh.product("mesh://shop/things")).version == 1
    assert not bad.exists()
    aside = bad.with_name(f"{bad.name}.corrupt")
    assert aside.read_bytes() == content
    assert Attempts(store).corrupt() == [str(aside)]
    assert str(aside) in (mesh_status(mesh)[0].problem or "")
    assert len(Attempts(store).all()) == 2


def test_what_was_put_aside_is_told_until_a_later_run_is_sound(tmp_path: Path) -> None:
    mesh = two_products(tmp_path)
    attempts = Attempts(product_store(mesh.settings, "shop", "things"))
    (runs := product(tmp_path) / "runs")
    (first,) = runs.glob("*.json")
    first.write_bytes(b"{")
    (note,) = mesh_status(mesh)[0].notes
    assert note.startswith(str(first))
    assert "remove the file" in note
    assert run_product(mesh, mesh.product("mesh://shop/things")).version == 1
    assert (runs / f"{first.name}.corrupt").exists()
    assert attempts.corrupt() == []
    assert mesh_status(mesh)[0].problem is None


def test_a_record_that_is_removed_while_it_is_listed_is_left_out(tmp_path: Path) -> None:
    store = product_store(two_products(tmp_path).settings, "shop", "things")
    attempts = Attempts(store)
    listed = store.names("runs")
    attempts.write(Attempt("late", "2099-01-01T00:00:00.000+00:00", "running"))
    (late,) = set(store.names("runs")) - set(listed)
    (product(tmp_path) / "runs" / late).unlink()
    (product(tmp_path) / "runs" / late).symlink_to("gone")
    found = attempts.latest()
    assert found is not None
    assert found.result == "published"
    assert attempts.corrupt() == []


def test_a_record_of_before_tokens_is_read(tmp_path: Path) -> None:
    store = product_store(two_products(tmp_path).settings, "shop", "things")
    (name,) = store.names("runs")
    values = json.loads(store.read(f"runs/{name}") or b"")
    del values["token"]
    store.replace(f"runs/{name}", json.dumps(values).encode())
    (attempt,) = Attempts(store).all()
    assert (attempt.token, attempt.result) == ("", "published")


@pytest.mark.parametrize("content", [*BAD, b'{"record": {}, "commits": {}}'])
def test_a_bad_intent_is_told_and_given_up_by_a_rebuild_alone(
    tmp_path: Path, content: bytes
) -> None:
    mesh = two_products(tmp_path)
    (tmp_path / ".mesh/storage/shop/things/intents").mkdir(exist_ok=True)
    (intent := product(tmp_path) / "intents/000000000001.json").write_bytes(content)
    with pytest.raises(CorruptRecord, match="--rebuild") as caught:
        run_product(mesh, mesh.product("mesh://shop/things"))
    assert str(caught.value).startswith(str(intent))
    assert intent.read_bytes() == content
    assert mesh_defs.open("mesh://shop/things", root=tmp_path).version == 0
    assert run_product(mesh, mesh.product("mesh://shop/things"), rebuild=True).version == 1
    assert not intent.exists()
    assert intent.with_name(f"{intent.name}.corrupt").read_bytes() == content
    assert run_product(mesh, mesh.product("mesh://shop/things")).version == 2


def test_a_bad_intent_of_a_version_that_is_published_has_nothing_to_say(tmp_path: Path) -> None:
    mesh = two_products(tmp_path)
    store = product_store(mesh.settings, "shop", "things")
    store.replace("intents/000000000000.json", b"{")
    assert roll_forward(store) == []
    assert store.names("intents") == ["000000000000.json.corrupt"]
    assert run_product(mesh, mesh.product("mesh://shop/things")).version == 1


@pytest.mark.parametrize("key", ["run_id", "token"])
@pytest.mark.parametrize("name", ["../../../precious", "..", "{root}/precious", "*"])
def test_an_attempt_that_names_what_is_not_its_own_removes_nothing(
    tmp_path: Path, key: str, name: str
) -> None:
    """The next run removes the folder and the files of runs that died, by these names."""
    mesh = two_products(tmp_path)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/kept-1.parquet").write_bytes(b"kept")
    (latest,) = (product(tmp_path) / "runs").glob("*.json")
    values = json.loads(latest.read_bytes())
    name = name.replace("{root}", str(tmp_path))
    latest.write_text(json.dumps({**values, "result": "running", key: name}))
    attempts = Attempts(product_store(mesh.settings, "shop", "things"))
    assert attempts.all() == []
    assert attempts.corrupt() == [str(latest)]
    assert run_product(mesh, mesh.product("mesh://shop/things")).version == 1
    assert (tmp_path / "precious/kept-1.parquet").read_bytes() == b"kept"
    assert Path(f"{latest}.corrupt").exists()
