"""The critical path of a job: the chain of waits and runs, task after task, that made up its wall time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from loopscope.places import resolve
from loopscope.records import GATHER, NOWHERE, TASK, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loopscope.records import Task, Wait

MOST_STEPS = 400
RUNS = "runs"


class Step(NamedTuple):
    """What one task did in an interval on the path. ``what`` is runs, or what was waited for."""

    task: Task
    what: str
    place: Place
    started: int
    ended: int


class CriticalPath:
    """Walks backwards from the end of a job.

    Where a task waits for others, the path goes on in the one that ended last, back to when it was made;
    what came before it is the waiting task's again. Other waits are steps, and what is between them is
    running, or being ready to.
    """

    def __init__(self, tasks: Iterable[Task], waits: Iterable[Wait], until: int) -> None:
        self._until = until
        self._tasks = {task.id: task for task in tasks}
        self._children: dict[int, list[Task]] = defaultdict(list)
        for task in self._tasks.values():
            self._children[task.parent].append(task)
        self._waits: dict[int, list[Wait]] = defaultdict(list)
        for wait in sorted(waits, key=lambda wait: wait.started):
            self._waits[wait.task.id].append(wait)

    def of(self, root: Task, since: int) -> list[Step]:
        """Steps in the order of time; neighbours of one kind are one."""
        backwards: list[Step] = []
        pending = [(root, since, self._end(root))]
        for _ in range(MOST_STEPS):  # tasks that await one another lead round and round
            if not pending:
                break
            task, begin, end = pending.pop()
            wait = self._last_wait(task, begin, end)
            if wait is None:
                _append(backwards, Step(task, RUNS, NOWHERE, begin, end))
                continue
            stopped = min(end, wait.ended or self._until)
            if stopped < end:
                _append(backwards, Step(task, RUNS, NOWHERE, stopped, end))
            began = max(begin, wait.started)
            inner = self._last_awaited(wait, began, stopped) if wait.kind in {GATHER, TASK} else None
            if began > begin:
                pending.append((task, begin, began))
            if inner is None:
                _append(backwards, Step(task, _name(wait), resolve(wait.site), began, stopped))
            else:
                pending.append((inner, max(began, inner.created), min(stopped, self._end(inner))))
        return [step for step in backwards[::-1] if step.ended > step.started]

    def _end(self, task: Task) -> int:
        return task.ended or self._until

    def _last_wait(self, task: Task, begin: int, end: int) -> Wait | None:
        for wait in reversed(self._waits[task.id]):
            if wait.started < end and (wait.ended or self._until) > begin:
                return wait
        return None

    def _last_awaited(self, wait: Wait, began: int, stopped: int) -> Task | None:
        named = [self._tasks[id_] for id_ in wait.awaits if id_ in self._tasks]
        candidates = named or self._children[wait.task.id]
        there = [t for t in candidates if t.created < stopped and self._end(t) > began]
        return max(there, key=lambda task: min(stopped, self._end(task)), default=None)


def _append(backwards: list[Step], step: Step) -> None:
    last = backwards[-1] if backwards else None
    if last is not None and (last.task, last.what, last.place) == (step.task, step.what, step.place):
        backwards[-1] = last._replace(started=step.started)
    else:
        backwards.append(step)


def _name(wait: Wait) -> str:
    name = wait.resource.name if wait.resource is not None else wait.detail
    return f"{wait.kind} {name}".strip() if name != wait.kind else wait.kind


def heaviest(steps: Sequence[Step], most: int) -> list[tuple[Step, int]]:
    """Steps of one kind summed up, those that took longest in front."""
    sums: dict[tuple[str, str, Place], list[Step]] = defaultdict(list)
    for step in steps:
        sums[step.task.coroutine, step.what, step.place].append(step)
    totals = [(found[0], sum(s.ended - s.started for s in found)) for found in sums.values()]
    return sorted(totals, key=lambda pair: -pair[1])[:most]
