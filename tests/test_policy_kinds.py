"""Policies as classes, as YAML over a class, and as SQL; and what happens when one cannot run."""

from __future__ import annotations

from pathlib import Path

import pytest
from governed_meshes import RULES, policy_faults, run, shop, verdict
from meshes import write

from mesh_defs.product.load import load_mesh


def test_the_class_name_is_the_id_and_the_docstring_the_message(tmp_path: Path) -> None:
    shop(tmp_path, "- UsageWritten")
    report = run(tmp_path)
    assert report.outcome == "failed"
    found = verdict(report, "UsageWritten")
    assert found.expected == "Every product says how it is used."
    assert found.observed == "too little is said of its usage"
    assert found.fix == "add 'usage:'"
    assert found.decided_by == "policy in mesh.yaml:11"
    # What is declared is judged before anything is read.
    assert not report.ports
    assert not report.inputs


def test_a_few_lines_of_yaml_make_a_policy_over_a_class(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "- {id: BigEnough, policy: EnoughRows, with: {least: 4}, consequence: warn}\n"
        "- {id: NotEmpty, policy: EnoughRows}",
    )
    report = run(tmp_path)
    assert report.outcome == "published"
    assert verdict(report, "BigEnough").outcome == "warned"
    assert verdict(report, "NotEmpty").outcome == "passed"


SQL = """
- id: NotesAreShort
  message: Notes have at most {n} characters.
  sql: select id from {{object}} where length(note) > {n}
  fix: cut them
"""


def test_a_policy_as_sql_yields_the_rows_that_break_it(tmp_path: Path) -> None:
    shop(tmp_path, SQL.format(n=6))
    assert run(tmp_path).outcome == "published"
    shop(tmp_path, SQL.format(n=5))
    report = run(tmp_path)
    found = verdict(report, "NotesAreShort")
    assert (found.outcome, found.failing_rows, found.rows) == ("failed", 3, 3)
    assert found.expected == "Notes have at most 5 characters."
    assert found.fix == "cut them"


def test_a_policy_as_sql_in_a_file_beside(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "- {id: Short, message: Short notes., sql: policies/short.sql}",
        files={"policies/short.sql": "select * from {object} where length(note) > 5;\n"},
    )
    assert verdict(run(tmp_path), "Short").failing_rows == 3
    for name in ("policies/none.sql", "../../etc/x.sql"):
        shop(tmp_path, f"- {{id: Short, message: Short notes., sql: {name}}}")
        assert f"no file '{name}'" in policy_faults(load_mesh(tmp_path))[0]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{id: X, message: m, sql: 'delete from {object}'}", "found DELETE"),
        ("{id: X, message: m, sql: 'select 1; select 2'}", "found SELECT, SELECT"),
        ("{id: X, message: m, sql: 'selec 1'}", "Parser Error"),
        ("{sql: select 1}", "'sql' with 'id' and 'message'"),
        ("{id: X}", "either 'policy' or 'sql'"),
        ("{id: X, policy: EnoughRows, sql: select 1, message: m}", "either 'policy' or 'sql'"),
        ("{id: 'a b', policy: EnoughRows}", "letters, digits and _"),
        ("{policy: EnoughRows, consequence: block}", "'stop' or 'warn'"),
        ("{policy: EnoughRows, where: {archetype: sourcealigned}}", "source-aligned, aggregate"),
        ("{policy: EnoughRows, were: {}}", "write 'where' instead of 'were'"),
    ],
)
def test_an_entry_that_cannot_be_is_a_fault(tmp_path: Path, entry: str, message: str) -> None:
    from mesh_defs.errors import InvalidMesh

    shop(tmp_path, f"- {entry}")
    try:
        faults = policy_faults(load_mesh(tmp_path))
    except InvalidMesh as error:
        faults = [str(fault) for fault in error.faults]
    assert len(faults) == 1
    assert message in faults[0]
    assert faults[0].startswith("mesh.yaml:11")


@pytest.mark.parametrize(("consequence", "outcome"), [("stop", "failed"), ("warn", "published")])
def test_a_policy_that_raises_is_an_error_with_its_consequence(
    tmp_path: Path, consequence: str, outcome: str
) -> None:
    shop(tmp_path, f"- {{policy: Exploding, consequence: {consequence}}}\n- EnoughRows")
    report = run(tmp_path)
    assert report.outcome == outcome
    found = verdict(report, "Exploding")
    assert (found.outcome, found.reason) == ("error", "RuntimeError: out of order")
    assert found.blocking is (consequence == "stop")
    assert verdict(report, "EnoughRows").ok  # All others still run.


def test_sql_that_fails_on_the_data_is_an_error_and_shows_no_personal_value(
    tmp_path: Path,
) -> None:
    shop(tmp_path, "- {id: X, message: m, sql: 'select * from {object} where note::int > 1'}")
    contract = tmp_path / "domains/sales/orders/contract.yaml"
    text = contract.read_text()
    assert "note 0" in str(verdict(run(tmp_path), "X").reason)
    personal = text.replace(
        "logicalType: string,", "logicalType: string, classification: personal,"
    )
    contract.write_text(personal)
    found = verdict(run(tmp_path), "X")
    assert found.outcome == "error"
    assert "note 0" not in str(found.reason)


