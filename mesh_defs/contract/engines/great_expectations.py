"""Rules written for Great Expectations, run by Great Expectations itself.

All rules of a port share one pandas batch of the columns that they name. The context is ephemeral:
nothing is written to disk and nothing is sent anywhere. Importing the library takes seconds, so it
happens only when there is such a rule.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mesh_defs.contract.checks.privacy import hidden_columns, mentions
from mesh_defs.contract.data import EngineResult
from mesh_defs.contract.describe import values_text
from mesh_defs.contract.verdicts import MAX_SAMPLES
from mesh_defs.interrupts import is_interrupt
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import duckdb
    import pandas as pd

    from mesh_defs.contract.data import Rows
    from mesh_defs.contract.model import PortContract
    from mesh_defs.contract.rules import Custom

_TYPE_KEYS = ("type", "expectation_type", "expectation")
_NOTES = frozenset({"id", "meta", "notes", "description", "severity", "rendered_content"})
_WORD_START = re.compile(r"(?<=[a-z0-9])([A-Z])")
_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": MAX_SAMPLES}
_MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation as a contract writes it: Great Expectations' name of it, and its arguments
    in Great Expectations' spelling."""

    type: str
    kwargs: Mapping[str, Any]

    def __str__(self) -> str:
        given = ", ".join(f"{name} {_argument(value)}" for name, value in self.kwargs.items())
        return f"{self.type} ({given})" if given else self.type


class GreatExpectations:
    """Runs the ``greatExpectations`` rules of ``contract``, which says of which columns no value is
    shown (`mesh_defs.contract.checks.privacy.hidden_columns`); without it, all are."""

    def __init__(self, contract: PortContract | None = None) -> None:
        self._contract = contract

    def run(
        self, rules: Sequence[Custom], rows: Rows, connection: duckdb.DuckDBPyConnection
    ) -> Sequence[EngineResult]:
        """One result per rule, in their order; a rule that is written wrongly, or that the library
        cannot run, says so. Raises `duckdb.Error` when the rows cannot be read."""
        read = [read_expectation(rule) for rule in rules]
        wanted = [each for each in read if isinstance(each, Expectation)]
        if not wanted:
            return [_unable(str(each), "an expectation") for each in read]
        columns = _columns(rows, connection)
        frame = _frame(wanted, rows, columns, connection)
        validate = _validator(frame)
        hidden = self._hidden(columns)
        return [
            _result(each, validate(each), frame, hidden)
            if isinstance(each, Expectation)
            else _unable(each, "an expectation")
            for each in read
        ]

    def _hidden(self, columns: Sequence[str]) -> AbstractSet[str]:
        if self._contract is None:
            return frozenset()
        return hidden_columns(self._contract, "promise", columns)


def _result(
    expectation: Expectation,
    outcome: Mapping[str, Any] | str,
    frame: pd.DataFrame,
    hidden: AbstractSet[str],
) -> EngineResult:
    if isinstance(outcome, str):
        return _unable(_safe(expectation, outcome, hidden), str(expectation))
    details = outcome["result"]
    count = details.get("unexpected_count")
    per_row = count is not None and "element_count" in details
    observed = f"observed {_argument(details.get('observed_value'))}"
    if per_row:
        observed = f"{count} of {details['element_count']} rows are unexpected"
    elif mentions(str(expectation.kwargs), hidden):
        observed = "observed ***"
    at = details.get("partial_unexpected_index_list") or ()
    return EngineResult(
        success=bool(outcome["success"]),
        observed=observed,
        expected=str(expectation),
        failing_rows=int(count) if per_row else None,
        samples=tuple(_row(frame, position, hidden) for position in list(at)[:MAX_SAMPLES]),
    )


def _row(frame: pd.DataFrame, position: int, hidden: AbstractSet[str]) -> Mapping[str, Any]:
    row = frame.iloc[int(position)]
    return {str(name): "***" if name in hidden else _plain(row[name]) for name in frame.columns}


def _safe(expectation: Expectation, reason: str, hidden: AbstractSet[str]) -> str:
    if mentions(str(expectation.kwargs), hidden):
        return "it raised an error, whose text may quote personal values"
    return reason


