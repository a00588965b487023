"""The product's code never meets a credential, an undeclared table, or a source that moves."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshes import contract, load, manifest, write_mesh, write_parquet

import mesh_defs
from mesh_defs.errors import SourceUnavailable, TransformFailed
from mesh_defs.product.container import run_product
from mesh_defs.product.report import Progress
from mesh_defs.redaction import redact, secrets_of

SETTINGS = """
name: test
profiles:
  local:
    services:
      ops: {driver: sqlite, path: ops.db}
      files: {driver: files, path: data}
"""
PROPERTIES = "- {name: id, logicalType: integer, required: true}"


def execute(root: Path, *statements: str) -> None:
    connection = sqlite3.connect(root / "ops.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def mesh_with(root: Path, query: str, expect: str = "") -> Path:
    write_mesh(
        root,
        {
            "mesh.yaml": SETTINGS,
            "domains/shop/pair/defs.yaml": manifest(
                f"inputs:\n  things:\n    from: ops://things\n{expect}"
                "outputs:\n  left: {contract: left.yaml}\n  right: {contract: right.yaml}\n"
            ),
            "domains/shop/pair/left.yaml": contract("left", PROPERTIES),
            "domains/shop/pair/right.yaml": contract("right", PROPERTIES),
            "domains/shop/pair/left.sql": query,
            "domains/shop/pair/right.sql": "select id from things",
        },
    )
    execute(
        root,
        "create table things (id integer)",
        "create table salaries (id integer)",
        "insert into things values (1)",
        "insert into salaries values (1000)",
    )
    return root


@pytest.mark.parametrize(
    "query",
    [
        "select id from service_ops.salaries",
        "select id from sqlite_scan('{root}/ops.db', 'salaries')",
        "select count(*)::int as id from sqlite_scan('{root}/other.db', 't')",
        "attach '{root}/ops.db' as again (type sqlite)",
    ],
)
def test_tables_that_are_not_declared_are_out_of_reach(tmp_path: Path, query: str) -> None:
    root = mesh_with(tmp_path, query.format(root=tmp_path))
    mesh = load(root)
    with pytest.raises(TransformFailed):
        run_product(mesh, mesh.product("mesh://shop/pair"))


def test_the_database_is_not_even_known(tmp_path: Path) -> None:
    query = "select count(*) filter (type = 'sqlite') as id from duckdb_databases()"
    root = mesh_with(tmp_path, query)
    mesh = load(root)
    run_product(mesh, mesh.product("mesh://shop/pair"))
    assert mesh_defs.open("mesh://shop/pair/left", root=root).arrow()["id"].to_pylist() == [0]


def test_expectations_and_all_ports_see_one_state_of_the_source(tmp_path: Path) -> None:
    expect = (
        "    expect:\n      quality:\n"
        "        - {name: small, type: sql, query: 'select max(id) from {object}',"
        " mustBeLessThan: 10}\n"
    )
    root = mesh_with(tmp_path, "select id from things", expect)

    def watch(progress: Progress) -> None:
        if progress.step in ("expected", "staged:left"):
            execute(root, "insert into things values (99)")

    mesh = load(root)
    report = run_product(mesh, mesh.product("mesh://shop/pair"), observer=watch)
    assert report.outcome == "published"
    for port in ("left", "right"):
        published = mesh_defs.open(f"mesh://shop/pair/{port}", root=root)
        assert published.arrow()["id"].to_pylist() == [1]


def test_expectations_are_locked_in_too(tmp_path: Path) -> None:
    expect = (
        "    expect:\n      quality:\n"
        "        - {name: nosy, type: sql,"
        " query: \"select count(*) from read_text('/etc/hostname')\","
        " mustBe: 1}\n"
    )
    root = mesh_with(tmp_path, "select id from things", expect)
    mesh = load(root)
    report = run_product(mesh, mesh.product("mesh://shop/pair"))
    assert [v.outcome for v in report.expectations] == ["error"]


def test_files_that_change_under_the_run_stop_it(tmp_path: Path) -> None:
    write_parquet(tmp_path, "things", "select 1 as id")
    write_mesh(
        tmp_path,
        {
            "domains/shop/made/defs.yaml": manifest("inputs: {things: files://things}"),
            "domains/shop/made/contract.yaml": contract("made", PROPERTIES),
            "domains/shop/made/made.sql": "select id from things",
        },
    )

    def watch(progress: Progress) -> None:
        if progress.step == "expected":
            write_parquet(tmp_path, "things", "select 2 as id union all select 3")

    mesh = load(tmp_path)
    with pytest.raises(SourceUnavailable, match="changed while it was read"):
        run_product(mesh, mesh.product("mesh://shop/made"), observer=watch)
    assert list((tmp_path / ".mesh/storage").rglob("*.parquet")) == []
    assert run_product(mesh, mesh.product("mesh://shop/made")).rows == 2


@pytest.mark.parametrize(
    "dsn",
    [
        "host=db user=joe password=hunter2",
        "host=db user=joe password='hun ter2'",
        r"host=db password='hun\'ter2' user=joe",
        "host=db passwd=hunter2",
        "postgresql://joe:hunter2@db/shop",
        "postgresql://joe:p@ss:hunter2@db:5432/shop",
        "postgresql://joe:hun%20ter2@db/shop",
    ],
)
def test_passwords_are_found_in_every_spelling(dsn: str) -> None:
    shown = redact(f"cannot connect with {dsn}: authentication of '{dsn}' failed", secrets_of(dsn))
    assert "ter2" not in shown
    for part in secrets_of(dsn):
        assert part not in shown


@given(
    st.text(
        min_size=3, max_size=20, alphabet=st.characters(codec="ascii", exclude_characters="'\\ *")
    )
)
def test_whatever_the_password_is_it_is_gone(password: str) -> None:
    dsn = f"host=db password='{password}' user=me"
    message = f"FATAL: password {password} refused for {dsn}"
    assert password not in redact(message, secrets_of(dsn))


def test_a_secret_of_the_environment_is_in_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_DSN", "host=127.0.0.1 port=1 user=me password='s3cr3t word'")
    root = mesh_with(tmp_path, "select id from things")
    text = SETTINGS.replace(
        "{driver: sqlite, path: ops.db}", '{driver: postgres, dsn: "${OPS_DSN}"}'
    )
    (root / "mesh.yaml").write_text(text)
    mesh = load(root)
    with pytest.raises(SourceUnavailable) as caught:
        run_product(mesh, mesh.product("mesh://shop/pair"))
    assert "s3cr3t" not in str(caught.value)
    assert b"s3cr3t" not in b"".join(p.read_bytes() for p in (root / ".mesh").rglob("*.json"))
