"""A waiver lets what it names pass until its last day, and nothing else; it is shown."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from commands import mesh
from governed_meshes import policy_faults, run, shop, verdict, waiver
from meshes import load

from mesh_defs.policy.model import Finding
from mesh_defs.policy.waivers import Waiver
from mesh_defs.product.check import check_mesh
from mesh_defs.product.load import load_mesh

STRICT = "- {policy: EnoughRows, with: {least: 9}}"


def test_a_waived_finding_does_not_stop_and_is_shown_with_its_waiver(tmp_path: Path) -> None:
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows"))
    report = run(tmp_path)
    assert report.outcome == "published"
    found = verdict(report, "EnoughRows")
    assert (found.outcome, found.severity, found.blocking) == ("warned", "error", False)
    assert found.findings[0]["waived"] is True
    assert found.waivers[0]["approved_by"] == "governance@test.example"
    assert found.waivers[0]["days_left"] == 31
    # The record of the version keeps it, so that whoever reads the version sees it.
    assert report.record is not None
    kept = [v for v in report.record.verdicts if v.rule == "EnoughRows"]
    assert kept == [found]

    shown = mesh(tmp_path, "status", "mesh://sales/orders")
    assert "The old system is replaced in spring." in shown.stdout
    assert "31 days left" in shown.stdout


def test_it_stops_working_by_itself_after_its_last_day(tmp_path: Path) -> None:
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows", days=0))
    assert run(tmp_path).outcome == "published"  # Its last day is still a day of it.

    shop(tmp_path, STRICT, waivers=waiver("EnoughRows", days=-1))
    report = run(tmp_path)
    assert report.outcome == "failed"
    ended = (datetime.now(UTC) - timedelta(days=1)).date()
    assert f"its waiver in domains/sales/defs.yaml:6 ended on {ended}" in report.explanation()
    listed = mesh(tmp_path, "waivers")
    assert f"ended on {ended}, lets nothing pass" in listed.stdout
    assert "1 waiver, 1 of them ended" in listed.stdout


def test_check_tells_of_one_that_ended_before_a_run_does(tmp_path: Path) -> None:
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows", days=0))
    assert check_mesh(tmp_path).warnings == {}
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows", days=-1))
    (told,) = check_mesh(tmp_path).warnings["domains/sales"]
    assert (told.file, told.line) == ("domains/sales/defs.yaml", 6)
    assert "the waiver of EnoughRows for mesh://sales/orders has ended" in told.found
    shop(tmp_path, "[]", waivers="")
    assert check_mesh(tmp_path).warnings == {}


def test_a_misspelt_key_of_the_mesh_is_no_fault_of_its_waivers(tmp_path: Path) -> None:
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows"))
    file = tmp_path / "mesh.yaml"
    file.write_text(file.read_text().replace("\npolicies:", "\npolicys:"))
    (fault,) = [f for f in check_mesh(tmp_path).faults if f.file != "workspace.yaml"]
    assert (fault.file, fault.found) == ("mesh.yaml", "unknown key 'policys'")
    assert fault.fix == "write 'policies' instead of 'policys'"


@pytest.mark.parametrize(
    ("narrowed", "outcome"),
    [
        ({"port": "orders"}, "published"),
        ({"column": "id"}, "published"),
        ({"column": "note"}, "failed"),
    ],
)
def test_a_narrow_waiver_covers_what_it_names_only(
    tmp_path: Path, narrowed: dict[str, str], outcome: str
) -> None:
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows", **narrowed))
    assert run(tmp_path).outcome == outcome


def test_a_waiver_of_another_policy_or_product_helps_nothing(tmp_path: Path) -> None:
    shop(
        tmp_path,
        f"{STRICT}\n- {{policy: UsageWritten, consequence: warn}}",
        waivers=waiver("UsageWritten"),
    )
    report = run(tmp_path)
    assert report.outcome == "failed"
    assert verdict(report, "UsageWritten").waivers


def test_a_policy_that_could_not_run_is_not_waived(tmp_path: Path) -> None:
    shop(tmp_path, "- Exploding", waivers=waiver("Exploding"))
    report = run(tmp_path)
    assert report.outcome == "failed"
    assert verdict(report, "Exploding").outcome == "error"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            waiver("EnoughRows", approved_by=""),
            "attributes.waivers[0].approved_by: found nothing; allowed: 'approved_by' is required",
        ),
        (waiver("EnoughRows", approved_by="somebody"), "an e-mail address or team:<name>"),
        (waiver("EnoughRows", reason=""), "attributes.waivers[0].reason: found nothing"),
        (waiver("EnoughRows", until="soon"), "a day such as 2027-06-30"),
        (waiver("EnoughRow"), "unknown policy in force 'EnoughRow'; allowed: EnoughRows"),
        (waiver("EnoughRows", "order"), "write 'orders' instead of 'order'"),
        (waiver("EnoughRows", port="order"), "unknown port 'order'; allowed: orders"),
        (waiver("EnoughRows", forever="true"), "unknown key 'forever'"),
        (waiver("EnoughRows", reason="'            '"), "at least 3 words"),
        (waiver("EnoughRows", reason="aaaaaaaaaaaaa"), "at least 3 words"),
        (waiver("EnoughRows", reason="'. . .'"), "at least 3 words"),
        (waiver("EnoughRows", reason="'1 2 3'"), "at least 3 words"),
        (waiver("EnoughRows", reason="'see - 4711 .'"), "at least 3 words"),
        (waiver("EnoughRows", until="'2027-W01-1'"), "found '2027-W01-1'"),
        (waiver("EnoughRows", until="'20270101'"), "a day such as 2027-06-30"),
        (waiver("EnoughRows", approved_by="team:Test"), "found 'team:Test', who deviates"),
        (waiver("EnoughRows", column="idd"), "write 'id' instead of 'idd'"),
        (waiver("EnoughRows", approved_by="team:test"), "found 'team:test', who deviates"),
    ],
)
def test_a_waiver_with_a_fault_is_told_and_lets_nothing_pass(
    tmp_path: Path, text: str, message: str
) -> None:
    shop(tmp_path, STRICT, waivers=text)
    faults = policy_faults(load_mesh(tmp_path))
    assert any(message in fault for fault in faults), faults
    assert all(fault.startswith("domains/sales/defs.yaml:") for fault in faults)
    assert run(tmp_path).outcome == "failed"


def test_the_mesh_says_who_may_approve_and_how_far_ahead(tmp_path: Path) -> None:
    rules = "waivers: {approvers: [governance@test.example], longest_days: 90}\n"
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows", days=90), more=rules)
    assert not load(tmp_path).faults
    shop(
        tmp_path,
        STRICT,
        waivers=waiver("EnoughRows", days=91, approved_by="me@test.example"),
        more=rules,
    )
    faults = policy_faults(load_mesh(tmp_path))
    assert ["who may not approve" in fault for fault in faults] == [True, False]
    assert "more than 90 days ahead" in faults[1]
    assert run(tmp_path).outcome == "failed"


def test_a_waiver_ends_within_a_year_unless_the_mesh_says_otherwise(tmp_path: Path) -> None:
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows", days=366))
    assert not load(tmp_path).faults
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows", days=367))
    (fault,) = policy_faults(load_mesh(tmp_path))
    assert "more than 366 days ahead" in fault
    shop(
        tmp_path,
        STRICT,
        waivers=waiver("EnoughRows", days=400),
        more="waivers: {longest_days: 400}\n",
    )
    assert not load(tmp_path).faults
    (tmp_path / "mesh.yaml").write_text("name: test\nwaivers: {longest_days: 99999999999}\n")
    assert "mesh.yaml:2  waivers.longest_days" in mesh(tmp_path, "check").stdout


KNOWN = {"principals.yaml": "people: {governance@test.example: {}}\n"}


def test_who_approves_is_known_where_principals_are_declared(tmp_path: Path) -> None:
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows"), files=KNOWN)
    assert not load(tmp_path).faults
    (listed,) = json.loads(mesh(tmp_path, "waivers", "--json").stdout)["waivers"]
    assert (listed["approver_known"], listed["faults"]) == (True, [])
    assert run(tmp_path).outcome == "published"


@pytest.mark.parametrize("approver", ["nobody@test.example", "team:rules"])
def test_an_approver_whom_nobody_knows_lets_nothing_pass(tmp_path: Path, approver: str) -> None:
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows", approved_by=approver), files=KNOWN)
    (fault,) = policy_faults(load_mesh(tmp_path))
    assert f"'{approver}', whom principals.yaml does not declare" in fault
    assert "allowed: governance@test.example" in fault
    assert run(tmp_path).outcome == "failed"
    shown = mesh(tmp_path, "waivers").stdout
    assert f"approved by  {approver}, whom principals.yaml does not declare" in shown
    assert "has a fault, lets nothing pass" in shown
    assert "1 waiver, 0 of them ended, 1 with faults" in shown
    (listed,) = json.loads(mesh(tmp_path, "waivers", "--json").stdout)["waivers"]
    assert listed["approver_known"] is False
    assert listed["faults"][0]["key"] == "attributes.waivers.approved_by"


def test_a_team_approves_where_the_mesh_lists_it(tmp_path: Path) -> None:
    shop(
        tmp_path,
        STRICT,
        waivers=waiver("EnoughRows", approved_by="team:rules"),
        files=KNOWN,
        more="waivers: {approvers: ['team:rules']}\n",
    )
    assert not load(tmp_path).faults


@pytest.mark.parametrize("file", [None, "people: [wrong]\n"])
def test_without_principals_nobody_can_tell(tmp_path: Path, file: str | None) -> None:
    files = {"principals.yaml": file} if file is not None else {}
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows"), files=files)
    assert not load(tmp_path).faults
    (listed,) = json.loads(mesh(tmp_path, "waivers", "--json").stdout)["waivers"]
    assert listed["approver_known"] is None
    assert ", whom no principals.yaml declares" in mesh(tmp_path, "waivers").stdout


def test_the_list_for_programs(tmp_path: Path) -> None:
    shop(tmp_path, STRICT, waivers=waiver("EnoughRows", days=9))
    listed = json.loads(mesh(tmp_path, "waivers", "--json").stdout)["waivers"]
    assert [(w["policy"], w["product"], w["days_left"]) for w in listed] == [
        ("EnoughRows", "mesh://sales/orders", 10)
    ]
    shop(tmp_path, STRICT)
    assert "no waiver is declared" in mesh(tmp_path, "waivers").stdout


def test_days_are_counted_in_utc() -> None:
    one = Waiver("P", "d", "p", "r", "a", date(2027, 1, 31), None, None, "f", 1)
    assert one.ends == datetime(2027, 2, 1, tzinfo=UTC)
    assert one.days_left(datetime(2027, 1, 31, 23, 59, tzinfo=UTC)) == 1
    assert one.days_left(datetime(2027, 2, 1, 0, 0, tzinfo=UTC)) == 0
    assert one.covers("P", "any", Finding("m"))
