"""Policies of the mesh, a domain and a product together: stricter below, never weaker."""

from __future__ import annotations

from pathlib import Path

import pytest
from governed_meshes import domain_yaml, policy_faults, run, shop, verdict
from hypothesis import given
from hypothesis import strategies as st
from meshes import load, manifest, write

from mesh_defs.policy.governance import merged, stricter, weaker
from mesh_defs.policy.model import parameter
from mesh_defs.product.load import load_mesh


def held(root: Path, policy: str) -> tuple[str, dict[str, object], list[str]]:
    """Consequence, parameters and origins of ``policy`` for the only port."""
    mesh = load(root)
    product = mesh.product("mesh://sales/orders")
    found = {h.id: h for h in mesh.governance.in_force(product, product.outputs[0], mesh)}[policy]
    assert found.policy is not None
    return found.consequence, found.policy.model_dump(), [str(o) for o in found.origins]


def test_a_policy_of_the_mesh_holds_for_every_product_and_says_who_put_it_there(
    tmp_path: Path,
) -> None:
    shop(tmp_path, "- {policy: EnoughRows, with: {least: 2}}")
    assert held(tmp_path, "EnoughRows") == ("stop", {"least": 2}, ["mesh.yaml:11"])


def test_a_domain_and_a_product_make_it_stricter(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "- {policy: EnoughRows, with: {least: 2}, consequence: warn}",
        domain="- {policy: EnoughRows, with: {least: 5}}",
        product="- {policy: EnoughRows, with: {least: 4}, consequence: stop}",
    )
    mesh = load_mesh(tmp_path)
    # The product asks for less than its domain, so its entry is a fault and stops it.
    assert any("weaker than 5 in domains/sales/defs.yaml:6" in f for f in policy_faults(mesh))

    shop(
        tmp_path,
        "- {policy: EnoughRows, with: {least: 2}, consequence: warn}",
        domain="- {policy: EnoughRows, with: {least: 5}}",
        product="- {policy: EnoughRows, with: {least: 6}}",
    )
    consequence, parameters, origins = held(tmp_path, "EnoughRows")
    assert (consequence, parameters) == ("stop", {"least": 6})
    assert origins == [
        "mesh.yaml:11",
        "domains/sales/defs.yaml:6",
        "domains/sales/orders/defs.yaml:9",
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "{policy: EnoughRows, with: {least: 1}}",
            "found 1, which is weaker than 2 in mesh.yaml:11; allowed: 2 or more. Fix: write 2 or",
        ),
        (
            "{policy: OwnerReachable, with: {teams: [test, other]}}",
            "found ['test', 'other'], which is weaker than ['test'] in mesh.yaml:13",
        ),
        (
            "{policy: OwnerReachable, with: {teams: null}}",
            "found None, which is weaker than ['test'] in mesh.yaml:13",
        ),
        (
            "{policy: EnoughRows, consequence: warn}",
            "policies[0].consequence: found 'warn', which is weaker than 'stop' in mesh.yaml:11",
        ),
        ("{policy: UsageWritten, with: {style: fancy}}", "found fancy instead of plain"),
        ("{policy: Exploding, id: EnoughRows}", "which mesh.yaml:11 gives to EnoughRows"),
    ],
)
def test_a_domain_that_weakens_is_a_fault_and_stops_its_products(
    tmp_path: Path, entry: str, message: str
) -> None:
    shop(
        tmp_path,
        "- {policy: EnoughRows, with: {least: 2}}\n- {policy: UsageWritten, consequence: warn}\n"
        "- {policy: OwnerReachable, with: {teams: [test]}}",
        domain=f"- {entry}",
    )
    faults = policy_faults(load_mesh(tmp_path))
    assert len(faults) == 1
    assert faults[0].startswith("domains/sales/defs.yaml:6: ")
    assert message in faults[0]
    report = run(tmp_path)
    assert report.outcome == "failed"
    stopped = [v for v in report.verdicts if v.blocking]
    assert [v.outcome for v in stopped] == ["error"]
    assert "its declaration is broken" in str(stopped[0].reason)


