"""Properties of a schema object: columns, their types, and the rules that hang on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.model import CLASSIFICATIONS, Column, TextRule
from mesh_defs.contract.odcs.builder import Property, Sentence
from mesh_defs.contract.odcs.enum import add_enum
from mesh_defs.contract.odcs.keys import add_primary_key, add_unique, primary_key
from mesh_defs.contract.odcs.nested import add_nested
from mesh_defs.contract.odcs.options import add_options
from mesh_defs.contract.odcs.physical import add_type_arguments
from mesh_defs.contract.odcs.places import below
from mesh_defs.contract.odcs.storage import effective_type, stored_as_text
from mesh_defs.contract.odcs.values import LOGICAL_TYPES, NESTED, TEMPORAL
from mesh_defs.contract.rules import ColumnType, NoOtherColumns, NotNull

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty

    from mesh_defs.contract.odcs.builder import Builder
    from mesh_defs.yaml_source import KeyPath

_RANKS = {word: rank for rank, word in enumerate(CLASSIFICATIONS)}


def add_columns(builder: Builder) -> None:
    """Find the columns of the object, so that every other part can refer to them."""
    seen: dict[str, str] = {}
    for index, model in enumerate(builder.model.properties or ()):
        path = (*builder.path, "properties", index)
        if not model.name:
            if path not in builder.broken:
                builder.fault(
                    path,
                    found=Sentence("a property without a name"),
                    allowed="'name': the name of the column",
                    fix="add 'name:'",
                )
            continue
        column = model.physicalName or model.name
        if column.lower() in seen:
            builder.fault(
                (*path, "name"),
                found=Sentence(f"the column '{column}' a second time"),
                allowed="each column once, capitals do not count",
                fix="rename or remove one of the two",
            )
            continue
        seen[column.lower()] = column
        if model.semanticType == "measure":  # an aggregate that no column holds (ODCS 3.2)
            text = f"measure {model.name}: {model.transformLogic or model.description or ''}"
            builder.texts.append(TextRule(None, text.strip(" :")))
            _refuse_rules_of_measure(builder, model, path)
            continue
        builder.properties[model.name] = Property(model.name, column, model, path)
    _add_models(builder)


def add_column_rules(builder: Builder, prop: Property) -> None:
    """Add the rules that one property states by itself: type, required, unique, options, enum and
    what lies nested below it."""
    if not _known_type(builder, prop):
        return
    _add_type(builder, prop)
    line = builder.line((*prop.path, "required"))
    if prop.model.required:
        builder.rules.append(
            NotNull(
                id=builder.identify(f"{prop.name}.required"),
                dimension="completeness",
                column=prop.column,
                line=line,
            )
        )
    add_unique(builder, prop)
    add_type_arguments(builder, prop)
    add_options(builder, prop)
    add_enum(builder, prop)
    add_nested(builder, prop)


def add_object_rules(builder: Builder, *, closed: bool) -> None:
    """Add what speaks of all columns: that there are no others (``closed``), and the key."""
    names = tuple(column.name for column in builder.columns)
    if closed and names:
        builder.rules.append(
            NoOtherColumns(
                id=builder.identify("no_other_columns"),
                dimension="conformity",
                line=builder.line((*builder.path, "properties")),
                columns=names,
            )
        )
    add_primary_key(builder)


def _add_models(builder: Builder) -> None:
    builder.key = primary_key(builder)
    keyed = [prop.column for prop in builder.key]
    for prop in builder.properties.values():
        model = prop.model
        position = keyed.index(prop.column) + 1 if prop.column in keyed else None
        builder.columns.append(
            Column(
                name=prop.column,
                logical_type=model.logicalType,
                physical_type=model.physicalType,
                required=bool(model.required),
                unique=bool(model.unique),
                primary_key_position=position,
                classification=_classification(builder, prop),
                description=model.description,
                business_name=model.businessName,
                tags=tuple(model.tags or ()),
                line=builder.line(prop.path),
                classified=model.classification is not None,
            )
        )


def _classification(builder: Builder, prop: Property) -> str:
    """How protected the column is: as much as the most protected of what lies inside it, which is
    shown wherever the column is."""
    own = _known_classification(builder, prop.path, prop.model)
    inside = [_known_classification(builder, path, model) for path, model in below(prop)]
    words = [word for word in inside if word is not None and word in CLASSIFICATIONS]
    return max([own or "internal", *words], key=lambda word: _RANKS.get(word, 0))


def _known_classification(builder: Builder, path: KeyPath, model: SchemaProperty) -> str | None:
    word = model.classification
    if word is not None and word not in CLASSIFICATIONS:
        builder.unknown((*path, "classification"), word, CLASSIFICATIONS)
    return word


def _known_type(builder: Builder, prop: Property) -> bool:
    logical = prop.model.logicalType
    if logical is None or logical in LOGICAL_TYPES:
        return True
    builder.unknown((*prop.path, "logicalType"), logical, LOGICAL_TYPES)
    return False


def _add_type(builder: Builder, prop: Property) -> None:
    logical = effective_type(prop.model)
    if (logical in TEMPORAL or logical in NESTED) and stored_as_text(prop.model):
        logical = None  # its text is checked by format or as JSON; the column itself is text
    builder.rules.append(
        ColumnType(
            id=builder.identify(f"{prop.name}.type"),
            dimension="conformity",
            column=prop.column,
            line=builder.line(prop.path),
            logical=logical,
            physical=prop.model.physicalType,
        )
    )


def _refuse_rules_of_measure(builder: Builder, model: SchemaProperty, path: KeyPath) -> None:
    keys = ("required", "unique", "primaryKey", "quality", "relationships", "enum")
    for key in keys:
        if getattr(model, key):
            builder.fault(
                (*path, key),
                found=Sentence(f"'{key}' on a measure, which no column holds"),
                allowed="rules on columns and dimensions",
                fix=f"remove '{key}', or write the rule as SQL in the object's 'quality'",
            )
