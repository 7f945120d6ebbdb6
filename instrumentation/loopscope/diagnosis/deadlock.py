"""Deadlocks: circles of tasks that wait for each other for ever, told apart by what they wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis.graph import PERMITS
from loopscope.records import LOCK

if TYPE_CHECKING:
    from loopscope.diagnosis.case import Case
    from loopscope.records import Resource, Task, Wait

PATIENCE = 0.3  # s the whole circle stands still: shorter ones may be a moment between two records


@dataclass(frozen=True)
class Deadlock:
    """A circle. ``waits`` are those of the circle, the one that closed it first; ``behind`` waits for it."""

    waits: tuple[Wait, ...]
    tasks: tuple[Task, ...]
    behind: tuple[Task, ...]

    @property
    def permits(self) -> list[Wait]:
        """The waits of the circle that are for locks and semaphores."""
        return [wait for wait in self.waits if wait.kind in PERMITS]

    @property
    def resources(self) -> list[Resource]:
        found = {wait.resource.id: wait.resource for wait in self.permits if wait.resource is not None}
        return list(found.values())

    @property
    def counts_permits(self) -> bool:
        """Does it turn on a semaphore of several permits?"""
        return any(r.kind != LOCK and r.capacity > 1 for r in self.resources)

    @property
    def since(self) -> int:
        return min(wait.started for wait in self.waits)

    def lost(self, case: Case) -> float:
        """Seconds of waiting, over all tasks."""
        behind = [case.waits[task.id] for task in self.behind if task.id in case.waits]
        return sum(case.since(wait.started) for wait in (*self.waits, *behind))


def deadlocks(case: Case) -> list[Deadlock]:
    """Every circle of the case that has stood long enough to be believed."""
    graph = case.graph
    found = []
    for ring in graph.circles:
        waits = sorted((case.waits[id_] for id_ in ring), key=lambda wait: (-wait.started, wait.task.id))
        if case.at - waits[0].started < PATIENCE * SECOND:
            continue
        behind = graph.behind(set(ring)) & graph.stuck
        found.append(
            Deadlock(
                tuple(waits),
                tuple(wait.task for wait in waits),
                tuple(case.tasks[id_] for id_ in sorted(behind)),
            )
        )
    return found
