"""JSON Schemas of what people write, made from the models, so that editors complete and check it.

Draft 2020-12 (json-schema.org). The files lie in ``schemas/`` of a mesh; a manifest names its own
in its first line: ``# yaml-language-server: $schema=../../../schemas/product.schema.json``.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from mesh_defs.drivers.registry import SOURCES, STORAGES, built_in
from mesh_defs.names import reserved
from mesh_defs.policy.access.principals import NAME as PRINCIPAL
from mesh_defs.policy.access.principals import ROLE, PrincipalsFile
from mesh_defs.policy.access.schema import FILE as CEDAR_FILE
from mesh_defs.policy.access.schema import cedar_schema
from mesh_defs.policy.registry import SHIPPED
from mesh_defs.product.described.keys import discovery_schema
from mesh_defs.product.domain import DomainManifest
from mesh_defs.product.envelope import DOMAIN_TYPE, FOLDER_TYPE
from mesh_defs.product.manifest import COMPONENT_TYPE, Manifest
from mesh_defs.product.manifest import OWNER as OWNER
from mesh_defs.product.manifest import SEMVER as SEMVER
from mesh_defs.services import SERVICE_KEYS, STORAGE_KEYS
from mesh_defs.settings import MeshFile
from mesh_defs.urls import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from mesh_defs.drivers.options import Options
    from mesh_defs.drivers.registry import Kind
    from mesh_defs.names import Named

    Schema = dict[str, Any]

FOLDER = "schemas"
PRODUCT, DOMAIN, MESH, PRINCIPALS = "product", "domain", "mesh", "principals"
DISCOVERY = "discovery"
_JSON_TYPES: dict[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
}
_END = r"\Z"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_name(kind: str) -> str:
    """The file of a schema: ``product.schema.json``."""
    return f"{kind}.schema.json"


def schemas() -> dict[str, Schema]:
    """Every schema by its kind: `PRODUCT`, `DOMAIN`, `MESH`, `PRINCIPALS`, of files that people
    write; and `DISCOVERY`, of the documents in which products describe themselves."""
    return {
        PRODUCT: product_schema(),
        DOMAIN: domain_schema(),
        MESH: mesh_schema(),
        PRINCIPALS: principals_schema(),
        DISCOVERY: discovery_schema(),
    }


def rendered(schema: Schema) -> str:
    """The text of a schema's file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(root: Path) -> list[Path]:
    """Write the schemas below ``root``, that of access rules with them; the files that changed."""
    texts = {file_name(kind): rendered(schema) for kind, schema in schemas().items()}
    changed = []
    for name, text in {**texts, CEDAR_FILE: cedar_schema()}.items():
        file = root / FOLDER / name
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
    properties["inputs"]["propertyNames"] = _port_names("input")
    properties["outputs"]["propertyNames"] = _port_names("output")
    _short_forms(definitions, properties)
    _policies(definitions)
    _modes(definitions["Output"])
    return {
        "$schema": _DIALECT,
        "title": "A data product of the mesh (defs.yaml)",
        **_component(COMPONENT_TYPE, attributes),
        "$defs": definitions,
    }


def _port_names(what: Named) -> Schema:
    return {"pattern": _json_pattern(NAME.pattern), "not": {"enum": sorted(reserved(what))}}


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


def _policies(definitions: Schema) -> None:
    """A policy is its name alone or a mapping, and every list of words may be one word."""
    entry, where = definitions["PolicyEntry"], definitions["Where"]
    named = entry["properties"]["policy"]
    named["examples"] = list(SHIPPED)
    for each in (*where["properties"].values(), entry["properties"]["environment"]):
        words = {"type": each.pop("type"), "items": each.pop("items")}
        each["anyOf"] = [{"type": "string"}, words]
    name = {"type": "string", "description": named["description"], "examples": list(SHIPPED)}
    definitions["PolicyEntry"] = {
        "description": entry["description"],
        "anyOf": [name, entry],
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
    definitions = attributes.pop("$defs", {})
    _policies(definitions)
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
        "$defs": definitions,
    }


def mesh_schema() -> Schema:
    """``mesh.yaml``."""
    schema = _model(MeshFile)
    _policies(schema["$defs"])
    profile = schema["$defs"]["Profile"]["properties"]
    profile["services"]["propertyNames"] = {"pattern": _json_pattern(NAME.pattern)}
    driver = {"type": "string", "description": "the driver's name"}
    hook = {
        "type": "string",
        "pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        "description": "module:function that makes the system before products read it",
    }
    storage, service = profile["storage"], profile["services"]["additionalProperties"]
    storage["properties"] = {"driver": driver}
    storage["allOf"] = _by_driver(STORAGES, STORAGE_KEYS)
    service["properties"] = {"driver": driver, "prepare": hook}
    service["allOf"] = _by_driver(SOURCES, SERVICE_KEYS)
    service["required"] = ["driver"]
    return {"$schema": _DIALECT, **schema, "title": "A mesh (mesh.yaml)"}


def principals_schema() -> Schema:
    """``principals.yaml``."""
    schema = _model(PrincipalsFile)
    for section in schema["properties"].values():
        section["propertyNames"] = {"pattern": _json_pattern(PRINCIPAL.pattern)}
        section["additionalProperties"] = {
            "anyOf": [section["additionalProperties"], {"type": "null"}]
        }
    roles = schema["$defs"]["PrincipalEntry"]["properties"]["roles"]
    roles["items"]["pattern"] = _json_pattern(ROLE.pattern)
    return {"$schema": _DIALECT, **schema, "title": "Who reads a mesh (principals.yaml)"}


def _by_driver(kind: Kind, others: tuple[str, ...]) -> list[Schema]:
    """What each driver that is built in takes; a service with a hook may have more for the hook."""
    return [
        {
            "if": {"properties": {"driver": {"const": name}}, "required": ["driver"]},
            "then": _driver_settings(options, others),
        }
        for name, options in built_in(kind).items()
    ]


def _driver_settings(options: Options, others: tuple[str, ...]) -> Schema:
    settings: Schema = {
        "properties": {
            name: {"type": _JSON_TYPES[option.kind], "description": option.description}
            for name, option in options.known.items()
        },
        "required": [name for name, option in options.known.items() if option.required],
        "dependentRequired": {
            name: [option.only_with]
            for name, option in options.known.items()
            if option.only_with is not None
        },
    }
    closed = {"propertyNames": {"enum": [*others, *options.known]}}
    settings["anyOf"] = [closed, {"required": ["prepare"]}] if "prepare" in others else [closed]
    if options.one_of:
        settings["allOf"] = [
            {"oneOf": [{"required": [name]} for name in group]} for group in options.one_of
        ]
    return settings


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
