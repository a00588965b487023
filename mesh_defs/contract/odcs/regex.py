"""Regular expressions of a contract: ECMA-262 as ODCS says, run by RE2 as DuckDB does."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from math import prod

from mesh_defs.sql import literal

# Escapes that mean the same in ECMA-262, in Python and in RE2.
_SHARED_ESCAPE = re.compile(r"\\(?:[dDwWsSbBtnrfv]|[^A-Za-z0-9_])")
_UNICODE_ESCAPE = re.compile(
    r"((?:^|[^\\])(?:\\\\)*)\\u(?:([0-9A-Fa-f]{4})|\{([0-9A-Fa-f]{1,6})\})"
)
_NAMED_GROUP = re.compile(r"\(\?<(?=[A-Za-z_])")
_COUNT = re.compile(r"\{(\d*),?(\d*)\}")
_MAX_COUNT = 1000  # RE2 allows a thousand repetitions, nested ones multiplied


def translate(pattern: str) -> str:
    """``pattern`` in RE2's spelling: ``\\uXXXX`` and named groups are written differently."""
    previous = None
    while previous != pattern:  # neighbours overlap in the character before the backslash
        previous = pattern
        pattern = _UNICODE_ESCAPE.sub(lambda m: f"{m[1]}\\x{{{m[2] or m[3]}}}", pattern)
    return _NAMED_GROUP.sub("(?P<", pattern)


@lru_cache(maxsize=4096)
def malformed(pattern: str) -> str | None:
    """Why ``pattern`` is no regular expression in any dialect we know; None when it is one."""
    problem = _python_problem(pattern)
    return problem if problem is not None and _re2_problem(pattern) is not None else None


@lru_cache(maxsize=4096)
def unsupported(pattern: str) -> str | None:
    """Why DuckDB cannot run ``pattern`` (look-around, back references); None when it can."""
    if _plain(pattern) and _python_problem(pattern) is None:
        return None
    return _re2_problem(pattern)


def _plain(pattern: str) -> bool:
    """Whether every dialect reads the pattern alike, so that DuckDB need not be asked."""
    rest = _SHARED_ESCAPE.sub("x", pattern)
    if "\\" in rest or "(?" in rest or "[[" in rest or re.search(r"[*+?}]\+", rest):
        return False
    counts = [int(text) for pair in _COUNT.findall(rest) for text in pair if text]
    return prod(max(count, 1) for count in counts) <= _MAX_COUNT


def _python_problem(pattern: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(_NAMED_GROUP.sub("(?P<", pattern))
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return None


def _re2_problem(pattern: str) -> str | None:
    import duckdb

    with duckdb.connect() as connection:
        try:
            # A literal, as a parameter makes DuckDB look for pandas, which takes half a second.
            connection.execute(f"SELECT regexp_matches('', {literal(translate(pattern))})")
        except duckdb.Error as error:
            return str(error).splitlines()[0].removeprefix("Invalid Input Error: ")
    return None
