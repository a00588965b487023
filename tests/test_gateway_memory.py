"""What a gateway holds in memory: little for many readers, and nobody pays for those before."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from gateway_process import Running, gateway, token
from http_meshes import QUERIERS, READERS, http_mesh

from mesh_defs.gateway.memory import Tidy

ADA = "person:ada@shop.example"
MOST_MB = 500.0
CLIENTS, EACH = 64, 6


def test_what_is_free_is_given_back_when_much_is_held_and_not_all_the_time() -> None:
    now, held, returned = [0.0], [100.0], [0]

    def returning() -> None:
        returned[0] += 1

    tidy = Tidy(200, resident=lambda: held[0], clock=lambda: now[0], returning=returning)
    tidy()
    assert returned == [0], "little is held"
    held[0] = 201.0
    tidy()
    tidy()
    assert returned == [1], "once a second"
    now[0] = 1.0
    tidy()
    assert returned == [2]


def test_a_frugal_process_binds_values_without_pandas() -> None:
    code = """
import sys
from mesh_defs.gateway.memory import be_frugal
be_frugal()
import duckdb, json, pyarrow as pa, polars as pl
bound = duckdb.connect().execute("SELECT ?", ["x"]).fetchone()[0]
rows = pa.table({"a": [1, 2]}).to_pylist()
print(json.dumps([bound, rows, pl.thread_pool_size(), pa.default_memory_pool().backend_name,
                  "pandas" in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(done.stdout) == ["x", [{"a": 1}, {"a": 2}], 2, "system", False]


def _peak_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def _read(served: Running, secret: str, path: str, sql: str | None) -> tuple[int, bytes, str]:
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/sql"}
    body = sql.encode() if sql is not None else None
    request = urllib.request.Request(served.url + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read(), ""
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers.get("Retry-After", "")


QUESTIONS: tuple[tuple[str, str | None], ...] = (
    ("/shop/sales/data?format=csv", None),
    ("/shop/sales/data?format=ndjson&limit=3", None),
    ("/query?format=json", "SELECT count(*) AS n FROM shop.sales GROUP BY id % 2 ORDER BY n"),
    ("/shop/sales", None),
)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to ask")
def test_many_readers_at_default_limits_fit_and_the_one_after_them_reads(tmp_path: Path) -> None:
    root = http_mesh(tmp_path, READERS + QUERIERS)
    secret = token(root, ADA)
    with gateway(root) as served:
        right = [_read(served, secret, path, sql) for path, sql in QUESTIONS]
        assert {status for status, _, _ in right} == {200}
        wrong: list[str] = []
        statuses: Counter[int] = Counter()

        def client(number: int) -> None:
            for turn in range(EACH):
                which = (number + turn) % len(QUESTIONS)
                status, body, retry = _read(served, secret, *QUESTIONS[which])
                statuses[status] += 1
                if status == 429 and retry:
                    continue
                if status != 200 or (which != 3 and body != right[which][1]):
                    wrong.append(f"{QUESTIONS[which]}: {status} {body[:200]!r}")

        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        assert not wrong
        assert statuses[200] > CLIENTS
        for path, sql in QUESTIONS:
            assert _read(served, secret, path, sql)[0] == 200
        assert _peak_mb(served.process.pid) < MOST_MB
        assert served.stop() == 0
