"""What is published is what was verified: no code of the product bends it, no path, no type."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshes import contract, load, manifest, write, write_mesh, write_parquet

import mesh_defs
from mesh_defs.errors import TransformFailed
from mesh_defs.product.attempts import Attempts
from mesh_defs.product.container import run_product
from mesh_defs.product.stores import product_store

PROPERTIES = """
- {name: id, logicalType: integer, required: true, primaryKey: true}
- {name: code, logicalType: string, logicalTypeOptions: {maxLength: 2, pattern: '^[A-Z]+$'}}
"""


def mesh_with(root: Path, files: dict[str, str], body: str = "") -> Path:
    write_parquet(root, "things", "select i as id from range(5) t(i)")
    return write_mesh(
        root,
        {
            "domains/shop/made/defs.yaml": manifest(body or "inputs: {things: files://things}"),
            "domains/shop/made/contract.yaml": contract("made", PROPERTIES),
            **files,
        },
    )


def run(root: Path) -> mesh_defs.RunReport:
    mesh = load(root)
    return run_product(mesh, mesh.product("mesh://shop/made"))


def test_macros_of_the_transform_do_not_reach_the_verification(tmp_path: Path) -> None:
    code = """
        def transform(context):
            for macro in ("length(x) as 1", "regexp_matches(a, b) as true", "hash(a) as random()"):
                context.connection.execute(f"create macro {macro}")
            return context.connection.sql("select 1 as id, 'toolong' as code from range(2)")
        """
    root = mesh_with(tmp_path, {"domains/shop/made/transform.py": code})
    report = run(root)
    broken = {v.rule for v in report.verdicts if v.blocking}
    assert broken == {"primary_key", "code.maxLength", "code.pattern"}


def test_a_folder_named_like_a_hive_partition_adds_no_column(tmp_path: Path) -> None:
    root = tmp_path / "code=AB" / "other=1"
    root.mkdir(parents=True)
    mesh_with(root, {"domains/shop/made/made.sql": "select id, 'toolong' as code from things"})
    report = run(root)
    assert {v.rule for v in report.verdicts if v.blocking} == {"code.maxLength", "code.pattern"}
    write(root, {"domains/shop/made/made.sql": "select id, 'OK' as code from things"})
    assert run(root).outcome == "published"
    port = mesh_defs.open("mesh://shop/made", root=root)
    assert set(port.arrow()["code"].to_pylist()) == {"OK"}
    assert port.lazy().collect()["code"].unique().to_list() == ["OK"]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("sum(id)", "HUGEINT"),
        ("[9007199254740993::hugeint]", "HUGEINT"),
        ("{{'a': time '10:00'}}", "TIME"),
        ("map {{'k': 1::uhugeint}}", "UHUGEINT"),
        ("union_value(a := 1)", "UNION"),
        ("[interval 1 day]", "INTERVAL"),
        ("uuid()", "UUID"),
    ],
)
def test_types_that_would_change_on_the_way_are_refused(
    tmp_path: Path, expression: str, found: str
) -> None:
    expression = expression.replace("{{", "{").replace("}}", "}")
    query = f"select 1 as id, {expression} as code from things"
    root = mesh_with(tmp_path, {"domains/shop/made/made.sql": query})
    with pytest.raises(TransformFailed, match=f"column 'code' holds {found}"):
        run(root)


def test_the_end_of_time_can_be_published(tmp_path: Path) -> None:
    query = "select 1 as id, 'AB' as code, timestamp '9999-12-31 23:59:59.999999' as until"
    root = mesh_with(tmp_path, {"domains/shop/made/made.sql": query}, "trigger: manual")
    extra = PROPERTIES + "- {name: until, logicalType: timestamp}\n"
    write(root, {"domains/shop/made/contract.yaml": contract("made", extra)})
    assert run(root).outcome == "published"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", "{mode: append, cursor: id}"),
        ("{mode: upsert}", "{mode: append, cursor: id}"),
        ("{mode: append, cursor: id}", "{mode: append, cursor: other}"),
        ("{mode: append, cursor: id}", "{mode: upsert}"),
    ],
)
def test_a_mode_that_cannot_go_on_says_so(tmp_path: Path, before: str, after: str) -> None:
    properties = PROPERTIES + "- {name: other, logicalType: integer, required: true}\n"
    files = {
        "domains/shop/made/made.sql": "select id, 'AB' as code, 100 - id as other from things",
        "domains/shop/made/contract.yaml": contract("made", properties),
    }
    body = "inputs: {{things: files://things}}\noutputs:\n  made: {0}"
    root = mesh_with(tmp_path, files, body.format(before))
    run(root)
    write(root, {"domains/shop/made/defs.yaml": manifest(body.format(after))})
    with pytest.raises(TransformFailed, match="--rebuild"):
        run(root)
    mesh = load(root)
    report = run_product(mesh, mesh.product("mesh://shop/made"), rebuild=True)
    assert (report.outcome, report.rows) == ("published", 5)
    assert run(root).outcome in ("published", "unchanged")


def test_a_cursor_without_end_is_refused(tmp_path: Path) -> None:
    files = {
        "domains/shop/made/made.sql": "select id, 'AB' as code, 'inf'::double as at from things",
        "domains/shop/made/contract.yaml": contract(
            "made", PROPERTIES + "- {name: at, logicalType: number, required: true}\n"
        ),
    }
    body = "inputs: {things: files://things}\noutputs:\n  made: {mode: append, cursor: at}"
    root = mesh_with(tmp_path, files, body)
    with pytest.raises(TransformFailed, match="cursor at has the value"):
        run(root)


def test_personal_values_stay_out_of_errors_and_records(tmp_path: Path) -> None:
    properties = """
        - {name: id, logicalType: integer, required: true}
        - {name: email, logicalType: string, classification: personal}
        """
    write_parquet(tmp_path, "people", "select 1 as id, 'alice.secret@example.org' as email")
    write_mesh(
        tmp_path,
        {
            "domains/shop/people/defs.yaml": manifest("inputs: {people: files://people}"),
            "domains/shop/people/contract.yaml": contract("people", properties),
            "domains/shop/people/people.sql": "select id, email from people",
            "domains/shop/reader/defs.yaml": manifest(
                """
                inputs:
                  people:
                    from: mesh://shop/people
                    expect:
                      properties:
                        - {name: email, logicalType: string,
                           logicalTypeOptions: {maxLength: 3}}
                """
            ),
            "domains/shop/reader/contract.yaml": contract(
                "reader", "- {name: id, logicalType: integer, required: true}"
            ),
            "domains/shop/reader/reader.sql": "select email::integer as id from people",
            "domains/shop/python/defs.yaml": manifest("inputs: {people: mesh://shop/people}"),
            "domains/shop/python/contract.yaml": contract(
                "python", "- {name: id, logicalType: integer, required: true}"
            ),
            "domains/shop/python/transform.py": (
                "def transform(people):\n"
                "    return getattr(people, str(people.arrow()['email'][0]))\n"
            ),
        },
    )
    mesh = load(tmp_path)
    run_product(mesh, mesh.product("mesh://shop/people"))
    report = run_product(mesh, mesh.product("mesh://shop/reader"))
    assert report.outcome == "failed"
    assert [row["email"] for v in report.expectations for row in v.samples] == ["***"]
    text = (tmp_path / "domains/shop/reader/defs.yaml").read_text().replace("3}", "300}")
    (tmp_path / "domains/shop/reader/defs.yaml").write_text(text)
    mesh = load(tmp_path)
    for product in ("reader", "python"):
        with pytest.raises(TransformFailed) as caught:
            run_product(mesh, mesh.product(f"mesh://shop/{product}"))
        assert "alice" not in str(caught.value)
        attempt = Attempts(product_store(mesh.settings, "shop", product)).latest()
        assert attempt is not None
        assert "alice" not in repr(attempt)


def test_leaving_the_process_is_a_failure(tmp_path: Path) -> None:
    code = "import sys\ndef transform(things):\n    sys.exit(0)\n"
    root = mesh_with(tmp_path, {"domains/shop/made/transform.py": code})
    with pytest.raises(TransformFailed, match="SystemExit"):
        run(root)
