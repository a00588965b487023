"""slaProperties become promises about time, and rules where a column tells the time."""

import pytest
from contract_documents import HEAD, only_fault, port, read

from mesh_defs.contract.model import ServiceLevels
from mesh_defs.contract.rules import Freshness, Retention

COLUMNS = (
    "- {name: id, primaryKey: true, logicalType: integer}\n"
    "- {name: moment, physicalName: at, logicalType: timestamp}\n"
)
DAY = 86_400


def sla(*levels: str) -> str:
    return "slaProperties:\n" + "".join(f"  - {{{level}}}\n" for level in levels)


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [
        *[(word, 1) for word in ("s", "sec", "second", "seconds", "S", "Seconds")],
        *[(word, 60) for word in ("m", "min", "minute", "minutes")],
        *[(word, 3600) for word in ("h", "hr", "hour", "hours")],
        *[(word, DAY) for word in ("d", "day", "days", "D")],
        *[(word, 7 * DAY) for word in ("w", "week", "weeks")],
        *[(word, 365.25 * DAY / 12) for word in ("mo", "month", "months")],
        *[(word, 365.25 * DAY) for word in ("y", "yr", "year", "years", "Y")],
    ],
)
def test_units(tmp_path, unit, seconds):
    found = port(tmp_path, COLUMNS, after=sla(f"property: latency, value: 2, unit: '{unit}'"))
    assert found.service_levels == ServiceLevels(freshness_seconds=2 * seconds)


@pytest.mark.parametrize("name", ["latency", "ly", "freshness", "Latency"])
@pytest.mark.parametrize("element", ["flights.moment", "moment", "flights.at"])
def test_freshness_of_a_column_is_a_rule(tmp_path, name, element):
    found = port(
        tmp_path, COLUMNS, after=sla(f"property: {name}, value: '1', unit: d, element: {element}")
    )
    assert found.service_levels == ServiceLevels(freshness_seconds=DAY, freshness_column="at")
    rule = found.rules[-1]
    assert isinstance(rule, Freshness)
    assert (rule.id, rule.column, rule.seconds) == ("moment.freshness", "at", DAY)
    assert (rule.dimension, rule.severity) == ("timeliness", "error")
    assert rule.line == 13


def test_retention_of_a_column_is_a_rule(tmp_path):
    found = port(
        tmp_path,
        COLUMNS,
        after=sla(
            "id: keep, property: retention, value: 3, unit: y, element: flights.moment, "
            "description: Law, customProperties: [{property: severity, value: warning}]"
        ),
    )
    rule = found.rules[-1]
    assert isinstance(rule, Retention)
    assert (rule.id, rule.seconds, rule.severity) == ("keep", 3 * 365.25 * DAY, "warning")
    assert rule.description == "Law"
    assert found.service_levels.retention_column == "at"


def test_without_a_column_there_is_a_promise_and_no_rule(tmp_path):
    found = port(
        tmp_path,
        COLUMNS,
        after=sla(
            "property: retention, value: 1, unit: y",
            "property: latency, value: 4, unit: h, element: flights",
        ),
    )
    assert found.service_levels == ServiceLevels(
        freshness_seconds=4 * 3600, retention_seconds=365.25 * DAY
    )
    assert not [rule for rule in found.rules if isinstance(rule, Freshness | Retention)]


def test_the_strictest_promise_counts(tmp_path):
    found = port(
        tmp_path,
        COLUMNS,
        after=sla(
            "property: latency, value: 2, unit: h, element: moment",
            "property: latency, value: 1, unit: d",
        ),
    )
    assert found.service_levels == ServiceLevels(freshness_seconds=7200, freshness_column="at")


def test_the_deprecated_default_element(tmp_path):
    found = port(
        tmp_path,
        COLUMNS,
        after="slaDefaultElement: flights.moment\n" + sla("property: latency, value: 1, unit: d"),
    )
    assert isinstance(found.rules[-1], Freshness)


