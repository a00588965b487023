"""mesh import: ODPS and ODCS documents become drafts that mesh check takes; the rest is told."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from commands import mesh
from meshes import contract, manifest, write, write_mesh

from mesh_defs.errors import InvalidMesh
from mesh_defs.faults import Fault
from mesh_defs.product.check import check_mesh
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh
from mesh_defs.standards.importing.bring import import_documents

PRODUCT = """
apiVersion: v1.0.0
kind: DataProduct
id: fbe8d147-28db-4f1d-bedf-a3fe9f458427
name: Customer Data Product
version: v2.1
domain: Seller
status: active
tenant: RetailCorp
description: {purpose: Enterprise view of a customer.}
tags: [customer]
inputPorts:
  - {name: payments, version: 1.0.0, contractId: unknown-contract}
outputPorts:
  - {name: Customers, version: 1.0.0, contractId: old}
  - {name: Customers, version: 3.0.0, contractId: customers}
  - {name: orders, version: 1.0.0, contractId: not-here}
team:
  members:
    - {username: jane@retail.example, role: data steward}
    - {username: john@retail.example, role: owner}
"""
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: customers
version: 3.0.0
status: active
schema:
  - name: CUSTOMERS
    logicalType: object
    physicalType: table
    description: One row per customer.
    properties:
      - {name: id, logicalType: integer, physicalType: NUMBER(38,0), required: true,
         primaryKey: true, primaryKeyPosition: 1}
      - {name: name, logicalType: string, physicalType: no_such_type}
      - name: segment
        logicalType: string
        relationships: [{to: segments.id}]
    quality:
      - {name: rows, metric: rowCount, mustBeGreaterThan: 10}
      - {name: special, type: custom, engine: soda, description: As Soda checks it.,
         implementation: "checks for customers:"}
      - {name: flattened, type: sql, mustBe: 0,
         query: "select count(*) from {object}, lateral flatten(input => tags)"}
"""


def empty(root: Path) -> Path:
    write(root, {"mesh.yaml": "name: test\n", "domains/__init__.py": ""})
    return root


def test_documents_of_others_become_a_sound_draft(tmp_path: Path) -> None:
    root = empty(tmp_path / "mesh")
    docs = write(tmp_path / "docs", {"p.odps.yaml": PRODUCT, "c.odcs.yaml": CONTRACT})
    done = import_documents(root, docs)
    assert done.faults == []
    assert check_mesh(root).faults == ()
    product = load_mesh(root).products["seller/customer_data_product"]
    assert product.manifest.status == "draft"
    assert product.manifest.version == "3.0.0"  # its contract's major: readers hold on to it
    assert product.manifest.owner == "john@retail.example"
    assert product.manifest.purpose == "Enterprise view of a customer."
    (port,) = product.outputs
    assert port.name == "customers"
    assert port.promise.primary_key == ("id",)
    assert "rows" in {rule.id for rule in port.promise.rules}
    (draft,) = done.drafts
    told = "\n".join(draft.told)
    for each in (
        "payments", "not-here", "only its newest version", "tenant", "no_such_type", "soda",
        "segments", "members beside the owner", "version v2.1 becomes 2.1.0",
    ):  # fmt: skip
        assert each in told, each
    texts = [text.description for text in port.promise.texts]
    assert "As Soda checks it." in texts  # kept for people


def test_a_draft_runs_and_publishes_nothing_that_its_contract_refuses(tmp_path: Path) -> None:
    root = empty(tmp_path / "mesh")
    file = write(tmp_path, {"c.odcs.yaml": CONTRACT}) / "c.odcs.yaml"
    import_documents(root, file, "loyalty")
    loaded = load_mesh(root)
    report = run_product(loaded, loaded.products["loyalty/customers"])
    assert report.outcome == "failed"  # no row: more than 10 are promised
    assert [v.rule for v in report.verdicts if v.blocking] == ["rows"]


def test_an_input_is_found_by_the_contract_of_another_document(tmp_path: Path) -> None:
    root = empty(tmp_path / "mesh")
    other = PRODUCT.replace("Customer Data Product", "Revenue").replace("fbe8d147", "aaaaaaaa")
    other = other.replace("unknown-contract", "customers").replace(
        "contractId: not-here", "contractId: revenue"
    )
    other = other.replace(
        "contractId: customers}\n  - {name: orders", "contractId: x}\n  - {name: orders"
    )
    docs = {
        "a.yaml": PRODUCT,
        "b.yaml": CONTRACT,
        "c.yaml": other,
        "d.yaml": contract("orders", "- {name: id, logicalType: integer, required: true}").replace(
            "orders-contract", "revenue"
        ),
        "notes.yaml": "kind: Something\n",
    }
    done = import_documents(root, write(tmp_path / "docs", docs))
    product = load_mesh(root).products["seller/revenue"]
    assert str(product.inputs[0].source) == "mesh://seller/customer_data_product"
    assert product.manifest.archetype == "aggregate"
    assert done.passed_over == ["notes.yaml"]
    assert check_mesh(root).faults == ()


