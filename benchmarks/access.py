"""Reading 10 million rows of 15 columns from a gateway, against reading the same Parquet here.

    uv run python benchmarks/access.py [--seconds 60]

A real ``mesh serve`` in a process of its own, clients in this one, over loopback, all decisions,
limits and receipts on. Measured are the bulk reads (signed URLs into polars, Flight SQL into
Arrow, Arrow over HTTP), the server's peak memory, 500 queries of 100 rows each over one connection
by HTTP and by Flight, and 64 clients at once. Ends with ``access: <ratio> (bar 1.0)``, the largest
of all measures as a part of its bar; the exit code is 1 when that is over 1, or an answer is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb
import pyarrow as pa

from benchmarks._bookings import BOOKINGS, COLUMNS, ROWS
from benchmarks._harness import cache, conclude, in_turn, median, table, timings
from mesh_defs.client.flight import FlightRows
from mesh_defs.client.rows import HttpRows
from mesh_defs.client.wire import Wire
from mesh_defs.drivers.compute.duckdb import DuckDBCompute
from mesh_defs.errors import SourceUnavailable
from mesh_defs.gateway.state.database import open_state
from mesh_defs.gateway.state.tokens import NewToken
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh
from mesh_defs.settings import load_settings
from mesh_defs.urls import MeshUrl

BARS = {"signed URLs": 1.3, "Flight SQL": 1.6}
MEMORY_BAR_MB = 500.0
P50_BAR_MS, P99_BAR_MS = 10.0, 40.0
QUERIES, CLIENTS = 500, 64
PORT = MeshUrl("sales", "bookings", "bookings", version=0)
_LOCK = threading.Lock()

MESH = """
name: benchmark
profiles:
  local:
    services:
      lake: {driver: files, path: data}
    gateway:
      limits: {per_principal_per_minute: 100000000}
"""
PRINCIPALS = "services: {reader: {domain: sales}}\n"
DOMAIN = """
type: mesh_defs.Domain
attributes: {owner: team:benchmark, purpose: Measuring.}
---
type: dagster.DefsFolderComponent
"""
MANIFEST = """
type: mesh_defs.DataProduct
attributes:
  archetype: source-aligned
  version: 1.0.0
  owner: team:benchmark
  purpose: Measuring.
  inputs: {raw: "lake://bookings"}
  outputs: {bookings: {reads: lookups}}
"""
KINDS = {
    "booking_id": "integer",
    "booked_at": "timestamp",
    "flight_date": "date",
    "departure_delay": "number",
    "arrival_delay": "number",
    "distance": "integer",
    "fare": "number",
    "seats": "integer",
}


def contract() -> str:
    """Every column, a key, and a freshness to tell; contacts are for the domain alone."""
    lines = [
        f"      - {{name: {name}, logicalType: {KINDS.get(name, 'string')}"
        + (", required: true, primaryKey: true" if name == "booking_id" else "")
        + (", classification: confidential" if name == "contact" else "")
        + "}"
        for name in COLUMNS
    ]
    return (
        "apiVersion: v3.1.0\nkind: DataContract\nid: bookings\nversion: 1.0.0\nstatus: active\n"
        "schema:\n  - name: bookings\n    properties:\n" + "\n".join(lines) + "\n"
        "slaProperties:\n  - {property: latency, value: 100, unit: y}\n"
    )


def prepare(root: Path) -> None:
    """The mesh with its one product, published once."""
    files = {
        "mesh.yaml": MESH,
        "principals.yaml": PRINCIPALS,
        "domains/sales/defs.yaml": DOMAIN,
        "domains/sales/bookings/defs.yaml": MANIFEST,
        "domains/sales/bookings/contract.yaml": contract(),
        "domains/sales/bookings/bookings.sql": "SELECT * FROM raw\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
    source = root / "data/bookings.parquet"
    if not source.exists():
        print(f"generating {source}", file=sys.stderr)
        unfinished = root / "data/unfinished.parquet"
        compute = DuckDBCompute(root / "spill")
        compute.stage(BOOKINGS, unfinished)
        compute.close()
        unfinished.replace(source)
    if not (root / ".mesh/storage/sales/bookings/ledger").exists():
        print("publishing", file=sys.stderr)
        mesh = load_mesh(root)
        report = run_product(mesh, mesh.products["sales/bookings"])
        if report.outcome != "published":
            raise RuntimeError(f"it was not published: {report.outcome}")
    shutil.rmtree(root / ".mesh/gateway", ignore_errors=True)


@contextmanager
def server(root: Path) -> Iterator[tuple[int, str, str]]:
    """``mesh serve``: its process, its address, its Flight address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mesh_defs.cli", "serve", "--json"],
        cwd=root,
        env={**os.environ, "MESH_ROOT": str(root), "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if line.rstrip() == "}":
                break
        place = json.loads(text)
        yield process.pid, place["url"], place["flight"]
    finally:
        process.terminate()
        process.wait(30)


