"""Rules that a product's own dbt tests decide: the transform has run them, here they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import yaml

from mesh_defs.contract.data import EngineResult
from mesh_defs.faults import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from mesh_defs.contract.data import Rows
    from mesh_defs.contract.rules import Custom

# What dbt says of a test: its status, how many rows failed it, and its message.
TestResult = tuple[str, int | None, str | None]

_KEYS = ("test", "name")
_MET: Mapping[str, bool] = {"pass": True, "success": True, "fail": False, "warn": False}


class DbtTests:
    """Answers ``dbt`` rules from the results of a dbt run, by the test's name.

    ``results`` maps a test's name (or unique id) to its status (``pass``, ``fail``, ``warn``,
    ``error``, ``skipped``), its failures and its message. A warning is not met: whether that blocks
    is for the rule's severity to say.
    """

    def __init__(self, results: Mapping[str, TestResult]) -> None:
        self._results = dict(results)

    def run(
        self,
        rules: Sequence[Custom],
        rows: Rows,  # noqa: ARG002 - dbt has read the rows already
        connection: duckdb.DuckDBPyConnection,  # noqa: ARG002
    ) -> Sequence[EngineResult]:
        """One result per rule, in their order. Raises nothing."""
        return [self._result(rule) for rule in rules]

    def _result(self, rule: Custom) -> EngineResult:
        name = named_test(rule.implementation)
        if name is None:
            reason = "the implementation names no test: write its name, or 'test: <name>'"
            return EngineResult(None, "could not run", "a dbt test", reason=reason)
        expected = f"the dbt test {name} passes"
        if name not in self._results:
            return EngineResult(None, "could not run", expected, reason=self._unknown(name))
        status, failures, message = self._results[name]
        said = f": {' '.join(message.split())}" if message else ""
        if status not in _MET:
            reason = f"dbt did not decide the test {name}; it says {status}{said}"
            return EngineResult(None, "could not run", expected, reason=reason)
        return EngineResult(
            success=_MET[status],
            observed=f"{status}{said}",
            expected=expected,
            failing_rows=failures,
        )

    def _unknown(self, name: str) -> str:
        if not self._results:
            return f"no dbt test '{name}' ran; no dbt test ran at all"
        close = nearest(name, self._results)
        hint = f"; did you mean '{close}'?" if close is not None else ""
        return f"no dbt test '{name}' ran; known: {', '.join(sorted(self._results))}{hint}"


def named_test(implementation: str | Mapping[str, object]) -> str | None:
    """The test that a rule names: plain text, or ``test`` or ``name`` of a mapping, which may be
    written as YAML or JSON text. None when it names none."""
    given: object = implementation
    if isinstance(given, str):
        try:
            given = yaml.safe_load(given)
        except (yaml.YAMLError, RecursionError, ValueError):
            given = implementation
    if isinstance(given, Mapping):
        named = [given[key] for key in _KEYS if isinstance(given.get(key), str)]
        return named[0].strip() or None if named else None
    return str(implementation).strip() or None
