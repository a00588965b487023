"""The policy ``ConsumerExpectations``: what consumers expect is looked at before they read it."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from commands import mesh
from plan_meshes import replace, rows, shop

from mesh_defs.contract.data import Rows, Staged
from mesh_defs.policy.data.consumers import ConsumerExpectations
from mesh_defs.policy.model import Finding
from mesh_defs.policy.subject import StagedPort
from mesh_defs.product.load import load_mesh
from mesh_defs.product.reader import open as open_port


def findings(root: Path, query: str) -> list[Finding]:
    """What the policy says of ``shop/sales`` with the rows of ``query``."""
    file = root / "staged.parquet"
    connection = duckdb.connect()
    connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
    found = load_mesh(root)
    product = found.products["shop/sales"]
    port = StagedPort(
        mesh=found,
        product=product,
        output=product.outputs[0],
        connection=connection,
        staged=Staged.only(Rows.parquet([str(file)])),
        now=datetime.now(UTC),
    )
    policy = ConsumerExpectations()
    assert policy.applies(product, product.outputs[0], found)
    with closing(port):
        return list(policy.findings(port))


ROW = "SELECT 1 AS sale, DATE '2026-01-02' AS day, {amount} AS amount, 'a' AS place, 'x' AS note"


def test_rows_that_meet_what_is_expected(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    assert findings(root, ROW.format(amount="100.0::DOUBLE")) == []


def test_rows_that_do_not(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    (finding,) = findings(root, ROW.format(amount="100.01::DOUBLE"))
    assert (finding.column, finding.failing_rows, finding.rows) == ("amount", 1, 1)
    assert finding.message.startswith("mesh://shop/daily asks for every amount at most 100")
    assert "100.01" not in finding.message
    assert (finding.file, finding.line) == ("domains/shop/daily/defs.yaml", 12)
    assert finding.path == ("mesh://shop/sales/sales", "mesh://shop/daily")
    assert "team:test" in (finding.fix or "")


def test_a_column_that_is_gone(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    found = findings(root, "SELECT 1 AS sale")
    assert {f.column for f in found} == {"amount"}


def test_no_rows_at_all_fail_whoever_does_not_allow_it(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    empty = ROW.format(amount="1.0::DOUBLE") + " WHERE false"
    assert {f.path[-1] for f in findings(root, empty)} == {
        "mesh://shop/daily",
        "mesh://office/places",
    }


def test_who_keeps_to_another_major_version_is_not_asked(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    replace(root, "domains/shop/daily/defs.yaml", "mesh://shop/sales", "mesh://shop/sales@1")
    bad = ROW.format(amount="101.0::DOUBLE")
    assert len(findings(root, bad)) == 1
    replace(root, "domains/shop/sales/defs.yaml", "version: 1.0.0", "version: 2.0.0")
    found = load_mesh(root)
    product = found.products["shop/sales"]
    assert not ConsumerExpectations().applies(product, product.outputs[0], found)


def test_values_of_personal_columns_are_not_shown(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    contract = "domains/shop/sales/contract.yaml"
    replace(root, contract, "amount, logicalType", "amount, classification: personal, logicalType")
    (finding,) = findings(root, ROW.format(amount="4711.0::DOUBLE"))
    assert "4711" not in str(finding.as_dict())


def test_a_port_of_which_nobody_expects_anything(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    found = load_mesh(root)
    product = found.products["office/best"]
    assert not ConsumerExpectations().applies(product, product.outputs[0], found)


@pytest.mark.parametrize(("consequence", "code", "version"), [("warn", 0, 1), ("stop", 1, 0)])
def test_in_force_the_producer_is_told_before_its_consumers_fail(
    tmp_path: Path, consequence: str, code: int, version: int
) -> None:
    root = shop(tmp_path)
    entry = f"[{{policy: ConsumerExpectations, consequence: {consequence}}}]"
    replace(root, "mesh.yaml", "name: test", f"name: test\npolicies: {entry}")
    rows(root, "500.0")
    done = mesh(root, "run", "mesh://shop/sales")
    assert done.returncode == code, done.stdout + done.stderr
    assert "mesh://shop/daily asks for" in done.stdout
    assert open_port("mesh://shop/sales", root=root).version == version
