"""Tasks are made one at a time: each is awaited before the next begins, and all of them mostly wait."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import prose
from loopscope.diagnosis.words import SERIALISED
from loopscope.places import resolve
from loopscope.records import CHILD, EXECUTOR, HTTP, IO, SLEEP, WARNING, Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Task


class OneAfterAnother:
    """Who makes a task wants it to run beside others. Where no two of many ever overlap, the await is in the
    wrong place.

    A task made by a time-out is no such wish, nor is one that waits for a message. There has to be hardly a
    pause between them, or it is a schedule.
    """

    kind = SERIALISED
    LEAST = 8  # tasks of one line in a row
    LEAST_SPAN = 1.5  # s
    LEAST_LIFE = 0.02  # s on average
    FILLED = 0.85  # share of the span in which one of them was there
    COMPUTED = 0.2  # at most, of their lives
    TIME_OUTS = ("wait_for", "timeout")
    WORK = frozenset({HTTP, IO, SLEEP, EXECUTOR, CHILD})  # what can be waited for side by side

    def applies(self, case: Case) -> bool:
        return len(case.history.last_tasks) >= self.LEAST

    def examine(self, case: Case) -> Iterator[Finding]:
        groups: dict[tuple[str, Place, int], list[Task]] = defaultdict(list)
        for task in case.history.last_tasks:
            if task.parent:
                groups[task.coroutine, resolve(task.site), task.parent].append(task)
        shared = Counter((coroutine, site) for coroutine, site, _ in groups)
        for (coroutine, site, parent), tasks in groups.items():
            if len(tasks) < self.LEAST or shared[coroutine, site] > 1 or not case.own_line(site).line:
                continue
            tasks.sort(key=lambda task: task.created)
            if self._in_a_row(tasks) and self._wait_for_work(case, tasks, parent):
                yield self._finding(case, tasks, parent)

    def _in_a_row(self, tasks: Sequence[Task]) -> bool:
        span = tasks[-1].ended - tasks[0].created
        lives = sum(task.ended - task.created for task in tasks)
        overlaps = any(later.created < task.ended for task, later in pairwise(tasks))
        return (
            not overlaps
            and span >= self.LEAST_SPAN * SECOND
            and lives >= self.FILLED * span
            and lives >= self.LEAST_LIFE * SECOND * len(tasks)
            and sum(task.running for task in tasks) <= self.COMPUTED * lives
        )

    def _wait_for_work(self, case: Case, tasks: Sequence[Task], parent: int) -> bool:
        ids = {task.id for task in tasks}
        kinds: Counter[str] = Counter()
        for wait in case.history.last_waits:
            if wait.task.id in ids:
                kinds[wait.kind] += wait.ended - wait.started
            elif wait.task.id == parent and wait.detail.endswith(self.TIME_OUTS):
                return False
        return sum(kinds[kind] for kind in self.WORK) >= self.FILLED * kinds.total() > 0

    def _finding(self, case: Case, tasks: Sequence[Task], parent: int) -> Finding:
        site = resolve(tasks[0].site)
        span = (tasks[-1].ended - tasks[0].created) / SECOND
        mean = sum(task.ended - task.created for task in tasks) / len(tasks) / SECOND
        maker = case.task(parent)
        victims = [maker] if maker is not None else list(tasks)
        return Finding(
            kind=self.kind,
            severity=WARNING,
            confidence=0.75,
            culprit=case.own_line(site),
            explain=(
                f"{len(tasks)} tasks {tasks[0].coroutine} made at {prose.where(site)} ran one after another, "
                f"{prose.seconds(mean)} each and {prose.seconds(span)} in all: each was awaited before the "
                f"next was made, while the loop was idle."
            ),
            fix="Make all of them first and await them together (gather, or one TaskGroup around the loop).",
            since=tasks[0].created,
            job=case.job_of(tasks),
            victims=case.names(victims),
            evidence={"tasks": len(tasks), "mean": round(mean, 3), "in_all": round(span, 3)},
            cost=span,
            hit=frozenset({parent}),
        )


rule = OneAfterAnother()
