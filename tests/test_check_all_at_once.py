"""One fault hides no other: what is sound in a file with faults is looked at as well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commands import aircraft_files, mesh
from meshes import contract, domain_yaml, manifest, write, write_mesh

from mesh_defs.errors import InvalidMesh
from mesh_defs.faults import Fault
from mesh_defs.product.check import check_mesh
from mesh_defs.product.load import load_mesh

CONTRACT = "domains/shop/things/contract.yaml"
MANIFEST = "domains/shop/things/defs.yaml"
QUERY = "domains/shop/things/things.sql"
PROPERTIES = "- {name: id, logicalType: integer, required: true}"
WORKSPACE = (
    "load_from: [{autoload_defs_module: {module_name: domains.shop, location_name: shop}}]\n"
)
FILES = {
    "workspace.yaml": WORKSPACE,
    MANIFEST: manifest("inputs: {rows: 'files://rows'}"),
    CONTRACT: contract("things", PROPERTIES),
    QUERY: "select 1 as id",
}


def faults(root: Path, files: dict[str, str]) -> list[Fault]:
    return list(check_mesh(write_mesh(root, {**FILES, **files})).faults)


def keys(found: list[Fault]) -> set[str]:
    return {fault.key for fault in found}


def test_the_mesh_of_these_tests_is_sound(tmp_path: Path) -> None:
    assert faults(tmp_path, {}) == []


def services(text: str) -> str:
    return f"name: test\nprofiles:\n  local:\n    services:\n{text}"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("      odd: {driver: files, path: [a]}\n", "odd.path"),
        ("      odd: files\n", "odd"),
        ("      odd: {driver: [files], path: a}\n", "odd.driver"),
        ("      Odd-One: {driver: files, path: a}\n", "Odd-One"),
    ],
)
def test_a_service_that_cannot_be_read_hides_nothing_else(
    tmp_path: Path, text: str, key: str
) -> None:
    written = services(
        text + "      files: {driver: files, pth: data}\n      b: {driver: sqlite}\n"
    )
    found = faults(tmp_path, {"mesh.yaml": written, QUERY: "select 1 as id frm rows"})
    base = "profiles.local.services"
    assert keys(found) == {f"{base}.{key}", f"{base}.files.pth", f"{base}.b", ""}
    assert check_mesh(tmp_path).products == 1
    only = check_mesh(tmp_path, only="domains/shop").faults
    assert f"{base}.{key}" in {fault.key for fault in only}
    with pytest.raises(InvalidMesh):
        load_mesh(tmp_path)


def test_who_reads_such_a_service_is_not_wrong_too(tmp_path: Path) -> None:
    found = faults(tmp_path, {"mesh.yaml": services("      files: data\n")})
    assert keys(found) == {"profiles.local.services.files"}


def test_policies_that_cannot_be_read_make_no_waiver_wrong(tmp_path: Path) -> None:
    until = (datetime.now(UTC) + timedelta(days=30)).date()
    waiver = f"""
          waivers:
            - policy: OwnedByATeam
              product: things
              reason: It is only here for a test.
              approved_by: team:audit
              until: {until}"""
    domain = domain_yaml().replace("purpose: Testing.", "purpose: Testing." + waiver)
    text = "name: test\npolicies:\n  - {policy: OwnedByATeam, consequence: shout}\n"
    written = services("      files: {driver: files, path: data}\n").replace("name: test\n", text)
    (fault,) = faults(tmp_path, {"mesh.yaml": written, "domains/shop/defs.yaml": domain})
    assert fault.key == "policies[0].consequence"


def test_rules_of_a_contract_with_a_fault(tmp_path: Path) -> None:
    quality = """
    - {type: sql, mustBe: 0}
    - {type: sql, query: "select count(*) from {object} where idd > 1", mustBe: 0}
    - {type: sql, query: "select 'abc'", mustBe: 0}
    - {type: custom, engine: greatExpectations, implementation: {type: x}}
    """
    found = faults(tmp_path, {CONTRACT: contract("things", PROPERTIES, quality=quality)})
    assert sorted(keys(found)) == [
        "schema[0].quality[0]",
        "schema[0].quality[1].query",
        "schema[0].quality[2].query",
        "schema[0].quality[3].implementation",
    ]


def test_a_column_that_could_not_be_read_is_not_missed_by_queries(tmp_path: Path) -> None:
    quality = """
    - {type: sql, query: "select count(*) from {object} where amount > 1", mustBe: 0}
    - {type: sql, query: "select count(*) from {objekt}", mustBe: 0}
    """
    properties = PROPERTIES + "\n- {nmae: amount, logicalType: integer}"
    found = faults(tmp_path, {CONTRACT: contract("things", properties, quality=quality)})
    assert keys(found) == {"schema[0].properties[1].nmae", "schema[0].quality[1].query"}


def test_inputs_and_code_of_a_manifest_with_a_fault(tmp_path: Path) -> None:
    text = """
        inputs:
          rows: nowhere://rows
          more:
            from: files://more
            expect: {quality: [{metric: rowCnt, mustBe: 1}]}
        limitations: [none]
        """
    found = faults(tmp_path, {MANIFEST: manifest(text).replace("owner", "onwer")})
    assert keys(found) == {
        "attributes.onwer",
        "attributes.owner",
        "attributes.limitations",
        "attributes.inputs.rows",
        "attributes.inputs.more.expect.quality[0].metric",
    }
    (tmp_path / QUERY).unlink()
    found = list(check_mesh(tmp_path).faults)
    assert "no file things.sql" in {fault.found for fault in found}


def test_what_was_left_out_is_not_missed(tmp_path: Path) -> None:
    code = "def transform(rows, odd):\n    return rows\n"
    text = "inputs: {rows: 'files://rows', odd: 3}\noutputs: {things: {mode: upsrt}}"
    files = {MANIFEST: manifest(text), "domains/shop/things/transform.py": code}
    assert keys(faults(tmp_path, files)) == {
        "attributes.inputs.odd",
        "attributes.outputs.things.mode",
    }


@pytest.mark.parametrize("more", ["", "limitations: [none]"])
def test_a_cycle_of_which_a_member_is_broken(tmp_path: Path, more: str) -> None:
    found = faults(
        tmp_path,
        {
            MANIFEST: manifest(f"inputs: {{other: 'mesh://shop/other'}}\n{more}"),
            QUERY: "select 1 as id frm other",
            "domains/shop/other/defs.yaml": manifest("inputs: {things: 'mesh://shop/things'}"),
            "domains/shop/other/contract.yaml": contract("other", PROPERTIES),
        },
    )
    told = {fault.found for fault in found}
    assert "a cycle: shop/other -> shop/things -> shop/other" in told
    assert "no file other.sql" in told
    broken = load_mesh(tmp_path).broken
    assert all(any("a cycle" in f.found for f in p.faults) for p in broken.values())
    assert set(broken) == {"shop/other", "shop/things"}


def test_a_query_that_is_a_folder_or_cannot_be_read(tmp_path: Path) -> None:
    root = write_mesh(tmp_path, {**FILES, "domains/shop/more/defs.yaml": manifest()})
    write(
        root, {"domains/shop/more/contract.yaml": contract("more", PROPERTIES), "x/y.sql": "select"}
    )
    (root / "domains/shop/more/more.sql").mkdir()
    (root / QUERY).unlink()
    (root / QUERY).symlink_to("/proc/self/mem")  # a file, and no one can read its first byte
    (root / "domains/shop/more/odd.sql").symlink_to("/proc/self/mem")
    found = {(f.file, f.found.split(" (")[0]) for f in check_mesh(root).faults}
    assert found == {
        ("domains/shop/more/defs.yaml", "no file more.sql"),
        ("domains/shop/more/odd.sql", "a file that cannot be read"),
        (QUERY, "a file that cannot be read"),
    }
    done = mesh(root, "status")
    assert done.returncode == 0, done.stderr
    assert "broken" in done.stdout


def test_a_manifest_at_another_depth(tmp_path: Path) -> None:
    deep = {
        "domains/shop/sub/lost/defs.yaml": manifest(),
        "domains/shop/things/inner/defs.yaml": manifest(),
        "domains/shop/sub/plain/defs.yaml": "type: dagster.DefsFolderComponent\n",
        "domains/shop/_off/lost/defs.yaml": manifest(),
    }
    found = faults(tmp_path, deep)
    assert [(f.file, f.line, f.key) for f in found] == [
        ("domains/shop/sub/lost/defs.yaml", 1, "type"),
        ("domains/shop/things/inner/defs.yaml", 1, "type"),
    ]
    assert "domains/shop, under a name of its own" in found[0].fix


def test_a_name_with_a_line_end_stays_on_its_line(tmp_path: Path) -> None:
    root = write_mesh(tmp_path, {**aircraft_files(), "domains/fleet/a\nb/defs.yaml": manifest()})
    done = mesh(root, "check")
    assert "mesh://fleet/a\\nb" in done.stdout.splitlines()
    assert all(
        line.startswith((" ", "mesh://", "2", "3")) for line in done.stdout.split("\n") if line
    )
    for fault in check_mesh(root).faults:
        assert "\n" not in str(fault)


@pytest.mark.parametrize("value", ["9" * 5000, "'" + "x" * 5000 + "'"])
def test_a_value_that_is_too_long_to_read_is_cut(tmp_path: Path, value: str) -> None:
    properties = PROPERTIES.replace("required: true", f"required: true, physicalType: {value}")
    found = faults(tmp_path, {CONTRACT: contract("things", properties)})
    assert found
    assert all(len(str(fault)) < 700 for fault in found)