def test_a_policy_without_parameters_given_below_keeps_those_above(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "- {policy: EnoughRows, with: {least: 2}, consequence: warn}",
        domain="- EnoughRows",
    )
    assert held(tmp_path, "EnoughRows")[:2] == ("stop", {"least": 2})


@pytest.mark.parametrize(
    ("where", "covers"),
    [
        ("{domain: sales}", True),
        ("{domain: [care, sales]}", True),
        ("{domain: care}", False),
        ("{archetype: source-aligned}", True),
        ("{archetype: aggregate}", False),
        ("{tag: money}", True),
        ("{tag: [cats, MONEY]}", True),
        ("{tag: [cats, dogs]}", False),
        ("{status: active}", True),
        ("{status: [draft, retired]}", False),
        ("{classification: internal}", True),
        ("{classification: [personal, sensitive]}", False),
        ("{domain: sales, tag: cats}", False),
    ],
)
def test_a_filter_decides_which_ports_it_is_about(tmp_path: Path, where: str, covers: bool) -> None:
    shop(tmp_path, f"- {{policy: EnoughRows, where: {where}}}")
    body = "inputs: {raw: 'files://raw'}\ntags: [money]\n"
    files = {
        "domains/sales/orders/defs.yaml": manifest(body),
        "domains/care/defs.yaml": domain_yaml(),
    }
    write(tmp_path, files)
    mesh = load(tmp_path)
    product = mesh.product("mesh://sales/orders")
    found = mesh.governance.in_force(product, product.outputs[0], mesh)
    assert [h.id for h in found] == (["EnoughRows"] if covers else [])


def test_an_environment_narrows_it(tmp_path: Path) -> None:
    shop(tmp_path, "- {policy: EnoughRows, with: {least: 9}, environment: production}")
    assert run(tmp_path).outcome == "published"
    report = run(tmp_path, profile="prod")
    assert report.outcome == "failed"
    assert verdict(report, "EnoughRows").observed == "3 rows of 9"


def test_an_unknown_environment_policy_parameter_and_key_are_faults_all_at_once(
    tmp_path: Path,
) -> None:
    shop(
        tmp_path,
        "- {policy: EnoughRows, environment: prodution}\n"
        "- EnoughRow\n"
        "- {policy: UsageWritten, with: {word: 3}}\n"
        "- {policy: UsageWritten, with: {words: many}}",
    )
    faults = policy_faults(load_mesh(tmp_path))
    assert [f.partition(" found ")[2].partition(";")[0] for f in faults] == [
        "unknown environment 'prodution'",
        "unknown policy 'EnoughRow'",
        "unknown key 'word'",
        "the policy 'UsageWritten' twice",
        "'many' (text)",
    ]
    assert "write 'production' instead of 'prodution'" in faults[0]
    assert "write 'EnoughRows' instead of 'EnoughRow'" in faults[1]
    assert "write 'words' instead of 'word'" in faults[2]
    # What cannot be read in mesh.yaml stops every product.
    assert run(tmp_path).outcome == "failed"


def test_a_domain_whose_file_is_broken_cannot_get_around_its_policies(tmp_path: Path) -> None:
    shop(tmp_path, "[]", domain="- EnoughRows")
    assert run(tmp_path).outcome == "published"
    file = tmp_path / "domains/sales/defs.yaml"
    file.write_text(file.read_text().replace("owner: team:test", "owner: nobody"))
    report = run(tmp_path)
    assert report.outcome == "failed"
    assert "its declaration is broken" in report.explanation()
    assert report.version == 0


