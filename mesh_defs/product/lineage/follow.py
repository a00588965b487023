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
    from collections.abc import Iterable, Iterator, Sequence

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
    ``counters`` are names of columns that count the rows of an aggregate on the path. ``collects``:
    masks further up bound nothing; ``counting``: the next aggregate on the path is a count;
    ``lettered``: a mask that counts characters comes later."""

    node: Node
    path: Path = DIRECT
    facts: frozenset[Fact] = frozenset()
    counters: frozenset[str] = frozenset()
    mark: Mark | None = None
    collects: bool = False
    counting: bool = False
    lettered: bool = False


def follow(graph: Graph, start: Node, names: Sequence[str], *, wide: bool = False) -> Flow:
    """Where the column at ``start`` comes from, in a query whose columns have ``names``; ``wide``:
    and which values it gives away otherwise."""
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
        reason = step.reason or (step.hidden if wide else None)
        if reason is not None:
            return Flow(reason=reason)
        for index, edge in enumerate([*step.edges, *step.equal] if wide else step.edges):
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


def given_away(flow: Flow, wide: Flow, everything: Iterable[Source]) -> dict[Source, Way]:
    """What the ``wide`` flow of a column tells beyond its ``flow``. Where that is not known, it may
    be ``everything``."""
    if wide.reason is not None:
        return {source: (DIRECT,) for source in everything if flow.ways.get(source) != (DIRECT,)}
    told = {source: _telling(ways) for source, ways in wide.ways.items()}
    return {s: ways for s, ways in told.items() if ways and flow.ways.get(s) != ways}


def _telling(ways: Way) -> Way:
    """Without the order of what is hashed, and of aggregates over more than some rows."""
    return tuple(
        path
        for path in ways
        if not path.chosen or (not path.hashed and path.aggregated in (None, SOME_ROWS))
    )


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
    how, counters = edge.reduction, state.counters
    path, later, counting = how.path, state.path, state.counting
    if state.collects:
        path = replace(path, masked=None)
    if how.voids(later, lettered=state.lettered):
        later = replace(later, masked=None)
    later = how.hashed_whole(later)
    select = graph.held[state.node[0]].expression
    if path.aggregated == UNPROVEN:
        rows, names = _covered(graph, state, how.counts)
        if rows > 1:
            path = replace(path, aggregated=rows)
        elif how.some and not names:
            path = replace(path, aggregated=SOME_ROWS)
        counters |= names
    if later.aggregated is not None and not (how.alone if counting else how.whole):
        path = replace(path, aggregated=SOME_ROWS)  # It may be NULL or 0 for all rows but one.
    if path.aggregated is not None:
        counting = how.counting
    path = path.then(later)
    mark = state.mark if later.masked is not None else None
    if path.masked is not None and mark is None:
        mark = (state.node, index)
    facts = frozenset(_passed(select, state.facts, edge))
    collects = state.collects or how.collects
    lettered = state.lettered or how.lettered
    return _State(
        edge.node or state.node, path, facts, counters, mark, collects, counting, lettered
    )


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
