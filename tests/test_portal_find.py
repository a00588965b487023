"""The search page: every filter narrows, what it offers is what its visitor may know of, and links
to more results keep what was chosen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from access_meshes import publish
from browsers import browsing
from meshes import contract, manifest, write, write_parquet
from playwright.sync_api import expect
from portal_people import ADA, BOSS, Skeleton, Town, town

COLUMNS = """
- {name: id, logicalType: integer, primaryKey: true, required: true, classification: public}
- {name: wind_speed, logicalType: number, physicalType: DOUBLE, classification: public,
   description: How hard it blew at the mast.}
"""
TAGGED = """
owner: weather@shop.example
tags: [Storms, "<b>bold</b>"]
status: deprecated
inputs: {gusts: files://gusts}
outputs: {gusts: {mode: upsert, key: [id]}}
"""
ALL = {"shop/gusts", "shop/odd", "shop/sales", "shop/large"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("find")) as found:
        root = found.mesh.gateway.settings.root
        told = manifest(TAGGED).replace("  owner: team:test\n", "", 1)
        secret = root / "domains/shop/secret/defs.yaml"
        files = {
            "domains/shop/gusts/defs.yaml": told,
            "domains/shop/gusts/contract.yaml": contract("gusts", COLUMNS),
            "domains/shop/gusts/gusts.sql": "select * from gusts",
            "domains/shop/secret/defs.yaml": secret.read_text().replace(
                "owner: team:test", "owner: team:hushed\n  tags: [hushhush]"
            ),
        }
        files["domains/shop/secret/secret.sql"] = "select id from sales where true"
        write(root, files)
        write_parquet(root, "gusts", "select i as id, i / 2.0 as wind_speed from range(9) t(i)")
        publish(root, "mesh://shop/gusts", "mesh://shop/secret")
        yield found


def found(place: Town, query: str, who: str | None = ADA) -> set[str]:
    answer = place.visitor(who).get(f"/-/find?{query}")
    assert answer.status_code == 200, answer.text
    results = answer.text.partition('id="results"')[2]
    return set(re.findall(r'<li><a href="/([^"]+)">', results))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", ALL),
        ("domain=shop", ALL),
        ("archetype=source-aligned", ALL),
        ("archetype=aggregate", set()),
        ("classification=sensitive", {"shop/sales"}),
        ("trust=warned", set()),
        ("tag=Storms", {"shop/gusts"}),
        ("tag=storms", {"shop/gusts"}),
        ("tag=hushhush", set()),
        ("owner=weather%40shop.example", {"shop/gusts"}),
        ("owner=team%3Ahushed", set()),
        ("fresh=24h", ALL),
        ("mode=upsert", {"shop/gusts"}),
        ("mode=append", set()),
        ("column=wind", {"shop/gusts"}),
        ("column=the+mast", {"shop/gusts"}),
        ("status=deprecated", {"shop/gusts"}),
        ("tag=storms&mode=upsert&column=speed&fresh=7d&q=gusts", {"shop/gusts"}),
        ("tag=storms&mode=snapshot", set()),
    ],
)
def test_a_filter_narrows(place: Town, query: str, wanted: set[str]) -> None:
    assert found(place, query) == wanted


def test_what_is_offered_is_of_what_may_be_known_of(place: Town) -> None:
    page = place.visitor(ADA).get("/-/find").text
    assert '<option value="Storms">' in page
    assert '<option value="&lt;b&gt;bold&lt;/b&gt;">' in page
    assert '<option value="weather@shop.example">' in page
    assert "hush" not in page
    assert "hushhush" in place.visitor(BOSS).get("/-/find").text
    assert Skeleton(page).wrong == []


def test_more_filters_are_folded_until_one_is_set(place: Town) -> None:
    visitor = place.visitor(ADA)
    plain = visitor.get("/-/find?domain=shop").text
    assert '<details class="more"><summary>' in plain
    used = visitor.get("/-/find?tag=storms&mode=upsert&q=gusts").text
    assert '<details class="more" open><summary>' in used
    assert "2 set" in used
    assert '<option value="upsert" selected>' in used
    assert 'name="tag" value="storms"' in used
    assert 'href="/-/find?q=gusts">Without filters' in used


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("fresh=soon", "write 36h, 7d or 2w"),
        ("trust=much", "allowed: kept, warned, unproven"),
        ("classification=publik", "public"),
        ("tag=" + "x" * 200, "tag"),
    ],
)
def test_what_is_no_filter_is_told(place: Town, query: str, words: str) -> None:
    answer = place.visitor(ADA).get(f"/-/find?{query}")
    assert answer.status_code == 400
    assert words in answer.text


def test_links_to_more_results_keep_what_was_chosen(place: Town) -> None:
    chosen = "q=a%26b&tag=x&owner=y%20z&fresh=7d&mode=append&column=c&status=active&domain=shop"
    page = place.visitor(ADA).get(f"/-/find?{chosen}&start=40").text
    link = re.search(r'<a href="([^"]+)">Before</a>', page)[1].replace("&amp;", "&")
    assert parse_qs(urlsplit(link).query) == parse_qs(f"{chosen}&start=20")
    first = place.visitor(ADA).get(f"/-/find?{chosen}&start=20").text
    link = re.search(r'<a href="([^"]+)">Before</a>', first)[1].replace("&amp;", "&")
    assert parse_qs(urlsplit(link).query) == parse_qs(chosen)


def test_filters_are_set_by_keys_alone(place: Town) -> None:
    with browsing() as browser:
        context = browser.new_context(base_url=place.mesh.base)
        page = context.new_page()
        page.goto("/-/find")
        results = page.locator(".results > li")
        more = page.get_by_text("More filters")
        page.get_by_role("button", name="Find").focus()
        page.keyboard.press("Tab")
        expect(more).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Tag")).to_be_focused()
        page.keyboard.type("storms")
        expect(results).to_have_count(1)
        expect(results).to_contain_text("shop/gusts")
        expect(page).to_have_url(re.compile(r"/-/find\?tag=storms$"))
        for label in ("Owner", "Published in the last", "Port type", "Status", "Column"):
            page.keyboard.press("Tab")
            expect(page.get_by_label(label)).to_be_focused()
        page.keyboard.type("nowhere")
        expect(results).to_have_count(0)
        context.close()
