"""The policy ``DistributionDrift``: columns that say something else than in the versions before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from drift_meshes import publish, record, said, versions
from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.policy.data.distribution import DistributionDrift
from mesh_defs.policy.data.profile import ColumnProfile, PortProfile
from mesh_defs.product.report import RunReport

POLICY = "- DistributionDrift"
NAME = "DistributionDrift"
NUMBER = "- {name: x, logicalType: number}"
TEXT = "- {name: kind, logicalType: string}"
INTEGER = "- {name: n, logicalType: integer}"


def column(value: str, name: str = "x", rows: int = 4000, start: int = 0) -> str:
    return f"select i as id, {value} as {name} from range({start}, {start + rows}) t(i)"


def messages(report: RunReport) -> list[str]:
    return [str(finding["message"]) for finding in said(report, NAME).findings]


def profile(root: Path) -> PortProfile:
    return PortProfile.from_dict(record(root).ports["things"].profile)


def test_the_first_version_has_nothing_to_be_compared_with_and_keeps_its_profile(
    tmp_path: Path,
) -> None:
    versions(tmp_path, POLICY, NUMBER)
    report = publish(tmp_path, column("case when i % 4 <> 0 then 2 * (i % 4) end::double"))
    assert said(report, NAME).outcome == "passed"
    kept = profile(tmp_path)
    assert kept.rows == 4000
    assert kept.columns["x"].nulls == 0.25
    assert kept.columns["x"].mean == pytest.approx(4)
    assert kept.columns["x"].deviation == pytest.approx((8 / 3) ** 0.5)


@pytest.mark.parametrize(
    ("empty", "outcome"), [("i % 50 < 6", "published"), ("i % 50 < 8", "failed")]
)
def test_missing_values(tmp_path: Path, empty: str, outcome: str) -> None:
    versions(tmp_path, POLICY, NUMBER)
    publish(tmp_path, column("1.0::double"))
    report = publish(tmp_path, column(f"case when not ({empty}) then 1.0::double end"))
    assert report.outcome == outcome
    if outcome == "failed":
        assert messages(report) == ["x: 16.0% are missing, 0.0% before"]


# The numbers 0 to 99 have a deviation of 28.87.
@pytest.mark.parametrize(("move", "outcome"), [(14, "published"), (20, "failed")])
def test_the_mean(tmp_path: Path, move: int, outcome: str) -> None:
    versions(tmp_path, POLICY, NUMBER)
    publish(tmp_path, column("(i % 100)::double"))
    report = publish(tmp_path, column(f"(i % 100 + {move})::double"))
    assert report.outcome == outcome
    if outcome == "failed":
        assert messages(report) == ["x: the mean moved by 0.69 standard deviations"]
        assert said(report, NAME).column == "x"


def test_a_stricter_parameter(tmp_path: Path) -> None:
    versions(tmp_path, "- {policy: DistributionDrift, with: {means: 0.3}}", NUMBER)
    publish(tmp_path, column("(i % 100)::double"))
    assert publish(tmp_path, column("(i % 100 + 14)::double")).outcome == "failed"


@pytest.mark.parametrize(("others", "outcome"), [(20, "published"), (30, "failed")])
def test_categories(tmp_path: Path, others: int, outcome: str) -> None:
    versions(tmp_path, POLICY, TEXT)
    publish(tmp_path, column("['red', 'blue'][1 + i % 2]", "kind"))
    drifted = f"case when i % 100 < {others} then 'green' else ['red', 'blue'][1 + i % 2] end"
    report = publish(tmp_path, column(drifted, "kind"))
    assert report.outcome == outcome
    if outcome == "failed":
        (message,) = messages(report)
        assert message == "kind: at least 30% of its values lie in other categories than before"


def test_booleans_are_categories(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "- {name: flag, logicalType: boolean}")
    publish(tmp_path, column("i % 2 = 0", "flag"))
    assert publish(tmp_path, column("i % 2 = 1", "flag")).outcome == "published"
    assert publish(tmp_path, column("i % 10 = 0", "flag")).outcome == "failed"


def test_categories_that_became_free_text_and_free_text_that_is_another(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, TEXT)
    publish(tmp_path, column("['red', 'blue'][1 + i % 2]", "kind"))
    assert publish(tmp_path, column("'note ' || i", "kind")).outcome == "failed"
    publish(tmp_path, column("'note ' || i", "kind"), rebuild=True)
    versions(tmp_path, POLICY, TEXT, version="2.0.0")
    publish(tmp_path, column("'note ' || i", "kind"))
    assert publish(tmp_path, column("'another ' || i", "kind")).outcome == "published"
    assert publish(tmp_path, column("'the same'", "kind")).outcome == "failed"


def test_more_than_fifty_categories_are_compared_by_the_most_frequent(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, TEXT)
    query = "case when i % 2 = 0 then 'usual' else 'k' || (i % 199) end"
    publish(tmp_path, column(query, "kind"))
    assert publish(tmp_path, column(query, "kind", start=1000)).outcome == "published"
    assert publish(tmp_path, column("'k' || (i % 199)", "kind")).outcome == "failed"


def test_many_rows_are_judged_as_few_are(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, TEXT + "\n" + INTEGER, output="{mode: append, cursor: id}")
    query = (
        "select i as id, {} as kind, i % 7 as n from range({}, {}) t(i)"  # 7 values: a dictionary
    )
    some, many = "'k' || (i % 3)", "md5(i::varchar)"
    publish(tmp_path, query.format(some, 0, 250_000))
    first = profile(tmp_path).columns
    assert (len(first["kind"].categories), first["kind"].other) == (3, 0.0)
    assert (first["n"].mean, first["n"].deviation) == (
        pytest.approx(3, abs=1e-4),
        pytest.approx(2, abs=1e-4),
    )
    report = publish(tmp_path, query.format(many, 0, 500_000))
    assert messages(report) == [
        "kind: at least 100% of its values lie in other categories than before"
    ]
    assert publish(tmp_path, query.format(some, 0, 500_000)).outcome == "published"


def test_few_rows_raise_no_alarm_by_chance(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, NUMBER + "\n" + TEXT)
    few = "select i as id, {}::double as x, {} as kind from range(12) t(i)"
    publish(tmp_path, few.format("i % 5", "['a', 'b', 'c'][1 + i % 3]"))
    report = publish(tmp_path, few.format("i % 5 + 1", "['a', 'b', 'c'][1 + (i // 2) % 2]"))
    assert report.outcome == "published"
    assert publish(tmp_path, few.format("i % 5 + 90", "'z'")).outcome == "failed"


def test_numbers_that_rise_by_nature_have_no_mean(tmp_path: Path) -> None:
    numbers = """
    - {name: serial, logicalType: integer, unique: true}
    - {name: carrier, logicalType: integer, relationships: [{to: things.id}]}
    """
    versions(tmp_path, POLICY, numbers)
    query = "select i as id, i + 7 as serial, {} + 5 as carrier from range({}, {}) t(i)"
    publish(tmp_path, query.format(0, 0, 4000))
    report = publish(tmp_path, query.format(90_000, 90_000, 94_000))
    assert report.outcome == "published", messages(report)
    assert profile(tmp_path).columns["id"].mean is None


def test_of_a_port_that_grows_only_the_added_rows_are_compared(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, NUMBER, output="{mode: append, cursor: id}")
    publish(tmp_path, column("(i % 100)::double", rows=100_000))
    assert publish(tmp_path, column("(i % 100)::double", rows=101_000)).outcome == "published"
    assert profile(tmp_path).rows == 1000
    spoilt = column("(i % 100 + case when i >= 101000 then 40 else 0 end)::double", rows=103_000)
    report = publish(tmp_path, spoilt)
    assert messages(report) == ["x: the mean moved by 1.39 standard deviations"]
    unchanged = publish(tmp_path, column("(i % 100)::double", rows=101_000))
    assert unchanged.outcome == "unchanged"
    assert said(unchanged, NAME).outcome == "passed"


def test_a_rebuild_is_compared_too(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, NUMBER)
    publish(tmp_path, column("(i % 100)::double"))
    again = column("(i % 100 + 40)::double")
    assert publish(tmp_path, again, rebuild=True).outcome == "failed"
    versions(tmp_path, POLICY, NUMBER, version="2.0.0")
    assert publish(tmp_path, again, rebuild=True).outcome == "published"


def test_numbers_without_end_and_numbers_that_are_none(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, NUMBER)
    odd = "case i % 8 when 0 then 'inf' when 1 then '-inf' when 2 then 'nan' else '5' end::double"
    publish(tmp_path, column(odd))
    assert profile(tmp_path).columns["x"].mean == 5
    assert publish(tmp_path, column(odd)).outcome == "published"
    assert publish(tmp_path, column("'nan'::double")).outcome == "published"
    assert profile(tmp_path).columns["x"].mean is None
    huge = "case when i % 2 = 0 then 1.7e308 else -1.7e308 end::double"
    assert publish(tmp_path, column(huge)).outcome == "published"


def test_constant_columns(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, NUMBER)
    publish(tmp_path, column("0.1::double"))
    assert publish(tmp_path, column("0.1::double", rows=4001)).outcome == "published"
    one = column("case when i = 7 then 9 else 0.1 end::double")
    assert publish(tmp_path, one).outcome == "published"
    report = publish(tmp_path, column("0.2::double"))
    assert "x: the mean moved" in messages(report)[0]


def test_the_mean_of_large_numbers_keeps_its_digits(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, INTEGER + "\n- {name: d, logicalType: number}")
    query = (
        "select i as id, 1700000000000 + i % 10 as n, (1e12 + i % 10)::decimal(20, 2) as d"
        " from range(4000) t(i)"
    )
    publish(tmp_path, query)
    for name in ("n", "d"):
        assert profile(tmp_path).columns[name].deviation == pytest.approx(8.25**0.5, rel=1e-6)


@pytest.mark.parametrize("before", [True, False])
def test_a_column_that_is_all_null(tmp_path: Path, before: bool) -> None:
    versions(tmp_path, POLICY, NUMBER + "\n" + TEXT)
    full = "select i as id, 1.0::double as x, 'a' as kind from range(1000) t(i)"
    empty = "select i as id, null::double as x, null::varchar as kind from range(1000) t(i)"
    publish(tmp_path, empty if before else full)
    assert publish(tmp_path, empty if before else full).outcome == "published"
    report = publish(tmp_path, full if before else empty)
    assert {m.split(":")[0] for m in messages(report)} == {"x", "kind"}
    assert all("are missing" in message for message in messages(report))


def test_versions_without_rows_are_not_compared(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, NUMBER)
    publish(tmp_path, column("1.0::double", rows=0))
    assert publish(tmp_path, column("1.0::double")).outcome == "published"
    assert publish(tmp_path, column("1.0::double", rows=0)).outcome == "published"


def test_nested_columns_are_compared_by_what_is_missing(tmp_path: Path) -> None:
    nested = "- {name: place, logicalType: object, properties: [{name: a, logicalType: integer}]}"
    versions(tmp_path, POLICY, nested)
    publish(tmp_path, column("{'a': i}", "place"))
    report = publish(tmp_path, column("case when i % 2 = 0 then {'a': i} end", "place"))
    assert messages(report) == ["place: 50.0% are missing, 0.0% before"]


def test_no_value_of_the_data_is_kept_or_shown(tmp_path: Path) -> None:
    properties = """
    - {name: mail, logicalType: string, classification: personal}
    - {name: salary, logicalType: number, classification: sensitive}
    - {name: kind, logicalType: string}
    """
    versions(tmp_path, POLICY, properties)
    query = (
        "select i as id, 'ann{0}@example.org' as mail, (4711{0} + i % 3)::double as salary,"
        " 'secretly' || '{0}' as kind from range(2000) t(i)"
    )
    publish(tmp_path, query.format(1))
    kept = profile(tmp_path)
    assert kept.columns["mail"] == ColumnProfile(nulls=0.0)
    assert kept.columns["salary"] == ColumnProfile(nulls=0.0)
    assert len(kept.columns["kind"].categories) == 1
    report = publish(tmp_path, query.format(2))
    assert [message.split(":")[0] for message in messages(report)] == ["kind"]
    told = json.dumps(record(tmp_path).ports["things"].profile) + json.dumps(
        [v.as_dict() for v in report.verdicts if v.rule == NAME]
    )
    assert not any(value in told for value in ("ann", "4711", "secretly"))


def test_three_hundred_columns(tmp_path: Path) -> None:
    wide = "\n".join(f"- {{name: c{n}, logicalType: number}}" for n in range(300))
    versions(tmp_path, POLICY, wide)
    query = "select i as id, {} from range(1000) t(i)"
    publish(tmp_path, query.format(", ".join(f"(i % 7)::double as c{n}" for n in range(300))))
    moved = ", ".join(f"(i % 7 + {7 if n == 299 else 0})::double as c{n}" for n in range(300))
    report = publish(tmp_path, query.format(moved))
    assert messages(report) == ["c299: the mean moved by 3.50 standard deviations"]


def test_names_that_the_engine_could_mistake(tmp_path: Path) -> None:
    odd = ("n", "value", "total", "file_row_number", "order", 'a "b"')
    names = "\n".join(f"- {{name: {json.dumps(name)}, logicalType: string}}" for name in odd)
    versions(tmp_path, POLICY, names)
    columns = ", ".join(f"'{{0}}' as \"{name.replace(chr(34), chr(34) * 2)}\"" for name in odd)
    query = f"select i as id, {columns} from range(1000) t(i)"
    publish(tmp_path, query.format("old"))
    report = publish(tmp_path, query.format("new"))
    assert [message.split(":")[0] for message in messages(report)] == list(odd)


def test_a_profile_of_another_release_is_read_as_far_as_it_is_known() -> None:
    values = {"rows": 3, "shape": "oval", "columns": {"a": {"nulls": 0.5, "skew": 1}, "b": {}}}
    found = PortProfile.from_dict(values)
    assert found.columns == {"a": ColumnProfile(nulls=0.5), "b": ColumnProfile(nulls=0.0)}
    assert PortProfile.from_dict({}) == PortProfile(0, {})


KIND = "- {name: kind, logicalType: string}"
OF_A_KIND = "select i as id, '{}' as kind from range(1000) t(i)"


def digests(root: Path) -> list[str]:
    return list(profile(root).columns["kind"].categories)


def test_digests_are_of_no_use_without_the_products_own_key(tmp_path: Path) -> None:
    for name in ("one", "other"):
        versions(tmp_path / name, POLICY, KIND)
        publish(tmp_path / name, OF_A_KIND.format("secretly"))
    (plain,) = digests(tmp_path / "one")
    assert digests(tmp_path / "other") != [plain]
    tried = [hashlib.new(each, b"secretly").hexdigest() for each in ("md5", "sha1", "sha256")]
    assert not any(plain in digits for digits in tried)
    key = (tmp_path / "one/.mesh/storage/shop/things/profile.key").read_text()
    assert key not in json.dumps(asdict(record(tmp_path / "one")))
    publish(tmp_path / "one", OF_A_KIND.format("secretly") + " where i > 9")
    assert digests(tmp_path / "one") == [plain]


def test_digests_that_another_key_made_are_not_compared(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, KIND)
    publish(tmp_path, OF_A_KIND.format("first"))
    (tmp_path / ".mesh/storage/shop/things/profile.key").unlink()
    assert publish(tmp_path, OF_A_KIND.format("second")).outcome == "published"
    assert messages(publish(tmp_path, OF_A_KIND.format("third"))) == [
        "kind: at least 100% of its values lie in other categories than before"
    ]


def test_a_key_that_is_none_is_an_error(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, KIND)
    (tmp_path / ".mesh/storage/shop/things").mkdir(parents=True)
    (tmp_path / ".mesh/storage/shop/things/profile.key").write_text("open sesame")
    verdict = said(publish(tmp_path, OF_A_KIND.format("first")), NAME)
    assert verdict.outcome == "error"
    assert "profile.key is no key of 32 bytes in hex digits" in str(verdict.reason)
    assert "sesame" not in str(verdict)


SHARES = st.lists(st.integers(1, 50), min_size=1, max_size=12)


def shares(weights: list[int], listed: int) -> ColumnProfile:
    total = sum(weights)
    all_of_them = {str(n): weight / total for n, weight in enumerate(weights)}
    first = sorted(all_of_them.items(), key=lambda pair: -pair[1])
    other = first[listed][1] if listed < len(first) else 0.0
    return ColumnProfile(0.0, categories=dict(first[:listed]), other=other)


@given(SHARES, SHARES, st.integers(0, 12), st.integers(0, 12))
def test_the_distance_of_what_is_listed_is_never_above_the_true_one(
    one: list[int], other: list[int], listed: int, also: int
) -> None:
    from mesh_defs.policy.data.distribution import _distance

    names = range(max(len(one), len(other)))
    true = (
        sum(
            abs(
                (one[n] / sum(one) if n < len(one) else 0.0)
                - (other[n] / sum(other) if n < len(other) else 0.0)
            )
            for n in names
        )
        / 2
    )
    found = _distance(shares(one, listed), [shares(other, also)])
    assert found <= true + 1e-9
    assert _distance(shares(one, 12), [shares(other, 12)]) == pytest.approx(true)


def test_what_it_asks_for_is_one_sentence() -> None:
    assert DistributionDrift().message.startswith("A column says about the same")
