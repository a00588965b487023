"""What a reader is shown of a discovery document: of columns that they may not read in clear no
values, of rows that are left out no counts, of what they may not know of nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.product.described.history import OF_INPUTS
from mesh_defs.product.described.said import RETIRED
from mesh_defs.product.shown import NOT_SHOWN, OF_ONE_COLUMN, OF_TYPES
from mesh_defs.product.shown_lineage import known_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.policy.access.decision import Decision
    from mesh_defs.product.shown_lineage import Knows

    Document = dict[str, Any]

_NOTHING: frozenset[str] = frozenset()
_OF_VALUES = ("least", "greatest", "histogram")


def shown_document(
    document: Mapping[str, Any], reads: Mapping[str, Decision], knows: Knows
) -> Document:
    """``document`` as a reader is shown it.

    ``reads`` are the decisions on their reading of each port that they may know of; other ports are
    left out. Of other products and of what stands behind them there is only what the reader
    ``knows``. A decision that does not allow to read leaves the schema, its meaning and the
    verdicts' outcomes.
    """
    inputs = [each for each in document["inputs"] if known_source(each["source"], knows)]
    names = {each["name"] for each in inputs}
    whole = len(inputs) == len(document["inputs"])
    ports = [
        _port(each, reads[each["port"]]) for each in document["ports"] if each["port"] in reads
    ]
    main = document["main_port"] in reads
    return {
        **document,
        # It is the name of the main port's contract.
        "title": document["title"] if main else None,
        # Whoever may know of a product that was retired since is told so.
        "status": RETIRED
        if any(each.subject.status == RETIRED for each in reads.values())
        else document["status"],
        "inputs": inputs,
        "expectations": [
            _verdict(each, _NOTHING)
            for each in document["expectations"]
            if each["subject"] in names
        ],
        "main_port": document["main_port"] if main else None,
        "ports": ports,
        "lineage": _lineage(document["lineage"], reads, knows, whole=whole),
        "access": document["access"] if main else [],
        "examples": _examples(document, reads, main=main),
        "history": [_version(each, reads, knows) for each in document["history"]],
    }


def _examples(
    document: Mapping[str, Any], reads: Mapping[str, Decision], *, main: bool
) -> list[Document]:
    """Queries of the main port for who may know of it; texts of contracts name no port alone, so
    that they are for who may know of all."""
    if len(document["ports"]) == len([p for p in document["ports"] if p["port"] in reads]):
        return list(document["examples"])
    return [each for each in document["examples"] if main and "sql" in each]


def _clear(decision: Decision) -> frozenset[str]:
    """The columns in clear, in lower case. None is where rows are left out: what is told of a
    column is told of all its rows."""
    if not decision.allowed or decision.row_filter is not None:
        return _NOTHING
    return frozenset(column.name.lower() for column in decision.columns if column.clear)


def _port(port: Mapping[str, Any], decision: Decision) -> Document:
    clear = _clear(decision)
    shown = {
        **port,
        "columns": [_column(each, decision, clear) for each in port["columns"]],
        "sample": _sample(port["sample"], clear),
    }
    shown["classification"] = decision.subject.classification
    if decision.clear:
        return shown
    shown["verdicts"] = [_verdict(each, clear) for each in port["verdicts"]]
    shown["service_levels"] = [{**each, "actual": None} for each in port["service_levels"]]
    column = port["freshness"]["column"]
    if column is None or column.lower() not in clear:
        shown["freshness"] = {"column": column, "actual_from": None, "actual_to": None}
    if not decision.allowed or decision.row_filter is not None:
        shown |= dict.fromkeys(("rows", "bytes", "files", "profile_rows"))
    return shown


def _column(column: Mapping[str, Any], decision: Decision, clear: frozenset[str]) -> Document:
    decided = decision.column(column["name"])
    subject = next((c for c in decision.subject.columns if c.name == column["name"]), None)
    word = subject.classification if subject is not None else column["classification"]
    told = bool(column["values_told"]) and column["name"].lower() in clear
    shown = {**column, "classification": word, "values_told": told, "seen": "no"}
    if decision.allowed and decided is not None:
        shown["seen"] = "clear" if decided.clear else decided.mask or "null"
    profile = column["profile"]
    if profile is None or told:
        return shown
    nulls = profile["nulls"] if column["name"].lower() in clear else None
    return {**shown, "profile": _without_values(nulls)}


def _without_values(nulls: float | None) -> Document:
    return {"nulls": nulls, "distinct": None, "top": [], **dict.fromkeys(_OF_VALUES)}


def _sample(sample: list[Mapping[str, Any]] | None, clear: frozenset[str]) -> list[Document] | None:
    """The rows with the values of columns in clear; none where there is no such column."""
    if sample is None or not clear:
        return None
    return [{n: v if n.lower() in clear else None for n, v in row.items()} for row in sample]


def _verdict(verdict: Mapping[str, Any], clear: frozenset[str]) -> Document:
    """As `mesh_defs.product.shown.shown_record` has it."""
    if verdict["decided_by"] == OF_TYPES:
        return dict(verdict)
    if verdict["stage"] == "policy" and verdict["outcome"] == "passed":
        return dict(verdict)
    column = verdict["column"]
    named = isinstance(column, str) and column.lower() in clear
    if named and verdict["decided_by"] in OF_ONE_COLUMN:
        return dict(verdict)
    reason = NOT_SHOWN if verdict["reason"] is not None else None
    return {**verdict, "observed": NOT_SHOWN, "reason": reason}


def _lineage(
    lineage: Mapping[str, Any],
    reads: Mapping[str, Decision],
    knows: Knows,
    *,
    whole: bool,
) -> Document:
    """Products and columns that the reader knows. A column with another source is left out, and so
    is why others are unknown, which may name any."""

    def known(source: str) -> bool:
        return known_source(source.partition("#")[0], knows)

    columns = {
        port: {name: found for name, found in each.items() if all(map(known, found))}
        for port, each in lineage["columns"].items()
        if port in reads
    }
    return {
        "products": [each for each in lineage["products"] if known(each["url"])],
        "columns": columns,
        "unknown": {p: r for p, r in lineage["unknown"].items() if p in reads} if whole else {},
        "sources": list(lineage["sources"]),
    }


def _version(entry: Mapping[str, Any], reads: Mapping[str, Decision], knows: Knows) -> Document:
    """What changed in ports that the reader may know of, and in inputs; counts of rows where they
    read all."""
    every = {n for n, one in reads.items() if one.allowed and one.row_filter is None}

    def told(change: Mapping[str, Any]) -> bool:
        if change["kind"] in OF_INPUTS:
            sources = (change["before"], change["after"])
            return all(source is None or known_source(source, knows) for source in sources)
        known = every if change["kind"] == "rows" else reads
        return change["port"] is None or change["port"] in known

    return {**entry, "changes": [change for change in entry["changes"] if told(change)]}
