"""TrainingData: evaluated, representative, and permitted by everything that it is made of."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from flow_meshes import BOOKINGS, column, contacts, flow_mesh, verdict

from mesh_defs.contract.verdicts import Verdict

GOOD = """
tags: [training]
training:
  evaluation: On the bookings of the last month.
  representation: [{column: origin, minimum: 0.03, maximum: 0.6}]
"""
PERMITTED = "purposes: [operations, training]"
QUERY = "select id, origin from bookings"
COLUMNS = column("id") + column("origin")


def judged(
    root: Path, care: str = GOOD, upstream: str = PERMITTED, bookings: str = BOOKINGS
) -> Verdict:
    flow_mesh(
        root,
        QUERY,
        COLUMNS,
        policies="- TrainingData",
        care=care,
        upstream=upstream,
        bookings=bookings,
    )
    return verdict(contacts(root), "TrainingData")


def test_what_is_evaluated_representative_and_permitted_passes(tmp_path: Path) -> None:
    assert judged(tmp_path).outcome == "passed"


def test_it_has_nothing_to_say_of_products_without_the_tag(tmp_path: Path) -> None:
    flow_mesh(tmp_path, QUERY, COLUMNS, policies="- TrainingData", care="tags: [trains]")
    assert not [v for v in contacts(tmp_path).verdicts if v.stage == "policy"]


def _group(text: str) -> str:
    return GOOD.replace("{column: origin, minimum: 0.03, maximum: 0.6}", text)


@pytest.mark.parametrize(
    ("care", "said"),
    [
        ("tags: [training]", "says nothing of its evaluation"),
        ("tags: [training]\ntraining: {evaluation: Once.}", "no group is named"),
        # 60 rows of JFK, 37 of LGA, 3 of EWR.
        (_group("{column: origin, minimum: 0.04}"),
         "of 3 groups by 'origin' 1 below 4.00% (the smallest has 3.00%) of the rows"),
        (_group("{column: origin, maximum: 0.59}"),
         "of 3 groups by 'origin' 1 above 59.00% (the largest has 60.00%) of the rows"),
        (_group("{column: carrier, maximum: 0.6}"), "names 'carrier', which is no column"),
    ],
)  # fmt: skip
def test_what_is_not_stated_or_out_of_bounds_is_found(tmp_path: Path, care: str, said: str) -> None:
    found = judged(tmp_path, care)
    assert found.outcome == "failed"
    assert said in found.observed
    assert found.fix
    assert "JFK" not in str(found.findings)


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        ("", "mesh://passengers/bookings states no purposes"),
        ("purposes: [operations]", "mesh://passengers/bookings permits operations alone"),
    ],
)
def test_every_product_that_it_is_made_of_must_permit_it(
    tmp_path: Path, upstream: str, said: str
) -> None:
    found = judged(tmp_path, upstream=upstream)
    assert found.outcome == "failed"
    assert said in found.observed
    assert found.findings[0]["path"] == ["mesh://care/contacts", "mesh://passengers/bookings"]


def test_a_product_two_steps_up_must_permit_it_too(tmp_path: Path) -> None:
    flow_mesh(
        tmp_path,
        "select id, origin from middle",
        COLUMNS,
        policies="- TrainingData",
        care=GOOD,
        upstream="purposes: [operations]",
        middle=("select id, origin from bookings", COLUMNS),
    )
    manifest = tmp_path / "domains/desk/middle/defs.yaml"
    manifest.write_text(manifest.read_text() + textwrap.indent(PERMITTED, "  ") + "\n")
    found = verdict(contacts(tmp_path), "TrainingData")
    assert [each["path"] for each in found.findings] == [
        ["mesh://care/contacts", "mesh://desk/middle", "mesh://passengers/bookings"]
    ]


@pytest.mark.parametrize(("purposes", "outcome"), [("training", "passed"), ("care", "failed")])
def test_a_column_may_be_of_narrower_terms_than_its_product(
    tmp_path: Path, purposes: str, outcome: str
) -> None:
    bookings = BOOKINGS.replace(
        "{name: origin, logicalType: string, classification: public}",
        column("origin", "public", purposes=[purposes]).removeprefix("- ").strip(),
    )
    found = judged(tmp_path, bookings=bookings)
    assert found.outcome == outcome
    if outcome == "failed":
        assert "'origin' is made of what is not permitted for training" in found.observed
        assert found.findings[0]["path"][-1] == "mesh://passengers/bookings/bookings#origin"
