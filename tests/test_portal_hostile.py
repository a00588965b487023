"""Whatever stands in a title, a description or a value stays text on every page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from portal_people import ADA, Skeleton, Town, town

from mesh_defs.gateway.portal import charts, render
from mesh_defs.gateway.portal.drawing import Box, Line, Row, drawn

# What a page is told in words of others; names of products and ports are of our own form.
WORDS = frozenset(
    {"title", "purpose", "description", "limitations", "usage", "owner", "licence", "tags", "value"}
    | {"least", "greatest", "observed", "expected", "text", "sql", "reason", "sample", "unit"}
    | {"principal", "message", "before", "after"}
)
HOSTILE = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "' onmouseover='alert(1)",
            "</textarea></title></style><svg onload=alert(1)>",
            "{{ 7 * 7 }} {% include 'base.html' %}",
            "javascript:alert(1)",
            "\x00\x1b[2J\x7f\x85\u202e\u2066\ufeff<!--",
            "]]><![CDATA[<b>",
            "&lt;b&gt; &#60;b&#62;",
        ]
    ),
)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the template of a product's page was given for a real product."""
    given_values: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch, town(tmp_path_factory.mktemp("hostile")) as place:
        from mesh_defs.gateway.portal import product

        def kept(visit: object, template: str, *_: object, **values: object) -> object:
            given_values.update(values, visit=visit, here="", template=template)
            return render.page(visit, template, **values)

        patch.setattr(product, "page", kept)
        say(place)
        assert place.visitor(ADA).get("/shop/sales").status_code == 200
        yield given_values


def say(place: Town) -> None:
    ada = place.visitor(ADA)
    said = {"kind": "question", "text": "why?"}
    assert ada.post("/-/feedback/shop/sales", "/shop/sales", **said).status_code == 303


def replaced(value: Any, text: str, *, free: bool = False) -> Any:
    """``value`` with ``text`` in place of all words of others."""
    if isinstance(value, dict):
        inner = free or None
        return {
            key: replaced(each, text, free=bool(inner) or key in WORDS)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [replaced(each, text, free=free) for each in value]
    return text if free and isinstance(value, str) else value


def rendered(context: dict[str, Any], text: str) -> str:
    template = render.environment().get_template(context["template"])
    parts = ("product", "port", "columns", "verdicts", "policies", "feedback", "consumers")
    changed = {name: replaced(context[name], text) for name in parts}
    return template.render(**{**context, **changed})


# A page is rendered twice for each example; how long that takes is none of this test's business.
@settings(deadline=None)
@given(HOSTILE)
def test_a_product_page_has_the_same_elements_whatever_it_says(
    context: dict[str, Any], text: str
) -> None:
    plain = Skeleton(rendered(context, "x" if text else ""))
    page = rendered(context, text)
    found = Skeleton(page)
    assert found.elements == plain.elements
    assert found.wrong == []
    assert not CONTROL.search(page)


@settings(deadline=None)
@given(HOSTILE, HOSTILE)
def test_a_drawing_has_the_same_elements_whatever_stands_in_it(one: str, other: str) -> None:
    def page(a: str, b: str) -> Skeleton:
        boxes = [Box("p", a, b, "/a/b", rows={"r": Row(a, "/x")}), Box("q", b, a)]
        drawing = drawn(boxes, [Line("p", "q", "r", None, b)])
        parts = render.environment().get_template("parts.html").module
        return Skeleton(str(parts.graph(drawing, a)))

    assert page(one, other).elements == page("x" * len(one), "x" * len(other)).elements
    assert page(one, other).wrong == []


@given(HOSTILE)
def test_labels_of_charts_are_text(label: str) -> None:
    made = (
        charts.spark([1.0, None, 2.0], label),
        charts.histogram([1, 0, 3], label),
        charts.share(0.5, label),
    )
    plain = (
        charts.spark([1.0, None, 2.0], "x"),
        charts.histogram([1, 0, 3], "x"),
        charts.share(0.5, "x"),
    )
    for one, other in zip(made, plain, strict=True):
        assert isinstance(one, Markup)
        assert Skeleton(str(one)).elements == Skeleton(str(other)).elements


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=300))
def test_a_chart_of_any_numbers_is_within_its_frame(values: list[float | None]) -> None:
    drawn_text = str(charts.spark(values, "any"))
    for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", drawn_text.partition("<polyline")[2]):
        assert 0 <= float(x) <= 120
        assert 0 <= float(y) <= 28
