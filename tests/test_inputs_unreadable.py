"""An input whose file is gone or damaged is told by its name and source, with no trace of our SQL,
and nothing is published."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.errors import MeshError, SourceUnavailable
from mesh_defs.product.container import run_product
from mesh_defs.product.model import Mesh

ID = "- {name: id, logicalType: integer, required: true}"


def chain(root: Path) -> Mesh:
    """``shop/good`` from a file, ``shop/next`` from ``shop/good``; the first is published."""
    write_parquet(root, "things", "select i as id from range(3) t(i)")
    files = {}
    for name, source in (("good", "files://things"), ("next", "mesh://shop/good")):
        kind = "source-aligned" if name == "good" else "aggregate"
        files[f"domains/shop/{name}/defs.yaml"] = manifest(
            f"inputs: {{read: '{source}'}}", archetype=kind
        )
        files[f"domains/shop/{name}/contract.yaml"] = contract(name, ID)
        files[f"domains/shop/{name}/{name}.sql"] = "select id from read"
    mesh = load(write_mesh(root, files))
    assert run_product(mesh, mesh.product("mesh://shop/good")).outcome == "published"
    return mesh


@pytest.mark.parametrize(
    ("product", "content"),
    [
        ("good", b""),
        ("good", b"PAR1 no parquet at all PAR1"),
        ("next", b""),
        ("next", b"PAR1 no parquet at all PAR1"),
        ("next", None),
    ],
)
def test_it_is_told_by_name_and_source(tmp_path: Path, product: str, content: bytes | None) -> None:
    mesh = chain(tmp_path)
    (published,) = (tmp_path / ".mesh/storage/shop/good/ports/good").glob("*.parquet")
    file = published if product == "next" else tmp_path / "data/things.parquet"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    source = "mesh://shop/good" if product == "next" else "files://things"
    with pytest.raises(SourceUnavailable) as caught:
        run_product(mesh, mesh.product(f"mesh://shop/{product}"))
    text = str(caught.value)
    assert text.startswith(f"input 'read' of mesh://shop/{product} cannot be read from {source}: ")
    assert "read_parquet" not in text
    assert "\n" not in text


@pytest.mark.parametrize("run_id", ["..", "a/b", "/tmp/x", "-x", "x" * 101, "a\nb"])
def test_a_run_s_id_is_the_name_of_a_folder_and_nothing_else(tmp_path: Path, run_id: str) -> None:
    mesh = chain(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MeshError, match="cannot be a run's id"):
        run_product(mesh, mesh.product("mesh://shop/good"), run_id=run_id)
    assert sorted(tmp_path.rglob("*")) == before
