"""Properties of a schema object: columns, their types, and the rules that hang on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.model import CLASSIFICATIONS, Column, TextRule
from mesh_defs.contract.odcs.builder import Property, Sentence
from mesh_defs.contract.odcs.enum import add_enum
from mesh_defs.contract.odcs.nested import add_nested
from mesh_defs.contract.odcs.options import add_options
from mesh_defs.contract.odcs.physical import add_type_arguments
from mesh_defs.contract.odcs.storage import effective_type, stored_as_text
from mesh_defs.contract.odcs.values import LOGICAL_TYPES, NESTED, TEMPORAL
from mesh_defs.contract.rules import ColumnType, NoOtherColumns, NotNull, Unique

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty

    from mesh_defs.contract.odcs.builder import Builder
    from mesh_defs.yaml_source import KeyPath


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
    # The primary key's own rule says the same and more; two hash aggregates would say it twice.
    if prop.model.unique and builder.key != [prop.column]:
        builder.rules.append(
            Unique(
                id=builder.identify(f"{prop.name}.unique"),
                dimension="uniqueness",
                column=prop.column,
                line=builder.line((*prop.path, "unique")),
                columns=(prop.column,),
            )
        )
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
    if builder.key:
        first = next(p for p in builder.properties.values() if p.column == builder.key[0])
        builder.rules.append(
            Unique(
                id=builder.identify("primary_key"),
                dimension="uniqueness",
                column=builder.key[0] if len(builder.key) == 1 else None,
                line=builder.line((*first.path, "primaryKey")),
                columns=tuple(builder.key),
                primary_key=True,
            )
        )


def _add_models(builder: Builder) -> None:
    builder.key = _primary_key(builder)
    for prop in builder.properties.values():
        model = prop.model
        position = builder.key.index(prop.column) + 1 if prop.column in builder.key else None
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
            )
        )


def _primary_key(builder: Builder) -> list[str]:
    keyed: list[tuple[int, Property]] = []
    for prop in builder.properties.values():
        position = prop.model.primaryKeyPosition
        placed = position is not None and position > 0
        if placed and not prop.model.primaryKey:
            builder.fault(
                (*prop.path, "primaryKeyPosition"),
                found=Sentence("a position in a primary key that the property is no part of"),
                allowed="primaryKeyPosition only beside 'primaryKey: true'",
                fix="add 'primaryKey: true', or remove primaryKeyPosition",
            )
        elif prop.model.primaryKey:
            keyed.append((position if placed and position else 0, prop))
    positions = [position for position, _ in keyed]
    if len(keyed) > 1 and any(positions) and sorted(positions) != list(range(1, len(keyed) + 1)):
        builder.fault(
            (*keyed[0][1].path, "primaryKeyPosition"),
            found=Sentence(f"positions {', '.join(map(str, positions))} (0: none given)"),
            allowed=f"each of 1 to {len(keyed)} once, or no positions at all",
            fix="number the columns of the primary key in their order, from 1",
        )
    return [prop.column for _, prop in sorted(keyed, key=lambda pair: pair[0])]


def _classification(builder: Builder, prop: Property) -> str:
    word = prop.model.classification
    if word is None:
        return "internal"
    if word not in CLASSIFICATIONS:
        builder.unknown((*prop.path, "classification"), word, CLASSIFICATIONS)
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
