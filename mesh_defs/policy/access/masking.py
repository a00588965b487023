"""A decision as SQL: the rows and columns that a reader gets in place of a port's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.access.masks import masked
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.policy.access.decision import ColumnDecision, Decision, Grant


def named_columns(decision: Decision, present: Mapping[str, str]) -> dict[str, ColumnDecision]:
    """The columns of the data (name and DuckDB type) that the contract names, with what was decided
    on them; upper and lower case are the same, as they are for DuckDB."""
    decided = {column.name.lower(): column for column in decision.columns}
    return {name: decided[name.lower()] for name in present if name.lower() in decided}


def masked_query(decision: Decision, relation: str, present: Mapping[str, str]) -> str | None:
    """A query over ``relation``, whose columns are ``present``, that yields what ``decision`` lets
    be seen; None when that is no column. It may call the function of
    `mesh_defs.policy.access.masks.install_hash`. Rows come ordered by what is seen alone: their own
    order would rank what is masked."""
    listed = [
        f"{_seen(column, quote(name), present[name])} AS {quote(name)}"
        for name, column in named_columns(decision, present).items()
    ]
    if not listed or not decision.allowed:
        return None
    where = f" WHERE {decision.row_filter}" if decision.row_filter is not None else ""
    return f"SELECT * FROM (SELECT {', '.join(listed)} FROM {relation}{where}) ORDER BY ALL"


def _seen(column: ColumnDecision, name: str, kind: str) -> str:
    if column.clear:
        return name
    grants = list(column.grants)
    last = grants.pop() if grants and grants[-1].rows is None else None
    otherwise = _value(last, name, kind)
    if not grants:
        return otherwise
    types = {_type(grant, kind) for grant in (*grants, last)}
    common = kind if types == {kind} else "VARCHAR"
    cases = [
        f"WHEN {grant.rows} THEN CAST({_value(grant, name, kind)} AS {common})" for grant in grants
    ]
    return f"CASE {' '.join(cases)} ELSE CAST({otherwise} AS {common}) END"


def _value(grant: Grant | None, name: str, kind: str) -> str:
    if grant is None:
        return masked(name, kind, "null", None)
    return name if grant.mask is None else masked(name, kind, grant.mask, grant.to)


def _type(grant: Grant | None, kind: str) -> str:
    """The type of what ``grant`` shows; only a hash has another than the column's."""
    return "VARCHAR" if grant is not None and grant.mask == "hash" else kind
