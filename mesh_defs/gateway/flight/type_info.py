"""The types of columns as JDBC and ODBC number them (``CommandGetXdbcTypeInfo``, and the enums
``XdbcDataType``, ``XdbcDatetimeSubcode``, ``Searchable`` and ``Nullable`` of FlightSql.proto)."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_NULLABLE = 1
_BASIC, _FULL = 2, 3
_DATETIME, _INTERVAL = 9, 10


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """One type, in the order of the answer's columns."""

    type_name: str
    data_type: int
    column_size: int | None
    literal_prefix: str | None = None
    literal_suffix: str | None = None
    create_params: list[str] | None = None
    nullable: int = _NULLABLE
    case_sensitive: bool = False
    searchable: int = _BASIC
    unsigned_attribute: bool | None = None
    fixed_prec_scale: bool = False
    auto_increment: bool | None = None
    local_type_name: str | None = None
    minimum_scale: int | None = None
    maximum_scale: int | None = None
    sql_data_type: int = 0
    datetime_subcode: int | None = None
    num_prec_radix: int | None = None
    interval_precision: int | None = None


def _whole(name: str, number: int, digits: int, *, unsigned: bool = False) -> TypeInfo:
    return TypeInfo(
        name,
        number,
        digits,
        unsigned_attribute=unsigned,
        fixed_prec_scale=True,
        auto_increment=False,
        minimum_scale=0,
        maximum_scale=0,
        sql_data_type=number,
        num_prec_radix=10,
    )


def _float(name: str, number: int, bits: int) -> TypeInfo:
    return TypeInfo(
        name,
        number,
        bits,
        unsigned_attribute=False,
        auto_increment=False,
        sql_data_type=number,
        num_prec_radix=2,
    )


def _moment(name: str, number: int, size: int, kind: int, subcode: int) -> TypeInfo:
    word = name.split(" ")[0]
    return TypeInfo(
        name, number, size, f"{word} '", "'", sql_data_type=kind, datetime_subcode=subcode
    )


def _types() -> list[TypeInfo]:
    return [
        TypeInfo("BOOLEAN", -7, 1, sql_data_type=-7),
        _whole("TINYINT", -6, 3),
        _whole("UTINYINT", -6, 3, unsigned=True),
        _whole("BIGINT", -5, 19),
        _whole("UBIGINT", -5, 20, unsigned=True),
        TypeInfo("BLOB", -3, None, "'", "'::BLOB", sql_data_type=-3),
        TypeInfo(
            "DECIMAL",
            3,
            38,
            create_params=["precision", "scale"],
            unsigned_attribute=False,
            auto_increment=False,
            minimum_scale=0,
            maximum_scale=38,
            sql_data_type=3,
            num_prec_radix=10,
        ),
        _whole("INTEGER", 4, 10),
        _whole("UINTEGER", 4, 10, unsigned=True),
        _whole("SMALLINT", 5, 5),
        _whole("USMALLINT", 5, 5, unsigned=True),
        _float("FLOAT", 7, 24),
        _float("DOUBLE", 8, 53),
        _moment("INTERVAL", 10, 32, _INTERVAL, 110),
        TypeInfo(
            "VARCHAR", 12, None, "'", "'", case_sensitive=True, searchable=_FULL, sql_data_type=12
        ),
        _moment("DATE", 91, 10, _DATETIME, 1),
        _moment("TIME", 92, 15, _DATETIME, 2),
        _moment("TIMESTAMP", 93, 26, _DATETIME, 3),
        _moment("TIMESTAMP WITH TIME ZONE", 93, 32, _DATETIME, 5),
    ]


def type_info_schema() -> pa.Schema:
    """The columns of the answer."""
    import pyarrow as pa

    text, number, yes = pa.string(), pa.int32(), pa.bool_()
    never = {
        "type_name",
        "data_type",
        "nullable",
        "case_sensitive",
        "searchable",
        "fixed_prec_scale",
        "sql_data_type",
    }
    kinds = (
        *(text, number, number, text, text, pa.list_(pa.field("item", text, nullable=False))),
        *(number, yes, number, yes, yes, yes, text, number, number, number, number, number, number),
    )
    return pa.schema(
        [
            pa.field(name, kind, nullable=name not in never)
            for name, kind in zip(TypeInfo.__slots__, kinds, strict=True)
        ]
    )


def type_info(data_type: int | None) -> pa.Table:
    """The types with the number ``data_type`` (None: all), by number and name."""
    import pyarrow as pa

    found = [each for each in _types() if data_type is None or each.data_type == data_type]
    found.sort(key=lambda each: (each.data_type, each.type_name))
    schema = type_info_schema()
    rows = [dict(zip(schema.names, astuple(each), strict=True)) for each in found]
    return pa.Table.from_pylist(rows, schema)
