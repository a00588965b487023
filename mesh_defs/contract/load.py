"""From an ODCS document to what it means for each port: columns, rules, texts, service levels."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject

from mesh_defs import yaml_source
from mesh_defs.contract.model import Contract, PortContract, ServiceLevels
from mesh_defs.contract.odcs.builder import Builder, Sentence
from mesh_defs.contract.odcs.columns import add_column_rules, add_columns, add_object_rules
from mesh_defs.contract.odcs.custom import check_custom
from mesh_defs.contract.odcs.quality import add_quality
from mesh_defs.contract.odcs.relationships import (
    add_object_relationships,
    add_property_relationships,
)
from mesh_defs.contract.odcs.shape import Cleaned, clean
from mesh_defs.contract.odcs.sla import Levels
from mesh_defs.contract.rules import ColumnType, NoOtherColumns, Unrunnable
from mesh_defs.faults import Fault, relative
from mesh_defs.validation import shown, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.yaml_source import Document, KeyPath

WRITTEN_VERSION = "v3.1.0"
_ACCEPTED = re.compile(r"v3\.(?:0\.[0-9]+|1\.0|2\.0)\Z")
_ACCEPTED_TEXT = "v3.1.0 (what this mesh writes), v3.0.x, v3.2.0"
_SMALLEST = (
    f"'apiVersion: {WRITTEN_VERSION}', 'kind: DataContract', id, version, status, and 'schema:' "
    "with the port's properties"
)
_REQUIRED = ("version", "id", "status")
_FRAGMENT_KEYS = ("properties", "quality")


def load_contract(path: Path, root: Path | None = None) -> tuple[Contract | None, list[Fault]]:
    """Read the ODCS document at ``path``; the contract is None when there is any fault.

    Faults name the file relative to ``root``, come in the order of their lines, and are all that
    the document has. Raises nothing for what a person wrote, nor for a file that cannot be read.
    """
    contract, faults = read_contract(path, root)
    return (None if faults else contract), faults


def read_contract(path: Path, root: Path | None = None) -> tuple[Contract | None, list[Fault]]:
    """As `load_contract`, but what is sound in a document with faults comes with them, so that it
    can be looked at further. It must not be used for anything else."""
    file = relative(path, root)
    try:
        content = yaml_source.read_source(path)
        text = content.decode("utf-8")
    except yaml_source.TooLarge:
        return None, [yaml_source.too_large(file)]
    except (OSError, UnicodeDecodeError) as error:
        return None, [_unreadable(file, error)]
    documents, faults = yaml_source.parse(text, file)
    if faults:
        return None, faults
    if all(document.data is None for document in documents):
        return None, [Fault(file, 1, "", "an empty file", _SMALLEST, f"write {_SMALLEST}")]
    if len(documents) != 1:
        found, fix = f"{len(documents)} documents", "write one contract in each file"
        return None, [documents[1].fault((), found=found, allowed="one ODCS document", fix=fix)]
    document = documents[0]
    faults = _version_faults(document)
    if faults:
        return None, faults
    cleaned = clean(document, (), document.data, OpenDataContractStandard)
    model = validate(OpenDataContractStandard, document, (), cleaned.value)
    if isinstance(model, list):
        return None, _in_order([*cleaned.faults, *model])
    ports, faults = _ports(document, model, cleaned)
    faults = _in_order([*cleaned.faults, *_missing(document, model, cleaned), *faults])
    contract = Contract(
        path=path,
        digest=hashlib.sha256(content).hexdigest(),
        api_version=str(model.apiVersion),
        id=str(model.id),
        version=str(model.version),
        document=model,
        ports=ports,
    )
    return contract, faults


def parse_fragment(
    document: Document, path: KeyPath, name: str, data: object
) -> tuple[PortContract, list[Fault]]:
    """Read ``properties`` and ``quality`` as in an ODCS schema object, from another document.

    ``data`` stands at ``path`` of ``document``; ``name`` is what its relation is called. Columns
    that it names must exist with their types; other columns are welcome. Raises nothing for what
    a person wrote.
    """
    cleaned = clean(document, path, data, SchemaObject, only=_FRAGMENT_KEYS)
    empty = PortContract(name, None, (), (), (), ServiceLevels())
    model = validate(SchemaObject, document, path, {"name": name, **cleaned.value})
    if isinstance(model, list):
        return empty, _in_order([*cleaned.faults, *model])
    builder = Builder(document, path, name, model, [model], cleaned.broken)
    _fill(builder, closed=False)
    if not builder.rules and not builder.faults and not cleaned.faults:
        builder.fault(
            path,
            found=Sentence("an expectation with no executable rule"),
            allowed="'properties' with columns and types, 'quality' with rules, or both",
            fix="write what must be true, or remove the expectation",
        )
    return _port(builder, ServiceLevels()), _in_order([*cleaned.faults, *builder.faults])


def _ports(
    document: Document, model: OpenDataContractStandard, cleaned: Cleaned
) -> tuple[tuple[PortContract, ...], list[Fault]]:
    objects = model.schema_ or []
    builders: list[Builder] = []
    faults: list[Fault] = []
    names: set[str] = set()
    for index, schema_object in enumerate(objects):
        path: KeyPath = ("schema", index)
        fault = _name_fault(document, path, schema_object, names, cleaned)
        faults += fault
        names.add(schema_object.name or "")
        name = schema_object.name or f"object {index + 1}"
        builders.append(Builder(document, path, name, schema_object, objects, cleaned.broken))
    if not builders:
        if ("schema",) not in cleaned.broken:
            faults.append(_no_rules(document, ("schema",), "the contract"))
        return (), faults
    for builder in builders:
        _fill(builder, closed=True)
    levels = Levels(builders)
    for index, sla in enumerate(model.slaProperties or ()):
        if ("slaProperties", index) not in cleaned.broken:
            levels.add(sla, ("slaProperties", index), model.slaDefaultElement)
    for builder in builders:
        faults += builder.faults
        clean_object = not builder.faults and not _touched(builder.path, cleaned)
        if clean_object and not _executable(builder):
            faults.append(_no_rules(document, builder.path, f"'{builder.name}'"))
    return tuple(_port(builder, levels.of(builder)) for builder in builders), faults


def _fill(builder: Builder, *, closed: bool) -> None:
    add_columns(builder)
    for prop in builder.properties.values():
        add_column_rules(builder, prop)
        add_property_relationships(builder, prop)
        add_quality(builder, prop.model.quality, (*prop.path, "quality"), prop)
    add_object_rules(builder, closed=closed)
    add_object_relationships(builder)
    check_custom(builder)
    add_quality(builder, builder.model.quality, (*builder.path, "quality"), None)


def _port(builder: Builder, levels: ServiceLevels) -> PortContract:
    return PortContract(
        name=builder.name,
        description=builder.model.description,
        columns=tuple(builder.columns),
        rules=tuple(builder.rules),
        texts=tuple(builder.texts),
        service_levels=levels,
        inside=tuple(builder.places.values()),
    )


def _executable(builder: Builder) -> bool:
    """Whether any rule looks at the data; types alone describe it, and texts are for people."""
    idle = (ColumnType, NoOtherColumns, Unrunnable)
    return any(not isinstance(rule, idle) for rule in builder.rules)


def _touched(path: KeyPath, cleaned: Cleaned) -> bool:
    return any(broken[: len(path)] == path for broken in cleaned.broken)


def _no_rules(document: Document, path: KeyPath, who: str) -> Fault:
    return document.fault(
        path,
        found=f"a contract with no executable rule ({who} has types and texts at most)",
        allowed="at least one rule on the data: required, unique, primaryKey, logicalTypeOptions, "
        "relationships, quality (library, sql, custom), freshness or retention of a column",
        fix="add a rule that can fail, such as 'required: true' or a primary key",
    )


def _name_fault(
    document: Document,
    path: KeyPath,
    schema_object: SchemaObject,
    names: set[str],
    cleaned: Cleaned,
) -> list[Fault]:
    name = schema_object.name
    if path in cleaned.broken or (name and name not in names):
        return []
    found = f"the name '{name}' a second time" if name else "a schema object without a name"
    allowed = "each object with a name of its own: that of its output port"
    return [document.fault(path, found=found, allowed=allowed, fix="add or change 'name:'")]


def _version_faults(document: Document) -> list[Fault]:
    data = document.data
    if not isinstance(data, dict):
        return [
            document.fault(
                (), found=shown(data), allowed="an ODCS document", fix="write 'key: value' lines"
            )
        ]
    faults = []
    version = data.get("apiVersion")
    if not isinstance(version, str) or not _ACCEPTED.match(version):
        known = isinstance(version, str) and _ACCEPTED.match(f"v{version}")
        faults.append(
            document.fault(
                ("apiVersion",),
                found=f"ODCS version {shown(version)}" if version is not None else "nothing",
                allowed=_ACCEPTED_TEXT,
                fix=f"write 'apiVersion: {f'v{version}' if known else WRITTEN_VERSION}'"
                + ("" if known else " and move the document to it"),
            )
        )
    if data.get("kind") != "DataContract":
        faults.append(
            document.fault(
                ("kind",),
                found=shown(data.get("kind")),
                allowed="DataContract",
                fix="write 'kind: DataContract'",
            )
        )
    return faults


def _missing(document: Document, model: OpenDataContractStandard, cleaned: Cleaned) -> list[Fault]:
    return [
        document.fault(
            (name,), found="nothing", allowed=f"'{name}' is required", fix=f"add '{name}:'"
        )
        for name in _REQUIRED
        if not getattr(model, name) and (name,) not in cleaned.broken
    ]


def _in_order(faults: Sequence[Fault]) -> list[Fault]:
    return sorted(set(faults))


def _unreadable(file: str, error: Exception) -> Fault:
    if isinstance(error, FileNotFoundError):
        return Fault(file, 0, "", "no such file", "an ODCS document", "create it, or mend the path")
    if isinstance(error, UnicodeDecodeError):
        found, fix = f"bytes that are no UTF-8 (at {error.start})", "save the file as UTF-8"
    else:
        found = f"a file that cannot be read ({getattr(error, 'strerror', None) or error})"
        fix = "make it a readable file"
    return Fault(file, 0, "", found, "an ODCS document in UTF-8", fix)
