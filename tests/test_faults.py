"""What is wrong is said once, clearly, with file and line; the rest of the mesh keeps working."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from meshes import contract, load, manifest, write, write_mesh, write_parquet

import mesh_defs
from mesh_defs.errors import InvalidMesh, SourceUnavailable, UnknownAddress
from mesh_defs.faults import Fault
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh

PROPERTIES = "- {name: id, logicalType: integer, required: true}"
SOUND = {
    "domains/shop/good/defs.yaml": manifest("inputs: {things: files://things}"),
    "domains/shop/good/contract.yaml": contract("good", PROPERTIES),
    "domains/shop/good/good.sql": "select id from things",
}
ODD = "domains/other/odd/defs.yaml"


def faults_of(root: Path, files: dict[str, str], settings: str | None = None) -> list[Fault]:
    """The faults of a mesh with one sound product and ``files``; the sound one still runs."""
    base = {
        "domains/other/odd/contract.yaml": contract("odd", PROPERTIES),
        "domains/other/odd/odd.sql": "select id from things",
    }
    write_mesh(root, {**SOUND, **base, **files, **({"mesh.yaml": settings} if settings else {})})
    write_parquet(root, "things", "select i as id from range(3) t(i)")
    mesh = load_mesh(root)
    assert "shop/good" in mesh.products
    assert run_product(mesh, mesh.product("mesh://shop/good")).outcome == "published"
    return list(mesh.faults)


def the_fault(faults: list[Fault]) -> Fault:
    assert len(faults) == 1, "\n".join(map(str, faults))
    return faults[0]


def test_syntax_that_is_no_yaml(tmp_path: Path) -> None:
    fault = the_fault(
        faults_of(tmp_path, {ODD: "type: mesh_defs.DataProduct\nattributes: {a: [\n"})
    )
    assert (fault.file, fault.allowed) == (ODD, "YAML")
    assert fault.line >= 2


def test_unknown_keys_name_the_nearest_known_one(tmp_path: Path) -> None:
    text = manifest("inputs: {things: files://things}\npurpos: typo\noutput: {}")
    faults = faults_of(tmp_path, {ODD: text})
    assert [f.line for f in faults] == [8, 9]
    assert "write 'purpose' instead of 'purpos'" in faults[0].fix
    assert "write 'outputs' instead of 'output'" in faults[1].fix


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    text = manifest("inputs: {things: 'nonsense'}\nstatus: actve\ntags: {}", version="1.0")
    keys = {f.key for f in faults_of(tmp_path, {ODD: text})}
    assert keys == {
        "attributes.version",
        "attributes.inputs.things.from",
        "attributes.status",
        "attributes.tags",
    }


def test_faults_of_manifest_contract_and_inputs_come_together(tmp_path: Path) -> None:
    bad = contract("odd", "- {name: id, logicalType: integr, required: true}")
    files = {
        ODD: manifest("inputs: {things: files://things}\nstatus: actve"),
        "domains/other/odd/contract.yaml": bad,
        "domains/other/two/defs.yaml": manifest(
            "inputs:\n  a: filez://things\n  b: mesh://shop/goood\ntransform: {dbt: nothing}"
        ),
        "domains/other/two/contract.yaml": bad.replace("odd", "two"),
    }
    faults = faults_of(tmp_path, files)
    assert [(f.file.removeprefix("domains/other/"), f.line) for f in faults] == [
        ("odd/contract.yaml", 9),
        ("odd/defs.yaml", 8),
        ("two/contract.yaml", 9),
        ("two/defs.yaml", 8),
        ("two/defs.yaml", 9),
        ("two/defs.yaml", 10),
    ]


@pytest.mark.parametrize(
    "cron",
    ["99 * * * *", "* * *", "*/0 * * * *", "0 6 32 * *", "0 6 * * 8", "5-1 * * * *", "a * * * *"],
)
def test_impossible_times_are_faults(tmp_path: Path, cron: str) -> None:
    text = manifest(f"inputs: {{things: files://things}}\ntrigger: {{cron: '{cron}'}}")
    assert the_fault(faults_of(tmp_path, {ODD: text})).key == "attributes.trigger.cron"


@pytest.mark.parametrize(
    "cron", ["0 6 * * *", "*/15 8-18 * * mon-fri", "0 0 1,15 jan,JUL *", "5 4 * * 0"]
)
def test_possible_times_are_not(tmp_path: Path, cron: str) -> None:
    text = manifest(f"inputs: {{things: files://things}}\ntrigger: {{cron: '{cron}'}}")
    assert faults_of(tmp_path, {ODD: text}) == []


def test_the_same_key_twice(tmp_path: Path) -> None:
    text = manifest("inputs: {things: files://things}\nowner: team:again")
    fault = the_fault(faults_of(tmp_path, {ODD: text}))
    assert fault.found == "the same key twice"
    assert fault.key == "attributes.owner"


def test_a_missing_contract_and_a_missing_query(tmp_path: Path) -> None:
    text = manifest("inputs: {things: files://things}\noutputs: {a: {contract: a.yaml}, odd: {}}")
    faults = faults_of(tmp_path, {ODD: text, "domains/other/odd/odd.sql": "  \n"})
    found = {f.found for f in faults}
    assert found == {"no file 'a.yaml'", "no file a.sql", "an empty file"}


def test_a_contract_outside_the_folder_is_refused(tmp_path: Path) -> None:
    elsewhere = "../../shop/good/contract.yaml"
    inputs = "inputs: {things: files://things}"
    text = manifest(f"{inputs}\noutputs: {{odd: {{contract: {elsewhere}}}}}")
    assert "no file" in the_fault(faults_of(tmp_path, {ODD: text})).found


def test_an_unknown_service_an_unknown_product_and_an_unknown_port(tmp_path: Path) -> None:
    text = manifest(
        "inputs:\n"
        "  a: filez://things\n"
        "  b: mesh://shop/goood\n"
        "  c: mesh://shop/good/godd\n"
        "  d: mesh://shop/good@2\n"
    )
    fixes = [f.fix for f in faults_of(tmp_path, {ODD: text})]
    assert any("write 'files' instead of 'filez'" in fix for fix in fixes)
    assert any("write 'shop/good' instead of 'shop/goood'" in fix for fix in fixes)
    assert any("write 'good' instead of 'godd'" in fix for fix in fixes)
    assert any("write @1" in fix for fix in fixes)
    assert len(fixes) == 4


def test_a_contract_without_a_rule_that_runs(tmp_path: Path) -> None:
    files = {
        ODD: manifest("inputs: {things: files://things}"),
        "domains/other/odd/contract.yaml": contract("odd", "- {name: id, logicalType: integer}"),
    }
    fault = the_fault(faults_of(tmp_path, files))
    assert "rule" in fault.found
    assert fault.file == "domains/other/odd/contract.yaml"


def test_a_column_that_a_mode_needs(tmp_path: Path) -> None:
    files = {
        ODD: manifest(
            "inputs: {things: files://things}\n"
            "outputs:\n"
            "  odd: {mode: append, cursor: idd}\n"
            "  two: {contract: contract2.yaml, mode: upsert}\n"
        ),
        "domains/other/odd/two.sql": "select id from things",
        "domains/other/odd/contract2.yaml": contract("two", PROPERTIES),
    }
    faults = faults_of(tmp_path, files)
    assert "write 'id' instead of 'idd'" in faults[0].fix
    assert "mode upsert without a key" in faults[1].found


def test_a_broken_product_does_not_break_who_reads_it(tmp_path: Path) -> None:
    files = {
        ODD: "type: nonsense",
        "domains/other/reader/defs.yaml": manifest("inputs: {x: mesh://other/odd}"),
        "domains/other/reader/contract.yaml": contract("reader", PROPERTIES),
        "domains/other/reader/reader.sql": "select id from x",
    }
    faults_of(tmp_path, files)
    mesh = load_mesh(tmp_path)
    assert set(mesh.broken) == {"other/odd"}
    with pytest.raises(mesh_defs.NotPublished, match="mesh run mesh://other/odd"):
        run_product(mesh, mesh.product("mesh://other/reader"))
    with pytest.raises(InvalidMesh, match=r"defs\.yaml"):
        mesh.product("mesh://other/odd")


def test_a_broken_domain_file_keeps_its_products(tmp_path: Path) -> None:
    files = {
        ODD: manifest("inputs: {things: files://things}"),
        "domains/other/defs.yaml": "type: mesh_defs.Domain\nattributes: {owner: me}\n",
    }
    faults = faults_of(tmp_path, files)
    assert {(fault.file, fault.line) for fault in faults} == {("domains/other/defs.yaml", 2)}
    assert {fault.key for fault in faults} == {"", "attributes.owner", "attributes.purpose"}
    assert "other/odd" in load_mesh(tmp_path).products


def test_mesh_yaml_itself(tmp_path: Path) -> None:
    write(tmp_path, {"mesh.yaml": "name: x\nprofil: y\n"})
    with pytest.raises(InvalidMesh, match=r"write 'profile' instead of 'profil'"):
        load_mesh(tmp_path)
    write(tmp_path, {"mesh.yaml": "name: x\nprofile: cloud\n"})
    with pytest.raises(InvalidMesh, match="no profile 'cloud'"):
        load_mesh(tmp_path)


UNREACHABLE = """
name: test
profiles:
  local:
    services:
      files: {driver: files, path: data}
      lite: {driver: sqlite, path: nowhere.db}
      pg: {driver: postgres, dsn: "host=127.0.0.1 port=1 user=me password=hunter2"}
      secret: {driver: postgres, dsn: "${NOT_SET_ANYWHERE}"}
      folder: {driver: files, path: nowhere}
      odd: {driver: sqllite}
