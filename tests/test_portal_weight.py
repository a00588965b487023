"""No page weighs more than 300 kB, whatever a product tells of itself and people say of it; what is
cut is in the document that the page leads to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from access_meshes import publish
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape
from meshes import contract, manifest, write, write_parquet
from portal_people import ADA, BOSS, Skeleton, Town, town

from mesh_defs.gateway.portal import render
from mesh_defs.gateway.portal.render import cut

MOST_BYTES = 300_000
LONG = "A long text about 'this' & that. " * 130
HEAVY = ["x" * 5_000, '"' * 5_000, "<&>" * 2_000, "\u65e5\u672c" * 2_500, "\U0001f600" * 2_000]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("weight")) as found:
        add_wide(found.mesh.gateway.settings.root)
        yield found


def add_wide(root: Path) -> None:
    names = [f"column_{at}" for at in range(120)]
    listed = "".join(
        f"- {{name: {name}, logicalType: integer, classification: public, description: {LONG!r}}}\n"
        for name in names
    )
    listed += "- {name: id, logicalType: integer, required: true, classification: public}\n"
    told = f"inputs: {{wide: files://wide}}\nlimitations: {LONG!r}\nusage: {LONG!r}"
    files = {
        "domains/shop/wide/defs.yaml": manifest(told).replace("A product of a test.", LONG),
        "domains/shop/wide/contract.yaml": contract("wide", listed),
        "domains/shop/wide/wide.sql": "select * from wide",
    }
    write(root, files)
    columns = "i as id, " + ", ".join(f"i * {at} % 97 as {name}" for at, name in enumerate(names))
    write_parquet(root, "wide", f"select {columns} from range(500) t(i)")
    publish(root, "mesh://shop/wide")


def test_a_product_that_says_much_has_a_light_page(place: Town) -> None:
    ada = place.visitor(ADA)
    for at in range(12):
        said = {"kind": ("question", "problem")[at % 2], "text": f"{at} {'words ' * 300}"}
        assert ada.post("/-/feedback/shop/wide", "/shop/wide", **said).status_code == 303
    for who in (ADA, BOSS, None):
        answer = place.visitor(who).get("/shop/wide")
        assert answer.status_code == 200
        assert len(answer.content) < MOST_BYTES
        assert answer.text.count('href="/shop/wide/discovery"') >= 4
    whole = place.mesh.client("admin").get("/shop/wide/discovery").json()
    assert whole["ports"][0]["columns"][119]["description"] == LONG
    assert len(whole["feedback"]["questions"]) == 6


@pytest.fixture(scope="module")
def context(place: Town) -> dict[str, Any]:
    """What the template of the wide product's page is given."""
    given_values: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        from mesh_defs.gateway.portal import product

        def kept(visit: object, template: str, *_: object, **values: object) -> object:
            given_values.update(values, visit=visit, here="", template=template)
            return render.page(visit, template, **values)

        patch.setattr(product, "page", kept)
        assert place.visitor(BOSS).get("/shop/wide").status_code == 200
    return given_values


def item(kind: str, text: str) -> dict[str, Any]:
    made = "2026-11-01T00:00:00+00:00"
    answers = [{"at": made, "principal": text, "text": text}] * 9
    known = {"id": "abc", "kind": kind, "stars": None, "state": "open", "version": 3}
    return {**known, "principal": text, "created_at": made, "text": text, "answers": answers}


def heavy(context: dict[str, Any], text: str) -> dict[str, Any]:
    """The same, with as much of everything as there can be."""
    profile = {
        "nulls": 0.123,
        "distinct": 1_234_567,
        "least": text,
        "greatest": text,
        "top": [{"value": text, "share": 0.333}] * 10,
        "histogram": {"edges": list(range(21)), "counts": list(range(1, 21))},
    }
    changed = {"name": text, "type": text, "title": text, "description": text, "unit": text}
    columns = [{**each, **changed, "profile": profile} for each in context["columns"]]
    verdict = {"id": text, "stage": "policy", "column": text, "expected": text, "observed": text}
    waivers = [{"reason": text, "until": "2027-01-01"}] * 9
    verdict |= {"outcome": "warned", "waivers": waivers}
    port = {**context["port"], "description": text, "sample": [{text: text}] * 10}
    level = {
        "element": text,
        "property": text,
        "promised": text,
        "unit": text,
        "actual": text,
        "kept": True,
    }
    port["service_levels"] = [level] * 40
    told = dict.fromkeys(("title", "purpose", "limitations", "usage", "licence", "owner"), text)
    change = {"title": text, "sql": text, "text": text}
    said = {kind: [item(kind, text)] * 50 for kind in ("problems", "questions")}
    ratings = {**context["feedback"]["ratings"], "newest": [item("rating", text)] * 50}
    return {
        **context,
        "columns": columns,
        "port": port,
        "ports": [f"port_{at}" + "x" * 100 for at in range(200)],
        "product": {**context["product"], **told, "tags": [text] * 99, "examples": [change] * 9},
        "verdicts": [verdict] * 300,
        "policies": [verdict] * 100 + [{**verdict, "outcome": "passed"}] * 100,
        "feedback": {**context["feedback"], **said, "ratings": ratings, "may_answer": True},
    }


@pytest.mark.parametrize("text", HEAVY)
def test_nothing_makes_a_product_page_heavy(context: dict[str, Any], text: str) -> None:
    template = render.environment().get_template(context["template"])
    page = template.render(**heavy(context, text))
    assert len(page.encode()) < MOST_BYTES
    assert Skeleton(page).wrong == []


@pytest.mark.parametrize("text", HEAVY)
def test_nothing_makes_a_list_of_changes_heavy(context: dict[str, Any], text: str) -> None:
    change = {"port": "p", "column": text, "kind": "rule", "level": "breaking", "text": text}
    change |= {"before": text, "after": text}
    version = {"published_at": "2026-11-01T00:00:00+00:00", "product_version": "1.0.0"}
    between = [{**version, "version": at, "changes": [change] * 500} for at in range(20)]
    template = render.environment().get_template("changes_part.html")
    page = template.render(between=between, most=10, identity="a/b")
    assert len(page.encode()) < MOST_BYTES
    assert "490 more" in page


@settings(deadline=None)
@given(st.text(max_size=80), st.integers(0, 60))
def test_a_text_is_cut_by_what_it_weighs(text: str, most: int) -> None:
    found = cut(text, most)
    weight = len(str(escape(text)).encode())
    if weight <= most:
        assert found == text
    else:
        kept = found.removesuffix("\N{HORIZONTAL ELLIPSIS}")
        assert found != kept
        assert text.startswith(kept)
        assert len(str(escape(kept)).encode()) <= most
