"""Python transforms: named inputs in, any table-like dataset out, streams included."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshes import contract, load, manifest, write_mesh, write_parquet

import mesh_defs
from mesh_defs.errors import TransformFailed
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh

PROPERTIES = """
- {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true}
- {name: double, logicalType: integer, physicalType: BIGINT}
"""


def mesh_with(root: Path, code: str, outputs: str = "") -> Path:
    body = "inputs: {things: files://things}" + (f"\noutputs: {outputs}" if outputs else "")
    write_parquet(root, "things", "select i as id from range(1000) t(i)")
    return write_mesh(
        root,
        {
            "domains/shop/made/defs.yaml": manifest(body),
            "domains/shop/made/contract.yaml": contract("made", PROPERTIES),
            "domains/shop/made/transform.py": code,
        },
    )


def run(root: Path) -> mesh_defs.RunReport:
    mesh = load(root)
    return run_product(mesh, mesh.product("mesh://shop/made"))


DATASETS = {
    "arrow table": """
        import pyarrow.compute as pc
        def transform(things):
            table = things.arrow()
            return table.append_column("double", pc.multiply(table["id"], 2))
        """,
    "record batch reader": """
        import pyarrow as pa, pyarrow.compute as pc
        def transform(things):
            table = things.arrow()
            return table.append_column("double", pc.multiply(table["id"], 2)).to_reader(100)
        """,
    "stream of batches": """
        import pyarrow as pa, pyarrow.compute as pc
        def transform(things):
            for batch in things.batches(columns=["id"]):
                yield pa.RecordBatch.from_arrays(
                    [batch["id"], pc.multiply(batch["id"], 2)], names=["id", "double"]
                )
        """,
    "polars frame": """
        import polars as pl
        def transform(things):
            return things.polars().with_columns((pl.col("id") * 2).alias("double"))
        """,
    "polars lazy frame": """
        import polars as pl
        def transform(things):
            return things.polars().lazy().with_columns((pl.col("id") * 2).alias("double"))
        """,
    "pandas frame": """
        def transform(things):
            return things.pandas().assign(double=lambda frame: frame["id"] * 2)
        """,
    "relation": """
        def transform(things):
            return things.duckdb().project("id, id * 2 as double")
        """,
    "relation of the context": """
        def transform(context):
            return context.connection.sql("select id, id * 2 as double from things")
        """,
    "relation of another connection": """
        import duckdb
        def transform(things):
            table = things.arrow()
            return duckdb.connect().from_arrow(table).project("id, id * 2 as double")
        """,
    "dict by port": """
        def transform(things, context):
            assert context.now.tzinfo is not None and context.run_id
            return {"made": things.duckdb().project("id, id * 2 as double")}
        """,
    "helper module beside it": """
        def transform(things):
            return _twice(things)
        def _twice(things):
            return things.duckdb(columns=["id"], where="id >= 0").project("id, id * 2 as double")
        """,
}


@pytest.mark.parametrize("code", DATASETS.values(), ids=DATASETS.keys())
def test_every_kind_of_dataset(tmp_path: Path, code: str) -> None:
    root = mesh_with(tmp_path, code)
    report = run(root)
    assert report.outcome == "published", report.explanation()
    found = mesh_defs.open("mesh://shop/made", root=root).duckdb()
    assert found.aggregate("count(*), sum(double) = 2 * sum(id)").fetchall() == [(1000, True)]


FAULTS = {
    "an exception": (
        """
        def transform(things):
            rows = [1]
            return rows[7]
        """,
        "IndexError: list index out of range\n  line 3, in transform: return rows[7]",
    ),
    "an exception inside a stream": (
        """
        def transform(things):
            for number, batch in enumerate(things.batches()):
                yield batch
                raise RuntimeError("half way")
        """,
        "RuntimeError: half way",
    ),
    "an import that is missing": (
        "import nothing_like_it\ndef transform(things): ...\n",
        "No module named 'nothing_like_it'",
    ),
    "another thing": (
        """
        def transform(things):
            return 42
        """,
        "returned a int for port 'made'; allowed: a pyarrow Table",
    ),
    "nothing": (
        """
        def transform(things):
            pass
        """,
        "returned a NoneType for port 'made'",
    ),
    "other ports": (
        """
        def transform(things):
            return {"maid": things.arrow()}
        """,
        "returned maid; the ports are made",
    ),
    "an empty stream": (
        """
        def transform(things):
            yield from ()
        """,
        "yielded no batch",
    ),
}


@pytest.mark.parametrize(("code", "text"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_name_the_place_in_the_products_own_file(
    tmp_path: Path, code: str, text: str
) -> None:
    root = mesh_with(tmp_path, code)
    with pytest.raises(TransformFailed) as caught:
        run(root)
    assert text in str(caught.value)
    assert "domains/shop/made/transform.py" in str(caught.value)
    assert list((root / ".mesh/storage").rglob("*.parquet")) == []


def test_parameters_that_are_no_inputs_are_found_without_running(tmp_path: Path) -> None:
    root = mesh_with(tmp_path, "def transform(thing, context): ...\n")
    (fault,) = load_mesh(root).faults
    assert (fault.file, fault.line) == ("domains/shop/made/transform.py", 1)
    assert "write 'things' instead of 'thing'" in fault.fix


def test_a_product_without_inputs_makes_its_own_data(tmp_path: Path) -> None:
    code = """
        import pyarrow as pa
        def transform():
            return pa.table({"id": pa.array([1, 2], pa.int64()), "double": pa.array([2, 4])})
        """
    root = mesh_with(tmp_path, code)
    (root / "domains/shop/made/defs.yaml").write_text(manifest())
    assert run(root).rows == 2
