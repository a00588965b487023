"""Ctrl-C while dbt works: the command leaves at once, and nothing is left behind."""

from __future__ import annotations

import json
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from commands import COMMAND, environment, mesh
from dbt_meshes import ORDERS, dbt_mesh, run
from meshes import write

import mesh_defs

URL = "mesh://shop/orders"
MODEL = "dbt_projects/shop/models/orders.sql"
# A join of billions of pairs, none of which is one: minutes of work, and no memory.
SLOW = """
select things.id, things.v * 2 as doubled
from {{ source('inputs', 'things') }} as things
join range(1000000000) as numbers (n) on hash(numbers.n, things.id) = 0
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("published", [True, False], ids=["after a version", "before any"])
def test_ctrl_c_inside_dbt_publishes_nothing(tmp_path: Path, published: bool) -> None:
    root = dbt_mesh(tmp_path, {})
    if published:
        assert run(root).outcome == "published"
    write(root, {MODEL: SLOW})
    log = root / ".mesh/work/dbt/shop/orders/logs/dbt.log"
    seen = log.stat().st_size if log.exists() else 0
    process = subprocess.Popen(
        [*COMMAND, "run", URL],
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while "START sql table model" not in (log.read_text()[seen:] if log.exists() else ""):
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
                pytest.fail(str(process.communicate()))
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == "mesh: stopped"
    assert "Traceback" not in errors + out
    assert not list((root / ".mesh/logs").glob("crash-*"))

    (product,) = json.loads(mesh(root, "status", "--json").stdout)["products"]
    last = product["last_run"]
    assert (last["result"], last["message"]) == ("error", "stopped by Ctrl-C")
    assert product["version"] == (0 if published else None)
    if published:
        assert mesh_defs.open(URL, root=root).arrow().num_rows == 100
    else:
        with pytest.raises(mesh_defs.NotPublished):
            mesh_defs.open(URL, root=root)
    write(root, {MODEL: ORDERS + " where id < 50"})
    report = run(root)
    assert (report.outcome, report.version) == ("published", 1 if published else 0)
    assert mesh_defs.open(URL, root=root).arrow().num_rows == 50
    assert not list((root / ".mesh/storage").glob("**/quarantine/*"))
