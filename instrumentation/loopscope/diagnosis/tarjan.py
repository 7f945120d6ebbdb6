"""Strongly connected components, after Tarjan (1972), without recursion: chains of waits may be long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def components(edges: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """The strongly connected components of a graph; each node appears in exactly one of them."""
    search = _Search(edges)
    for node in edges:
        if node not in search.index:
            search.visit(node)
    return search.found


class _Search:
    """Depth first; `low` is the earliest visited node that a node's descendants lead back to."""

    def __init__(self, edges: Mapping[int, Sequence[int]]) -> None:
        self._edges = edges
        self.index: dict[int, int] = {}
        self._low: dict[int, int] = {}
        self._path: list[int] = []
        self._on_path: set[int] = set()
        self.found: list[list[int]] = []

    def _enter(self, node: int) -> tuple[int, Iterator[int]]:
        self.index[node] = self._low[node] = len(self.index)
        self._path.append(node)
        self._on_path.add(node)
        return node, iter(self._edges.get(node, ()))

    def visit(self, start: int) -> None:
        work = [self._enter(start)]
        while work:
            node, onward = work[-1]
            for other in onward:
                if other not in self.index:
                    work.append(self._enter(other))
                    break
                if other in self._on_path:
                    self._low[node] = min(self._low[node], self.index[other])
            else:
                work.pop()
                self._leave(node)
                if work:
                    above = work[-1][0]
                    self._low[above] = min(self._low[above], self._low[node])

    def _leave(self, node: int) -> None:
        if self._low[node] != self.index[node]:
            return
        component: list[int] = []
        while not component or component[-1] != node:
            component.append(self._path.pop())
            self._on_path.discard(component[-1])
        self.found.append(component)
