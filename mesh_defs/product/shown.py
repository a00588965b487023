"""What a reader is shown of a version's record: of values that are masked, neither rows nor what
describes them; of rows that are left out, no counts; of ports and inputs that they may not know of,
nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mesh_defs.product.ledger import NOT_TOLD
from mesh_defs.product.shown_lineage import known_source, shown_lineage
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.policy.access.decision import Decision
    from mesh_defs.product.ledger import PortRecord, Record
    from mesh_defs.product.shown_lineage import Knows

NOT_SHOWN = "not shown: it may tell of what you may not read in clear"

# These say no more than how many rows of their own column break a rule, or its times. Queries and
# other engines say what they like.
OF_ONE_COLUMN = frozenset({"statistics", "scan", "key", "join"})
OF_TYPES = "schema"
_COUNTS = frozenset({"rows", "failing_rows"})
_NOTHING: frozenset[str] = frozenset()


def shown_record(
    record: Record, port: str, decision: Decision, version: int, knows: Knows
) -> Record:
    """``record`` as who may read ``port`` of ``version`` as ``decision`` says is shown it.

    Whole is that port of that version where it is all clear. Else there are no sample rows, of
    profiles and of what checks observed only what is of columns in clear, and of times and cursors
    nothing. Other ports, other versions and inputs count as if nothing of them was in clear: the
    decision is not about them. How many rows and bytes there are is told of ``port`` alone, and
    where no rows are left out (else it is `mesh_defs.product.ledger.NOT_TOLD`). Of other ports and
    of inputs there is only what the reader ``knows``.
    """
    own = port if record.version == version else None
    product = MeshUrl(decision.subject.domain, decision.subject.product, version=record.version)
    ports = {
        name: _shown_port(each, name, port, own, decision)
        for name, each in record.ports.items()
        if name == port or knows(product.with_port(name))
    }
    inputs = {
        name: each for name, each in record.inputs.items() if known_source(each.source, knows)
    }
    hidden = record.inputs.keys() - inputs.keys()
    expectations = tuple(
        _verdict(verdict, _NOTHING)
        for verdict in record.expectations
        if verdict.subject not in hidden
    )
    lineage = shown_lineage(record.lineage, ports, knows, whole=not hidden)
    # Steps are named after what they are about: staged:<port>.
    steps = {name: took for name, took in record.seconds.items() if _about(name) in (None, *ports)}
    return replace(
        record,
        inputs=inputs,
        ports=ports,
        expectations=expectations,
        seconds=steps,
        lineage=lineage,
    )


def _about(step: str) -> str | None:
    _, colon, about = step.partition(":")
    return about if colon else None


def _shown_port(
    each: PortRecord, name: str, port: str, own: str | None, decision: Decision
) -> PortRecord:
    if name == own and decision.clear:
        return each
    shown = _port(each, decision if name == own else None)
    if name == port and decision.row_filter is None:
        return shown
    untold = replace(shown, rows=NOT_TOLD, added_rows=NOT_TOLD, bytes=NOT_TOLD, files=NOT_TOLD)
    return replace(untold, verdicts=tuple(replace(v, rows=None) for v in shown.verdicts))


def _port(port: PortRecord, decision: Decision | None) -> PortRecord:
    clear = _clear(decision) if decision is not None else _NOTHING
    return replace(
        port,
        verdicts=tuple(_verdict(verdict, clear, rows=port.rows) for verdict in port.verdicts),
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


def _verdict(verdict: Verdict, clear: frozenset[str], rows: int | None = None) -> Verdict:
    """``rows`` is how many of the port there are, where that may be told."""
    named = _named(verdict.column, clear)
    quiet = replace(
        verdict,
        samples=(),
        findings=tuple(_finding(finding, clear) for finding in verdict.findings),
        # Fewer rows than all are those that a condition on other columns leaves.
        rows=verdict.rows if named or verdict.rows == rows else None,
        failing_rows=verdict.failing_rows if named else None,
    )
    if verdict.decided_by == OF_TYPES or (verdict.stage == "policy" and verdict.ok):
        return quiet
    if verdict.decided_by in OF_ONE_COLUMN and named:
        return quiet
    reason = NOT_SHOWN if verdict.reason is not None else None
    return replace(quiet, observed=NOT_SHOWN, reason=reason)


def _finding(finding: Mapping[str, Any], clear: frozenset[str]) -> dict[str, Any]:
    found = {name: value for name, value in finding.items() if name != "samples"}
    if "samples" in finding:
        found["samples"] = []
    if not _named(finding.get("column"), clear):
        found["message"] = NOT_SHOWN
        found |= dict.fromkeys(found.keys() & _COUNTS)
    return found


def _named(column: object, clear: frozenset[str]) -> bool:
    return isinstance(column, str) and column.lower() in clear
