"""TrainingData: evaluated, representative, and permitted by everything that it is made of."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from flow_meshes import BOOKINGS, column, contacts, flow_mesh, verdict

from mesh_defs.contract.verdicts import Verdict
from mesh_defs.product.check import check_mesh
from mesh_defs.product.load import load_mesh

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


def _named(text: str) -> str:
    return _group(f"{{column: origin, {text}}}")


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("groups: [JFK, LGA, EWR], minimum: 0.03", None),
        # EWR has 3 % and is not asked for.
        ("groups: [JFK, LGA], minimum: 0.3", None),
        ("groups: [JFK, SWF]", "by 'origin' there is no row of 'SWF'"),
        ("groups: [JFK, SWF], minimum: 0", "no row of 'SWF'"),
        ("groups: [JFK, jfk]", "no row of 'jfk'"),
        ("groups: [JFK, 1, true]", "no row of '1', 'True'"),
        ("groups: [LGA, EWR], minimum: 0.04", "less than 4.00% of 'EWR' (3.00%)"),
        ("groups: [JFK, LGA], maximum: 0.5", "more than 50.00% of 'JFK' (60.00%)"),
        ("groups: ['x'' OR 1=1 --']", "no row of 'x' OR 1=1 --'"),
    ],
)
def test_a_group_that_is_named_must_be_there(tmp_path: Path, groups: str, said: str | None) -> None:
    found = judged(tmp_path, _named(groups))
    assert found.outcome == ("passed" if said is None else "failed")
    assert said is None or said in found.observed


@pytest.mark.parametrize(
    ("groups", "outcome"),
    [("[1, 2]", "passed"), ("['1']", "passed"), ("[1, 100]", "failed"), ("[many]", "failed")],
)
def test_groups_of_numbers_are_compared_as_numbers(
    tmp_path: Path, groups: str, outcome: str
) -> None:
    care = _group(f"{{column: id, groups: {groups}}}")
    assert judged(tmp_path, care).outcome == outcome


def test_bounds_that_no_data_can_keep_are_faults_of_the_manifest(tmp_path: Path) -> None:
    listed = [
        "{column: a, groups: []}",
        "{column: a, groups: [x, x]}",
        "{column: a, groups: [x, y, z], minimum: 0.4}",
        "{column: a, groups: [2026-01-01]}",
        "{column: a, minimum: 0.4, maximum: 0.3}",
    ]
    flow_mesh(tmp_path, QUERY, COLUMNS, care=_group(", ".join(listed)))
    faults = [fault.found for fault in load_mesh(tmp_path).broken["care/contacts"].faults]
    assert faults == [
        "no group in 'groups'",
        "['x', 'x']",
        "the minimum 0.4 for each of 3 groups, more than all rows",
        "2026-01-01 (a date)",
        "the minimum 0.4, and 0.3 as the maximum",
    ]


@pytest.mark.parametrize(
    ("evaluation", "said"),
    [
        ("In words.", None),
        ("mesh://passengers/bookings", None),
        ("mesh://passengers/bookings/bookings@1#origin", None),
        ("mesh://passengers/booking", "unknown product mesh://passengers/booking"),
        ("mesh://passengers/bookings/scores", "unknown port 'scores'"),
        ("mesh://passengers/bookings#auc", "unknown column 'auc'"),
        ("mesh://passengers/bookings@2", "major version @2"),
        ("mesh://passengers", "needs a domain and a product"),
    ],
)
def test_an_evaluation_that_no_port_shows_is_a_fault(
    tmp_path: Path, evaluation: str, said: str | None
) -> None:
    care = GOOD.replace("On the bookings of the last month.", f"'{evaluation}'")
    flow_mesh(tmp_path, QUERY, COLUMNS, policies="[]", care=care)
    found = check_mesh(tmp_path).groups.get("mesh://care/contacts", ())
    assert len(found) == (said is not None)
    assert all(said is not None and said in fault.found for fault in found)
    assert all(fault.key == "attributes.training.evaluation" for fault in found)
    assert all(fault.line > 1 for fault in found)


@pytest.mark.parametrize("tag", ["Training", "TRAINING"])
def test_its_tag_may_be_written_in_upper_case(tmp_path: Path, tag: str) -> None:
    found = judged(tmp_path, f"tags: [{tag}]")
    assert "says nothing of its evaluation" in found.observed


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
