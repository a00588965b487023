"""Reading contracts is cheap: nothing heavy is imported for it."""

import subprocess
import sys

CODE = """
import sys, pathlib
from mesh_defs.contract import load_contract
contract, faults = load_contract(pathlib.Path(sys.argv[1]))
assert contract is not None, faults
heavy = {"duckdb", "pyarrow", "dagster", "polars", "pandas", "dbt", "great_expectations", "sqlglot"}
print(sorted(heavy & set(sys.modules)))
"""


def test_nothing_heavy_is_imported(tmp_path):
    path = tmp_path / "contract.yaml"
    path.write_text(
        "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\n"
        "schema:\n  - name: a\n    properties:\n"
        "      - {name: x, primaryKey: true, logicalType: string,"
        " logicalTypeOptions: {pattern: '^[A-Z]{2}\\d+$', format: email}}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_what_the_package_says_it_has_is_there():
    import mesh_defs.contract as package

    for name in package.__all__:
        assert getattr(package, name) is not None
