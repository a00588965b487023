"""Whatever lies inside columns: rules about it agree with checking row by row in Python."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from verification import NOW, locked
from verification_oracle import satisfied

from mesh_defs.contract.data import Rows, Staged, Surroundings
from mesh_defs.contract.load import load_contract
from mesh_defs.contract.rules import ForeignKey, Metric, Query, RowCondition, Unique
from mesh_defs.contract.verify import verify

ITEM = pa.struct([("p", pa.int64()), ("w", pa.string())])
OBJECT = pa.struct(
    [
        ("k", pa.int32()),
        ("s", pa.string()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("deep", pa.struct([("n", pa.float64())])),
        ("list", pa.list_(ITEM)),
        ("map", pa.map_(pa.string(), pa.int64())),
    ]
)
NATIVE = pa.schema([("id", pa.int64()), ("a", OBJECT)])
AS_TEXT = pa.schema([("id", pa.int64()), ("a", pa.string())])

days = st.integers(0, 70).map(lambda n: date(2023, 1, 1) + timedelta(days=n))
moments = st.integers(-3, 3).map(lambda n: datetime(2023, 1, 1, tzinfo=UTC) + timedelta(hours=n))
texts = st.text(alphabet="abé/~'", max_size=3)
items = st.fixed_dictionaries({"p": st.none() | st.integers(0, 4), "w": st.none() | texts})
objects = st.fixed_dictionaries(
    {
        "k": st.none() | st.integers(0, 9),
        "s": st.none() | texts,
        "day": st.none() | days,
        "at": st.none() | moments,
        "deep": st.none() | st.fixed_dictionaries({"n": st.none() | st.integers(-4, 4)}),
        "list": st.none() | st.lists(st.none() | items, max_size=3),
        "map": st.none() | st.dictionaries(st.sampled_from("xyz"), st.none() | st.integers(0, 4)),
    }
)
tables = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 9), "a": st.none() | objects}), max_size=9
)
thresholds = st.one_of(
    st.integers(0, 3).map(lambda n: {"mustBe": n}),
    st.integers(1, 60).map(lambda n: {"mustBeLessThan": n}),
    st.integers(1, 60).map(lambda n: {"mustBeGreaterOrEqualTo": n}),
)


@st.composite
def metrics(draw, *kinds):
    """One library rule over values: (its YAML, what it counts)."""
    metric = draw(st.sampled_from(kinds))
    rule = {"metric": metric, "unit": draw(st.sampled_from(["rows", "percent"]))}
    if metric == "missingValues":
        rule["arguments"] = {
            "missingValues": draw(st.lists(st.none() | st.integers(0, 4), min_size=1))
        }
    if metric == "invalidValues":
        rule["arguments"] = {"validValues": draw(st.lists(st.integers(0, 4), min_size=1))}
    return {**rule, **draw(thresholds)}


COUNTS = ("nullValues", "missingValues", "invalidValues")


@st.composite
def contracts(draw, as_text):
    """The properties of a contract with a rule of every kind inside its object ``a``."""
    k = {
        "name": "k",
        "logicalType": "integer",
        "required": True,
        "unique": draw(st.booleans()),
        "quality": [
            {"id": "k_metric", **draw(metrics(*COUNTS, "duplicateValues"))},
            {
                "id": "k_sql",
                "type": "sql",
                "query": "SELECT count(*) FROM {object} WHERE {property} > "
                f"{draw(st.integers(0, 9))}",
                **draw(thresholds),
            },
        ],
        "relationships": [{"id": "k_refers", "to": "flights.id"}],
    }
    s = {"name": "s", "logicalType": "string", "physicalType": "VARCHAR(2)"}
    day = {"name": "day", "logicalType": "date", "logicalTypeOptions": {"format": "yyyy-MM"}}
    if as_text:
        day["logicalTypeOptions"]["format"] = "dd/MM/yyyy"
    bound = draw(moments).astimezone(None if draw(st.booleans()) else UTC).isoformat()
    at = {
        "name": "at",
        "logicalType": "timestamp",
        "logicalTypeOptions": {"minimum": bound, "timezone": draw(st.booleans())},
    }
    deep = {
        "name": "deep",
        "logicalType": "object",
        "properties": [
            {
                "name": "n",
                "logicalType": "number",
                "required": draw(st.booleans()),
                "logicalTypeOptions": {"maximum": draw(st.integers(-4, 4))},
                "quality": [{"id": "n_metric", **draw(metrics("nullValues", "duplicateValues"))}],
            }
        ],
    }
    p = {
        "name": "p",
        "logicalType": "integer",
        "logicalTypeOptions": {"minimum": draw(st.integers(0, 4))},
        "quality": [{"id": "p_metric", **draw(metrics(*COUNTS))}],
    }
    w = {"name": "w", "logicalType": "string", "logicalTypeOptions": {"pattern": "^[ab]*$"}}
    values = {"logicalType": "integer", "quality": [{"id": "map_metric", **draw(metrics(*COUNTS))}]}
    inside = [
        k, s, day, at, deep,
        {"name": "list", "logicalType": "array",
         "items": {"logicalType": "object", "required": True, "properties": [p, w],
                   "quality": [{"id": "items_null", **draw(metrics("nullValues"))}]}},
        {"name": "map", "logicalType": "map",
         "map": {"key": {"logicalType": "string"}, "value": values}},
    ]  # fmt: skip
    a = {"name": "a", "logicalType": "object", "properties": inside}
    if as_text:
        a["physicalType"] = "VARCHAR"
    key = draw(st.sampled_from([[], [k], [k, {"name": "id"}]]))
    for each in key:
        each["primaryKey"] = True
    ident = {"name": "id", "logicalType": "integer"}
    if len(key) == 2:
        ident["primaryKey"] = True
    return [ident, a]


def as_text(row):
    """A row whose object lies as JSON text; dates in a form of their own."""

    def plain(value):
        if isinstance(value, datetime):
            return value.isoformat()
        return value.strftime("%d/%m/%Y")

    inside = row["a"]
    return {**row, "a": None if inside is None else json.dumps(inside, default=plain)}


def at(row, *names):
    """The value at the end of a path through objects; None where one of them is."""
    value = row
    for name in names:
        value = None if value is None else value[name]
    return value


def listed(rows, *names):
    """All items of the lists at the end of a path."""
    return [item for row in rows for item in at(row, *names) or ()]


def shared(values):
    counts = Counter(value for value in values if value is not None and None not in value)
    return sum(n for n in counts.values() if n > 1)


def count_of(rule, values):
    if rule.metric == "nullValues":
        return sum(value is None for value in values)
    if rule.metric == "missingValues":
        return sum(value in rule.arguments["missingValues"] for value in values)
    if rule.metric == "invalidValues":
        valid = rule.arguments["validValues"]
        return sum(value is not None and value not in valid for value in values)
    return shared([(value,) for value in values])


def broken_rows(rule, options, rows, text):
    """For each row condition, whether a row breaks it, by the rule's id."""
    p_minimum, n_maximum, bound, zoned = options
    item_list = lambda row: at(row, "a", "list") or ()  # noqa: E731
    checks = {
        "a.k.required": lambda row: row["a"] is not None and row["a"]["k"] is None,
        "a.s.physicalType_length": lambda row: len(at(row, "a", "s") or "") > 2,
        "a.day.format": lambda row: not text and (at(row, "a", "day") or date.min).day != 1,
        "a.at.minimum": lambda row: (
            (at(row, "a", "at") or datetime.max.replace(tzinfo=UTC)) < bound
        ),
        "a.at.timezone": lambda row: at(row, "a", "at") is not None and not zoned,
        "a.deep.n.required": lambda row: (
            at(row, "a", "deep") is not None and at(row, "a", "deep", "n") is None
        ),
        "a.deep.n.maximum": lambda row: (
            (at(row, "a", "deep", "n") or -9) > n_maximum
            if at(row, "a", "deep", "n") != 0
            else n_maximum < 0
        ),
        "a.list.items.required": lambda row: any(item is None for item in item_list(row)),
        "a.list.items.p.minimum": lambda row: any(
            item is not None and item["p"] is not None and item["p"] < p_minimum
            for item in item_list(row)
        ),
        "a.list.items.w.pattern": lambda row: any(
            item is not None and item["w"] is not None and not re.search("^[ab]*$", item["w"])
            for item in item_list(row)
        ),
    }
    check = checks.get(rule.id)
    if check is None:  # types and the form of JSON, which the data all has
        assert rule.id.endswith((".type", ".json")), rule.id
        return 0
    return sum(bool(check(row)) for row in rows)


