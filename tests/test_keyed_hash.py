"""``keyed_hash`` in SQL, Python and dbt: the same digits, and the key is nowhere to be seen."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from dbt_meshes import dbt_mesh
from flow_meshes import HASH_KEY, column, flow_mesh, publish, python_contacts
from hypothesis import given, settings
from hypothesis import strategies as st
from meshes import contract, load, write

from mesh_defs.errors import MeshError, TransformFailed
from mesh_defs.product.container import run_product
from mesh_defs.product.keyed_hash import KeyedHash
from mesh_defs.product.resolve import published
from mesh_defs.settings import Settings, hide_variable, load_settings
from mesh_defs.urls import parse

YAML = 'name: test\nprofiles: {local: {hash_key: "${MESH_HASH_KEY}"}}\n'
HASHED = column("id") + column("h", "personal")


@pytest.fixture(autouse=True)
def _hash_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_HASH_KEY", HASH_KEY)


def mesh_settings(root: Path, text: str = YAML) -> Settings:
    write(root, {"mesh.yaml": text})
    return load_settings(root)


def digits(value: str) -> str:
    """What RFC 2104 gives with the key that is derived for transforms."""
    key = hmac.digest(HASH_KEY.encode(), b"mesh transforms", "sha256")
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def rows(root: Path, url: str) -> list[tuple[object, ...]]:
    found = published(load(root).settings, parse(url)).rows.sql
    return duckdb.connect().execute(f"select * from {found} order by all").fetchall()


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])))))
@settings(max_examples=25, deadline=None)
def test_it_is_hmac_sha256_wherever_it_is_called(
    tmp_path_factory: pytest.TempPathFactory, values: list[str | None]
) -> None:
    hashing = KeyedHash(mesh_settings(tmp_path_factory.mktemp("mesh")))
    wanted = [digits(value) if value is not None else None for value in values]
    assert [hashing(value) for value in values] == wanted
    assert hashing.arrow(pa.array(values, pa.string())).to_pylist() == wanted
    assert hashing.arrow(pa.chunked_array([pa.array(values, pa.large_string())])).to_pylist() == (
        wanted
    )
    connection = duckdb.connect()
    hashing.install(connection)
    texts = pa.table({"v": pa.array(values, pa.string())})
    connection.register("texts", texts)
    found = connection.cursor().execute("select keyed_hash(v) from texts").fetchall()
    assert [row[0] for row in found] == wanted


def test_what_is_no_text_must_become_one_first(tmp_path: Path) -> None:
    hashing = KeyedHash(mesh_settings(tmp_path))
    with pytest.raises(TypeError, match="takes a text, not a int"):
        hashing(7)  # type: ignore[arg-type]


def test_sql_and_python_give_the_same_digits(tmp_path: Path) -> None:
    wanted = [(i, digits(f"p{i}@passengers.example")) for i in range(100)]
    query = "select id, keyed_hash(email) as h from bookings"
    flow_mesh(tmp_path, query, HASHED, policies="[]")
    publish(tmp_path, "passengers/bookings", "care/contacts")
    assert rows(tmp_path, "mesh://care/contacts") == wanted
    python_contacts(
        tmp_path,
        """
        def transform(context, bookings):
            table = bookings.arrow(columns=["id", "email"])
            hashed = context.keyed_hash.arrow(table["email"])
            assert hashed[0].as_py() == context.keyed_hash(table["email"][0].as_py())
            return table.drop_columns("email").append_column("h", hashed)
        """,
    )
    publish(tmp_path, "care/contacts")
    assert rows(tmp_path, "mesh://care/contacts") == wanted


@pytest.mark.xdist_group("dbt")
def test_dbt_gives_the_same_digits_and_cannot_read_the_key(tmp_path: Path) -> None:
    model = (
        "select id, keyed_hash(name) as h, '{{ env_var('MESH_HASH_KEY', 'nothing') }}' as key "
        "from {{ source('inputs', 'things') }}"
    )
    dbt_mesh(tmp_path, {"models/orders.sql": model})
    columns = "- {name: id, required: true}\n- {name: h}\n- {name: key}\n"
    write(
        tmp_path,
        {
            "domains/shop/orders/contract.yaml": contract("orders", columns),
            "mesh.yaml": (tmp_path / "mesh.yaml")
            .read_text()
            .replace("local:\n", 'local:\n    hash_key: "${MESH_HASH_KEY}"\n'),
        },
    )
    mesh = publish(tmp_path, "shop/orders")
    assert rows(tmp_path, "mesh://shop/orders") == [
        (i, digits(f"name {i}"), "nothing") for i in range(100)
    ]
    assert os.environ["MESH_HASH_KEY"] == HASH_KEY
    report = run_product(mesh, mesh.product("mesh://shop/orders"))
    assert report.record is not None
    assert report.record.lineage["ways"] == {"orders": {"h": {"files/things#name": "hashed"}}}


@pytest.mark.parametrize(
    ("yaml", "key", "said"),
    [
        ("name: test\n", HASH_KEY, "profile 'local' of mesh.yaml has no hash_key; write"),
        (YAML, None, "the environment variable MESH_HASH_KEY, which mesh.yaml names as hash_key"),
        (YAML, "too short", "MESH_HASH_KEY is shorter than 16 bytes"),
    ],
)
def test_without_a_key_it_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yaml: str, key: str | None, said: str
) -> None:
    if key is None:
        monkeypatch.delenv("MESH_HASH_KEY")
    else:
        monkeypatch.setenv("MESH_HASH_KEY", key)
    with pytest.raises(MeshError, match=said) as raised:
        KeyedHash(mesh_settings(tmp_path, yaml))("x")
    assert "openssl rand -hex 32" in str(raised.value)


@pytest.mark.parametrize("python", [False, True])
def test_a_run_without_a_key_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: bool
) -> None:
    monkeypatch.delenv("MESH_HASH_KEY")
    flow_mesh(tmp_path, "select id, keyed_hash(email) as h from bookings", HASHED, policies="[]")
    if python:
        code = "def transform(context, bookings):\n    return [context.keyed_hash('x')]\n"
        python_contacts(tmp_path, code)
    mesh = publish(tmp_path, "passengers/bookings")
    with pytest.raises(TransformFailed if not python else MeshError) as raised:
        run_product(mesh, mesh.product("mesh://care/contacts"))
    assert "keyed_hash has no key: the environment variable MESH_HASH_KEY" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_does_not_hash_needs_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESH_HASH_KEY")
    flow_mesh(tmp_path, "select id, meal as h from bookings", HASHED, policies="[]")
    publish(tmp_path, "passengers/bookings", "care/contacts")


def test_the_key_is_in_no_error(tmp_path: Path) -> None:
    query = "select id, keyed_hash(id) as h from bookings"
    flow_mesh(tmp_path, query, HASHED, policies="[]")
    mesh = publish(tmp_path, "passengers/bookings")
    with pytest.raises(TransformFailed) as raised:
        run_product(mesh, mesh.product("mesh://care/contacts"))
    assert "keyed_hash(VARCHAR)" in str(raised.value)
    assert HASH_KEY not in str(raised.value)
    assert HASH_KEY.encode() not in b"".join(
        file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()
    )
    held = KeyedHash(mesh.settings)
    assert HASH_KEY not in repr(vars(held))


def test_a_hidden_variable_is_still_read_by_settings(tmp_path: Path) -> None:
    found = mesh_settings(tmp_path)
    with hide_variable("MESH_HASH_KEY"):
        assert "MESH_HASH_KEY" not in os.environ
        assert KeyedHash(found)("x") == digits("x")
    with hide_variable(None), hide_variable("NO_SUCH_VARIABLE_OF_OURS"):
        assert KeyedHash(found)("x") == digits("x")
    assert os.environ["MESH_HASH_KEY"] == HASH_KEY
