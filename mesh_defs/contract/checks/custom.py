"""Custom rules: each engine runs all of a port's at once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import duckdb

from mesh_defs.contract.checks.engine_text import MASK
from mesh_defs.contract.checks.findings import Finding, not_run
from mesh_defs.contract.checks.privacy import masked_rows, mentions
from mesh_defs.contract.data import Rows
from mesh_defs.interrupts import is_interrupt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from mesh_defs.contract.checks.table import Table
    from mesh_defs.contract.data import Engine, EngineResult
    from mesh_defs.contract.rules import Custom


def check_custom(
    rules: Sequence[Custom],
    table: Table,
    engines: Mapping[str, Engine],
    hidden: AbstractSet[str],
) -> list[Finding]:
    """One finding per rule, in their order, whatever an engine does; no value of ``hidden`` columns
    is in any. Raises only `duckdb.InterruptException`."""
    # Engines see the data's own columns, and places inside them only for the rules about those.
    by_engine: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for index, rule in enumerate(rules):
        by_engine[rule.engine, rule.column in table.inner].append(index)
    found: dict[int, Finding] = {}
    for (name, inside), indexes in by_engine.items():
        asked = [rules[index] for index in indexes]
        rows = Rows(table.sql) if inside else table.rows
        answers = _ask(name, asked, rows, table.connection, engines, hidden)
        if isinstance(answers, str):
            found.update((index, not_run(answers, name)) for index in indexes)
        else:
            for index, answer in zip(indexes, answers, strict=True):
                found[index] = _finding(rules[index], answer, table, hidden)
    return [found[index] for index in range(len(rules))]


def _ask(
    name: str,
    rules: Sequence[Custom],
    rows: Rows,
    connection: duckdb.DuckDBPyConnection,
    engines: Mapping[str, Engine],
    hidden: AbstractSet[str],
) -> Sequence[EngineResult] | str:
    """The engine's answers, or why there are none."""
    engine = engines.get(name)
    if engine is None and name == "dbt":
        return "the rule names a dbt test, but no dbt project made these rows; write it as SQL"
    if engine is None:
        return f"no engine '{name}' here; known: {', '.join(sorted(engines)) or 'none'}"
    try:
        answers = engine.run(rules, rows, connection)
    except duckdb.InterruptException:
        raise
    except Exception as error:  # code of others; whatever it raises is no pass
        if is_interrupt(error):
            raise
        said = "its text may quote personal values" if hidden else str(error)
        return f"the engine {name} broke: {type(error).__name__}: {said}"
    if len(answers) != len(rules):
        return f"the engine {name} gave {len(answers)} results for {len(rules)} rules"
    return answers


def _finding(rule: Custom, result: EngineResult, table: Table, hidden: AbstractSet[str]) -> Finding:
    private = rule.column in hidden or mentions(str(rule.implementation), hidden)
    observed = result.observed
    if private and result.failing_rows is not None:
        observed = f"{result.failing_rows} rows"
    elif private and result.success is not None:
        observed = MASK
    return Finding(
        met=result.success,
        observed=observed,
        decided_by=rule.engine,
        failing_rows=result.failing_rows,
        rows=table.count,
        reason=(result.reason or "the engine gave no reason") if result.success is None else None,
        samples=() if result.success else masked_rows(result.samples, hidden),
        expected=result.expected or None,
    )
