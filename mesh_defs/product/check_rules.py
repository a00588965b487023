"""What can be known to be wrong with the rules of contracts and expectations before they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh_defs.contract.engines.dbt import named_test
from mesh_defs.contract.engines.expectation_arguments import argument_problems
from mesh_defs.contract.engines.great_expectations import (
    Expectation,
    known_types,
    read_expectation,
)
from mesh_defs.contract.rules import Custom, Query, Unrunnable
from mesh_defs.faults import Fault, did_you_mean, nearest, relative
from mesh_defs.product.check_queries import Surface, query_problems
from mesh_defs.product.model import BrokenProduct
from mesh_defs.product.privacy import upstream_columns
from mesh_defs.product.transforms.dbt_names import test_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import duckdb

    from mesh_defs.contract.model import Column, Contract, PortContract
    from mesh_defs.contract.rules import Rule
    from mesh_defs.contract.verdicts import Severity
    from mesh_defs.product.model import InputPort, Mesh, Product, Transform

_COLUMN_KEYS = ("column", "column_A", "column_B")
_COLUMN_LISTS = ("column_list", "column_set")


@dataclass(frozen=True, slots=True)
class _Subject:
    """Rules that stand in one file and speak of one relation. ``transform`` is how the product is
    made, None where that is not known; ``expectation`` tells rules of an input."""

    file: str
    rules: tuple[Rule, ...]
    surface: Surface
    transform: Transform | None = None
    expectation: bool = False

    def fault(self, rule: Rule, found: str, allowed: str, fix: str, below: str = "") -> Fault:
        return Fault(self.file, rule.line, f"{rule.key}{below}", found, allowed, fix)


def rule_faults(mesh: Mesh, connection: duckdb.DuckDBPyConnection) -> Iterator[Fault]:
    """Faults of queries, of rules for other engines, and of rules that cannot be run. What is
    created on ``connection`` is dropped again."""
    for subject in _subjects(mesh):
        yield from _query_faults(subject, connection)
        yield from _dbt_faults(subject)
        for rule in subject.rules:
            if isinstance(rule, Custom) and rule.engine != "dbt":
                yield from _expectation_faults(subject, rule)
        yield from _unrunnable(subject, "error")


def rule_warnings(mesh: Mesh) -> Iterator[Fault]:
    """Rules that cannot be run and stop nothing, as their contract gives them a low severity."""
    for subject in _subjects(mesh):
        yield from _unrunnable(subject, "warning")


def _unrunnable(subject: _Subject, severity: Severity) -> Iterator[Fault]:
    for rule in subject.rules:
        if isinstance(rule, Unrunnable) and rule.severity == severity:
            yield subject.fault(rule, rule.reason, rule.allowed, rule.fix)


def _subjects(mesh: Mesh) -> Iterator[_Subject]:
    for product in mesh.products.values():
        yield from _subjects_of(mesh, product)
    for broken in mesh.broken.values():
        yield from _subjects_of(mesh, broken)


def _subjects_of(mesh: Mesh, product: Product | BrokenProduct) -> Iterator[_Subject]:
    inputs = {port.name: list(upstream_columns(mesh, port)) for port in product.inputs}
    manifest = relative(product.folder / "defs.yaml", mesh.root)
    for port in product.inputs:
        if port.expectations is not None:
            yield _expected(manifest, port, port.expectations, inputs)
    if isinstance(product, BrokenProduct):
        for contract in product.contracts:
            file = relative(contract.path, mesh.root)
            for promise in contract.ports:
                yield _promised(file, _as_known(contract, promise), promise.name, inputs)
        return
    for output in product.outputs:
        file = relative(output.contract.path, mesh.root)
        yield _promised(file, output.promise, output.promise.name, inputs, product.transform)


def _as_known(contract: Contract, promise: PortContract) -> PortContract:
    """``promise`` without columns where a property of it could not be read: queries may name it."""
    written = next((o for o in contract.document.schema_ or () if o.name == promise.name), None)
    whole = written is not None and all(p.name for p in written.properties or ())
    return promise if whole else replace(promise, columns=())


def _expected(
    file: str, port: InputPort, expected: PortContract, inputs: Mapping[str, Sequence[Column]]
) -> _Subject:
    return _Subject(file, expected.rules, _surface(port.name, inputs), expectation=True)


def _promised(
    file: str,
    promise: PortContract,
    name: str,
    inputs: Mapping[str, Sequence[Column]],
    transform: Transform | None = None,
) -> _Subject:
    surface = _surface(name, {**inputs, name: promise.columns})
    return _Subject(file, promise.rules, surface, transform)


def _surface(name: str, relations: Mapping[str, Sequence[Column]]) -> Surface:
    known = {name: columns for name, columns in relations.items() if columns}
    return Surface(name, known, frozenset(relations) - frozenset(known))


def _query_faults(subject: _Subject, connection: duckdb.DuckDBPyConnection) -> Iterator[Fault]:
    queries = [rule for rule in subject.rules if isinstance(rule, Query)]
    problems = query_problems(connection, queries, subject.surface)
    for rule, problem in zip(queries, problems, strict=True):
        if problem is not None:
            yield subject.fault(rule, problem.found, problem.allowed, problem.fix)


def _dbt_faults(subject: _Subject) -> Iterator[Fault]:
    rules = [r for r in subject.rules if isinstance(r, Custom) and r.engine == "dbt"]
    if not rules or (subject.transform is None and not subject.expectation):
        return
    transform = subject.transform
    if transform is None or transform.project is None:
        made = "an expectation" if transform is None else f"a product made by {transform.kind}"
        for rule in rules:
            yield subject.fault(
                rule,
                f"a dbt test in {made}, which has none",
                "engine dbt in the contracts of products with 'transform: {dbt: <project>}'",
                "write the rule as 'type: sql'",
                ".engine",
            )
        return
    named = {rule.id: named_test(rule.implementation) for rule in rules}
    wanted = {name for name in named.values() if name is not None}
    known = test_names(transform.project, transform.files, wanted)
    for rule in rules:
        name = named[rule.id]
        if name is None:
            allowed = "the name of a dbt test, or 'test: <name>'"
            yield _no_test(subject, rule, "an implementation that names no test", allowed)
        elif known is not None and not known.may_have(name):
            project = f"dbt_projects/{transform.project.name}"
            close = nearest(name, known.names)
            fix = f"write '{close}'" if close is not None else f"write {project}/tests/{name}.sql"
            allowed = ", ".join(sorted(known.names)) or "a test of the project"
            found = f"no dbt test '{name}' in {project}"
            yield subject.fault(rule, found, allowed, fix, ".implementation")


def _no_test(subject: _Subject, rule: Rule, found: str, allowed: str) -> Fault:
    return subject.fault(rule, found, allowed, "write the test's name", ".implementation")


def _expectation_faults(subject: _Subject, rule: Custom) -> Iterator[Fault]:
    if subject.expectation:
        found = f"a rule for {rule.engine} in an expectation"
        allowed = "types library, sql and text in an expectation"
        yield subject.fault(rule, found, allowed, "write the rule as 'type: sql'", ".engine")
        return
    read = read_expectation(rule)
    if not isinstance(read, Expectation):
        allowed = "a mapping of 'type' and 'kwargs'"
        yield subject.fault(rule, read, allowed, "mend the implementation", ".implementation")
        return
    types = known_types()
    if types and read.type not in types:
        close = nearest(read.type, types)
        allowed = "the expectations of the installed Great Expectations"
        found = f"unknown expectation '{read.type}'"
        fix = f"write '{close}'" if close else did_you_mean(read.type, types)
        yield subject.fault(rule, found, allowed, fix, ".implementation")
    for problem in argument_problems(read):
        below = f".implementation{f'.{problem.name}' if problem.name else ''}"
        yield subject.fault(rule, problem.found, problem.allowed, problem.fix, below)
    columns = [column.name for column in subject.surface.relations.get(subject.surface.object, ())]
    for name in _named_columns(read):
        if columns and name not in columns and name != rule.column:
            found, fix = f"unknown column '{name}'", did_you_mean(name, columns)
            yield subject.fault(rule, found, ", ".join(columns), fix, ".implementation")


def _named_columns(expectation: Expectation) -> Iterable[str]:
    if expectation.type == "expect_column_to_exist":
        return
    for key in (*_COLUMN_KEYS, *_COLUMN_LISTS):
        given = expectation.kwargs.get(key)
        for name in given if key in _COLUMN_LISTS and isinstance(given, list) else [given]:
            if isinstance(name, str):
                yield name
