"""Options of arrays, objects and vectors.

A column may hold them natively or as JSON text; as JSON both read alike, so conditions that are
not about length alone are written on ``TRY_CAST(column AS JSON)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.contract.odcs.conditions import add_condition, add_length, read_sizes
from mesh_defs.contract.odcs.storage import stored_as_text
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from mesh_defs.contract.odcs.builder import Builder, Property

# Names of DuckDB's types for the element types of a vector that it can hold.
_ELEMENTS = {"float32": "FLOAT", "float64": "DOUBLE", "int8": "TINYINT", "uint8": "UTINYINT"}
_OTHER_ELEMENTS = ("bfloat16", "binary", "float16")
UNIT_LENGTH_TOLERANCE = 1e-3  # float32 vectors of some thousand dimensions stay within it


def as_json(column: str) -> str:
    """SQL for the column's value as JSON, whether it is native or JSON text; NULL for other
    text."""
    return f"TRY_CAST({quote(column)} AS JSON)"


def pointer(name: str) -> str:
    """The JSON pointer (RFC 6901) of a member, as an SQL literal."""
    return literal("/" + name.replace("~", "~0").replace("/", "~1"))


def add_array_options(builder: Builder, prop: Property, options: dict[str, Any]) -> None:
    """Add the rules of ``minItems``, ``maxItems`` and ``uniqueItems``."""
    if not stored_as_text(prop.model):
        add_length(builder, prop, options, "minItems", "maxItems")
    else:
        size = f"json_array_length({as_json(prop.column)})"
        _add_size(builder, prop, options, ("minItems", "maxItems"), size, "items")
    if options.get("uniqueItems"):
        items = f"json_extract({as_json(prop.column)}, '$[*]')"
        add_condition(
            builder,
            prop,
            "uniqueItems",
            f"len(list_distinct({items})) <> len({items})",
            f"no item twice in one {prop.column}",
        )


def add_object_options(builder: Builder, prop: Property, options: dict[str, Any]) -> None:
    """Add the rules of ``minProperties``, ``maxProperties`` and ``required``."""
    size = f"len(json_keys({as_json(prop.column)}))"
    _add_size(builder, prop, options, ("minProperties", "maxProperties"), size, "properties")
    if "required" in options:
        value = as_json(prop.column)
        absent = " OR ".join(
            f"json_type({value}, {pointer(name)}) IS NULL" for name in options["required"]
        )
        add_condition(
            builder,
            prop,
            "required_properties",
            f"json_type({value}) = 'OBJECT' AND ({absent})",
            f"every {prop.column} with {', '.join(options['required'])}",
            option="required",
        )


def add_vector(builder: Builder, prop: Property, options: dict[str, Any]) -> None:
    """Add the rules of a vector: its dimensions, its elements and its length."""
    column = quote(prop.column)
    if "dimensions" in options:
        dimensions = options["dimensions"]
        add_condition(
            builder,
            prop,
            "dimensions",
            f"len({column}) <> {int(dimensions)}",
            f"every {prop.column} of {dimensions} dimensions",
        )
    element = options.get("elementType")
    if element in _OTHER_ELEMENTS:
        path = (*prop.path, "logicalTypeOptions", "elementType")
        reason = f"no column here holds vectors of {element}; known are {', '.join(_ELEMENTS)}"
        builder.unrunnable(path, f"{prop.name}.elementType", prop.column, "conformity", reason)
    elif element in _ELEMENTS:
        kind = literal(_ELEMENTS[element])
        add_condition(
            builder,
            prop,
            "elementType",
            f"{column} IS NOT NULL AND split_part(typeof({column}), '[', 1) <> {kind}",
            f"every {prop.column} of {element} elements",
        )
    elif element is not None:
        path = (*prop.path, "logicalTypeOptions", "elementType")
        builder.unknown(path, str(element), [*_ELEMENTS, *_OTHER_ELEMENTS])
    if options.get("normalized"):
        squares = f"list_sum(list_transform({column}, lambda x: CAST(x AS DOUBLE) * x))"
        add_condition(
            builder,
            prop,
            "normalized",
            f"NOT abs(sqrt({squares}) - 1) <= {UNIT_LENGTH_TOLERANCE}",
            f"every {prop.column} of length 1",
        )


def _add_size(
    builder: Builder,
    prop: Property,
    options: dict[str, Any],
    ends: tuple[str, str],
    size: str,
    what: str,
) -> None:
    sizes = read_sizes(builder, prop, options, *ends)
    if not sizes:
        return
    tests, words = [], []
    for name, bound in sizes.items():
        at_least = name.startswith("min")
        tests.append(f"{size} {'<' if at_least else '>'} {bound}")
        words.append(f"{'at least' if at_least else 'at most'} {bound}")
    names = "_".join(sizes)
    violation = " OR ".join(tests)
    expected = f"every {prop.column} with {' and '.join(words)} {what}"
    add_condition(builder, prop, names, violation, expected, option=next(iter(sizes)))
