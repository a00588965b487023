"""Pages over 2,000 products: light, nothing read for each of them, and for who may see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from access_meshes import sales_mesh
from gateway_http import Served, served
from portal_people import Skeleton

from mesh_defs.discovery.index.entry import HERE, Entry
from mesh_defs.discovery.lineage.facts import ProductFacts, Reading
from mesh_defs.discovery.lineage.graph import LineageGraph
from mesh_defs.discovery.lineage.model import Place

MANY, DOMAINS = 2_000, 40
SUBJECT = {
    "classification": "public",
    "archetype": "source-aligned",
    "status": "active",
    "tags": [],
    "purposes": [],
    "owner": "team:test",
}
POLICIES = [f"Policy{number}" for number in range(24)]
PAGES = ["/", "/-/map", "/-/map?domain=domain_7", "/-/governance", "/-/governance?start=1900"]


def entries() -> list[Entry]:
    """One port of each of 2,000 products; every seventh is for nobody."""
    return [
        Entry(
            HERE,
            "test",
            f"domain_{number % DOMAINS}",
            f"product_with_a_long_name_{number}",
            "main",
            title=f"A product with quite a long title, number {number}",
            purpose="What it is for, in a sentence or two. " * 3,
            archetype="source-aligned",
            status="active",
            classification="public" if number % 7 else "confidential",
            published=1_700_000_000 + number,
            version=3,
            subject=SUBJECT if number % 7 else None,
            stamp="1",
        )
        for number in range(MANY)
    ]


def graph() -> LineageGraph:
    """Each product reads two of those before it."""
    names = [f"{each.domain}/{each.product}" for each in entries()]
    return LineageGraph(
        {
            name: ProductFacts(
                name,
                3,
                None,
                {"main": ("id",)},
                tuple(
                    Reading(f"in{at}", Place(names[at], "main"))
                    for at in {place // 2, place // 3}
                    if at < place
                ),
            )
            for place, name in enumerate(names)
        }
    )


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root: Path = sales_mesh(tmp_path_factory.mktemp("many"))
    with served(root) as found:
        live = found.gateway.search.live
        live.shelf.rebuild(entries(), live.model)
        made = graph()
        found.gateway.lineage = SimpleNamespace(graph=lambda: made)
        yield found


@pytest.mark.parametrize("path", PAGES)
def test_a_page_over_2000_products_is_light(mesh: Served, path: str) -> None:
    answer = mesh.client("person:ada@shop.example", Accept="text/html").get(path)
    assert answer.status_code == 200, answer.text[:500]
    assert len(answer.content) < 300_000
    assert Skeleton(answer.text).wrong == []


def test_a_matrix_of_many_policies_is_light(mesh: Served) -> None:
    overview = mesh.gateway.overview
    client = mesh.client("person:ada@shop.example", Accept="text/html")
    client.get("/")
    outcomes = dict.fromkeys(POLICIES, "passed") | {"Policy3": "warned"}
    kept = overview._standings._kept
    assert kept
    for identity, one in list(kept.items()):
        changed = replace(one.standing, policies={"main": outcomes})
        kept[identity] = replace(one, standing=changed)
    answer = client.get("/-/governance")
    assert answer.text.count('class="warned"') >= 1
    assert len(answer.content) < 300_000


def test_nothing_is_opened_for_pages_over_all_products(
    mesh: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = mesh.client("person:ada@shop.example", Accept="text/html")
    client.get("/-/map")
    opened: list[object] = []
    real = mesh.gateway.catalog.open
    monkeypatch.setattr(
        mesh.gateway.catalog, "open", lambda *given: opened.append(given) or real(*given)
    )
    for path in ("/-/map", "/-/governance", "/-/map?domain=domain_3"):
        assert client.get(path).status_code == 200
    assert opened == []


def test_what_is_for_nobody_is_on_no_page(mesh: Served) -> None:
    client = mesh.client("person:ada@shop.example", Accept="text/html")
    hidden = [each for each in entries() if each.subject is None and each.domain == "domain_7"]
    shown = [each for each in entries() if each.subject is not None and each.domain == "domain_7"]
    assert hidden
    text = client.get("/-/map?domain=domain_7").text
    assert all(f'/{each.domain}/{each.product}"' not in text for each in hidden)
    assert all(f'/{each.domain}/{each.product}"' in text for each in shown)
    assert f"{MANY - len([e for e in entries() if e.subject is None])}"
    whole = client.get("/-/map").text
    number = len([each for each in entries() if each.subject is not None])
    assert f"kept</span> {number}" in whole or f"kept</span>{number}" in whole
