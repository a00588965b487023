"""The JSON Schemas say what the loader says: committed, up to date, neither stricter nor laxer."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import REPOSITORY, aircraft_mesh, mesh
from jsonschema import Draft202012Validator
from meshes import domain_yaml, manifest

from mesh_defs.policy.access.principals import load_principals
from mesh_defs.product.manifest import Manifest
from mesh_defs.product.schema import file_name, rendered, schemas
from mesh_defs.validation import validate
from mesh_defs.yaml_source import parse

BASE = {"archetype": "aggregate", "version": "1.0.0", "owner": "team:x", "purpose": "p"}


def check(kind: str, document: object) -> list[str]:
    validator = Draft202012Validator(schemas()[kind])
    return [error.message for error in validator.iter_errors(document)]


@pytest.mark.parametrize("kind", ["product", "domain", "mesh", "principals", "discovery"])
def test_the_committed_schemas_are_up_to_date(kind: str) -> None:
    written = (REPOSITORY / "schemas" / file_name(kind)).read_text(encoding="utf-8")
    assert written == rendered(schemas()[kind]), "run: mesh schema --write"
    Draft202012Validator.check_schema(json.loads(written))


def test_the_reference_mesh_is_valid() -> None:
    products = sorted(REPOSITORY.glob("domains/*/*/defs.yaml"))
    assert len(products) >= 10
    for file in products:
        assert check("product", yaml.safe_load(file.read_text())) == []
    for file in REPOSITORY.glob("domains/*/defs.yaml"):
        for document in yaml.safe_load_all(file.read_text()):
            assert check("domain", document) == []
    for kind in ("mesh", "principals"):
        assert check(kind, yaml.safe_load((REPOSITORY / f"{kind}.yaml").read_text())) == []


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"inputs": {"a": "ops://flights", "b": "mesh://x/y/z@1"}},
        {"inputs": {"a": {"from": "ops://flights", "allow_empty": True}}},
        {"inputs": {"a": {"from": "ops://f", "expect": {"quality": [{"metric": "rowCount"}]}}}},
        {"transform": "sql"},
        {"transform": {"dbt": "network"}},
        {"trigger": "on_update"},
        {"trigger": "manual"},
        {"trigger": {}},
        {"trigger": {"on_update": "all"}},
        {"trigger": {"cron": "0 6 * * *", "timezone": "Europe/Paris"}},
        {"outputs": {"a": {}}},
        {"outputs": {"a": {"mode": "append", "cursor": "day"}}},
        {"outputs": {"a": {"mode": "upsert"}}},
        {"outputs": {"a": {"mode": "upsert", "key": ["x", "y"]}}},
        {"outputs": {"a": {"mode": "partition", "by": "day", "start": "2023-01-01"}}},
        {"version": "2.0.0-rc.1+b5"},
        {"owner": "someone@example.org"},
        # and what is wrong
        {"inputz": {}},
        {"inputs": {"Upper": "ops://flights"}},
        {"inputs": {"a": "flights"}},
        {"inputs": {"a": {"form": "ops://flights"}}},
        {"inputs": {"a": 3}},
        {"transform": "java"},
        {"transform": {"dbt": "x", "more": 1}},
        {"trigger": "sometimes"},
        {"trigger": {"on_update": "some"}},
        {"outputs": {"a": {"mode": "append"}}},
        {"outputs": {"a": {"mode": "append", "cursor": "day", "key": ["x"]}}},
        {"outputs": {"a": {"mode": "partition", "by": "day"}}},
        {"outputs": {"a": {"cursor": "day"}}},
        {"outputs": {"a": {"mode": "sideways"}}},
        {"version": "1.0"},
        {"version": 1},
        {"owner": "nobody"},
        {"purpose": ""},
        {"status": "gone"},
        {"tags": "one"},
    ],
)
def test_the_schema_and_the_loader_agree(more: dict[str, Any]) -> None:
    attributes = {**BASE, **more}
    text = yaml.safe_dump({"type": "mesh_defs.DataProduct", "attributes": attributes})
    (document,), _ = parse(text, "defs.yaml")
    loaded = validate(Manifest, document, ("attributes",), document.data["attributes"])
    by_schema = check("product", yaml.safe_load(text))
    assert (not by_schema) == (not isinstance(loaded, list)), (by_schema, loaded)


def test_a_day_needs_no_quotes(tmp_path: Path) -> None:
    output = "{mode: partition, by: day, start: 2023-01-01, end: 2024-01-01}"
    text = manifest(f"outputs: {{a: {output}}}")
    (document,), _ = parse(text, "defs.yaml")
    loaded = validate(Manifest, document, ("attributes",), document.data["attributes"])
    assert not isinstance(loaded, list), loaded
    assert (loaded.outputs["a"].start, loaded.outputs["a"].end) == ("2023-01-01", "2024-01-01")
    # Editors read YAML 1.2, where a day is a text.
    as_edited = yaml.load(text, Loader=yaml.BaseLoader)
    assert check("product", as_edited) == []
    day = schemas()["product"]["$defs"]["Output"]["properties"]["start"]
    assert (day["type"], day["format"]) == ("string", "date")


def test_the_envelope_is_part_of_the_schemas() -> None:
    assert check("product", yaml.safe_load(manifest())) == []
    assert check("product", yaml.safe_load(manifest().replace("DataProduct", "DataProdukt")))
    assert check("product", {**yaml.safe_load(manifest()), "atributes": {}})
    for document in yaml.safe_load_all(textwrap.dedent(domain_yaml())):
        assert check("domain", document) == []
    assert check("domain", {"type": "mesh_defs.Domain", "attributes": {"owner": "team:x"}})
    assert check("mesh", {"name": "x", "profiles": {"p": {"services": {"a": {"path": "x"}}}}})


def test_the_command_prints_and_writes_them(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    assert json.loads(mesh(root, "schema").stdout) == schemas()
    assert not (root / "schemas").exists()
    done = mesh(root, "schema", "--write")
    assert done.returncode == 0
    assert "wrote schemas/product.schema.json" in done.stdout
    for kind, schema in schemas().items():
        assert (root / "schemas" / file_name(kind)).read_text() == rendered(schema)
    assert mesh(root, "schema", "--write").stdout == "schemas/ is up to date\n"


@pytest.mark.parametrize(
    "people",
    [
        {"ada@shop.example": {"roles": ["reader"], "domain": "shop"}},
        {"ada@shop.example": None, "b-2": {}},
        {"a b": {}},
        {"ada": {"role": ["reader"]}},
        {"ada": {"roles": ["no role"]}},
        {"ada": {"roles": "reader"}},
    ],
)
def test_the_schema_and_the_loader_agree_on_principals(
    people: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "principals.yaml").write_text(yaml.safe_dump({"people": people}))
    loaded = load_principals(tmp_path)
    assert (not loaded.faults) == (check("principals", {"people": people}) == []), loaded.faults
