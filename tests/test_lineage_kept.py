"""The graph is kept, and true: a version that is published is in it, and so is a new product."""

from __future__ import annotations

from pathlib import Path

from meshes import contract, load, manifest, write
from plan_meshes import replace, shop

from mesh_defs.discovery.lineage import KeptGraph, Place
from mesh_defs.gateway.reads.catalog import Catalog
from mesh_defs.product.container import run_product
from mesh_defs.product.manifest import Manifest
from mesh_defs.settings import Settings

OFFICE = Place("office/best", "best", "most")


class Read(Catalog):
    """A catalog that tells of which products it has read the manifest, or the record."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.read: list[str] = []

    def manifest(self, identity: str) -> Manifest | None:
        self.read.append(identity)
        return super().manifest(identity)


def test_a_new_version_changes_what_it_is_made_of_and_nothing_else(tmp_path: Path) -> None:
    root = shop(tmp_path)
    kept = KeptGraph(Catalog(load(root).settings), fresh=0)
    before = kept.graph()
    assert kept.graph() is before
    replace(root, "domains/office/best/best.sql", "max(takings)", "max(length(day::text))")
    assert kept.graph() is before  # no version was made of it
    mesh = load(root)
    assert run_product(mesh, mesh.product("mesh://office/best")).outcome == "published"
    after = kept.graph()
    assert [edge.source.column for edge in before.up(OFFICE)] == ["takings"]
    assert [edge.source.column for edge in after.up(OFFICE)] == ["day"]
    assert after.products["shop/sales"] is before.products["shop/sales"]


def test_products_come_change_and_go(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    kept = KeptGraph(Catalog(load(root).settings), fresh=0)
    assert "shop/extra" not in kept.graph().products
    write(
        root,
        {
            "domains/shop/extra/defs.yaml": manifest("inputs: {daily: mesh://shop/daily}"),
            "domains/shop/extra/contract.yaml": contract(
                "extra", "- {name: takings, logicalType: number, required: true}"
            ),
            "domains/shop/extra/extra.sql": "select takings from daily",
        },
    )
    extra = Place("shop/extra", "extra", "takings")
    assert [e.source.id for e in kept.graph().up(extra)] == ["mesh://shop/daily/daily#takings"]
    # What it reads has another column by now, of which its query knows nothing.
    for name in ("contract.yaml", "daily.sql"):
        file = root / "domains/shop/daily" / name
        file.write_text(file.read_text().replace("takings", "sums"))
    (above,) = kept.graph().up(extra)
    assert above.kind == "unknown"
    (root / "domains/shop/extra/defs.yaml").unlink()
    assert "shop/extra" not in kept.graph().products


def test_it_is_looked_at_again_after_a_while_alone(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    catalog = Catalog(load(root).settings)
    lazy, eager = KeptGraph(catalog, fresh=3600), KeptGraph(catalog, fresh=0)
    assert lazy.graph().products.keys() == eager.graph().products.keys()
    (root / "domains/office/best/defs.yaml").unlink()
    assert "office/best" in lazy.graph().products
    assert "office/best" not in eager.graph().products


def test_what_was_saved_is_not_read_again(tmp_path: Path) -> None:
    root = shop(tmp_path)
    file = tmp_path / "kept" / "lineage.json"
    first = KeptGraph(Read(load(root).settings), fresh=0, file=file)
    before = first.graph()
    first.save()
    catalogue = Read(load(root).settings)
    after = KeptGraph(catalogue, fresh=0, file=file).graph()
    assert catalogue.read == []
    assert after.products == before.products
    assert [*after.up(OFFICE)] == [*before.up(OFFICE)]
    replace(root, "domains/office/best/best.sql", "max(takings)", "max(length(day::text))")
    assert run_product(load(root), load(root).product("mesh://office/best")).outcome == "published"
    (root / "domains/shop/daily/defs.yaml").touch()
    KeptGraph(catalogue, fresh=0, file=file).graph()
    assert sorted(catalogue.read) == ["office/best", "shop/daily"]


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    root = shop(tmp_path)
    file = tmp_path / "lineage.json"
    kept = KeptGraph(Catalog(load(root).settings), file=file)
    before = kept.graph()
    kept.save()
    whole = file.read_text()
    damaged = ("", "[]", "{", whole[:-9], whole.replace('"input"', '"inputs"'), '{"format":1}')
    for text in (*damaged, whole.replace('"identity":"', '"identity":7,"x":"')):
        file.write_text(text)
        again = KeptGraph(Catalog(load(root).settings), file=file).graph()
        assert again.products == before.products
