"""Access rules as people write them: each mistake is named with its line, and denies meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from access_meshes import PORT, READERS, URL, permit, sales_files
from meshes import contract, manifest, write_mesh

from mesh_defs.policy.access.rules import parse_rules, statements
from mesh_defs.policy.access.schema import cedar_schema
from mesh_defs.product.access import MeshAccess
from mesh_defs.product.check import check_mesh
from mesh_defs.settings import load_settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REPOSITORY = Path(__file__).parents[1]


def reads(root: Path) -> MeshAccess:
    return MeshAccess(load_settings(root))


def faults(root: Path) -> list[str]:
    return [str(fault) for fault in check_mesh(root).faults]


def test_the_committed_cedar_schema_is_up_to_date() -> None:
    written = (REPOSITORY / "schemas/mesh.cedarschema").read_text(encoding="utf-8")
    assert written == cedar_schema(), "run: mesh schema --write"


def test_policies_are_found_with_their_lines() -> None:
    text = (
        '// one; "comment\n\n@id("a;b")\npermit (principal, action, resource)\n'
        'when { resource has tags && resource.tags.contains("//;") };'
        " forbid (principal, action,\nresource);\n// the end\n"
    )
    assert [line for line, _ in statements(text)] == [3, 5]
    rules = parse_rules(text, "x.cedar").rules
    assert [(str(rule), rule.effect) for rule in rules] == [
        ("a;b (x.cedar:3)", "permit"),
        ("x.cedar:5", "forbid"),
    ]


@pytest.mark.parametrize(
    ("rule", "line", "words"),
    [
        (
            (
                'permit (principal, action == Action::"read", resource)\nwhen\n'
                '{ resource.clasification == "public" };'
            ),
            4,
            (
                "unknown attribute 'clasification'; allowed: archetype, classification, domain, "
                "owner, status, tags. Fix: write 'classification' instead of 'clasification'"
            ),
        ),
        (
            'permit (principal, action, resource)\nwhen { context.purpose == "care" };',
            3,
            "'purpose', which may be absent",
        ),
        ('permit (principal in Rolle::"reader", action, resource);', 2, "write 'Role' instead"),
        ('permit (principal, action == Action::"reed", resource);', 2, "write 'read' instead"),
        ('permit (principal in Role::"raeder", action, resource);', 2, "write 'reader' instead"),
        ('permit (principal == Person::"ad@shop.example", action, resource);', 2, "'ada@shop."),
        (
            (
                'permit (principal, action == Action::"read", resource)\n'
                'when { resource.classification == "pubic" };'
            ),
            3,
            "unknown classification 'pubic'",
        ),
        (
            (
                "permit (principal, action, resource)\n"
                'when { context has purpose && ["analytic"].contains(context.purpose) };'
            ),
            3,
            "write 'analytics' instead of 'analytic'",
        ),
        (
            'permit (principal, action, resource == Port::"shop/sales/sale");',
            2,
            "'shop/sales/sales'",
        ),
        ('permit (principal, action, resource == Column::"shop/sales/sales#mail");', 2, "#email'"),
        (
            'permit (principal, action == Action::"read", resource == Product::"shop/sales");',
            2,
            "not about",
        ),
        ("permit (principal, action resource);", 2, "unexpected token `resource`"),
        ("permit (principal, action, resource)", 2, "unexpected end of input"),
        ("permit (principal == ?principal, action, resource);", 2, "a template"),
        ('@mask("partail")\npermit (principal, action, resource);', 2, "write 'partial' instead"),
        ('@maks("null")\npermit (principal, action, resource);', 2, "write 'mask' instead"),
        ('@mask("null")\nforbid (principal, action, resource);', 2, "@mask on a forbid"),
        ('@to("year")\npermit (principal, action, resource);', 2, "@to without its mask"),
        ('@mask("generalised") @to("week")\npermit (principal, action, resource);', 2, "'week'"),
        ('@id("readers")\npermit (principal, action, resource);', 2, "the id 'readers' twice"),
    ],
)
def test_a_mistake_in_a_rule(tmp_path: Path, rule: str, line: int, words: str) -> None:
    text = f"// a comment\n{rule}\n"
    if "readers" in rule:
        text += READERS.lstrip()
        line = 4
    write_mesh(tmp_path, sales_files(text))
    found = faults(tmp_path)
    assert len(found) == 1, found
    assert found[0].startswith(f"domains/shop/access.cedar:{line}:")
    assert words in found[0]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    bad = permit('resource.clasification == "x"') + permit(annotations='@mask("x")')
    principals = "people:\n  ada: {role: [reader]}\n  a b: {}\n"
    write_mesh(tmp_path, {**sales_files(bad), "principals.yaml": principals, "access.cedar": "x"})
    found = faults(tmp_path)
    assert {one.partition(" ")[0] for one in found} == {
        "access.cedar:1:",
        "domains/shop/access.cedar:1:",
        "domains/shop/access.cedar:2:",
        "principals.yaml:2:",
        "principals.yaml:3:",
    }
    assert any("write 'roles' instead of 'role'" in one for one in found)


def test_a_home_domain_that_there_is_not(tmp_path: Path) -> None:
    people = "people:\n  ada@shop.example:\n    roles: [reader]\n    domain: shopp\n"
    write_mesh(tmp_path, sales_files(**{"principals.yaml": people}))
    (fault,) = faults(tmp_path)
    assert fault.startswith("principals.yaml:4: people.ada@shop.example.domain:")
    assert "write 'shop' instead of 'shopp'" in fault


@pytest.mark.parametrize("broken", ["domains/shop/access.cedar", "access.cedar"])
def test_a_file_with_a_fault_denies(tmp_path: Path, broken: str) -> None:
    everyone = "permit (principal, action, resource);\n"
    files = sales_files(everyone)
    files[broken] = everyone + "permit (principal, action, resource) when { resource.foo };"
    write_mesh(tmp_path, files)
    decision = reads(tmp_path).decide("person:ada@shop.example", URL)
    assert not decision.allowed
    assert f"{broken}:2" in decision.reason
    (tmp_path / broken).write_text(everyone)
    assert reads(tmp_path).decide("person:ada@shop.example", URL).clear


def test_a_broken_file_of_another_domain_denies_nothing_here(tmp_path: Path) -> None:
    files = sales_files(permit())
    files |= {
        "domains/office/desks/defs.yaml": manifest(),
        "domains/office/desks/contract.yaml": contract(
            "desks", "- {name: id, logicalType: integer, required: true}"
        ),
        "domains/office/desks/desks.sql": "select 1 as id",
        "domains/office/access.cedar": "permit (",
    }
    write_mesh(tmp_path, files)
    assert reads(tmp_path).decide("person:ada@shop.example", URL).allowed
    assert not reads(tmp_path).decide("person:ada@shop.example", "mesh://office/desks").allowed


@pytest.mark.parametrize(
    "rule",
    [
        "permit (principal, action, resource);",
        'permit (principal, action, resource) when { resource.domain == "shop" };',
        f"permit (principal, action, resource in {PORT});",
        'permit (principal, action, resource in Domain::"shop");',
        "forbid (principal, action, resource);",
    ],
)
def test_a_domain_decides_nothing_about_another_one(tmp_path: Path, rule: str) -> None:
    files = sales_files()
    files |= {"domains/office/access.cedar": rule}
    write_mesh(tmp_path, files)
    without = sales_files()
    write_mesh(tmp_path / "without", without)
    for who in ("person:guest@shop.example", "person:ada@shop.example", "service:reports"):
        there, here = (
            reads(root).decide(who, URL, "read", None, now=NOW)
            for root in (tmp_path, tmp_path / "without")
        )
        assert there == here
    if "shop" in rule:
        (fault,) = faults(tmp_path)
        assert fault.startswith("domains/office/access.cedar:1:")


def test_the_mesh_forbids_what_a_domain_permits(tmp_path: Path) -> None:
    files = sales_files("permit (principal, action, resource);")
    files["access.cedar"] = (
        '@id("no-agents")\nforbid (principal is Agent, action, resource is Column)\n'
        'when { resource.classification == "sensitive" };'
    )
    write_mesh(tmp_path, files)
    assert faults(tmp_path) == []
    decision = reads(tmp_path).decide("agent:helper", URL)
    assert [column.name for column in decision.columns if not column.clear] == ["meal"]
    meal = decision.column("meal")
    assert meal is not None
    assert meal.reason == "forbidden by no-agents (access.cedar:1)"
    assert reads(tmp_path).decide("service:reports", URL).clear


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("orign = 'JFK'", "write 'origin' instead of 'orign'"),
        ("id in (select id from other)", "a subquery"),
        ("exists(from read_csv('x'))", "a subquery"),
        ("getenv('HOME') = 'x'", "the function 'getenv'"),
        ("read_text('x') = 'x'", "the function 'read_text'"),
        ("sum(price) over () > 1", "a window"),
        ("sum(price) > 1", "the function 'sum'"),
        ("true; select 1", "more than a condition"),
        ("true) or (true", "syntax error"),
        ("true group by id", "more than a condition"),
        ("id = $1", "a parameter"),
        ("#1 = 2", "a positional reference"),
        ("columns(*) = 1", "a star"),
        ("born > 3", "Cannot compare values of type DATE and type INTEGER"),
    ],
)
def test_a_row_filter_that_is_no_condition(tmp_path: Path, rows: str, words: str) -> None:
    rule = permit(annotations=f'@id("some")\n@rows("{rows}")', resource=f"resource == {PORT}")
    write_mesh(tmp_path, sales_files(rule))
    (fault,) = faults(tmp_path)
    assert fault.startswith("domains/shop/access.cedar:2: @rows: found ")
    assert words in fault
    if "born" not in rows:  # what a type does not fit is known when there is data
        decision = reads(tmp_path).decide("person:ada@shop.example", URL)
        assert not decision.allowed
        assert "the row filter of some" in decision.reason
