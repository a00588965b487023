"""What was published is as protected as all that was declared of it since, under whatever name."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from access_meshes import COLUMNS, PORT, READERS, URL, permit, publish, sales_mesh
from meshes import contract, manifest, write

import mesh_defs

ADA = "person:ada@shop.example"
CONTRACT = "domains/shop/sales/contract.yaml"
DEFS = "domains/shop/sales/defs.yaml"
SQL = "domains/shop/sales/sales.sql"
OPEN = re.sub("classification: [a-z]+", "classification: internal", COLUMNS)
FIRST = f"{URL}?version=0"
MEAL = "{name: meal, logicalType: string, classification: internal}"
SENSITIVE = "classification: sensitive"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """All columns are internal, in one version."""
    root = sales_mesh(tmp_path, READERS, **{CONTRACT: contract("sales", OPEN)})
    assert mesh_defs.open(FIRST, root=root, principal=ADA).decision.clear
    return root


def masked(root: Path, url: str = FIRST, purpose: str | None = None) -> set[str]:
    port = mesh_defs.open(url, root=root, principal=ADA, purpose=purpose)
    first = port.arrow().to_pylist()[0]
    hidden = {column.name for column in port.decision.columns if not column.clear}
    assert {name for name, value in first.items() if value is None} == hidden
    return hidden


def reason(root: Path, name: str) -> str:
    found = mesh_defs.open(FIRST, root=root, principal=ADA).decision.column(name)
    assert found is not None
    return found.reason


@pytest.mark.parametrize("name", ["meal", "Meal", "dish"])
def test_a_column_that_is_raised_and_renamed(root: Path, name: str) -> None:
    raised = OPEN.replace(MEAL, f"{{name: {name}, logicalType: string, {SENSITIVE}}}")
    write(root, {CONTRACT: contract("sales", raised)})
    assert masked(root) == {"meal"}
    assert reason(root, "meal").endswith(f"; sensitive, as '{name}' is in '{CONTRACT}'")


def test_a_column_that_is_replaced_by_who_knows_which(root: Path) -> None:
    raised = f"- {{name: food, logicalType: string, {SENSITIVE}}}\n" + OPEN.replace(f"- {MEAL}", "")
    write(root, {CONTRACT: contract("sales", raised)})
    assert masked(root) == {"meal"}


def test_a_column_that_is_gone_for_good_keeps_its_classification(root: Path) -> None:
    write(root, {CONTRACT: contract("sales", OPEN.replace(f"- {MEAL}", ""))})
    assert masked(root) == set()


def test_every_version_since_counts(root: Path) -> None:
    raised = OPEN.replace(MEAL, f"{{name: dish, logicalType: string, {SENSITIVE}}}")
    write(
        root,
        {
            CONTRACT: contract("sales", raised, version="2.0.0"),
            SQL: "select * exclude (meal), meal as dish from sales",
            DEFS: manifest("inputs: {sales: files://sales}", version="2.0.0"),
        },
    )
    publish(root, URL)
    lowered = raised.replace(SENSITIVE, "classification: internal")
    write(root, {CONTRACT: contract("sales", lowered, version="2.1.0")})
    publish(root, URL)
    assert masked(root) == {"meal"}
    assert masked(root, f"{URL}?version=1") == {"dish"}
    assert masked(root, URL) == set()
    assert reason(root, "meal").endswith("; sensitive, as 'dish' is in the contract of version 1")


@pytest.mark.parametrize("text", ["schema: [", "", "kind: DataContract"])
def test_a_contract_that_cannot_be_read_may_say_anything(root: Path, text: str) -> None:
    (root / CONTRACT).write_text(text)
    assert len(masked(root)) == 7
    assert reason(root, "id").endswith(f"; sensitive, because '{CONTRACT}' cannot be read")


def test_a_product_that_is_removed_stays_protected(root: Path) -> None:
    shutil.rmtree(root / "domains/shop/sales")
    assert len(masked(root)) == 7


def test_a_version_since_that_cannot_be_read_may_have_had_any_contract(root: Path) -> None:
    write(root, {CONTRACT: contract("sales", COLUMNS, version="1.1.0")})
    publish(root, URL)
    write(root, {CONTRACT: contract("sales", OPEN)})
    stored = root / ".mesh/storage/shop/sales"
    (stored / "ledger/000000000001.json").write_text("{")
    assert masked(root) == {"email", "phone", "born", "meal"}
    (first,) = (f for f in (stored / "contracts").iterdir() if "personal" not in f.read_text())
    (other,) = (f for f in (stored / "contracts").iterdir() if f != first)
    other.chmod(0o644)
    other.write_text(contract("sales", OPEN, version="1.1.0"))
    assert len(masked(root)) == 7
    assert re.search(r"because the contract [0-9a-f]{12}… cannot be read", reason(root, "id"))


LIMIT = "customProperties: [{property: permittedPurposes, value: [care]}]"
LIMITED = OPEN.replace(MEAL, MEAL[:-1] + f", {LIMIT}}}")


def test_purposes_that_are_limited_later_limit_what_was_published(root: Path) -> None:
    assert masked(root, purpose="analytics") == set()
    write(root, {CONTRACT: contract("sales", LIMITED)})
    assert masked(root, purpose="care") == set()
    assert masked(root, purpose="analytics") == {"meal"}
    assert masked(root) == {"meal"}
    assert reason(root, "meal") == "it is permitted for care only; say for which purpose"


def test_purposes_follow_the_data_to_who_reads_it(tmp_path: Path) -> None:
    from test_access_reads import DOWNSTREAM

    notes = """
        - {name: id, logicalType: integer, classification: public, required: true}
        - {name: remark, logicalType: string, classification: internal}
        """
    files = {
        **DOWNSTREAM,
        CONTRACT: contract("sales", LIMITED),
        "domains/office/letters/contract.yaml": contract("letters", notes),
        "domains/office/letters/letters.sql": "select id, upper(meal) as remark from sales",
    }
    del files["domains/office/cards/contract.yaml"], files["domains/office/cards/cards.sql"]
    del files["domains/office/cards/defs.yaml"]
    office = """
    permit (principal, action == Action::"read", resource in Domain::"office");
    permit (principal, action == Action::"query", resource in Domain::"office")
    when { context has purpose && context.purpose == "care" };
    """
    root = sales_mesh(tmp_path, READERS, **files, **{"domains/office/access.cedar": office})
    publish(root, "mesh://office/letters")
    assert masked(root, "mesh://office/letters", "care") == set()
    assert masked(root, "mesh://office/letters") == {"remark"}


def test_the_terms_of_a_product_do_not_mask_what_is_read_without_a_purpose(root: Path) -> None:
    everything = {"domains/shop/access.cedar": permit(resource=f"resource in {PORT}")}
    write(root, everything)  # its manifest has purposes: [analytics, care]
    assert masked(root, URL) == set()