def test_several_elements(tmp_path):
    text = HEAD.format(version="v3.1.0") + (
        "schema:\n"
        "  - {name: a, properties: [{name: x, primaryKey: true, logicalType: date}]}\n"
        "  - {name: b, properties: [{name: y, primaryKey: true, logicalType: date}]}\n"
        "slaProperties: [{property: latency, value: 1, unit: d, element: 'a.x, b.y'}]\n"
    )
    contract, faults = read(tmp_path, text)
    assert faults == []
    assert contract is not None
    assert [p.rules[-1].id for p in contract.ports] == ["x.freshness", "y.freshness"]


def test_other_levels_are_kept_and_not_ours(tmp_path):
    levels = sla(
        "property: generalAvailability, value: 2022-05-12T09:30:10-08:00",
        "property: timeOfAvailability, value: '09:00-08:00', element: nowhere.at_all",
    )
    assert port(tmp_path, COLUMNS, after=levels).service_levels == ServiceLevels()


@pytest.mark.parametrize(
    ("level", "key", "allowed"),
    [
        ("property: latency, value: soon, unit: d", "value", "a number above 0"),
        ("property: latency, value: 0, unit: d", "value", "a number above 0"),
        ("property: latency, value: true, unit: d", "value", "a number above 0"),
        ("property: latency, unit: d", "value", "a number above 0"),
        ("property: latency, value: .inf, unit: d", "value", "a number above 0"),
        ("property: latency, value: 1", "unit", "weeks"),
        ("property: latency, value: 1, unit: fortnight", "unit", "weeks"),
        ("property: latency, value: 1, unit: M", "unit", "min"),
        (
            "property: latency, value: 1, unit: d, element: flights.nope",
            "element",
            "flights.moment",
        ),
        ("property: latency, value: 1, unit: d, element: nope", "element", "flights.moment"),
        (
            "property: latency, value: 1, unit: d, element: flights.id",
            "element",
            "date or timestamp",
        ),
    ],
)
def test_malformed_levels_are_faults(tmp_path, level, key, allowed):
    fault = only_fault(tmp_path, COLUMNS, after=sla(level))
    assert fault.key == f"slaProperties[0].{key}"
    assert allowed in fault.allowed
    assert fault.line == 13


def test_a_level_without_a_name_is_a_fault(tmp_path):
    fault = only_fault(tmp_path, COLUMNS, after=sla("value: 1, unit: d"))
    assert "without a property" in fault.found


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("freshnes", "freshness"),
        ("Latencey", "latency"),
        ("retension", "retention"),
        ("availabilty", "availability"),
        ("generalAvailabilty", "generalAvailability"),
        ("timeToDetekt", "timeToDetect"),
    ],
)
def test_a_misspelt_level_is_a_fault_with_the_nearest(tmp_path, name, meant):
    fault = only_fault(
        tmp_path, COLUMNS, after=sla(f"property: {name}, value: 1, unit: d, element: moment")
    )
    assert fault.key == "slaProperties[0].property"
    assert f"'{meant}'" in fault.fix
    assert "availability" in fault.allowed


@pytest.mark.parametrize(
    ("level", "text", "column"),
    [
        ("property: availability, value: 99.9, unit: percent", "availability: 99.9 percent", None),
        ("property: throughput, value: 5, valueExt: 9, unit: rps", "throughput: 5 to 9 rps", None),
        (
            "property: generalAvailability, value: 2022-05-12",
            "generalAvailability: 2022-05-12",
            None,
        ),
        ("property: td, value: 1, unit: h, description: By mail", "td: 1 h (By mail)", None),
        ("property: timeToRepair, value: 1, unit: h, element: moment", "timeToRepair: 1 h", "at"),
        ("property: moonPhase, value: full, element: nowhere.at", "moonPhase: full", None),
        ("property: retention, value: 2, unit: y", "retention: 2 y", None),
        ("property: retention, value: 2, unit: y, element: flights", "retention: 2 y", None),
    ],
)
def test_a_level_that_is_not_run_is_shown(tmp_path, level, text, column):
    found = port(tmp_path, COLUMNS, after=sla(level))
    assert [(t.column, t.description) for t in found.texts] == [(column, f"service level {text}")]
    assert not [rule for rule in found.rules if isinstance(rule, Freshness | Retention)]


def test_a_level_that_is_run_is_not_shown_as_a_text(tmp_path):
    levels = sla("property: latency, value: 1, unit: d, element: moment")
    assert port(tmp_path, COLUMNS, after=levels).texts == ()
