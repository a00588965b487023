"""The first parser's word: sqlglot's tree of a statement against lists of what may stand in it.

It is independent of the second (`mesh_defs.gateway.query.tree`): another parser, other lists. A
text that the two read differently is refused by one of them, or by their finding other relations.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from mesh_defs.faults import did_you_mean
from mesh_defs.gateway.query.faults import BadQuery, place
from mesh_defs.gateway.query.functions import FUNCTIONS, TABLE_FUNCTIONS
from mesh_defs.gateway.query.parser import too_deep

if TYPE_CHECKING:
    from sqlglot import Token, exp

MOST_DEPTH = 240
_MOST_CUBE = 8
_MOST_TOKENS = 4000
_MOST_BRACKETS = 256
_MOST_CALLS = 64
_MOST_NAME = 256
_NAMED = """
Add Alias Aliases All And Any Array AtTimeZone Between BitwiseAnd BitwiseLeftShift BitwiseNot
BitwiseOr BitwiseRightShift BitwiseXor Boolean Bracket ByteString CTE Case Cast Coalesce Collate
Column ColumnDef Columns Cube CurrentDate CurrentTime CurrentTimestamp DPipe DataType
DataTypeParam Distinct Div Dot EQ Escape Except Exists Explode Extract Filter From GT GTE
GenerateSeries Glob Group Grouping GroupingSets Having HexString ILike Identifier If IgnoreNulls
In IntDiv Intersect Interval IntervalSpan Is JSONExtractScalar JSONPath JSONPathKey JSONPathRoot
JSONPathSubscript JSONPathWildcard Join Kwarg LT LTE Lateral Like Limit LimitOptions Literal
Localtime Localtimestamp Mod Mul NEQ Neg Not Null NullSafeEQ NullSafeNEQ Nullif Offset Or Order
Ordered Parameter Paren Placeholder PositionalColumn Pow PropertyEQ Qualify RawString RegexpLike
RespectNulls Rollup Select SimilarTo Slice Star Struct Sub Subquery Table TableAlias TimeUnit
ToMap Trim TryCast Tuple Union Unnest Values Var Where Window WindowSpec With WithinGroup
"""
_KINDS = frozenset(_NAMED.split())
_BEGINNINGS = frozenset({"SELECT", "WITH", "FROM", "TABLE", "("})
# With some of them sqlglot makes another node of the same function.
_ARGUMENTS = (
    *("", "a", "a, b", "a, b, c", "a, b, c, d", "'day', a", "'day', a, b", "a, 'b', 'g'"),
    *("a::DATE", "'day', a::DATE", "'day', a::TIMESTAMP", "a::DATE, b", "a, 'b', c, 'g'"),
)
_STATEMENTS = "one statement that reads: SELECT, WITH ... SELECT, set operations"


class Unlisted(BadQuery):
    """A part of a statement that stands on no list here; the other parser may know its name."""


def relations(sql: str) -> frozenset[tuple[str, ...]]:
    """Check ``sql``; the names of the relations that it reads, by their parts, in lower case, those
    that a WITH anywhere in it gives left out. Raises `BadQuery`."""
    from sqlglot import exp

    statement = _parsed(sql)
    withs = {cte.alias.lower() for cte in statement.find_all(exp.CTE)}
    found: set[tuple[str, ...]] = set()
    cubed = 0
    if any(node.depth > MOST_DEPTH for node in statement.walk()):
        raise too_deep()
    for node in statement.walk():
        _check(node, sql)
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            parts = tuple(str(part.name).lower() for part in node.parts)
            if len(parts) > 1 or parts[0] not in withs:
                found.add(parts)
        elif isinstance(node, exp.Cube | exp.Rollup):
            cubed += len(node.expressions)
    if cubed > _MOST_CUBE:
        raise BadQuery(f"CUBE and ROLLUP over {cubed} columns", f"{_MOST_CUBE} in all", "use fewer")
    return frozenset(found)


def _parsed(sql: str) -> exp.Query:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        # What is no query is not even parsed: sqlglot would log its text.
        _check_starts(sqlglot.tokenize(sql, dialect="duckdb"))
        statements = sqlglot.parse(sql, dialect="duckdb")
    except RecursionError:
        raise too_deep() from None
    except SqlglotError as error:
        first = (getattr(error, "errors", None) or [{}])[0]
        said = str(first.get("description") or "text that is no SQL")
        line, column = int(first.get("line") or 0), int(first.get("col") or 0)
        fix = "mend the SQL"
        raise BadQuery(said, _STATEMENTS, fix, line=line, column=column) from None
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError):
        # Its parser stumbles like this over text such as "-> AS".
        raise BadQuery("text that is no SQL", _STATEMENTS, "mend the SQL") from None
    statement = statements[0] if len(statements) == 1 else None
    if not isinstance(statement, exp.Select | exp.SetOperation | exp.Subquery):
        raise BadQuery("a statement that is no query", _STATEMENTS, "write a SELECT")
    return statement


def _check_starts(tokens: list[Token]) -> None:
    """``tokens`` are of one statement, which begins like one that reads."""
    from sqlglot import TokenType

    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens = tokens[:-1]
    if not tokens:
        raise BadQuery("no statement", _STATEMENTS, "write a SELECT")
    more = sum(token.token_type == TokenType.SEMICOLON for token in tokens)
    if more:
        raise BadQuery(f"{more + 1} statements", _STATEMENTS, "send one statement at a time")
    _check_size(tokens)
    first = str(tokens[0].text).upper()
    if first not in _BEGINNINGS:
        raise BadQuery(f"a statement {first}", _STATEMENTS, "write a SELECT")


def _check_size(tokens: list[Token]) -> None:
    """Parsing takes the square of the length of chains such as ``x[1][1]`` and ``x.f().g()``, and
    no other thread runs meanwhile."""
    from sqlglot import TokenType

    kinds = [token.token_type for token in tokens]
    calls = sum(pair == (TokenType.R_PAREN, TokenType.DOT) for pair in pairwise(kinds))
    for found, most, unit in (
        (len(kinds), _MOST_TOKENS, "words and signs"),
        (kinds.count(TokenType.L_BRACKET), _MOST_BRACKETS, "square brackets"),
        (calls, _MOST_CALLS, "calls on what a call gives"),
    ):
        if found > most:
            raise BadQuery(f"{found} {unit}", f"{most} of them", "send a shorter statement")


def _check(node: exp.Expr, sql: str) -> None:
    from sqlglot import exp

    kind = type(node).__name__
    if isinstance(node, exp.Anonymous):
        if str(node.this).lower() not in FUNCTIONS or isinstance(node.parent, exp.Dot):
            raise _unknown_function(str(node.this), node, sql)
    elif kind not in _KINDS and type(node) not in _typed_functions():
        raise _bad(f"{_words(node)}", "remove it", node, sql)
    if isinstance(node, exp.Identifier) and len(node.name) > _MOST_NAME:
        raise _bad(f"a name of {len(node.name)} characters", "shorten it", node, sql)
    if isinstance(node, exp.With) and node.args.get("recursive"):
        raise _bad("WITH RECURSIVE", "join as many times as it takes", node, sql)
    if isinstance(node, exp.Table):
        _check_table(node, sql)


def _check_table(node: exp.Table, sql: str) -> None:
    from sqlglot import exp

    if isinstance(node.this, exp.Identifier):
        return
    called = node.this
    name = called.name if isinstance(called, exp.Anonymous) else _words(called)
    allowed = (exp.GenerateSeries, exp.Unnest, exp.Explode)
    plain = isinstance(called, exp.Anonymous) and name.lower() in TABLE_FUNCTIONS
    if not isinstance(called, allowed) and not plain:
        raise _bad(f"the table function '{name}'", "read a port: domain.product.port", node, sql)


@cache
def _typed_functions() -> frozenset[type]:
    """What sqlglot makes of the functions that are allowed."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    made: set[type] = set()
    for name in sorted(FUNCTIONS):
        for arguments in _ARGUMENTS:
            try:
                tree = sqlglot.parse_one(f"SELECT {name}({arguments})", dialect="duckdb")
            except SqlglotError:
                continue
            made |= {type(n) for n in tree.walk() if isinstance(n, exp.Func | exp.Condition)}
    return frozenset(made - {exp.Anonymous, exp.Command})


def _unknown_function(name: str, node: exp.Expr, sql: str) -> Unlisted:
    line, column = _place(node, sql)
    return Unlisted(
        f"the function '{name}'",
        "functions of numbers, text, time, lists and JSON that look at their arguments alone",
        did_you_mean(name.lower(), FUNCTIONS),
        line=line,
        column=column,
    )


def _bad(found: str, fix: str, node: exp.Expr, sql: str) -> Unlisted:
    line, column = _place(node, sql)
    allowed = "selections, joins, set operations, values, expressions and the listed functions"
    return Unlisted(found, allowed, fix, line=line, column=column)


def _words(node: exp.Expr) -> str:
    from sqlglot import exp

    if isinstance(node, exp.Func) and not isinstance(node, exp.Anonymous):
        return f"{node.sql_name().lower()}()"
    return f"of the kind {type(node).__name__}"


def _place(node: exp.Expr, sql: str) -> tuple[int, int]:
    starts = [each.meta["start"] for each in node.walk() if "start" in each.meta]
    return place(sql, min(starts, default=None))
