"""How long pages take on the server with 2,000 published products: each under 150 ms.

    uv run python benchmarks/pages.py [--products 2000]

The server is ``mesh serve``, in a process of its own, with what an earlier start has kept. Of each
page is measured: what waits for it that comes first after a start (the server is started anew for
each page, and asked once ``/-/health`` says that the mesh is read; how long that takes from the
start of the process is printed), somebody's first visit of a server that runs, the first after a
product was published, and a visit like any other (the median of 15). Who comes first is each time
somebody else. Ends with ``pages: <ratio> (bar 1.0)``, that of the slowest of all to 150 ms; the
exit code is 1 above it, or when a page is too heavy or the server holds more than 500 MB. The mesh
is made once and kept.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx
from gateway_process import Running, gateway, token
from loopback import PLAIN
from many_products import many_products
from meshes import write

from benchmarks._harness import cache, conclude, median, table
from mesh_defs.discovery.index.live import LiveIndex
from mesh_defs.settings import load_settings

MILLISECONDS, BYTES, MEGABYTES = 150.0, 300_000, 500
BAR = 1.0
ROUNDS = 15
PEOPLE = 200
SEED = ("seed", "thing")
PAGES = (
    "/",
    "/-/find?q=product",
    "/-/map",
    "/-/map?domain=domain_3",
    "/-/governance",
    "/-/access",
    "/domain_3/product_3",
    "/domain_3/product_1003",
    "/-/lineage/domain_3/product_1003?depth=99",
    "/-/changes/domain_3/product_3",
)
MESH = """
name: many
profiles:
  local:
    index: {embedding: none}
"""


def main() -> int:
    """Measure, and tell; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=2_000)
    asked = parser.parse_args()
    visitors = Visitors(prepared(asked.products))
    started = {path: after_start(visitors, path) for path in PAGES}
    with gateway(visitors.root) as server:
        settle(server)
        first = {path: visitors.visit(server, path) for path in PAGES}
        published = {path: after_publish(visitors, server, path) for path in PAGES}
        warm = {path: again(visitors, server, path) for path in PAGES}
        held = memory(server)
    columns = (started, first, published, warm)
    told = [(path, *(f"{each[path][0]:.1f}" for each in columns)) for path in PAGES]
    rows = [(*row, f"{warm[row[0]][1]:,}") for row in told]
    table(
        ("page, ms", "first of a start", "first of a person", "after a publish", "warm", "B"), rows
    )
    prepared_in = [each[2] for each in started.values()]
    print(
        f"the server had read the mesh {median(prepared_in):.1f} s after its process began "
        f"(the slowest start: {max(prepared_in):.1f} s)"
    )
    print(f"the server held {held:.0f} MB at most")
    wrong = [f"{path} weighs {warm[path][1]:,} B" for path in PAGES if warm[path][1] > BYTES]
    if held > MEGABYTES:
        wrong.append(f"the server held {held:.0f} MB; allowed: {MEGABYTES}")
    worst = max(each[path][0] for each in columns for path in PAGES)
    return conclude("pages", worst / MILLISECONDS, BAR, *wrong)


def prepared(products: int) -> Path:
    """The mesh with its index, as an earlier start of the server has left them."""
    root = cache("pages") / f"mesh-{products}"
    done = root / "done.json"
    if not done.exists():
        shutil.rmtree(root, ignore_errors=True)
        many_products(root, products)
        people = "".join(f"  visitor-{number}: {{}}\n" for number in range(PEOPLE))
        write(root, {"mesh.yaml": MESH, "principals.yaml": f"people:\n{people}"})
        done.write_text(json.dumps({"products": products}))
    live = LiveIndex(load_settings(root))
    live.refresh()
    live.close()
    with gateway(root) as server:
        settle(server)
    return root


class Visitors:
    """People who look at pages of the mesh below ``root``, each for the first time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._numbers = count()

    def anybody(self) -> dict[str, str]:
        """What somebody sends who has never been here."""
        who = f"person:visitor-{next(self._numbers) % PEOPLE}"
        secret = token(self.root, who, "mesh://domain_3")
        return {"Authorization": f"Bearer {secret}", "Accept": "text/html"}

    def visit(
        self, server: Running, path: str, who: dict[str, str] | None = None
    ) -> tuple[float, int]:
        """Milliseconds and bytes of one answer."""
        with self.client(server, who or self.anybody()) as client:
            return once(client, path)

    @contextlib.contextmanager
    def client(self, server: Running, who: dict[str, str]) -> Iterator[httpx.Client]:
        """A client that speaks as ``who``."""
        with httpx.Client(base_url=server.url, headers=who, timeout=300, **PLAIN) as client:
            yield client


def after_start(visitors: Visitors, path: str) -> tuple[float, int, float]:
    """The first answer of a server that has read the mesh, and how many seconds after its start it
    had."""
    who = visitors.anybody()
    start = time.monotonic()
    with gateway(visitors.root) as server:
        settle(server)
        read = time.monotonic() - start
        return *visitors.visit(server, path, who), read


def after_publish(visitors: Visitors, server: Running, path: str) -> tuple[float, int]:
    """The first answer after one product has another version."""
    who = visitors.anybody()
    publish(visitors.root)
    return visitors.visit(server, path, who)


def publish(root: Path) -> None:
    """Another version of one product, with the rows of the one before: what a run leaves last."""
    storage = root.joinpath(".mesh", "storage", *SEED)
    for folder in ("discovery", "ledger"):
        newest = max((storage / folder).glob("*.json"))
        values = json.loads(newest.read_text())
        values["version"] += 1
        values["published_at"] = datetime.now(UTC).isoformat()
        target = newest.with_name(f"{values['version']:012d}.json")
        target.write_text(json.dumps(values))


def again(visitors: Visitors, server: Running, path: str) -> tuple[float, int]:
    """The median of what somebody waits for who looks again and again."""
    with visitors.client(server, visitors.anybody()) as client:
        found = [once(client, path) for _ in range(ROUNDS)]
    return median([took for took, _ in found]), found[0][1]


def settle(server: Running) -> None:
    """Wait until the server has read all of the mesh, which it tells."""
    with httpx.Client(base_url=server.url, timeout=300, **PLAIN) as client:
        while client.get("/-/health").json()["mesh"] != "read":
            time.sleep(0.05)


def memory(server: Running) -> float:
    """The most memory that the server ever held, in millions of bytes."""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def once(client: httpx.Client, path: str) -> tuple[float, int]:
    """Milliseconds and bytes of one answer."""
    start = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - start) * 1000
    assert answer.status_code == 200, (path, answer.status_code)
    return took, len(answer.content)


if __name__ == "__main__":
    sys.exit(main())
