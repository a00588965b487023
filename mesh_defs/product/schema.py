"""JSON Schemas of what people write, made from the models, so that editors complete and check it.

Draft 2020-12 (json-schema.org). The files lie in ``schemas/`` of a mesh; a manifest names its own
in its first line: ``# yaml-language-server: $schema=../../../schemas/product.schema.json``.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from mesh_defs.product.domain import DOMAIN_TYPE, FOLDER_TYPE, DomainManifest
from mesh_defs.product.manifest import COMPONENT_TYPE, Manifest
from mesh_defs.product.manifest import OWNER as OWNER
from mesh_defs.product.manifest import SEMVER as SEMVER
from mesh_defs.settings import MeshFile
from mesh_defs.urls import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    Schema = dict[str, Any]

FOLDER = "schemas"
PRODUCT, DOMAIN, MESH = "product", "domain", "mesh"
_END = r"\Z"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_name(kind: str) -> str:
    """The file of a schema: ``product.schema.json``."""
    return f"{kind}.schema.json"


def schemas() -> dict[str, Schema]:
    """Every schema by its kind: `PRODUCT`, `DOMAIN`, `MESH`."""
    return {PRODUCT: product_schema(), DOMAIN: domain_schema(), MESH: mesh_schema()}


def rendered(schema: Schema) -> str:
    """The text of a schema's file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(root: Path) -> list[Path]:
    """Write the schemas below ``root``; the files that changed."""
    changed = []
    for kind, schema in schemas().items():
        file = root / FOLDER / file_name(kind)
        text = rendered(schema)
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            changed.append(file)
    return changed


def modeline(kind: str, root: Path, folder: Path) -> str:
    """The first line of a file in ``folder`` that tells editors its schema."""
    path = os.path.relpath(root / FOLDER / file_name(kind), folder)
    return f"# yaml-language-server: $schema={path.replace(os.sep, '/')}"


def product_schema() -> Schema:
    """The whole ``defs.yaml`` of a data product."""
    attributes = _model(Manifest)
    definitions = attributes.pop("$defs")
    properties = attributes["properties"]
    properties["version"]["pattern"] = _json_pattern(SEMVER.pattern)
    properties["owner"]["pattern"] = _json_pattern(OWNER.pattern)
    for ports in ("inputs", "outputs"):
        properties[ports]["propertyNames"] = {"pattern": _json_pattern(NAME.pattern)}
    _short_forms(definitions, properties)
    _modes(definitions["Output"])
    return {
        "$schema": _DIALECT,
        "title": "A data product of the mesh (defs.yaml)",
        **_component(COMPONENT_TYPE, attributes),
        "$defs": definitions,
    }


def _short_forms(definitions: Schema, properties: Schema) -> None:
    """What the models accept as text in place of a mapping."""
    source = definitions["Input"]["properties"]["from"]
    definitions["Input"] = {
        "description": definitions["Input"]["description"],
        "anyOf": [
            {
                "type": "string",
                "pattern": r"^[a-z][a-z0-9_]*://\S+$",
                "description": source["description"],
            },
            definitions["Input"],
        ],
    }
    trigger = properties["trigger"]
    full = {"$ref": "#/$defs/Trigger"}
    properties["trigger"] = {
        "description": trigger["description"],
        "default": "on_update",
        "anyOf": [{"enum": ["on_update", "manual"]}, full],
    }


def _modes(output: Schema) -> None:
    """Which keys each mode needs, and which belong to it alone."""
    wanted = {"append": ["cursor"], "upsert": [], "partition": ["by", "start"]}
    own = {"append": ["cursor"], "upsert": ["key"], "partition": ["by"]}
    output["allOf"] = [
        {
            "if": {"properties": {"mode": {"const": mode}}, "required": ["mode"]},
            "then": {"required": wanted[mode]},
            "else": {"not": {"anyOf": [{"required": [key]} for key in own[mode]]}},
        }
        for mode in wanted
    ]


def domain_schema() -> Schema:
    """Each of the two documents of a domain's ``defs.yaml``."""
    attributes = _model(DomainManifest)
    folder = {
        "type": "object",
        "properties": {"type": {"const": FOLDER_TYPE}},
        "required": ["type"],
        "additionalProperties": False,
        "description": "lets Dagster load the products in the domain's folder",
    }
    return {
        "$schema": _DIALECT,
        "title": "A domain of the mesh (defs.yaml, two documents)",
        "anyOf": [_component(DOMAIN_TYPE, attributes), folder],
    }


def mesh_schema() -> Schema:
    """``mesh.yaml``."""
    schema = _model(MeshFile)
    profile = schema["$defs"]["Profile"]["properties"]
    profile["services"]["propertyNames"] = {"pattern": _json_pattern(NAME.pattern)}
    for service in (profile["storage"], profile["services"]["additionalProperties"]):
        service["properties"] = {
            "driver": {"type": "string", "description": "the driver's name"},
            "prepare": {
                "type": "string",
                "pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
                "description": "module:function that makes the system before products read it",
            },
        }
    profile["services"]["additionalProperties"]["required"] = ["driver"]
    profile["storage"]["properties"].pop("prepare")
    return {"$schema": _DIALECT, **schema, "title": "A mesh (mesh.yaml)"}


def _json_pattern(pattern: str) -> str:
    r"""A pattern of Python's `re`, matched from the start to ``\Z``, as JSON Schema has it."""
    return f"^{pattern.removesuffix(_END)}$"


def _component(kind: str, attributes: Schema) -> Schema:
    """A Dagster component's document with these attributes."""
    return {
        "type": "object",
        "properties": {
            "type": {"const": kind, "description": "the Dagster component"},
            "attributes": attributes,
            "template_vars_module": {"type": "string", "description": "Dagster's own"},
            "requirements": {"type": "object", "description": "Dagster's own"},
            "post_processing": {"type": "object", "description": "Dagster's own"},
        },
        "required": ["type", "attributes"],
        "additionalProperties": False,
    }


def _model(model: type[BaseModel]) -> Schema:
    """The model's own schema without the titles that pydantic makes of names."""
    schema = model.model_json_schema()
    _untitled(schema)
    return schema


def _untitled(node: object) -> None:
    if isinstance(node, list):
        for item in node:
            _untitled(item)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        del node["title"]
    # What may be absent is a text or nothing in Python, but in YAML nobody writes the nothing.
    options = node.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        left = [option for option in options if option != {"type": "null"}]
        del node["anyOf"]
        node.pop("default", None)
        node.update(left[0] if len(left) == 1 else {"anyOf": left})
    for value in node.values():
        _untitled(value)
