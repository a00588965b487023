"""What a discovery document says of one port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.contract.model import PERSONAL
from mesh_defs.contract.rules import Freshness, Retention
from mesh_defs.contract.verdicts import tally
from mesh_defs.policy.access.entities import higher
from mesh_defs.policy.annotations import annotations_of
from mesh_defs.product.described.open_columns import told_columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh_defs.contract.model import Column
    from mesh_defs.contract.rules import Rule
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.policy.annotations import Annotations
    from mesh_defs.product.described.facts import ProductFacts
    from mesh_defs.product.described.profile import PortPicture
    from mesh_defs.product.ledger import PortRecord
    from mesh_defs.product.manifest import Output
    from mesh_defs.product.model import OutputPort

# How versions of a port follow each other: keys of a manifest's output.
CONTINUES = ("mode", "cursor", "key", "by", "every", "start", "end", "actual_time")
_UNIT = "unit"
LEVELS: dict[str, type[Rule]] = {
    "latency": Freshness,
    "ly": Freshness,
    "freshness": Freshness,
    "retention": Retention,
    "re": Retention,
}


def port_entry(facts: ProductFacts, output: OutputPort) -> dict[str, Any]:
    """One port as JSON values."""
    contract, promise = output.contract, output.promise
    record = facts.record.ports.get(output.name) if facts.record is not None else None
    declared = facts.manifest.outputs.get(output.name) if facts.manifest is not None else None
    picture = facts.pictures.get(output.name)
    words = {c.name: facts.classification(output, c.name) for c in promise.columns}
    notes = annotations_of(output)
    sample = picture.sample if picture is not None else None
    return {
        "port": output.name,
        "url": f"{facts.url}/{output.name}",
        "description": promise.description,
        "mode": (record.continues if record is not None else "") or output.continues,
        "continues": continued(declared) if declared is not None else {},
        "contract": {"id": contract.id, "version": contract.version, "digest": contract.digest},
        "columns": [_column(c, words[c.name], notes, picture) for c in promise.columns],
        "profile_rows": picture.looked_at if picture is not None else None,
        "not_profiled": picture.reason if picture is not None else None,
        "service_levels": _service_levels(output, record),
        "verdicts": [verdict_entry(each) for each in (record.verdicts if record else ())],
        "tally": tally(record.verdicts) if record is not None else None,
        "rows": record.rows if record is not None else None,
        "bytes": record.bytes if record is not None else None,
        "files": record.files if record is not None else None,
        "freshness": _freshness(record, output, words),
        "sample": [dict(row) for row in sample] if sample is not None else None,
        "classification": _highest(words.values()),
    }


def continued(output: Output) -> dict[str, Any]:
    """How the versions of an output follow each other, as its manifest has it (`CONTINUES`, without
    what is the default)."""
    said = output.model_dump(include=set(CONTINUES), exclude_defaults=True)
    return {name: said[name] for name in CONTINUES if name in said}


def _highest(words: Iterable[str]) -> str:
    """That of the most protected column; a port without any has nothing that made it public."""
    found: str | None = None
    for word in words:
        found = word if found is None else higher(found, word)
    return found or "internal"


def _column(
    column: Column, word: str, notes: Annotations, picture: PortPicture | None
) -> dict[str, Any]:
    seen = picture.columns.get(column.name) if picture is not None else None
    stored = picture.types.get(column.name) if picture is not None else None
    purposes, unit = notes.permitted_purposes(column.name), notes.column(column.name, _UNIT)
    return {
        "name": column.name,
        "type": stored or column.physical_type or column.logical_type,
        "logical_type": column.logical_type,
        "title": column.business_name,
        "description": column.description,
        "classification": word,
        "required": column.required,
        "unique": column.unique,
        "key": column.primary_key_position,
        "tags": list(column.tags),
        "unit": str(unit) if unit is not None else None,
        "permitted_purposes": list(purposes) if purposes is not None else None,
        "values_told": word not in PERSONAL,
        "profile": seen.as_dict() if seen is not None else None,
    }


def verdict_entry(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON values, without rows of the data."""
    return {
        "id": verdict.rule,
        "subject": verdict.subject,
        "column": verdict.column,
        "stage": verdict.stage,
        "dimension": verdict.dimension,
        "outcome": verdict.outcome,
        "consequence": "stop" if verdict.severity == "error" else "warn",
        "expected": verdict.expected,
        "observed": verdict.observed,
        "decided_by": verdict.decided_by,
        "reason": verdict.reason,
        "waivers": [dict(each) for each in verdict.waivers],
    }


def _service_levels(output: OutputPort, record: PortRecord | None) -> list[dict[str, Any]]:
    """The service levels that the contract promises of this port. Those that a rule holds against
    the data have its finding, as of publishing; others nobody has measured here."""
    found = []
    verdicts = {verdict.rule: verdict for verdict in (record.verdicts if record else ())}
    document = output.contract.document
    objects = {each.name for each in document.schema_ or ()} - {output.promise.name}
    for level in document.slaProperties or ():
        element = level.element if level.element is not None else document.slaDefaultElement
        elements = [e.strip() for e in (element or "").split(",") if e.strip()]
        if elements and all(e.partition(".")[0] in objects for e in elements):
            continue
        columns = {e.rpartition(".")[2] for e in elements}
        kind = LEVELS.get((level.property or "").strip().lower())
        held = [
            verdicts[rule.id]
            for rule in output.promise.rules
            if kind is not None
            and isinstance(rule, kind)
            and rule.column in columns
            and rule.id in verdicts
        ]
        found.append(
            {
                "property": level.property,
                "promised": str(level.value) if level.value is not None else None,
                "unit": level.unit,
                "element": element,
                "description": level.description,
                "actual": held[0].observed if held else None,
                "kept": all(verdict.ok for verdict in held) if held else None,
            }
        )
    return found


def _freshness(
    record: PortRecord | None, output: OutputPort, words: dict[str, str]
) -> dict[str, Any]:
    """The time that the data speaks of, unless the column that tells it is personal, or may be."""
    column = output.actual_time or output.cursor or output.by
    told = words.keys() == told_columns(words) or column in told_columns(words)
    return {
        "column": column,
        "actual_from": record.actual_from if record is not None and told else None,
        "actual_to": record.actual_to if record is not None and told else None,
    }
