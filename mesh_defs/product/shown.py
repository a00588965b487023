"""What a reader is shown of a version's record: of values that are masked, neither rows nor what
describes them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.policy.access.decision import Decision
    from mesh_defs.product.ledger import PortRecord, Record

NOT_SHOWN = "not shown: it may tell of what you may not read in clear"

# These say no more than how many rows of their own column break a rule, or its times. Queries and
# other engines say what they like.
_OF_ONE_COLUMN = frozenset({"statistics", "scan", "key", "join"})
_OF_TYPES = "schema"
_NOTHING: frozenset[str] = frozenset()


def shown_record(record: Record, port: str, decision: Decision, version: int) -> Record:
    """``record`` as who may read ``port`` of ``version`` as ``decision`` says is shown it.

    Whole is that port of that version where it is all clear. Else there are no sample rows, of
    profiles and of what checks observed only what is of columns in clear, and of times and cursors
    nothing. Other ports, other versions and inputs count as if nothing of them was in clear: the
    decision is not about them.
    """
    own = port if record.version == version else None
    ports = {
        name: each
        if name == own and decision.clear
        else _port(each, decision if name == own else None)
        for name, each in record.ports.items()
    }
    inputs = tuple(_verdict(verdict, _NOTHING) for verdict in record.expectations)
    return replace(record, ports=ports, expectations=inputs)


def _port(port: PortRecord, decision: Decision | None) -> PortRecord:
    clear = _clear(decision) if decision is not None else _NOTHING
    return replace(
        port,
        verdicts=tuple(_verdict(verdict, clear) for verdict in port.verdicts),
        profile=_profile(port.profile, clear),
        cursor=None,
        actual_from=None,
        actual_to=None,
    )


def _clear(decision: Decision) -> frozenset[str]:
    """The columns in clear, in lower case. None is where rows are left out: what is said of a
    column is said of all its rows."""
    if decision.row_filter is not None:
        return _NOTHING
    return frozenset(column.name.lower() for column in decision.columns if column.clear)


def _profile(profile: Mapping[str, Any], clear: frozenset[str]) -> dict[str, Any]:
    columns = {n: c for n, c in profile.get("columns", {}).items() if n.lower() in clear}
    return {**profile, "columns": columns} if columns else {}


def _verdict(verdict: Verdict, clear: frozenset[str]) -> Verdict:
    quiet = replace(
        verdict,
        samples=(),
        findings=tuple(_finding(finding, clear) for finding in verdict.findings),
    )
    if verdict.decided_by == _OF_TYPES or (verdict.stage == "policy" and verdict.ok):
        return quiet
    if verdict.decided_by in _OF_ONE_COLUMN and _named(verdict.column, clear):
        return quiet
    reason = NOT_SHOWN if verdict.reason is not None else None
    return replace(quiet, observed=NOT_SHOWN, reason=reason)


def _finding(finding: Mapping[str, Any], clear: frozenset[str]) -> dict[str, Any]:
    found = {name: value for name, value in finding.items() if name != "samples"}
    if "samples" in finding:
        found["samples"] = []
    if not _named(finding.get("column"), clear):
        found["message"] = NOT_SHOWN
    return found


def _named(column: object, clear: frozenset[str]) -> bool:
    return isinstance(column, str) and column.lower() in clear
