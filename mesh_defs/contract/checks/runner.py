"""Hands every rule of a contract to what runs it, and collects what was found."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

import duckdb

from mesh_defs.contract.checks.compile import Predicate, compile_rule
from mesh_defs.contract.checks.custom import check_custom
from mesh_defs.contract.checks.findings import CannotRun, Failing, Finding, broken_rows, not_run
from mesh_defs.contract.checks.foreign_keys import check_foreign_key
from mesh_defs.contract.checks.inside import rows_of
from mesh_defs.contract.checks.keys import check_unique
from mesh_defs.contract.checks.metrics import check_counted, check_duplicates, check_row_count
from mesh_defs.contract.checks.privacy import hidden_columns
from mesh_defs.contract.checks.queries import check_query
from mesh_defs.contract.checks.scan import Count, count_violations, reason_of
from mesh_defs.contract.checks.schema_check import check_no_others, check_type
from mesh_defs.contract.checks.table import Table
from mesh_defs.contract.checks.times import check_time
from mesh_defs.contract.data import Rows, Unavailable
from mesh_defs.contract.rules import (
    Bounds,
    ColumnType,
    Custom,
    ForeignKey,
    Freshness,
    Length,
    Metric,
    NoOtherColumns,
    NotNull,
    Pattern,
    Query,
    Retention,
    RowCondition,
    Rule,
    Unique,
    Unrunnable,
)
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from mesh_defs.contract.data import Staged, Surroundings
    from mesh_defs.contract.model import Inside, PortContract
    from mesh_defs.contract.verdicts import Stage

_ROW_RULES = (NotNull, Bounds, Length, Pattern, RowCondition)
_COUNTED = frozenset({"nullValues", "missingValues", "invalidValues"})
# How a rule would have been decided, for the verdict of one that could not run.
_WAYS: Mapping[type[Rule], str] = {
    ColumnType: "schema",
    NoOtherColumns: "schema",
    Unique: "key",
    ForeignKey: "join",
    Query: "query",
}


class Runner:
    """One verification. Use it once, then `close` it."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        contract: PortContract,
        staged: Staged,
        surroundings: Surroundings,
        stage: Stage,
    ) -> None:
        self._connection = connection
        self._contract = contract
        self._surroundings = surroundings
        self._stage: Stage = stage
        self._name = f"mesh_verify_{uuid.uuid4().hex}"
        self._tables: dict[tuple[Rows, tuple[Inside, ...]], Table] = {}
        self._beside = tuple(place for place in contract.inside if not place.in_list)
        self._in_lists = {place.name: place for place in contract.inside if place.in_list}
        self.added = self.table(staged.added, self._beside)
        self.whole = self.table(staged.whole, self._beside)
        self._kept = self.table(staged.kept, self._beside) if staged.kept is not None else None

    def table(self, rows: Rows, inside: tuple[Inside, ...] = ()) -> Table:
        """The one table for ``rows`` and places ``inside`` its columns, so that nothing about them
        is read twice."""
        key = (rows, inside)
        if key not in self._tables:
            name = f"{self._name}_{len(self._tables)}"
            self._tables[key] = Table(self._connection, rows, name, inside)
        return self._tables[key]

    def table_of(self, failing: Failing) -> Table:
        """The table that a finding speaks of."""
        return next((t for t in self._tables.values() if t.made(failing.relation)), self.whole)

    def _place(self, rule: Rule, table: Table) -> Table:
        """What ``rule`` is about: the rows of ``table``, or the values in a list of them. Raises
        `CannotRun` and `duckdb.Error`."""
        place = self._in_lists.get(rule.column or "")
        if place is None:
            return table
        return self.table(Rows(rows_of(place, table.own, table.rows.sql)))

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The columns of which no verdict may show a value."""
        present: list[str] = []
        for table in (self.added, self.whole):
            try:
                present += table.own
            except duckdb.InterruptException:
                raise
            except duckdb.Error:
                continue  # what cannot be read shows nothing; its rules say why
        hidden = hidden_columns(self._contract, self._stage, present)
        return hidden | {p.name for p in self._contract.inside if p.column in hidden}

    def close(self) -> None:
        """Drop what was created on the connection."""
        for table in self._tables.values():
            table.close()
        if "_object" in self.__dict__:
            self._connection.execute(f"DROP VIEW IF EXISTS {self._object}")

    def findings(self) -> list[Finding]:
        """One finding per rule of the contract. Raises only `duckdb.InterruptException`."""
        rules = self._contract.rules
        found: dict[int, Finding] = {}
        row_rules = [i for i, rule in enumerate(rules) if isinstance(rule, _ROW_RULES)]
        counted = [i for i, rule in enumerate(rules) if _is_counted(rule)]
        custom = [i for i, rule in enumerate(rules) if isinstance(rule, Custom)]
        self._scanned(row_rules, self.added, found)
        self._scanned(counted, self.whole, found)
        self._custom(custom, found)
        for index, rule in enumerate(rules):
            if index not in found:
                found[index] = guarded(partial(self._single, rule), _WAYS.get(type(rule), "scan"))
        return [found[index] for index in range(len(rules))]

    def _scanned(self, indexes: Sequence[int], table: Table, found: dict[int, Finding]) -> None:
        """Rules that look at one row, or one value in a list, at a time: all of them together."""
        rules = self._contract.rules
        by_table: dict[Table, dict[int, Predicate]] = defaultdict(dict)
        for index in indexes:
            try:
                place = self._place(rules[index], table)
                by_table[place][index] = compile_rule(rules[index], place.columns)
            except CannotRun as error:
                found[index] = not_run(str(error), "scan")
            except duckdb.InterruptException:
                raise
            except duckdb.Error as error:
                found[index] = not_run(reason_of(error), "scan")
        for place, predicates in by_table.items():
            self._count(place, predicates, found)

    def _count(
        self, table: Table, predicates: Mapping[int, Predicate], found: dict[int, Finding]
    ) -> None:
        rules = self._contract.rules
        counts = count_violations(table, list(predicates.values()))
        for (index, predicate), count in zip(predicates.items(), counts, strict=True):
            if isinstance(count, CannotRun):
                found[index] = not_run(str(count), "scan")
            else:
                conclude = partial(_conclude, rules[index], table, predicate, count)
                found[index] = guarded(conclude, count.decided_by)

    def _custom(self, indexes: Sequence[int], found: dict[int, Finding]) -> None:
        rules = [rule for rule in self._contract.rules if isinstance(rule, Custom)]
        if not rules:
            return
        engines = self._surroundings.engines
        try:
            results = check_custom(rules, self.whole, engines, self.hidden)
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            results = [not_run(reason_of(error), rule.engine) for rule in rules]
        found.update(zip(indexes, results, strict=True))

    def _single(self, rule: Rule) -> Finding:
        if isinstance(rule, ColumnType):
            return self._both(lambda table: check_type(rule, self._place(rule, table)))
        if isinstance(rule, NoOtherColumns):
            return self._both(partial(check_no_others, rule))
        if isinstance(rule, Unique):
            # Only what blocks is sure to hold for the rows that were kept.
            kept = self._kept if rule.severity == "error" else None
            return check_unique(rule, self.added, self.whole, kept)
        if isinstance(rule, ForeignKey):
            return check_foreign_key(rule, self.whole, self._target(rule))
        if isinstance(rule, (Freshness, Retention)):
            return check_time(rule, self.whole, self._surroundings.now)
        if isinstance(rule, Query):
            return check_query(rule, self.whole, self._object, self.hidden)
        if isinstance(rule, Metric) and rule.metric == "duplicateValues":
            return check_duplicates(rule, self.whole)
        if isinstance(rule, Metric) and rule.metric == "rowCount":
            return check_row_count(rule, self.whole)
        if isinstance(rule, Unrunnable):
            raise CannotRun(rule.reason)
        raise CannotRun(f"there is no way to run rules of class {type(rule).__name__}")

    def _both(self, check: Callable[[Table], Finding]) -> Finding:
        """A question about the schema, asked of the new rows first: of several files, an engine
        shows the schema of the first."""
        finding = check(self.added)
        return check(self.whole) if finding.met and self.whole is not self.added else finding

    def _target(self, rule: ForeignKey) -> Table:
        if rule.target is None:
            return self.whole
        relations = self._surroundings.relations
        target = relations.get(str(rule.target))
        if target is None:
            known = ", ".join(sorted(relations)) or "none"
            raise CannotRun(f"the target {rule.target} is not at hand; at hand: {known}")
        if isinstance(target, Unavailable):
            raise CannotRun(target.reason)
        return self.table(target, rule.target_inside)

    @cached_property
    def _object(self) -> str:
        """A view over the whole version for ``{object}``: by its port's name, so that messages
        read well and plain SQL works, unless the connection already knows that name."""
        name = self._contract.name
        # A literal, because DuckDB's prepared parameters import pandas, which costs a second.
        taken = self._connection.execute(
            "SELECT 1 FROM (SELECT table_name AS name FROM duckdb_tables()"
            " UNION ALL SELECT view_name FROM duckdb_views())"
            f" WHERE lower(name) = lower({literal(name)})"
        ).fetchone()
        view = quote(self._name if taken else name)
        self._connection.execute(f"CREATE TEMP VIEW {view} AS SELECT * FROM {self.whole.rows.sql}")
        return view


def guarded(check: Callable[[], Finding], way: str) -> Finding:
    """What ``check`` finds; when it cannot run, a finding that says why."""
    try:
        return check()
    except CannotRun as error:
        return not_run(str(error), way)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        return not_run(reason_of(error), way)


def _is_counted(rule: Rule) -> bool:
    return isinstance(rule, Metric) and rule.metric in _COUNTED


def _conclude(rule: Rule, table: Table, predicate: Predicate, count: Count) -> Finding:
    if isinstance(rule, Metric):
        return check_counted(rule, table, predicate, count)
    columns = predicate.columns or ((rule.column,) if rule.column is not None else ())
    failing = Failing(table.sql, predicate.violation, columns, by_row=True)
    return broken_rows(count.failing, table.count, count.decided_by, failing)
