"""How products stand is kept from one start to the next: what has not changed is not read again,
what has changed is, and a file that says anything else is as none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from access_meshes import publish, sales_mesh
from meshes import contract, manifest

from mesh_defs.gateway.portal import standing as reading
from mesh_defs.gateway.portal.standing import VERSIONS, Standing
from mesh_defs.gateway.portal.standings import Standings
from mesh_defs.gateway.reads.catalog import Catalog
from mesh_defs.product.ledger import Ledger
from mesh_defs.settings import load_settings

OPEN = contract("open", "- {name: n, logicalType: integer, classification: public, required: true}")
NAMES = ("shop/open", "shop/sales")
STAMPS = dict.fromkeys(NAMES, "as it was")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "domains/shop/open/defs.yaml": manifest("inputs: {sales: mesh://shop/sales}"),
        "domains/shop/open/contract.yaml": OPEN,
        "domains/shop/open/open.sql": "select 1::int as n from sales limit 1",
    }
    made = sales_mesh(tmp_path, **files)
    publish(made, "mesh://shop/open")
    return made


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The products whose records were read."""
    names: list[str] = []
    real = reading._published

    def told(ledger: Ledger, versions: int) -> Standing:
        names.append(Path(ledger.store.location("ledger")).parent.name)
        return real(ledger, versions)

    monkeypatch.setattr(reading, "_published", told)
    return names


def looked(root: Path, file: Path, stamps: dict[str, str] = STAMPS) -> Standings:
    """What another start knows once it has looked, and saved it."""
    made = Standings(Catalog(load_settings(root)), file)
    made.load()
    for versions in (1, VERSIONS):
        made.look(stamps, versions, lambda: True)
    made.save()
    return made


def test_what_was_saved_is_not_read_again(root: Path, tmp_path: Path, read: list[str]) -> None:
    file = tmp_path / "kept" / "standings.json"
    before = looked(root, file)
    assert set(read) == {"open", "sales"}
    assert before.of("shop/open").result == "published"
    assert before.of("shop/sales").past
    read.clear()
    written = file.stat()
    after = looked(root, file)
    assert read == []
    assert [after.of(name) for name in NAMES] == [before.of(name) for name in NAMES]
    # Nothing has changed, and nothing is written.
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_what_has_changed_is_read_alone(root: Path, tmp_path: Path, read: list[str]) -> None:
    file = tmp_path / "standings.json"
    before = looked(root, file)
    publish(root, "mesh://shop/open")
    read.clear()
    assert looked(root, file).of("shop/open") != before.of("shop/open")
    assert set(read) == {"open"}
    read.clear()
    looked(root, file, {**STAMPS, "shop/sales": "another manifest"})
    assert set(read) == {"sales"}


def test_a_record_that_was_damaged_in_between_is_not_believed(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "standings.json"
    before = looked(root, file).of("shop/sales")
    (record,) = next(root.glob(".mesh/**/shop/sales/ledger")).glob("*.json")
    whole = record.read_bytes()
    record.write_text("{")
    assert looked(root, file).of("shop/sales").past == ()
    record.write_bytes(whole)
    assert looked(root, file).of("shop/sales").past == before.past != ()


def test_what_is_gone_is_not_known(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "standings.json"
    looked(root, file)
    left = looked(root, file, {"shop/sales": STAMPS["shop/sales"]})
    assert left.of("shop/open") == Standing()
    assert json.loads(file.read_text())["products"].keys() == {"shop/sales"}


def test_a_damaged_file_is_as_none(root: Path, tmp_path: Path, read: list[str]) -> None:
    file = tmp_path / "standings.json"
    before = looked(root, file)
    whole = file.read_text()
    damaged = (
        "",
        "[]",
        whole[:-9],
        '{"format": 1}',
        whole.replace('"format":1', '"format":0'),
        whole.replace('"past"', '"passed"'),
        whole.replace('"result": "published"', '"result": 7'),
        whole.replace('"published_at": "', '"published_at": "x'),
    )
    for text in damaged:
        assert text != whole
        file.write_text(text)
        read.clear()
        again = looked(root, file)
        assert set(read) == {"open", "sales"}
        assert [again.of(name) for name in NAMES] == [before.of(name) for name in NAMES]