"""


@pytest.mark.parametrize(
    ("source", "error", "text"),
    [
        ("lite://things", SourceUnavailable, "there is no file"),
        ("pg://things", SourceUnavailable, "cannot be reached"),
        ("secret://things", mesh_defs.MeshError, "NOT_SET_ANYWHERE"),
        ("folder://things", SourceUnavailable, "there is no folder"),
        ("files://thingz", UnknownAddress, "write 'things' instead of 'thingz'"),
        ("odd://things", InvalidMesh, "write 'sqlite' instead of 'sqllite'"),
    ],
)
def test_what_cannot_be_reached(
    tmp_path: Path, source: str, error: type[Exception], text: str
) -> None:
    faults_of(tmp_path, {ODD: manifest(f"inputs: {{things: '{source}'}}")}, UNREACHABLE)
    mesh = load_mesh(tmp_path)
    assert [f.key for f in mesh.faults] == ["profiles.local.services.odd.driver"]
    with pytest.raises(error) as caught:
        run_product(mesh, mesh.product("mesh://other/odd"))
    assert text in str(caught.value)
    assert "hunter2" not in str(caught.value)
    stored = b"".join(p.read_bytes() for p in (tmp_path / ".mesh").rglob("*.json"))
    assert b"hunter2" not in stored


@pytest.mark.parametrize(
    ("there", "words"),
    [("", "there is no other either"), ("planes.csv", "there are planes")],
)
def test_a_file_that_is_not_there_yet(tmp_path: Path, there: str, words: str) -> None:
    faults_of(tmp_path, {ODD: manifest("inputs: {things: 'files://things'}")})
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "data").mkdir()
    if there:
        (tmp_path / "data" / there).write_text("id\n1\n")
    mesh = load_mesh(tmp_path)
    with pytest.raises(UnknownAddress) as caught:
        run_product(mesh, mesh.product("mesh://other/odd"))
    assert "put the file there, as one of things.parquet, things.csv" in str(caught.value)
    assert words in str(caught.value)
    assert "remove" not in str(caught.value)


def test_a_foreign_key_is_told_at_its_place(tmp_path: Path) -> None:
    properties = """
    - name: id
      logicalType: integer
      required: true
      relationships:
        - to: mesh://shop/good#idd
        - to: mesh://shop/goood#id
        - to: mesh://shop/good/godd#id
    """
    text = contract("odd", properties)
    inputs = manifest("inputs: {things: 'files://things'}")
    found = faults_of(tmp_path, {ODD: inputs, "domains/other/odd/contract.yaml": text})
    places = [(f.line, f.key) for f in found if "foreign key" in f.found]
    base = "schema[0].properties[0].relationships"
    assert places == [(13, f"{base}[0].to"), (14, f"{base}[1].to"), (15, f"{base}[2].to")]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("mesh://shop/goood", "mesh://shop/good"),
        ("mesh://shop", "a domain and a product"),
        ("http://shop/good", "is not a global URL"),
        ("mesh://shop/good?version=x", "is not a number"),
        ("mesh://shop/good?vers=1", "allowed: version, as_of"),
        ("mesh://Shop/good", "is not a name"),
    ],
)
def test_addresses(tmp_path: Path, url: str, text: str) -> None:
    write_mesh(tmp_path, SOUND)
    with pytest.raises(UnknownAddress) as caught:
        load(tmp_path).product(url)
    assert text in str(caught.value)


def test_aliases_that_explode_are_a_fault(tmp_path: Path) -> None:
    levels = "\n".join(
        f"  l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" if i else "  l0: &l0 [x]"
        for i in range(9)
    )
    text = f"type: mesh_defs.DataProduct\nattributes:\n{levels}\n"
    fault = the_fault(faults_of(tmp_path, {ODD: text}))
    assert "anchor" in fault.found
