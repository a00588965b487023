"""3.1.0 is written; 3.0.x and 3.2.0 are read; everything else is refused by its name."""

import pytest
from contract_documents import HEAD, document, read

PROPERTIES = "- {name: a, required: true}\n"


@pytest.mark.parametrize("version", ["v3.1.0", "v3.0.0", "v3.0.1", "v3.0.2", "v3.2.0"])
def test_known_versions_load(tmp_path, version):
    contract, faults = read(tmp_path, document(PROPERTIES, version=version))
    assert faults == []
    assert contract is not None
    assert contract.api_version == version


@pytest.mark.parametrize("version", ["v2.2.2", "v3.3.0", "v3.1.1", "v4.0.0", "3.1", "latest"])
def test_other_versions_are_refused_by_name(tmp_path, version):
    contract, (fault,) = read(tmp_path, document(PROPERTIES, version=f"'{version}'"))
    assert contract is None
    assert (fault.file, fault.line, fault.key) == ("contract.yaml", 1, "apiVersion")
    assert version in fault.found
    assert "v3.1.0" in fault.allowed
    assert "v3.2.0" in fault.allowed


def test_a_version_without_its_letter_is_told_how_to_write_it(tmp_path):
    _, (fault,) = read(tmp_path, document(PROPERTIES, version="3.1.0"))
    assert fault.fix == "write 'apiVersion: v3.1.0'"


def test_another_kind_of_document_is_refused(tmp_path):
    text = document(PROPERTIES).replace("kind: DataContract", "kind: DataProduct")
    contract, (fault,) = read(tmp_path, text)
    assert contract is None
    assert (fault.key, fault.line) == ("kind", 2)
    assert "DataProduct" in fault.found


def test_version_and_kind_are_told_together(tmp_path):
    contract, faults = read(tmp_path, "schema: []\n")
    assert contract is None
    assert [fault.key for fault in faults] == ["apiVersion", "kind"]


def test_what_the_standard_requires_is_required(tmp_path):
    text = "apiVersion: v3.1.0\nkind: DataContract\nschema:\n  - name: a\n    properties:\n"
    contract, faults = read(tmp_path, text + "      - {name: x, required: true}\n")
    assert contract is None
    assert sorted(fault.key for fault in faults) == ["id", "status", "version"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "no such file"),
        (b"\xff\xfe\x00", "bytes that are no UTF-8"),
        (b"", "an empty file"),
        (b"a: 1\n---\nb: 2\n", "2 documents"),
        (b"- 1\n", "[1] (a list)"),
        (b"a: [1\n", "a list '[' that is not closed"),
    ],
)
def test_a_file_that_is_no_contract_is_one_fault(tmp_path, content, found):
    from mesh_defs.contract.load import load_contract

    path = tmp_path / "contract.yaml"
    if content is not None:
        path.write_bytes(content)
    contract, (fault,) = load_contract(path, tmp_path)
    assert contract is None
    assert fault.file == "contract.yaml"
    assert found in fault.found


def test_a_folder_is_no_contract(tmp_path):
    from mesh_defs.contract.load import load_contract

    contract, (fault,) = load_contract(tmp_path)
    assert contract is None
    assert "cannot be read" in fault.found


def test_a_contract_with_no_executable_rule_is_refused(tmp_path):
    text = document(
        "- name: a\n  logicalType: string\n  quality:\n    - {type: text, description: nice}\n"
    )
    contract, (fault,) = read(tmp_path, text)
    assert contract is None
    assert "no executable rule" in fault.found
    assert fault.key == "schema[0]"


def test_a_contract_of_rules_that_cannot_run_is_refused_too(tmp_path):
    text = document(
        "- name: a\n  quality:\n    - {type: custom, engine: soda, implementation: 'x: 1'}\n"
    )
    contract, faults = read(tmp_path, text)
    assert contract is None
    assert ["no executable rule" in fault.found for fault in faults] == [True]


def test_a_contract_without_a_schema_is_refused(tmp_path):
    contract, (fault,) = read(tmp_path, HEAD.format(version="v3.1.0"))
    assert contract is None
    assert "no executable rule" in fault.found