def test_a_contract_without_a_rule_gets_one_and_says_so(tmp_path: Path) -> None:
    root = empty(tmp_path / "mesh")
    text = contract("plain", "- {name: id, logicalType: integer}")
    done = import_documents(root, write(tmp_path, {"c.yaml": text}) / "c.yaml", "shop")
    assert any("'there are rows' is in its place" in each for each in done.drafts[0].told)
    assert check_mesh(root).faults == ()


def test_a_link_in_the_mesh_leads_no_draft_out_of_it(tmp_path: Path) -> None:
    root, outside = empty(tmp_path / "mesh"), tmp_path / "outside"
    outside.mkdir()
    (root / "domains").mkdir(exist_ok=True)
    (root / "domains" / "linked").symlink_to(outside)
    text = contract("plain", "- {name: id, logicalType: integer, required: true}")
    with pytest.raises(InvalidMesh, match="a link to another place"):
        import_documents(root, write(tmp_path / "docs", {"c.yaml": text}), "linked")
    assert list(outside.iterdir()) == []


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path) -> None:
    files = {
        "domains/seller/customer_data_product/defs.yaml": manifest(),
        "domains/seller/customer_data_product/contract.yaml": contract(
            "customer_data_product", "- {name: id, logicalType: integer, required: true}"
        ),
    }
    root = write_mesh(tmp_path / "mesh", files)
    before = {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
    other = CONTRACT.replace("id: customers", "id: alone").replace("CUSTOMERS", "alone")
    docs = {"p.yaml": PRODUCT, "c.yaml": CONTRACT, "alone.yaml": other}
    with pytest.raises(InvalidMesh, match="there already"):
        import_documents(root, write(tmp_path / "docs", docs))
    assert {file: file.read_bytes() for file in root.rglob("*") if file.is_file()} == before


def test_all_faults_come_at_once_with_file_line_and_key(tmp_path: Path) -> None:
    root = empty(tmp_path / "mesh")
    docs = {
        "a.yaml": "apiVersion: v9\nkind: DataProduct\nid: a\nstatus: draft\ncolour: red\n"
        "version: 1.0\n",
        "b.yaml": "kind: DataProduct\nname: [x\n",
        "c.yaml": PRODUCT.replace("name: payments, ", ""),
    }
    with pytest.raises(InvalidMesh) as caught:
        import_documents(root, write(tmp_path / "docs", docs))
    found = {(f.file, f.key) for f in caught.value.faults}
    assert {("a.yaml", "apiVersion"), ("a.yaml", "colour"), ("a.yaml", "version")} <= found
    assert ("c.yaml", "inputPorts[0].name") in found
    assert [f for f in caught.value.faults if f.file == "b.yaml"]
    line = next(f.line for f in caught.value.faults if f.key == "colour")
    assert line == 5
    assert not (root / "domains/seller").exists()


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x]\n" + "".join(f"b{i}: &b{i} [*a,*a]\n" for i in range(3)) + "kind: [",
        "kind: DataProduct\n" + "a: " * 200,
        "x: &x\n  y: *x\nkind: DataProduct\n",
        "kind: !!python/object/apply:os.system ['echo no']\n",
        "{" * 10_000,
        "kind: DataContract\nschema: [[[[{}]]]]\napiVersion: v3.1.0\n",
        "kind: DataContract\nschema: {a: b}\nid: 1\n",
        json.dumps({"kind": "DataContract", "schema": [{"name": "a", "properties": "x"}]}),
        "a" * 2_000_000,
        "\x00\x01",
    ],
)
def test_hostile_documents_are_faults_or_told_never_a_traceback(tmp_path: Path, text: str) -> None:
    root = empty(tmp_path / "mesh")
    file = tmp_path / "x.yaml"
    file.write_text(text, encoding="utf-8")
    faults: Sequence[Fault] = ()
    with contextlib.suppress(InvalidMesh):
        faults = import_documents(root, file, "shop").faults
    if not faults:  # it was refused, and nothing was written
        with pytest.raises(InvalidMesh):
            import_documents(root, file, "shop")
        assert not (root / "domains/shop").exists()


def test_names_of_documents_lead_nowhere_else(tmp_path: Path) -> None:
    root = empty(tmp_path / "mesh")
    evil = PRODUCT.replace("Customer Data Product", "../../../evil").replace("Seller", "../up")
    evil = evil.replace("name: Customers, version: 3", "name: ../../x, version: 3")
    import_documents(root, write(tmp_path / "docs", {"p.yaml": evil, "c.yaml": CONTRACT}))
    outside = [p for p in tmp_path.rglob("*.sql") if not p.is_relative_to(root / "domains")]
    assert outside == []
    assert (root / "domains/up/evil/x.sql").is_file()


def test_the_command(tmp_path: Path) -> None:
    root = empty(tmp_path / "mesh")
    docs = write(
        tmp_path / "docs", {"p.json": json.dumps(yaml.safe_load(PRODUCT)), "c.yaml": CONTRACT}
    )
    done = mesh(root, "import", str(docs), "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["products"][0]["product"] == "mesh://seller/customer_data_product"
    assert mesh(root, "check").returncode == 0
    again = mesh(root, "import", str(docs))
    assert again.returncode == 1
    assert "there already" in again.stderr
    assert mesh(root, "import", str(tmp_path / "nowhere")).returncode == 2
