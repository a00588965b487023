"""Empty files, text that is no YAML and values of the wrong kind, in words of who wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshes import MESH_YAML, contract, domain_yaml, manifest, write, write_mesh

from mesh_defs.errors import InvalidMesh
from mesh_defs.faults import Fault
from mesh_defs.product.check import check_mesh
from mesh_defs.product.load import load_mesh
from mesh_defs.settings import load_settings
from mesh_defs.yaml_source import parse

PRODUCT = "domains/shop/good"
FILES = {
    "workspace.yaml": """
        load_from:
          - python_module:
              module_name: mesh_defs.locations
              attribute: shop
              location_name: shop
        """,
    f"{PRODUCT}/defs.yaml": manifest("inputs:\n  things: files://things\noutputs:\n  good: {}"),
    f"{PRODUCT}/contract.yaml": contract(
        "good", "- {name: id, logicalType: integer, unique: true}"
    ),
    f"{PRODUCT}/good.sql": "select id from things",
}


def faults(root: Path, files: dict[str, str]) -> list[Fault]:
    return list(check_mesh(write_mesh(root, {**FILES, **files})).faults)


def the_fault(root: Path, file: str, text: str) -> Fault:
    found = faults(root, {file: text})
    assert len(found) == 1, "\n".join(map(str, found))
    assert found[0].file == file
    return found[0]


def test_the_mesh_of_these_tests_is_sound(tmp_path: Path) -> None:
    assert faults(tmp_path, {}) == []


@pytest.mark.parametrize("text", ["", "\n", "# only words\n", "---\n", "---\n# x\n---\n"])
@pytest.mark.parametrize(
    ("file", "words"),
    [
        (f"{PRODUCT}/defs.yaml", ("mesh_defs.DataProduct", "mesh new product shop/good")),
        ("domains/shop/defs.yaml", ("mesh_defs.Domain", "dagster.DefsFolderComponent")),
        (f"{PRODUCT}/contract.yaml", ("apiVersion: v3.1.0", "kind: DataContract")),
        ("workspace.yaml", ("load_from:", "mesh_defs.locations")),
        ("mesh.yaml", ("name:",)),
    ],
)
def test_an_empty_file_says_what_the_smallest_one_is(
    tmp_path: Path, file: str, words: tuple[str, ...], text: str
) -> None:
    fault = the_fault(tmp_path, file, text)
    assert (fault.found, fault.line) == ("an empty file", 1)
    assert all(word in fault.fix for word in words)


YAML = [
    ("a: [1,\nb: 2\n", 2, "a list '[' that is not closed, opened on line 1"),
    ("a: {b: 1\nc: 2", 2, "a mapping '{' that is not closed, opened on line 1"),
    ("a:\n\tb: 1", 2, "a tab in the indentation"),
    ("a:\n  b: 1\n\tc: 2", 3, "a tab in the indentation"),
    ("a: b: c", 1, "a ':' where no key can stand"),
    ("x: 1\na: 'x\nb: 2\n", 3, "a quote that is not closed, opened on line 2"),
    ("a: @x", 1, "the character '@' at the beginning of a value"),
    ("ä: ö\nb: `x`", 2, "the character '`' at the beginning of a value"),
    ("a: * * *", 1, "a '*' or '&' at the beginning of a value"),
    ("a: *x", 1, "an alias ('*name') of which there is no anchor"),
    ("a: &x 1\nb: &x 2", 2, "the same anchor ('&name') twice"),
    ("a: !foo 1", 1, "a tag ('!name') that has no meaning here"),
    ("- a\nb: 1", 2, "a line without '-' among the items of a list"),
    ('a: "x\\q"', 1, "a backslash escape that YAML does not know, between double quotes"),
    ("a: 1\nb\nc: 2", 2, "a line without ':' after its key"),
    ("a: - b", 1, "'- ' on the line of its key"),
    ("a:\n  - b\n - c", 3, "a line whose indentation fits neither the lines above nor a key"),
    ("{[a]: 1}", 1, "a list or a mapping as a key"),
    ("a: ]", 1, "a bracket '[' or '{' that is not closed, or one too many"),
    ("<<: 1", 1, "'<<:' with something else than a mapping"),
    ("a: 1\nb: x\x00y", 2, "the control character U+0000"),
    ("a: 1\nb: 2023-02-30", 2, "'2023-02-30', which looks like a date and is none"),
    ("a: !!timestamp x", 1, "'x', which looks like a date and is none"),
    ("a: !!int x", 1, "'x', which looks like a number and is none"),
]


@pytest.mark.parametrize(("text", "line", "found"), YAML)
def test_what_is_no_yaml_is_told_plainly(text: str, line: int, found: str) -> None:
    _, (fault,) = parse(text, "f.yaml")
    assert (fault.line, fault.found) == (line, found)
    assert fault.fix


def test_all_impossible_dates_come_at_once() -> None:
    _, found = parse("a: 2023-02-30\nb: [2023-99-01, 2023-01-01]\n", "f.yaml")
    assert [f.line for f in found] == [1, 2]


@pytest.mark.parametrize(
    ("text", "line", "found", "fix"),
    [
        ("def transform(things):\n    return (\n", 2, "'(' was never closed", "mend"),
        ("x = 1\nx = = 2\n", 2, "invalid syntax", "mend"),
        ("x = 1\ndef trnasform(things): ...\n", 2, "a function 'trnasform'", "write 'transform'"),
        ("x = 1\nasync def transform(things): ...\n", 2, "an async function", "remove 'async'"),
        ("x = 1\n", 1, "no such function", "def transform(things, context)"),
    ],
)
def test_python_that_is_none(tmp_path: Path, text: str, line: int, found: str, fix: str) -> None:
    fault = the_fault(tmp_path, f"{PRODUCT}/transform.py", text)
    assert (fault.line, fault.found) == (line, found)
    assert fix in fault.fix


DOMAIN = "domains/shop/defs.yaml"


@pytest.mark.parametrize(
    ("old", "new", "line", "fix"),
    [
        ("mesh_defs.Domain", "mesh_defs.Domian", 1, "write 'type: mesh_defs.Domain'"),
        ("DefsFolder", "DefFolder", 6, "write 'type: dagster.DefsFolderComponent'"),
        ("type: mesh", "tpye: mesh", 1, "write 'type' instead of 'tpye'"),
        ("attributes", "atributes", 2, "write 'attributes' instead of 'atributes'"),
        ("---\ntype: dagster.DefsFolderComponent", "", 4, "add '---' and"),
        ("Component\n", "Component\n---\na: 1\n", 8, "remove what follows"),
    ],
)
def test_a_domain_that_is_written_wrongly(
    tmp_path: Path, old: str, new: str, line: int, fix: str
) -> None:
    write(tmp_path, {"plain": domain_yaml()})
    text = (tmp_path / "plain").read_text().strip() + "\n"
    assert old in text
    fault = the_fault(tmp_path, DOMAIN, text.replace(old, new))
    assert fault.line == line
    assert fix in fault.fix


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("version: 1.0.0", "version: 1", "version", ("a number", "write 1.0.0")),
        ("purpose: A product of a test.", "purpose:", "purpose", ("nothing", "text (what it is")),
        ("good: {}", "good:", "outputs.good", ("nothing", "write '{}' for the defaults")),
        ("  things: files", "  - files", "inputs", ("a list", "key: value")),
        ("good: {}", "good: {mode: append}", "outputs.good", ("no 'cursor'", "add 'cursor:'")),
        ("good: {}", "good: {mode: upsert, key: id}", "outputs.good.key", ("list: [id]",)),
        (
            "good: {}",
            "good: {contract: 2023-01-01}",
            "outputs.good.contract",
            ("2023-01-01 (a date)", "put it in quotes: '2023-01-01'"),
        ),
        ("good: {}", "good: {}\n  trigger: onupdate", "trigger", ("write 'on_update'",)),
        ("good: {}", "good: {}\n  transform: pyhton", "transform", ("write 'python'",)),
        ("files://things", "mesh://shop", "inputs.things.from", ("needs a domain and a product",)),
    ],
)
def test_values_of_the_wrong_kind(
    tmp_path: Path, old: str, new: str, key: str, words: tuple[str, ...]
) -> None:
    file = f"{PRODUCT}/defs.yaml"
    assert old in FILES[file]
    fault = the_fault(tmp_path, file, FILES[file].replace(old, new))
    assert fault.key == f"attributes.{key}"
    assert all(word in str(fault) for word in words), fault


def test_files_that_are_no_text(tmp_path: Path) -> None:
    root = write_mesh(tmp_path, FILES)
    for name in (f"{PRODUCT}/defs.yaml", DOMAIN, "workspace.yaml"):
        (root / name).write_bytes(b"# \xe9\n" + (root / name).read_bytes())
    found = check_mesh(root).faults
    assert {f.file for f in found} == {f"{PRODUCT}/defs.yaml", DOMAIN, "workspace.yaml"}
    assert {f.fix for f in found} == {"save the file as UTF-8"}
    (root / "mesh.yaml").write_bytes(b"name: \xe9\n")
    with pytest.raises(InvalidMesh, match="save the file as UTF-8"):
        load_settings(root)


@pytest.mark.parametrize(
    ("product", "contracts", "sound"),
    [
        ("1.0.0", "1.0.0", True),
        ("1.4.0", "1.0.3", True),
        ("3.0.0", "1.0.0", True),
        ("1.0.0", "0.3.0", True),
        ("1.0.0", "2.0.0", False),
        ("0.9.0", "1.0.0", False),
        ("1.0.0", "v2.0.0", False),
        ("1.0.0", "2023-10", True),
    ],
)
def test_a_contract_is_not_ahead_of_its_product(
    tmp_path: Path, product: str, contracts: str, sound: bool
) -> None:
    file = f"{PRODUCT}/defs.yaml"
    promised = FILES[f"{PRODUCT}/contract.yaml"].replace("version: 1.0.0", f"version: {contracts}")
    files = {
        file: FILES[file].replace("version: 1.0.0", f"version: {product}"),
        f"{PRODUCT}/contract.yaml": promised,
    }
    found = faults(tmp_path, files)
    if sound:
        assert found == []
        return
    (fault,) = found
    assert (fault.file, fault.line, fault.key) == (file, 4, "attributes.version")
    assert contracts in fault.found
    assert "write 'version: " in fault.fix


def test_the_profile_that_mesh_yaml_names_is_looked_up_on_its_line(tmp_path: Path) -> None:
    root = write_mesh(tmp_path, {**FILES, "mesh.yaml": MESH_YAML + "profile: locla\n"})
    with pytest.raises(InvalidMesh, match=r"mesh\.yaml:6: profile: .*write 'local' instead"):
        load_mesh(root)