def test_sql_reaches_nothing_but_the_staged_rows(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    shop(tmp_path, f"- {{id: X, message: m, sql: 'select * from read_csv(''{secret}'')'}}")
    found = verdict(run(tmp_path), "X")
    assert found.outcome == "error"
    assert "disabled" in str(found.reason) or "Permission" in str(found.reason)


def test_a_domain_has_classes_of_its_own(tmp_path: Path) -> None:
    own = RULES.replace("class EnoughRows", "class SalesRows")
    own = own[: own.index("class UsageWritten")] + own[own.index("class SalesRows") :]
    own = own[: own.index("class Exploding")]
    shop(
        tmp_path,
        "[]",
        domain="- {policy: SalesRows, with: {least: 4}}",
        files={"domains/sales/policies/own.py": own},
    )
    assert verdict(run(tmp_path), "SalesRows").outcome == "failed"
    shop(
        tmp_path,
        "- SalesRows",
        files={"domains/sales/policies/own.py": own},
    )
    assert "unknown policy 'SalesRows'" in policy_faults(load_mesh(tmp_path))[0]


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        ("def broken(:\n", 1, "SyntaxError"),
        ("import mesh_defs\n\nimport does_not_exist\n", 3, "No module named 'does_not_exist'"),
        ("x = 1\nraise SystemExit('no')\n", 2, "SystemExit: no"),
    ],
)
def test_a_file_of_policies_that_cannot_be_imported_is_a_fault(
    tmp_path: Path, code: str, line: int, message: str
) -> None:
    shop(tmp_path, "[]", files={"policies/more.py": code})
    faults = policy_faults(load_mesh(tmp_path))
    assert len(faults) == 1
    assert faults[0].startswith(f"policies/more.py:{line}: found ")
    assert message in faults[0]


def test_two_classes_of_one_name_are_a_fault(tmp_path: Path) -> None:
    shop(tmp_path, "[]", files={"policies/more.py": RULES})
    faults = policy_faults(load_mesh(tmp_path))
    assert len(faults) == 3
    assert all("a name that no other policy has" in fault for fault in faults)
    write(tmp_path, {"policies/more.py": RULES.replace("UsageWritten", "OwnerReachable")})
    assert any("a second policy 'OwnerReachable'" in f for f in policy_faults(load_mesh(tmp_path)))


BROKEN = '''
from mesh_defs import DataPolicy, Finding


class CannotTell(DataPolicy):
    """It cannot tell where it applies."""

    def applies(self, product, output, mesh):
        raise KeyError("x")

    def findings(self, port):
        return []


class NoFindings(DataPolicy):
    """It returns text."""

    def findings(self, port):
        yield "text"


class ElsewherePolicy(DataPolicy):
    """It finds something on a port that there is not."""

    def findings(self, port):
        yield Finding("bad", port="nix")
'''


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("CannotTell", "KeyError in its applies()"),
        ("NoFindings", "it returned no Finding with a message, but str"),
        ("ElsewherePolicy", "a port that there is not; there are orders"),
    ],
)
def test_a_policy_with_a_bug_is_an_error_and_nobody_elses(
    tmp_path: Path, policy: str, reason: str
) -> None:
    from mesh_defs.product.check import check_mesh

    shop(tmp_path, f"- {policy}\n- EnoughRows", files={"policies/broken.py": BROKEN})
    check_mesh(tmp_path)
    report = run(tmp_path)
    assert report.outcome == "failed"
    found = verdict(report, policy)
    assert found.outcome == "error"
    assert reason in str(found.reason)
    if report.ports:  # else it was told before anything ran
        assert verdict(report, "EnoughRows").ok


def test_another_query_needs_another_id(tmp_path: Path) -> None:
    entry = "- {{id: Never, message: m, sql: 'select * from {{object}} where id > {n}'}}"
    shop(tmp_path, entry.format(n=5), domain=entry.format(n=1))
    faults = policy_faults(load_mesh(tmp_path))
    assert len(faults) == 1
    assert "another query under the id 'Never' of mesh.yaml:11" in faults[0]
    assert run(tmp_path).outcome == "failed"


def test_a_filter_that_fits_nothing_is_told(tmp_path: Path) -> None:
    from mesh_defs.product.check import check_mesh

    shop(tmp_path, "- {policy: EnoughRows, where: {domain: slaes}}")
    assert "write 'sales' instead of 'slaes'" in policy_faults(load_mesh(tmp_path))[0]
    shop(tmp_path, "- {policy: EnoughRows, where: {tag: money}}")
    warnings = check_mesh(tmp_path).warnings["mesh.yaml"]
    assert [w.found for w in warnings] == ["a filter that fits no port of the mesh"]


def test_profiles_with_other_policies_have_storages_of_their_own(tmp_path: Path) -> None:
    from mesh_defs.product.check import check_mesh

    shop(tmp_path, "- {policy: EnoughRows, environment: production}")
    faults = check_mesh(tmp_path).groups["mesh.yaml"]
    assert [f.key for f in faults] == ["profiles.prod.storage"]
    assert "where other policies hold (EnoughRows)" in faults[0].found
    apart = (tmp_path / "mesh.yaml").read_text()
    storage = "environment: production\n    storage: {driver: delta, path: .mesh/production}\n"
    (tmp_path / "mesh.yaml").write_text(apart.replace("environment: production\n", storage))
    assert "mesh.yaml" not in check_mesh(tmp_path).groups
