"""How each fact of a port is measured, from its `Past` alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.lineage.facts import EVERYTHING, recorded
from mesh_defs.discovery.trust.fact import Fact, Point
from mesh_defs.discovery.trust.incidents import Span, incidents, spans
from mesh_defs.discovery.trust.past import MOST_DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.discovery.trust.past import Past
    from mesh_defs.product.ledger import Record

WINDOW = "30 days"
# The detail that names the column whose values the fact tells of; None: of no values.
BY = "by"
_DAY = timedelta(days=1)
_ADDS = "append"


def promises_kept(past: Past) -> Fact:
    """Of the runs in which promises were checked, the share in which all passed."""
    checked = [run for run in past.runs if run.promises]
    kept = [all(one.ok for one in run.promises) for run in checked]
    series = tuple(
        Point(run.time, fmean(1.0 if one.ok else 0.0 for one in run.promises)) for run in checked
    )
    return Fact(
        "promises_kept",
        "Promises kept",
        sum(kept) / len(kept) if kept else None,
        "share",
        WINDOW,
        "Runs whose promises all passed, of all runs that checked any: published versions, and, "
        "as long as they are remembered, runs that were refused or found nothing new. A warning is "
        "not a pass. Over time: the share of promises that passed in each."
        if kept
        else "No run has checked a promise: the contract makes none, or nothing ran.",
        series,
        {"kept": sum(kept), "runs": len(kept)},
    )


def freshness_kept(past: Past) -> Fact:
    """The share of the time in which the newest version was younger than promised."""
    held = [(span, until) for span, until in spans(past) if until is not None]
    whole = _length(past, held, past.since, past.now, fresh=False)
    value = None
    if whole:
        value = _length(past, held, past.since, past.now, fresh=True) / whole
    by = f"the newest value of {past.of_column}" if past.of_column else "when it was published"
    return Fact(
        "freshness_kept",
        "Freshness kept",
        value,
        "share",
        WINDOW,
        f"The share of the time in which the newest version was younger than its contract "
        f"promised, by {by}."
        if value is not None
        else "The contract promises nothing about its age, or nothing is published.",
        tuple(_days(past, held)),
        {"promised_seconds": _promised_seconds(past), BY: past.of_column},
    )


def _promised_seconds(past: Past) -> float | None:
    promised = past.versions[-1].promised if past.versions else None
    return promised.total_seconds() if promised is not None else None


def _length(
    past: Past,
    held: list[tuple[Span, datetime]],
    start: datetime,
    end: datetime,
    *,
    fresh: bool,
) -> float:
    """Seconds between two moments in which there was a version, or a fresh one."""
    first = max(start, past.since)
    return sum(
        (Span(span.start, min(until, span.end)) if fresh else span)
        .inside(first, end)
        .length.total_seconds()
        for span, until in held
    )


def _days(past: Past, held: list[tuple[Span, datetime]]) -> list[Point]:
    """For each day of the window, in UTC, the share of the time that was fresh."""
    found = []
    day = past.since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day < past.now:
        end = min(day + _DAY, past.now)
        whole = _length(past, held, day, end, fresh=False)
        if whole:
            found.append(Point(day, _length(past, held, day, end, fresh=True) / whole))
        day += _DAY
    return found


def volume_stability(past: Past) -> Fact:
    """How much the number of rows of a version spreads, relative to its mean."""
    newest = past.versions[-1] if past.versions else None
    adds = newest is not None and newest.port.continues.startswith(_ADDS)
    series = tuple(
        Point(one.time, one.port.added_rows if adds else one.port.rows)
        for one in past.published
        if one.port.changed
    )
    mean = fmean(point.value for point in series) if series else 0.0
    value = pstdev(point.value for point in series) / mean if len(series) > 1 and mean else None
    what = "rows that a version added" if adds else "rows of a version"
    return Fact(
        "volume_stability",
        "Volume stability",
        value,
        "relative spread",
        WINDOW,
        f"The standard deviation of the {what}, divided by their mean: 0 is always the same."
        if value is not None
        else "It takes two versions with rows in the window.",
        series,
        {"mean_rows": round(mean, 1), "versions": len(series), "of": "added" if adds else "all"},
    )


def completeness(past: Past) -> Fact:
    """The share of values that are there, by the profiles of the discovery documents."""
    series: list[Point] = []
    groups: dict[str, float | None] = {"required": None, "optional": None}
    for time, port in past.documents:
        shares: dict[bool, list[float]] = {True: [], False: []}
        for column in port["columns"]:
            profile = column["profile"]
            if profile is not None and profile["nulls"] is not None:
                shares[bool(column["required"])].append(1.0 - profile["nulls"])
        every = [*shares[True], *shares[False]]
        if every:
            series.append(Point(time, fmean(every)))
            groups["required"] = fmean(shares[True]) if shares[True] else None
            groups["optional"] = fmean(shares[False]) if shares[False] else None
    return Fact(
        "completeness",
        "Completeness",
        series[-1].value if series else None,
        "share",
        "newest version",
        "Values that are not NULL, of all values, as the mean over the columns of the profile."
        if series
        else "No version has a profile.",
        tuple(series),
        groups,
    )


def lineage_completeness(past: Past, identity: str) -> Fact:
    """The share of columns of which is known what they are made of."""
    series = []
    counts = (0, 0)
    for version in past.versions[-MOST_DOCUMENTS:]:
        found = _known_columns(version.record, identity, past.port)
        if found is not None and found[1]:
            counts = found
            series.append(Point(version.time, found[0] / found[1]))
    return Fact(
        "lineage_completeness",
        "Lineage completeness",
        series[-1].value if series else None,
        "share",
        "newest version",
        "Columns of which is known what flows into them, of all columns."
        if series
        else "Nobody knows which columns are made of what.",
        tuple(series),
        {"known": counts[0], "columns": counts[1]},
    )


def _known_columns(record: Record, identity: str, port: str) -> tuple[int, int] | None:
    """How many columns of the port are known to come from where, and how many there are; None where
    it is not known which there are."""
    facts = recorded(identity, record, None)
    columns = facts.ports.get(port, ())
    known = sum(facts.reason(port, column) is None for column in columns)
    if (port, EVERYTHING) in facts.unknown:
        return (0, 1) if not columns else (known, len(columns) + 1)
    return known, len(columns)


def age_of_contract(past: Past) -> Fact:
    """Since when the newest version's contract is in force."""
    first = past.first
    details: Mapping[str, Any] = {}
    if first is not None:
        details = {"version": first.port.contract_version, "since": first.time.isoformat()}
    return Fact(
        "age_of_contract",
        "Age of the contract",
        # To a tenth: what is asked twice in a minute is the same.
        round((past.now - first.time) / _DAY, 1) if first is not None else None,
        "days",
        "all versions that were looked at",
        "The time since the first version that was published under this version of the contract."
        if first is not None
        else "Nothing is published.",
        (),
        details,
    )


def incident_facts(past: Past) -> tuple[Fact, Fact]:
    """How often it was not what it promises, and how long that took to mend."""
    found = incidents(past)
    repairs = [(one.ended, one.ended - one.began) for one in found if one.ended is not None]
    count = Fact(
        "incidents",
        "Incidents",
        float(len(found)) if past.runs or past.versions else None,
        "incidents",
        WINDOW,
        "Times when a run began to be refused or to break, or data became older than promised.",
        tuple(Point(one.began, 1.0) for one in found),
        {
            "open": len(found) - len(repairs),
            "incidents": [one.as_dict() for one in found],
            BY: past.of_column,
        },
    )
    seconds = [length.total_seconds() for _, length in repairs]
    repair = Fact(
        "time_to_repair",
        "Time to repair",
        fmean(seconds) if seconds else None,
        "seconds",
        WINDOW,
        "The mean time from the beginning of an incident to the next version or run that was well."
        if seconds
        else "No incident was mended in the window.",
        tuple(Point(end, length.total_seconds()) for end, length in repairs),
        {BY: past.of_column},
    )
    return count, repair
