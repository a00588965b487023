"""What describes masked values is no more to be seen than they are: samples, profiles, what checks
observed, the order of rows, an engine's errors, and contracts that changed after publishing."""

from __future__ import annotations

from pathlib import Path

import pytest
from access_meshes import PORT, READERS, URL, column, permit, publish, sales_files
from meshes import MESH_YAML, contract, manifest, write, write_mesh, write_parquet

import mesh_defs
from mesh_defs.product.ledger import Record
from mesh_defs.product.shown import NOT_SHOWN

ADA = "person:ada@shop.example"
CONTRACT = "domains/shop/sales/contract.yaml"
PAID = """
- {name: id, logicalType: integer, classification: public, primaryKey: true, required: true}
- name: origin
  logicalType: string
  classification: internal
  quality:
    - {type: sql, query: "select max(pay) from {object}", mustBeLessThan: 10, severity: warning}
    - {metric: invalidValues, mustBe: 0, severity: warning, arguments: {validValues: [JFK]}}
- {name: pay, logicalType: number, physicalType: DOUBLE, classification: personal}
- {name: town, logicalType: string, classification: personal}
"""
PAYING = """
select (i * 7) % 12 as id, ['JFK', 'LGA', 'EWR'][i % 3 + 1] as origin, 71234.5::double - i as pay,
  ['Newark', 'Trenton'][i % 2 + 1] as town
from range(12) t(i) order by pay desc
"""
QUERY = """
- {type: sql, query: "select max(pay) from {object}", mustBeGreaterThan: 10, severity: warning}
"""
POLICY = '''
from collections.abc import Iterator

from mesh_defs import DataPolicy, Finding, StagedPort


class LowPay(DataPolicy):
    """Pay is low."""

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        shown = port.samples("pay > 1", ["pay", "town"])
        yield Finding("pay is 71234.5", port=port.name, rows=port.rows, samples=shown)
'''
FORMS = """
policies:
  - {policy: LowPay, consequence: warn}
  - {policy: DistributionDrift, consequence: warn}
"""
SECRETS = ("71234", "712", "Newark", "Trenton")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One version with pay and towns, internal when it was published and personal by now."""
    files = sales_files(
        READERS,
        **{
            "mesh.yaml": MESH_YAML + FORMS,
            "policies/low_pay.py": POLICY,
            CONTRACT: contract("sales", PAID.replace("personal", "internal"), quality=QUERY),
        },
    )
    write_mesh(tmp_path, files)
    write_parquet(tmp_path, "sales", PAYING)
    publish(tmp_path, URL)
    write(tmp_path, {CONTRACT: contract("sales", PAID, quality=QUERY)})
    return tmp_path


def everything(port: mesh_defs.Port) -> str:
    found: list[Record] = [port.record, *port.history()]
    return repr([found, port.port_record, port.verdicts()])


def test_who_sees_all_sees_what_describes_it(root: Path) -> None:
    write(root, {"domains/shop/access.cedar": permit(resource=f"resource in {PORT}")})
    port = mesh_defs.open(URL, root=root, principal=ADA)
    assert port.decision.clear
    findings = [f for v in port.verdicts() for f in v.findings]
    assert any(finding["samples"] for finding in findings)
    assert port.port_record.profile["columns"]["pay"]["mean"] == pytest.approx(71229)
    assert any("71234.5" in verdict.observed for verdict in port.verdicts())


def test_nothing_describes_masked_columns(root: Path) -> None:
    port = mesh_defs.open(URL, root=root, principal=ADA)
    assert {c.name for c in port.decision.columns if not c.clear} == {"pay", "town"}
    assert any(verdict.findings for verdict in port.verdicts())
    shown = everything(port)
    for secret in SECRETS:
        assert secret not in shown
    assert set(port.port_record.profile["columns"]) == {"id", "origin"}
    # What is said of a column in clear by its own values is shown.
    breaking = [v for v in port.verdicts() if v.outcome == "warned" and v.decided_by != "query"]
    assert any(v.column == "origin" and v.observed != NOT_SHOWN for v in breaking)


def test_nothing_describes_rows_that_are_left_out(root: Path) -> None:
    some = permit(annotations="@rows(\"origin = 'LGA'\")", resource=f"resource in {PORT}")
    write(root, {"domains/shop/access.cedar": some})
    port = mesh_defs.open(URL, root=root, principal=ADA)
    assert port.rows == 4
    assert port.port_record.profile == {}
    assert "71234.5" not in everything(port)


def test_other_versions_are_shown_as_if_all_of_them_was_masked(root: Path) -> None:
    less = PAID.split("- {name: pay")[0].replace("max(pay)", "max(id)")
    write(
        root,
        {
            CONTRACT: contract("sales", less, version="2.0.0"),
            "domains/shop/sales/defs.yaml": manifest(
                "inputs: {sales: files://sales}", version="2.0.0"
            ),
            "domains/shop/sales/sales.sql": "select id, origin from sales",
            "mesh.yaml": MESH_YAML,
        },
    )
    publish(root, URL)
    port = mesh_defs.open(URL, root=root, principal=ADA)
    assert port.decision.clear
    newest, first = port.history()
    assert (newest.version, first.version) == (1, 0)
    assert "71234.5" not in repr(first)
    assert first.ports["sales"].profile == {}
    assert newest.ports["sales"] == port.port_record


def test_the_order_of_rows_does_not_rank_masked_values(root: Path) -> None:
    assert mesh_defs.open(URL, root=root, principal=ADA).arrow()["id"].to_pylist() == list(
        range(12)
    )


def test_a_partial_mask_is_ordered_by_what_it_shows(root: Path) -> None:
    partial = permit(annotations='@mask("partial")', resource=f"resource == {column('town')}")
    write(root, {"domains/shop/access.cedar": READERS + partial})
    port = mesh_defs.open(URL, root=root, principal=ADA)
    assert port.arrow(columns=["id"])["id"].to_pylist() == list(range(12))
    assert set(port.arrow()["town"].to_pylist()) == {"***k", "***n"}


@pytest.mark.parametrize("way", ["arrow", "polars", "pandas", "batches"])
def test_a_condition_that_fails_on_a_row_is_one_clear_error(root: Path, way: str) -> None:
    port = mesh_defs.open(URL, root=root, principal=ADA)
    with pytest.raises(mesh_defs.MeshError) as caught:
        list(getattr(port, way)(where="origin::int = 1"))
    text = str(caught.value)
    assert text.startswith(f"{port.url}: the condition fails on a row (ConversionException). Fix: ")
    for value in ("JFK", "LGA", "EWR"):
        assert value not in text
    assert port.arrow(where="try_cast(origin as int) = 1").num_rows == 0


def test_batches_are_what_arrow_is(root: Path) -> None:
    port = mesh_defs.open(URL, root=root, principal=ADA)
    batches = [row for batch in port.batches(where="id > 3") for row in batch.to_pylist()]
    assert batches == port.arrow(where="id > 3").to_pylist()
    assert len(batches) == 8


def test_a_kept_contract_that_was_edited_is_not_believed(root: Path) -> None:
    (kept,) = (root / ".mesh/storage/shop/sales/contracts").glob("*.yaml")
    text = kept.read_text()
    kept.chmod(0o644)
    kept.write_text(text.replace("classification: internal", "classification: public"))
    for read in (
        lambda: mesh_defs.open(URL, root=root, principal=ADA),
        lambda: _interface(root),
    ):
        with pytest.raises(mesh_defs.MeshError, match="was changed since a version was published"):
            read()


def _interface(root: Path) -> object:
    from mesh_defs.product.interface import published_interface
    from mesh_defs.settings import load_settings

    return published_interface(load_settings(root), "shop", "sales")


def test_a_port_is_read_in_place_in_its_own_order(root: Path) -> None:
    write(root, {"domains/shop/access.cedar": permit(resource=f"resource in {PORT}")})
    port = mesh_defs.open(URL, root=root, principal=ADA)
    assert port.arrow()["id"].to_pylist() == [(i * 7) % 12 for i in range(12)]