def read_expectation(rule: Custom) -> Expectation | str:
    """The expectation that ``rule`` writes down, as a mapping or as YAML or JSON text, or what is
    wrong with it. Arguments in camel case, as in the standard's examples, are understood."""
    given: object = rule.implementation
    if isinstance(given, str):
        try:
            given = yaml.safe_load(given)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            return f"the implementation is neither YAML nor JSON: {error}".split("\n", 1)[0]
    if isinstance(given, str):
        given = {"type": given}
    if not isinstance(given, Mapping):
        return "the implementation is no mapping with 'type' and 'kwargs'"
    names = [given[key] for key in _TYPE_KEYS if key in given]
    if len(names) != 1 or not isinstance(names[0], str):
        return "the implementation needs one 'type', such as expect_column_values_to_not_be_null"
    rest = {key: value for key, value in given.items() if key not in (*_TYPE_KEYS, *_NOTES)}
    kwargs = rest.pop("kwargs", None) if "kwargs" in rest else rest
    if kwargs is None:
        kwargs = {}
    if not isinstance(kwargs, Mapping) or (rest and kwargs is not rest):
        return (
            f"beside 'type' and a mapping 'kwargs' there is {values_text(sorted(map(str, rest)))}"
        )
    arguments = {_snake(str(key)): value for key, value in kwargs.items()}
    name = _snake(names[0])
    by_column = name.startswith("expect_column_") and not name.startswith("expect_column_pair")
    if by_column and rule.column is not None:
        arguments.setdefault("column", rule.column)
    return Expectation(name, arguments)


@cache
def known_types() -> frozenset[str]:
    """The expectations that the installed library has, by the names of its files, without importing
    it; empty when it is not installed."""
    spec = importlib.util.find_spec("great_expectations")
    folders = spec.submodule_search_locations if spec is not None else None
    files = [f for each in folders or () for f in Path(each).glob("expectations/core/*.py")]
    return frozenset(file.stem for file in files) - {"__init__"}


def _validator(frame: pd.DataFrame) -> Any:  # noqa: ANN401 - a function over an untyped library
    """A function from `Expectation` to its outcome as a mapping, or to why there is none."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.expectations.expectation_configuration import (
        ExpectationConfiguration,
    )

    config = DataContextConfig(
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("port").add_dataframe_asset("rows")
    definition = asset.add_batch_definition_whole_dataframe("whole")
    batch = definition.get_batch({"dataframe": frame})

    def validate(expectation: Expectation) -> Mapping[str, Any] | str:
        try:
            configuration = ExpectationConfiguration(
                type=expectation.type, kwargs=dict(expectation.kwargs)
            )
            outcome = batch.validate(configuration.to_domain_obj(), result_format=_FORMAT)
        except Exception as error:  # whatever the library raises, the rule did not run
            if is_interrupt(error):
                raise
            return _one_line(f"{type(error).__name__}: {error}")
        problem = _problem(outcome.exception_info)
        if problem is not None:
            return _one_line(problem)
        return {"success": outcome.success, "result": outcome.result}

    return validate


def _problem(info: object) -> str | None:
    """What the library reports as an exception: one, or one for each metric."""
    if not isinstance(info, Mapping):
        return None
    entries = [info, *info.values()]
    for entry in entries:
        if isinstance(entry, Mapping) and entry.get("raised_exception"):
            return str(entry.get("exception_message") or "it raised an exception without a text")
    return None


def _columns(rows: Rows, connection: duckdb.DuckDBPyConnection) -> list[str]:
    described = connection.execute(f"DESCRIBE SELECT * FROM {rows.sql}").fetchall()
    return [str(row[0]) for row in described]


def _frame(
    expectations: Sequence[Expectation],
    rows: Rows,
    columns: list[str],
    connection: duckdb.DuckDBPyConnection,
) -> pd.DataFrame:
    needed = columns
    # Expectations about the table's columns see all of them, the others only what they name.
    if not any(each.type.startswith("expect_table_column") for each in expectations):
        texts = [text for each in expectations for text in _texts(each.kwargs)]
        named = [name for name in columns if any(mentions(text, {name}) for text in texts)]
        needed = named or columns[:1]
    listed = ", ".join(quote(name) for name in needed)
    return connection.execute(f"SELECT {listed} FROM {rows.sql}").df()


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _texts(each)


def _unable(reason: str, expected: str) -> EngineResult:
    return EngineResult(None, "could not run", expected, reason=reason)


def _snake(name: str) -> str:
    found = _WORD_START.sub(r"_\1", name)
    return found if re.search(r"(^|_)[A-Z]$", name) else found.lower()


def _one_line(text: str) -> str:
    return " ".join(text.split())[:1000]


def _argument(value: object) -> str:
    text = values_text(value) if isinstance(value, (list, tuple)) else str(_plain(value))
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _plain(value: Any) -> Any:  # noqa: ANN401 - what pandas holds
    """A value of pandas as JSON has it."""
    item = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if item is None or isinstance(item, (str, int, bool)):
        return item
    if isinstance(item, float):
        return None if item != item else item
    text = str(item)
    return None if text == "NaT" else text