def token(root: Path) -> str:
    """A service token of the reader."""
    now = datetime.now(UTC)
    with open_state(load_settings(root)) as state:
        wanted = NewToken(
            f"b{time.time_ns()}", "service:reader", ("mesh://sales",), now + timedelta(hours=2)
        )
        return state.tokens.create(wanted, "person:benchmark", now).secret


def peak_mb(pid: int) -> float:
    """The most memory that the process held, in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("no VmHWM")


class Readers:
    """The ways of reading all rows; each checks how many came."""

    def __init__(self, root: Path, wire: Wire, flight: FlightRows) -> None:
        self.wire, self.flight = wire, flight
        folder = root / ".mesh/storage/sales/bookings/ports/bookings"
        self.files = [str(path) for path in sorted(folder.rglob("*.parquet"))]

    def local(self) -> None:
        """DuckDB over the same files, into Arrow."""
        with duckdb.connect() as connection:
            connection.execute("SET enable_progress_bar = false")
            found = connection.execute(f"FROM read_parquet({self.files})").to_arrow_table()
        check(found.num_rows == ROWS, "local")

    def signed(self) -> None:
        """polars over signed URLs."""
        import polars as pl

        told = self.wire.json(f"/{PORT.identity}/{PORT.port}/files")
        urls = [each["url"] for each in told["files"]]
        check(pl.read_parquet(urls).height == ROWS, "signed URLs")

    def by_flight(self) -> None:
        """Flight SQL, all endpoints at once, into Arrow."""
        check(self.flight.table(PORT, None, None, None).num_rows == ROWS, "Flight SQL")

    def by_http(self) -> None:
        """An Arrow stream over HTTP."""
        rows = sum(b.num_rows for b in HttpRows(self.wire).batches(PORT, None, None, None))
        check(rows == ROWS, "Arrow over HTTP")


_wrong: list[str] = []


def check(holds: bool, what: str) -> None:
    """Note a wrong answer."""
    if not holds:
        with _LOCK:
            _wrong.append(f"{what}: a wrong answer")


def where(start: int) -> str:
    """A condition for 100 rows."""
    return f"booking_id >= {start} AND booking_id < {start + 100}"


def right(found: pa.Table, start: int) -> bool:
    """Whether ``found`` are the 100 rows from ``start``."""
    return sorted(found.column("booking_id").to_pylist()) == list(range(start, start + 100))


def latencies(read: Callable[[int], pa.Table], what: str) -> list[float]:
    """Milliseconds of each of `QUERIES` queries of 100 rows, sorted."""
    rng, found = random.Random(7), []
    for _ in range(10):
        read(rng.randrange(ROWS - 100))
    for _ in range(QUERIES):
        start = rng.randrange(ROWS - 100)
        began = time.perf_counter()
        rows = read(start)
        found.append((time.perf_counter() - began) * 1000)
        check(right(rows, start), what)
    return sorted(found)


class Keeping:
    """HTTP over one connection that is kept."""

    def __init__(self, base: str, secret: str) -> None:
        import http.client

        import httpx

        self.headers = {"Authorization": f"Bearer {secret}", "Accept-Encoding": "identity"}
        self.plain = http.client.HTTPConnection(base.removeprefix("http://"), timeout=120)
        self.client = httpx.Client(
            base_url=base,
            headers=self.headers,
            timeout=120,
            trust_env=False,
        )

    def read(self, start: int) -> pa.Table:
        """100 rows as Arrow."""
        path = f"/{PORT.identity}/{PORT.port}/data"
        answer = self.client.get(path, params={"format": "arrow", "where": where(start)})
        answer.raise_for_status()
        return pa.ipc.open_stream(answer.content).read_all()

    def quickly(self, start: int) -> pa.Table:
        """The same by Python's own client, which adds a tenth of a millisecond."""
        asked = urlencode({"format": "arrow", "where": where(start)})
        self.plain.request(
            "GET", f"/{PORT.identity}/{PORT.port}/data?{asked}", headers=self.headers
        )
        answer = self.plain.getresponse()
        content = answer.read()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"{answer.status}: {content[:200]!r}")
        return pa.ipc.open_stream(content).read_all()

    def count(self) -> int:
        """A query over all rows."""
        sql = "SELECT count(*) AS n FROM sales.bookings WHERE origin = 'JFK'"
        answer = self.client.post("/query?format=json", json={"sql": sql})
        answer.raise_for_status()
        return int(answer.json()[0]["n"])


