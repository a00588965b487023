"""What the server says of itself (``CommandGetSqlInfo``): drivers of JDBC, ODBC and ADBC ask for it
before anything else. Numbers are those of the enum ``SqlInfo`` of FlightSql.proto."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa

# The members of the union that values are in, by their number there.
_TEXT, _BOOL, _BIG, _INT, _TEXTS, _MAP = range(6)
Value = tuple[int, object]

_KEYWORDS = [
    "ASOF",
    "EXCLUDE",
    "FILTER",
    "GLOB",
    "ILIKE",
    "POSITIONAL",
    "QUALIFY",
    "REPLACE",
    "SAMPLE",
    "SEMI",
    "STRUCT",
    "TRY_CAST",
]
_NUMERIC = [
    "abs",
    "acos",
    "asin",
    "atan",
    "atan2",
    "cbrt",
    "ceil",
    "cos",
    "cot",
    "degrees",
    "exp",
    "floor",
    "ln",
    "log10",
    "log2",
    "pi",
    "pow",
    "radians",
    "round",
    "sign",
    "sin",
    "sqrt",
    "tan",
    "trunc",
]
_STRING = [
    "ascii",
    "chr",
    "concat",
    "contains",
    "ends_with",
    "instr",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "position",
    "regexp_matches",
    "regexp_replace",
    "replace",
    "reverse",
    "right",
    "rpad",
    "rtrim",
    "split_part",
    "starts_with",
    "strlen",
    "substring",
    "trim",
    "upper",
]
_DATETIME = [
    "age",
    "current_date",
    "date_diff",
    "date_part",
    "date_trunc",
    "day",
    "dayname",
    "dayofweek",
    "dayofyear",
    "epoch",
    "extract",
    "hour",
    "last_day",
    "make_date",
    "make_timestamp",
    "minute",
    "month",
    "monthname",
    "now",
    "quarter",
    "second",
    "strftime",
    "strptime",
    "week",
    "year",
]


def _facts() -> dict[int, Value]:
    """All of them."""
    import pyarrow as pa

    return {
        0: (_TEXT, "mesh"),
        1: (_TEXT, version("mesh-defs")),
        2: (_TEXT, pa.__version__),
        3: (_BOOL, True),  # read only
        4: (_BOOL, True),  # SQL
        5: (_BOOL, False),  # Substrait
        8: (_INT, 0),  # no transactions
        9: (_BOOL, True),  # queries can be cancelled
        10: (_BOOL, False),  # no ingestion
        11: (_BOOL, False),
        100: (_INT, 0),
        101: (_INT, 0),
        **_syntax(),
        **_limits(),
    }


def _syntax() -> dict[int, Value]:
    yes = (515, 516, 518, 520, 521, 523, 532, 539)
    no = (500, 501, 502, 506, 519, 524, 527, 536, 537, 556, 563, 565, 566, 572, 573, 574, 575, 576)
    return {
        **dict.fromkeys(yes, (_BOOL, True)),
        **dict.fromkeys(no, (_BOOL, False)),
        503: (_INT, 1),  # names: case does not matter
        504: (_TEXT, '"'),
        505: (_INT, 1),
        507: (_INT, 3),  # nulls at the end
        508: (_TEXTS, _KEYWORDS),
        509: (_TEXTS, _NUMERIC),
        510: (_TEXTS, _STRING),
        511: (_TEXTS, []),
        512: (_TEXTS, _DATETIME),
        513: (_TEXT, "\\"),
        514: (_TEXT, ""),
        517: (_MAP, []),
        522: (_INT, 0b11),  # GROUP BY: unrelated, beyond the select list
        525: (_INT, 0b11),  # grammar: minimum, core
        526: (_INT, 0b1),  # ANSI 92: entry
        528: (_INT, 2),  # all outer joins
        529: (_TEXT, "product"),
        530: (_TEXT, ""),
        531: (_TEXT, "domain"),
        533: (_INT, 0),
        534: (_INT, 0),
        535: (_INT, 0),
        538: (_INT, 0b1111),  # subqueries: everywhere
        540: (_INT, 0b11),  # UNION, UNION ALL
        562: (_INT, 0),
        564: (_INT, 0b1),
        567: (_INT, 0b10),  # results: forward only
        568: (_INT, 0b10),  # and read only
        569: (_INT, 0b10),
        570: (_INT, 0),
        571: (_INT, 0),
    }


def _limits() -> dict[int, Value]:
    from mesh_defs.gateway.query.allow import MOST_CHARACTERS
    from mesh_defs.gateway.query.tree import MOST_RELATIONS

    unknown = (*range(541, 556), 558, 559, 561)
    known = {557: MOST_CHARACTERS, 560: MOST_RELATIONS}
    return {
        **dict.fromkeys(unknown, (_BIG, 0)),
        **{number: (_BIG, most) for number, most in known.items()},
    }


def sql_info_schema() -> pa.Schema:
    """The columns of the answer."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("info_name", pa.uint32(), nullable=False),
            pa.field("value", pa.dense_union(_members())),
        ]
    )


def sql_info(asked: Collection[int]) -> pa.Table:
    """The facts whose numbers are ``asked``, all of them when none is; of numbers that are unknown
    there is nothing."""
    import pyarrow as pa

    facts = {number: fact for number, fact in _facts().items() if not asked or number in asked}
    members: list[list[Any]] = [[] for _ in _members()]
    kinds, offsets = [], []
    for kind, value in facts.values():
        kinds.append(kind)
        offsets.append(len(members[kind]))
        members[kind].append(value)
    fields = _members()
    values = pa.UnionArray.from_dense(
        pa.array(kinds, pa.int8()),
        pa.array(offsets, pa.int32()),
        [pa.array(each, field.type) for each, field in zip(members, fields, strict=True)],
        [field.name for field in fields],
    )
    names = pa.array(facts, pa.uint32())
    return pa.Table.from_arrays([names, values], schema=sql_info_schema())


def _members() -> list[pa.Field]:
    import pyarrow as pa

    return [
        pa.field("string_value", pa.string()),
        pa.field("bool_value", pa.bool_()),
        pa.field("bigint_value", pa.int64()),
        pa.field("int32_bitmask", pa.int32()),
        pa.field("string_list", pa.list_(pa.string())),
        pa.field("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
    ]