def expected(rule, options, rows, text):
    """Whether ``rule`` is met, and how many rows or items break it."""
    if isinstance(rule, RowCondition):
        bad = broken_rows(rule, options, rows, text)
        return bad == 0, bad
    ways = {"a.k": ("a", "k"), "id": ("id",)}
    if isinstance(rule, Unique):
        keys = [tuple(at(row, *ways[name]) for name in rule.columns) for row in rows]
        bad = shared(keys) + (sum(None in key for key in keys) if rule.primary_key else 0)
        return bad == 0, bad
    if isinstance(rule, ForeignKey):
        known = {row["id"] for row in rows} | {None}
        bad = sum(at(row, "a", "k") not in known for row in rows)
        return bad == 0, bad
    if isinstance(rule, Query):
        low = int(rule.query.rsplit(">", 1)[1])
        number = sum(at(row, "a", "k") is not None and at(row, "a", "k") > low for row in rows)
        return satisfied(rule.threshold, number), None
    values = {
        "k_metric": [at(row, "a", "k") for row in rows],
        "n_metric": [at(row, "a", "deep", "n") for row in rows],
        "p_metric": [None if item is None else item["p"] for item in listed(rows, "a", "list")],
        "items_null": listed(rows, "a", "list"),
        "map_metric": [v for row in rows for v in (at(row, "a", "map") or {}).values()],
    }[rule.id]
    count = count_of(rule, values)
    number = count
    if rule.unit == "percent":
        number = Fraction(100 * count, len(values)) if values else Fraction(0)
    return satisfied(rule.threshold, number), count


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), rows=tables, text=st.booleans(), with_files=st.booleans())
def test_rules_inside_columns(data, rows, text, with_files):
    properties = data.draw(contracts(text))
    document = {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": "x", "version": "1.0.0",
        "status": "active", "schema": [{"name": "flights", "properties": properties}],
    }  # fmt: skip
    inside = {each["name"]: each for each in properties[1]["properties"]}
    options = (
        inside["list"]["items"]["properties"][0]["logicalTypeOptions"]["minimum"],
        inside["deep"]["properties"][0]["logicalTypeOptions"]["maximum"],
        datetime.fromisoformat(inside["at"]["logicalTypeOptions"]["minimum"]),
        inside["at"]["logicalTypeOptions"]["timezone"],
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "contract.yaml"
        path.write_text(yaml.safe_dump(document))
        contract, faults = load_contract(path)
        assert contract is not None, faults
        file = str(Path(folder) / "rows.parquet")
        shown = [as_text(row) for row in rows] if text else rows
        pq.write_table(pa.Table.from_pylist(shown, schema=AS_TEXT if text else NATIVE), file)
        staged = Rows.parquet([file]) if with_files else Rows(Rows.parquet([file]).sql)
        connection = locked(folder)
        promise = contract.ports[0]
        found = verify(connection, promise, Staged.only(staged), Surroundings(now=NOW))
        connection.close()
    ran = 0
    for rule, verdict in zip(promise.rules, found, strict=True):
        if not isinstance(rule, (RowCondition, Unique, ForeignKey, Query, Metric)):
            assert verdict.outcome == "passed", verdict
            continue
        ran += 1
        met, failing = expected(rule, options, rows, text)
        event(f"{rule.id} {verdict.outcome}")
        assert verdict.outcome == ("passed" if met else "failed"), (rule, verdict, rows)
        assert verdict.failing_rows == failing, (rule, verdict, rows)
        if verdict.outcome == "failed" and failing:
            assert verdict.samples
    assert ran > 20