def told_to_wait(error: Exception) -> float | None:
    """The seconds after which to try again, where the gateway told so (429); else None."""
    import httpx

    if isinstance(error, httpx.HTTPStatusError) and error.response.status_code == 429:
        return float(error.response.headers["Retry-After"])
    # Flight has no status for it: its text says what was too much.
    told = re.search(r"(?:at once|query slots).*\(try again in ([0-9]+) s\)", str(error))
    return float(told[1]) if isinstance(error, SourceUnavailable) and told else None


def crowd(base: str, flight: str, secret: str, seconds: float, expected: int) -> dict[str, object]:
    """`CLIENTS` clients at once, mixed; how many answers each had, and what went wrong."""
    done: Counter[int] = Counter()
    failed: Counter[str] = Counter()
    waits = [0]
    end = time.monotonic() + seconds

    def client(number: int) -> None:
        rng = random.Random(number)
        http = Keeping(base, secret)
        rows = FlightRows.connected(Wire(base, secret), flight)
        assert rows is not None
        while time.monotonic() < end:
            start, kind = rng.randrange(ROWS - 100), rng.random()
            try:
                if kind < 0.02:
                    check(http.count() == expected, "a count among 64 clients")
                elif number % 2:
                    check(right(http.read(start), start), "HTTP among 64 clients")
                else:
                    found = rows.table(PORT, ["booking_id", "fare"], where(start), None)
                    check(right(found, start), "Flight among 64 clients")
            except Exception as error:  # noqa: BLE001  each is counted and reported
                seconds_told = told_to_wait(error)
                if seconds_told is not None:
                    with _LOCK:
                        waits[0] += 1
                    time.sleep(seconds_told)
                    continue
                with _LOCK:
                    failed[f"{type(error).__name__}: {str(error)[:100]}"] += 1
                continue
            with _LOCK:
                done[number] += 1
        rows.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = [done[number] for number in range(CLIENTS)]
    return {
        "answers": sum(answers),
        "fewest of HTTP": min(answers[1::2]),
        "most of HTTP": max(answers[1::2]),
        "fewest of Flight": min(answers[::2]),
        "most of Flight": max(answers[::2]),
        "told to wait (429)": waits[0],
        "errors": dict(failed),
    }


def main() -> int:
    """Measure all of it."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=float, default=60.0)
    seconds = arguments.parse_args().seconds
    root = cache("access")
    prepare(root)
    secret = token(root)
    with duckdb.connect() as connection:
        source = root / "data/bookings.parquet"
        query = f"SELECT count(*) FROM '{source}' WHERE origin = 'JFK'"
        (expected,) = connection.execute(query).fetchone() or (0,)
    parts: dict[str, float] = {}
    with server(root) as (pid, base, flight):
        wire = Wire(base, secret)
        rows = FlightRows.connected(wire, flight)
        assert rows is not None
        readers = Readers(root, wire, rows)
        times = in_turn(
            {
                "local DuckDB": readers.local,
                "signed URLs": readers.signed,
                "Flight SQL": readers.by_flight,
                "Arrow over HTTP": readers.by_http,
            }
        )
        timings(times)
        local = median(times["local DuckDB"])
        ratios = {name: median(each) / local for name, each in times.items()}
        http = Keeping(base, secret)
        for name, bar in BARS.items():
            parts[name] = ratios[name] / bar
        measured: Mapping[str, Callable[[int], pa.Table]] = {
            "HTTP": http.quickly,
            "Flight": lambda start: rows.table(PORT, None, where(start), None),
        }
        told = [(name, f"{ratio:.2f}", BARS.get(name, "")) for name, ratio in ratios.items()]
        table(("", "times local", "bar"), told)
        for name, read in measured.items():
            found = latencies(read, name)
            p50, p99 = found[len(found) // 2], found[int(len(found) * 0.99)]
            print(f"100 rows by {name}: p50 {p50:.1f} ms (bar 10), p99 {p99:.1f} ms (bar 40)")
            parts[f"{name} p50"], parts[f"{name} p99"] = p50 / P50_BAR_MS, p99 / P99_BAR_MS
        crowded = crowd(base, flight, secret, seconds, expected)
        print(f"{CLIENTS} clients for {seconds:.0f} s: {crowded}")
        peak = peak_mb(pid)
        print(f"peak memory of the server: {peak:.0f} MB (bar {MEMORY_BAR_MB:.0f})")
        parts["memory"] = peak / MEMORY_BAR_MB
    problems = sorted(set(_wrong))
    if crowded["errors"]:
        problems.append(f"errors among {CLIENTS} clients: {crowded['errors']}")
    return conclude("access", max(parts.values()), 1.0, *problems)


if __name__ == "__main__":
    sys.exit(main())
