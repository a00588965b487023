"""The ways that values take through a query, from a named projection to where its name is used."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


def along(
    names: Sequence[str], uses: Sequence[Collection[str]], factors: Sequence[int]
) -> list[int]:
    """For each step the largest product of factors along any way that ends in it.

    Step ``i`` gives ``names[i]`` and takes every step whose name is in ``uses[i]``. Steps that use
    each other, as the same name in nested selections makes it seem, count as if a value went
    through all of them.
    """
    named: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        if name:
            named.setdefault(name, []).append(index)
    used = [[i for name in each for i in named.get(name, ())] for each in uses]
    best = [1] * len(names)
    for group in _groups(used):
        within = set(group)
        before = [best[i] for index in group for i in used[index] if i not in within]
        product = prod(factors[index] for index in group) * max(before, default=1)
        for index in group:
            best[index] = product
    return best


def _groups(used: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Steps that lead to each other, together; those that a group uses come before it (Tarjan's
    strongly connected components)."""
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    held: set[int] = set()
    for start in range(len(used)):
        work = [] if start in number else [(start, iter(used[start]))]
        while work:
            index, rest = work[-1]
            if index not in number:
                number[index] = low[index] = len(number)
                stack.append(index)
                held.add(index)
            for following in rest:
                if following not in number:
                    work.append((following, iter(used[following])))
                    break
                if following in held:
                    low[index] = min(low[index], low[following])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[index])
                if low[index] == number[index]:
                    at = stack.index(index)
                    group = stack[at:]
                    del stack[at:]
                    held -= set(group)
                    yield group
