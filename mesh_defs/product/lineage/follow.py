"""From one column of a query back to all its sources, on every path, with what each path takes.

On the way back go *facts* about the other columns of the row at hand: that WHERE keeps rows with at
least so much in them, or that the final query shows them under a name. Where an aggregate is met, a
fact about a count of the same group tells how many rows the aggregate covers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from sqlglot import exp

from mesh_defs.policy.flow.ways import DIRECT, SOME_ROWS, UNPROVEN, Path, way
from mesh_defs.product.lineage import groups, scopes
from mesh_defs.product.lineage.steps import Flow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlglot.optimizer.scope import Scope

    from mesh_defs.policy.flow.ways import Way
    from mesh_defs.product.lineage.groups import Count, Faithful
    from mesh_defs.product.lineage.steps import Edge, Node, Source, Step

# A column's position, and the least that is in it or the name under which the final query shows it.
Fact = tuple[int, int | str]
Mark = tuple["Node", int]

_MOST_FACTS = 32  # States of one node that tell facts apart; more go on without facts.
_MOST_STATES = 20_000


class Graph(Protocol):
    """The columns of a query and of all that it reads (`mesh_defs.product.lineage.sql.Tracer`)."""

    faithful: Faithful
    held: dict[int, Scope]

    def step(self, node: Node) -> Step:
        """What a column is made of directly."""


@dataclass(frozen=True, slots=True)
class _State:
    """A node that was reached. ``path`` is what happens to its values later on; ``mark`` tells
    where they are masked, so that pieces of one value that are put together again are added up;
    ``counters`` are names of columns that count the rows of an aggregate on the path."""

    node: Node
    path: Path = DIRECT
    facts: frozenset[Fact] = frozenset()
    counters: frozenset[str] = frozenset()
    mark: Mark | None = None


def follow(graph: Graph, start: Node, names: Sequence[str]) -> Flow:
    """Where the column at ``start`` comes from, in a query whose columns have ``names``."""
    scope = start[0]
    facts = frozenset(
        (index, name) for index, name in enumerate(names) if name and _counts(graph, (scope, index))
    )
    stack = [_State(start, facts=facts)]
    seen = set(stack)
    visits: Counter[Node] = Counter()
    arrivals: dict[Source, set[_State]] = defaultdict(set)
    while stack:
        state = stack.pop()
        step = graph.step(state.node)
        if step.reason is not None:
            return Flow(reason=step.reason)
        for index, edge in enumerate(step.edges):
            after = _along(graph, state, edge, index)
            if edge.node is None:
                if edge.source is not None:
                    arrivals[edge.source].add(after)
                continue
            visits[edge.node] += 1
            if visits[edge.node] > _MOST_FACTS:
                after = replace(after, facts=frozenset(), counters=frozenset())
            if after not in seen:
                seen.add(after)
                stack.append(after)
        if len(seen) > _MOST_STATES:
            return Flow(reason="there are too many paths to its sources")
    return _arrived(arrivals)


def _arrived(arrivals: dict[Source, set[_State]]) -> Flow:
    countable = [
        state.counters
        for states in arrivals.values()
        for state in states
        if state.path.aggregated not in (None, SOME_ROWS)
    ]
    return Flow(
        frozenset(arrivals),
        ways={source: _way(states) for source, states in arrivals.items()},
        counters=frozenset.intersection(*countable) if countable else frozenset(),
    )


def _way(states: set[_State]) -> Way:
    """The paths of all that arrived; masked pieces of one value count together."""
    masked: dict[Path, dict[Mark | None, int]] = defaultdict(dict)
    paths = []
    for state in states:
        if state.path.masked is None:
            paths.append(state.path)
            continue
        pieces = masked[replace(state.path, masked=None)]
        pieces[state.mark] = max(pieces.get(state.mark, 0), state.path.masked)
    paths += [replace(path, masked=sum(pieces.values())) for path, pieces in masked.items()]
    return way(paths)


def _along(graph: Graph, state: _State, edge: Edge, index: int) -> _State:
    """The state at the other end of ``edge``."""
    path, counters = edge.reduction.path, state.counters
    select = graph.held[state.node[0]].expression
    if path.aggregated == UNPROVEN:
        rows, names = _covered(graph, state, edge.reduction.counts)
        if rows > 1:
            path = replace(path, aggregated=rows)
        elif edge.reduction.some and not names:
            path = replace(path, aggregated=SOME_ROWS)
        counters |= names
    path = path.then(state.path)
    mark = state.mark
    if path.masked is not None and mark is None:
        mark = (state.node, index)
    node = edge.node or state.node
    return _State(node, path, frozenset(_passed(select, state.facts, edge)), counters, mark)


def _covered(graph: Graph, state: _State, counts: frozenset[Count]) -> tuple[int, frozenset[str]]:
    """How many rows each aggregate over ``counts`` covers at least, and which columns of the final
    query count them."""
    scope = graph.held[state.node[0]]
    select = scope.expression
    if not isinstance(select, exp.Select):
        return 0, frozenset()
    only = graph.faithful.only_source(scope) is not None
    sound = {
        count
        for count in counts
        if (only if count.table is None else graph.faithful.source(scope, count.table))
    }
    told = [v for at, v in state.facts if groups.counted(select.selects[at]) in sound]
    rows = [bound for count, bound in groups.proven(select) if count in sound]
    rows += [value for value in told if isinstance(value, int)]
    return max(rows, default=0), frozenset(value for value in told if isinstance(value, str))


def _passed(select: exp.Expr, facts: frozenset[Fact], edge: Edge) -> Iterator[Fact]:
    """What is known of the row at the other end of ``edge``."""
    if edge.positional:
        yield from facts
    if edge.relation is None or not isinstance(select, exp.Select):
        return
    for position, value in facts:
        column = scopes.plain_column(select.selects[position])
        if column is not None and column.table == edge.relation and column.name in edge.names:
            yield edge.names.index(column.name), value
    for table, name, bound in groups.bounded_columns(select):
        if table == edge.relation and name in edge.names:
            yield edge.names.index(name), bound


def _counts(graph: Graph, start: Node) -> bool:
    """Whether a column is a count, passed on as it is."""
    seen: set[Node] = set()
    stack = [start]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        select = graph.held[node[0]].expression
        if isinstance(select, exp.Select):
            if groups.counted(select.selects[node[1]]) is not None:
                return True
            if not graph.step(node).plain:
                continue
        stack += [edge.node for edge in graph.step(node).edges if edge.node is not None]
    return False
