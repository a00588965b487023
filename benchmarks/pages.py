"""How long pages take on the server with 2,000 published products: each under 150 ms.

    uv run python benchmarks/pages.py [--products 2000]

Warm: what a reader waits for who is not the first. Ends with ``pages: <ratio> (bar 1.0)``, that of
the slowest page's median to 150 ms; the exit code is 1 above it, or when a page is too heavy.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx
from gateway_http import served
from many_products import many_products

from benchmarks._harness import conclude, median, table

MILLISECONDS, BYTES = 150.0, 300_000
BAR = 1.0
ROUNDS = 15
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


def main() -> int:
    """Measure, and tell; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=2_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = many_products(Path(folder) / "mesh", asked.products)
        with served(root) as mesh:
            client = mesh.client("admin", Accept="text/html")
            mesh.gateway.search.live.refresh()
            for path in PAGES:
                client.get(path)
            found = {path: [once(client, path) for _ in range(ROUNDS)] for path in PAGES}
    rows = []
    for path, each in found.items():
        times = [took for took, _ in each]
        rows.append((path, f"{median(times):.1f}", f"{max(times):.1f}", f"{each[0][1]:,}"))
    table(("page", "median ms", "slowest ms", "bytes"), rows)
    weights = {path: each[0][1] for path, each in found.items()}
    heavy = [f"{path} weighs {weight:,} B" for path, weight in weights.items() if weight > BYTES]
    worst = max(median([took for took, _ in each]) for each in found.values())
    return conclude("pages", worst / MILLISECONDS, BAR, *heavy)


def once(client: httpx.Client, path: str) -> tuple[float, int]:
    """Milliseconds and bytes of one answer."""
    start = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - start) * 1000
    assert answer.status_code == 200, (path, answer.status_code)
    return took, len(answer.content)


if __name__ == "__main__":
    sys.exit(main())
