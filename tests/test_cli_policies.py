"""``mesh policies``, ``mesh policies test`` and ``mesh policies matrix`` as people use them."""

from __future__ import annotations

import json
from pathlib import Path

from commands import mesh
from governed_meshes import shop, waiver
from meshes import manifest

TWO = "- {policy: EnoughRows, with: {least: 2}}\n- {policy: UsageWritten, consequence: warn}"


def test_the_list_says_what_is_in_force_where_and_why(tmp_path: Path) -> None:
    shop(tmp_path, TWO, domain="- {policy: EnoughRows, with: {least: 3}}")
    shown = mesh(tmp_path, "policies")
    assert shown.returncode == 0
    assert "EnoughRows  stop" in shown.stdout
    assert "least=3" in shown.stdout
    assert "because of mesh.yaml:11 (mesh), domains/sales/defs.yaml:6 (domain)" in shown.stdout
    assert "2 policies in the environment local, 1 of them stop" in shown.stdout
    listed = json.loads(mesh(tmp_path, "policies", "--json").stdout)
    assert [p["id"] for p in listed["policies"]] == ["EnoughRows", "UsageWritten"]
    assert listed["policies"][0]["parameters"] == {"least": 3}
    assert listed["policies"][0]["ports"] == ["mesh://sales/orders/orders"]


def test_a_policy_that_holds_nowhere_is_listed_all_the_same(tmp_path: Path) -> None:
    shop(tmp_path, "- {policy: EnoughRows, where: {tag: care}}")
    assert "holds for  0 ports" in mesh(tmp_path, "policies").stdout


def test_without_policies_it_says_how_to_begin(tmp_path: Path) -> None:
    shop(tmp_path, "[]")
    assert "put some below 'policies:' in mesh.yaml" in mesh(tmp_path, "policies").stdout
    assert mesh(tmp_path, "policies", "matrix").returncode == 0


def test_a_policy_is_tried_before_anyone_turns_it_on(tmp_path: Path) -> None:
    shop(tmp_path, "[]")
    tried = mesh(tmp_path, "policies", "test", "EnoughRows", "--with", "least=9")
    assert tried.returncode == 0
    assert "not tried mesh://sales/orders/orders: nothing is published yet" in tried.stdout

    assert mesh(tmp_path, "run", "mesh://sales/orders").returncode == 0
    tried = mesh(tmp_path, "policies", "test", "EnoughRows", "--with", "least=9")
    assert tried.returncode == 1
    assert "failed mesh://sales/orders/orders" in tried.stdout
    assert "3 rows of 9" in tried.stdout
    assert "1 products would be stopped" in tried.stdout
    assert mesh(tmp_path, "policies", "test", "EnoughRows", "--with", "least=3").returncode == 0

    as_json = mesh(tmp_path, "policies", "test", "UsageWritten", "--json")
    assert as_json.returncode == 1
    assert json.loads(as_json.stdout)["would_stop"] == ["mesh://sales/orders"]


def test_trying_what_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    shop(tmp_path, "[]")
    wrong = mesh(tmp_path, "policies", "test", "EnoughRow")
    assert wrong.returncode == 3
    assert "write 'EnoughRows' instead of 'EnoughRow'" in wrong.stderr
    wrong = mesh(tmp_path, "policies", "test", "EnoughRows", "--with", "most=1")
    assert wrong.returncode == 2
    assert "EnoughRows: most: found unknown key 'most'; allowed: least" in wrong.stderr
    wrong = mesh(tmp_path, "policies", "test", "EnoughRows", "--with", "least=many")
    assert wrong.returncode == 2
    assert "EnoughRows: least: found 'many' (text); allowed: a whole number" in wrong.stderr
    two = ("--with", "words=0", "--with", "style=1")
    wrong = mesh(tmp_path, "policies", "test", "UsageWritten", *two)
    assert "words: found 0 (a number); allowed: greater than or equal to 1" in wrong.stderr
    assert "style: found 1 (a number); allowed: text" in wrong.stderr
    wrong = mesh(tmp_path, "policies", "test", "EnoughRows", "--with", "least")
    assert wrong.returncode == 2
    assert "write KEY=VALUE" in wrong.stderr


def test_the_matrix_has_a_row_per_policy_and_a_column_per_port(tmp_path: Path) -> None:
    shop(tmp_path, "- {policy: EnoughRows, with: {least: 9}}\n- UsageWritten", usage="read it")
    shown = mesh(tmp_path, "policies", "matrix")
    lines = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines() if line}
    assert lines["UsageWritten"] == ["ok"]
    assert lines["EnoughRows"] == ["?"]
    assert shown.returncode == 0

    assert mesh(tmp_path, "run", "mesh://sales/orders").returncode == 1
    shown = mesh(tmp_path, "policies", "matrix")
    assert shown.returncode == 1
    assert "EnoughRows    FAIL" in shown.stdout

    shop(
        tmp_path,
        "- {policy: EnoughRows, with: {least: 9}}\n- UsageWritten",
        usage="read it",
        waivers=waiver("EnoughRows"),
    )
    assert mesh(tmp_path, "run", "mesh://sales/orders").returncode == 0
    shown = mesh(tmp_path, "policies", "matrix", "--json")
    port = json.loads(shown.stdout)["ports"][0]
    assert port["policies"]["EnoughRows"]["outcome"] == "warned"
    assert port["policies"]["EnoughRows"]["waivers"][0]["days_left"] == 31


def test_a_run_that_changed_nothing_has_judged_all_the_same(tmp_path: Path) -> None:
    append = manifest(
        "inputs: {raw: 'files://raw'}\noutputs: {orders: {mode: append, cursor: id}}\n"
    )
    shop(tmp_path, "[]", files={"domains/sales/orders/defs.yaml": append})
    assert mesh(tmp_path, "run", "mesh://sales/orders").returncode == 0
    shop(tmp_path, "- EnoughRows", files={"domains/sales/orders/defs.yaml": append})
    assert "EnoughRows  ?" in mesh(tmp_path, "policies", "matrix").stdout
    assert "is unchanged" in mesh(tmp_path, "run", "mesh://sales/orders").stdout
    assert "EnoughRows  ok" in mesh(tmp_path, "policies", "matrix").stdout
