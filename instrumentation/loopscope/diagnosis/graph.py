"""The wait-for graph: which task waits for which, who can never go on, and where a chain of waits ends."""

from __future__ import annotations

from collections import defaultdict, deque
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from loopscope.diagnosis.tarjan import components
from loopscope.records import GATHER, LIMITER, LOCK, SEMAPHORE, TASK

if TYPE_CHECKING:
    from loopscope.diagnosis.case import Case
    from loopscope.records import Resource, Task, Wait

PERMITS = frozenset({LOCK, SEMAPHORE, LIMITER})
ENDS = frozenset({GATHER, TASK})


class Need(NamedTuple):
    """What lets a waiting task go on: the end or the release of one of these tasks, or of all of them."""

    tasks: tuple[int, ...]
    every: bool


class Graph:
    """Edges from a waiting task to the tasks it depends on.

    `stuck` holds those that nobody alive can ever wake. A task counts as able to go on unless what it waits
    for is known completely: a permit whose holders are all known, or the end of known tasks. From the able
    ones the property spreads against the edges, over one holder of a permit or over all of several awaited
    tasks; whoever is left waits in a circle, or for one that does, or for a permit whose holder has ended.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._permits: dict[int, Need | None] = {}  # by resource: thousands may wait for the same one
        self.needs: dict[int, Need] = {}
        for id_, wait in case.waits.items():
            need = self._need(wait)
            if need is not None:
                self.needs[id_] = need
        self.stuck = self._who_is_stuck()

    def __repr__(self) -> str:
        return f"<Graph: {len(self.needs)} tasks wait for tasks, {len(self.stuck)} for ever>"

    def _need(self, wait: Wait) -> Need | None:
        if wait.until > 0:  # a time-out ends it
            return None
        if wait.kind in PERMITS and wait.resource is not None:
            known, id_ = self._permits, wait.resource.id
            if id_ not in known:
                known[id_] = self._permit(wait.resource)
            return known[id_]
        if wait.kind in ENDS:
            if wait.awaits:
                left = tuple(id_ for id_ in wait.awaits if id_ in self._case.tasks)
                return Need(left, every=wait.kind == GATHER or not left)
            children = self._case.children.get(wait.task.id, ())
            return Need(tuple(child.id for child in children), every=False) if children else None
        return None

    def _permit(self, resource: Resource) -> Need | None:
        """Nothing is known of one that others release too, or that began without permits."""
        holds = self._case.holds.get(resource.id, [])
        holders = [self._case.holder(hold) for hold in holds]
        if not 0 < resource.capacity <= len(holds) or self._case.resources.get(resource.id, resource).handed:
            return None
        return None if None in holders else Need(tuple(h.id for h in holders if h is not None), every=False)

    @cached_property
    def _above(self) -> dict[int, list[int]]:
        """Who waits for a task, by its id."""
        above: dict[int, list[int]] = defaultdict(list)
        for id_, need in self.needs.items():
            for other in need.tasks:
                above[other].append(id_)
        return dict(above)

    def _who_is_stuck(self) -> frozenset[int]:
        left: dict[int, int] = {}
        stuck = set(self.needs)
        able: deque[int] = deque(id_ for id_ in self._case.tasks if id_ not in stuck)
        for id_, need in self.needs.items():
            left[id_] = len(need.tasks) if need.every else 1
            if need.every and not need.tasks:  # all it waits for has just ended
                able.append(id_)
        while able:
            id_ = able.popleft()
            stuck.discard(id_)
            for waiter in self._above.get(id_, ()):
                left[waiter] -= 1
                if waiter in stuck and left[waiter] <= 0:
                    stuck.discard(waiter)
                    able.append(waiter)
        return frozenset(stuck)

    @cached_property
    def circles(self) -> list[list[int]]:
        """The circles among stuck tasks: each a list of ids, a task that waits for itself among them."""
        edges = {id_: [other for other in self.needs[id_].tasks if other in self.stuck] for id_ in self.stuck}
        return [ring for ring in components(edges) if len(ring) > 1 or ring[0] in edges[ring[0]]]

    def behind(self, roots: set[int]) -> set[int]:
        """All tasks that wait, directly or through others, for one of these; the roots are not among them."""
        reached, todo = set(roots), deque(roots)
        while todo:
            fresh = [id_ for id_ in self._above.get(todo.popleft(), ()) if id_ not in reached]
            reached.update(fresh)
            todo.extend(fresh)
        return reached - roots

    def chain(self, id_: int) -> list[Task]:
        """From a task along what it waits for to the first one that waits for no other task, or again."""
        tasks, path = self._case.tasks, [id_]
        while path[-1] in self.needs:
            onward = [other for other in self.needs[path[-1]].tasks if other in tasks]
            if not onward or onward[0] in path:
                break
            path.append(onward[0])
        return [tasks[step] for step in path if step in tasks]