def test_another_policy_makes_a_published_product_out_of_date(tmp_path: Path) -> None:
    from mesh_defs.product.container import is_current

    shop(tmp_path, "- {policy: EnoughRows, with: {least: 2}}")
    run(tmp_path)
    mesh = load(tmp_path)
    assert is_current(mesh, mesh.product("mesh://sales/orders"))
    shop(tmp_path, "- {policy: EnoughRows, with: {least: 3}}")
    mesh = load(tmp_path)
    assert not is_current(mesh, mesh.product("mesh://sales/orders"))


numbers = st.none() | st.integers(-5, 5)
words = st.none() | st.lists(st.sampled_from("abcd"), unique=True)


@given(st.sampled_from(["higher", "lower"]), numbers, numbers)
def test_the_stricter_of_two_numbers_is_weaker_than_neither(
    direction: str, one: int | None, other: int | None
) -> None:
    chosen = stricter(direction, one, other)  # type: ignore[arg-type]
    assert not weaker(direction, chosen, one)  # type: ignore[arg-type]
    assert not weaker(direction, chosen, other)  # type: ignore[arg-type]
    assert chosen in (one, other)


ORDER = ("public", "internal", "confidential")
ordered = st.none() | st.sampled_from(ORDER)


@given(st.sampled_from(["earlier", "later"]), ordered, ordered)
def test_the_stricter_of_two_words_of_an_order_is_weaker_than_neither(
    direction: str, one: str | None, other: str | None
) -> None:
    chosen = stricter(direction, one, other, ORDER)  # type: ignore[arg-type]
    assert not weaker(direction, chosen, one, ORDER)  # type: ignore[arg-type]
    assert not weaker(direction, chosen, other, ORDER)  # type: ignore[arg-type]
    assert chosen in (one, other)


def test_a_domain_lowers_from_where_classifications_follow_and_never_raises_it(
    tmp_path: Path,
) -> None:
    above = "- {policy: SensitivityFollows, with: {minimum: personal}}"
    shop(tmp_path, above, domain="- {policy: SensitivityFollows, with: {minimum: confidential}}")
    write(tmp_path, {"domains/sales/orders/defs.yaml": manifest("inputs: {o: mesh://sales/o}\n")})
    loaded = load_mesh(tmp_path)
    assert not [fault for fault in policy_faults(loaded) if "weaker" in fault]
    declared = {d.scope: d.policy.model_dump()["minimum"] for d in loaded.governance.declarations}
    assert declared == {"": "personal", "sales": "confidential"}
    held = merged(list(loaded.governance.declarations))
    assert held.policy is not None
    assert held.policy.model_dump()["minimum"] == "confidential"

    shop(tmp_path, above, domain="- {policy: SensitivityFollows, with: {minimum: sensitive}}")
    (fault,) = policy_faults(load_mesh(tmp_path))
    assert "found sensitive, which is weaker than personal in mesh.yaml" in fault
    assert "allowed: public, internal, confidential, personal. Fix: write" in fault


@pytest.mark.parametrize("given_", [{"stricter": "earlier"}, {"order": ORDER}])
def test_a_direction_among_words_needs_their_order(given_: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="an 'order'"):
        parameter("public", **given_)  # type: ignore[arg-type]


@given(st.sampled_from(["more", "fewer"]), words, words)
def test_the_stricter_of_two_sets_is_weaker_than_neither(
    direction: str, one: list[str] | None, other: list[str] | None
) -> None:
    chosen = stricter(direction, one, other)  # type: ignore[arg-type]
    assert not weaker(direction, chosen, one)  # type: ignore[arg-type]
    assert not weaker(direction, chosen, other)  # type: ignore[arg-type]


def test_a_mapping_is_as_strict_as_each_of_its_values() -> None:
    above = {"personal": ["eu", "ch"]}
    assert not weaker("fewer", {"personal": ["eu"], "internal": ["eu"]}, above)
    assert weaker("fewer", {"personal": ["eu", "us"]}, above)
    assert weaker("fewer", {"internal": ["eu"]}, above)
    assert stricter("fewer", above, {"personal": ["ch"], "internal": ["eu"]}) == {
        "personal": ["ch"],
        "internal": ["eu"],
    }
