"""Tasks are started faster than they end, and nobody waits for them any more."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import prose
from loopscope.diagnosis.tally import TaskKey
from loopscope.diagnosis.words import TASK_LEAK
from loopscope.places import resolve
from loopscope.records import WARNING, Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Task


class TaskLeak:
    """Many open tasks of one line, made steadily, abandoned by whoever made them, and long overdue.

    A burst is no leak, and neither is a pool of workers: their number does not grow. Connections of a server
    are made by a library's line. A session's task has a parent of its own, which is still there.
    """

    kind = TASK_LEAK
    LEAST = 20  # open tasks of one line
    LEAST_SPAN = 1.5  # s from the oldest to the youngest of them
    UNTRIED = 30  # of them, where none has ended yet
    PARTS = 4  # of the span: in each of them a fair part was made
    FAIR = 0.4  # of what would be even
    OVERDUE = 5  # times the mean life of those that ended
    LEAST_ENDED = 5  # tasks, to speak of a mean
    KEEPS_UP = 0.7  # as many of those that are made have to end
    PAUSE = 5  # times the usual gap between two, and
    MOMENT = 0.3  # s: longer ago, and no more are made
    STALE = 1.0  # s that open work in a journal may be behind
    SIBLINGS = 3  # open tasks of one line that one living parent made: it did not wait for the first
    ABANDONED = 0.8  # share of the tasks

    def applies(self, case: Case) -> bool:
        return len(case.tasks) >= self.LEAST

    def examine(self, case: Case) -> Iterator[Finding]:
        groups: dict[tuple[str, Place], list[Task]] = defaultdict(list)
        for task in case.tasks.values():
            groups[task.coroutine, resolve(task.site)].append(task)
        awaited = {id_ for wait in case.waits.values() for id_ in wait.awaits}
        for (coroutine, site), tasks in groups.items():
            if len(tasks) < self.LEAST or not case.own_line(site).line:
                continue
            tasks.sort(key=lambda task: task.created)
            if (
                self._is_steady(tasks)
                and self._goes_on(case, tasks)
                and self._is_too_slow(case, tasks, TaskKey(coroutine, site))
                and self._are_abandoned(case, tasks, awaited)
            ):
                yield self._finding(case, tasks)

    def _is_steady(self, tasks: Sequence[Task]) -> bool:
        first, span = tasks[0].created, tasks[-1].created - tasks[0].created
        if span < self.LEAST_SPAN * SECOND:
            return False
        made = Counter(min(self.PARTS - 1, (t.created - first) * self.PARTS // span) for t in tasks)
        return all(made[part] >= self.FAIR * len(tasks) / self.PARTS for part in range(self.PARTS))

    def _goes_on(self, case: Case, tasks: Sequence[Task]) -> bool:
        """Are more made up to now, and not just at the start?

        What a journal has of open work may be a little older than its last sign of life.
        """
        gap = (tasks[-1].created - tasks[0].created) / len(tasks)
        moved = max(max(task.created, task.last_ran) for task in case.tasks.values())
        now = moved if case.at - moved < self.STALE * SECOND else case.at
        return now - tasks[-1].created < self.PAUSE * gap + self.MOMENT * SECOND

    def _is_too_slow(self, case: Case, tasks: Sequence[Task], key: TaskKey) -> bool:
        ended = case.history.tasks.get(key)
        if ended is None or ended.count < self.LEAST_ENDED:
            gone = sum(task.parent not in case.tasks for task in tasks)
            return len(tasks) >= self.UNTRIED and gone >= self.ABANDONED * len(tasks)
        overdue = case.at - tasks[0].created > self.OVERDUE * ended.mean
        return overdue or all(self._falls_behind(case, tasks, key, part) for part in (1, 2))

    def _falls_behind(self, case: Case, tasks: Sequence[Task], key: TaskKey, part: int) -> bool:
        """Did fewer end than were made, in one of the last two thirds of the time since the first?"""
        third = (case.at - min(tasks[0].created, case.history.tasks[key].first)) // 3
        until = case.at - third * (part - 1)
        ended = [t for t in case.history.last_tasks if (t.coroutine, resolve(t.site)) == key]
        made = sum(until - third < task.created <= until for task in (*tasks, *ended))
        return sum(until - third < task.ended <= until for task in ended) < self.KEEPS_UP * made

    def _are_abandoned(self, case: Case, tasks: Sequence[Task], awaited: set[int]) -> bool:
        children = Counter(task.parent for task in tasks)
        alone = [
            task
            for task in tasks
            if task.id not in awaited
            and (task.parent not in case.tasks or children[task.parent] >= self.SIBLINGS)
        ]
        return len(alone) >= self.ABANDONED * len(tasks)

    def _finding(self, case: Case, tasks: Sequence[Task]) -> Finding:
        site = resolve(tasks[0].site)
        span = (tasks[-1].created - tasks[0].created) / SECOND
        rate = (len(tasks) - 1) / span
        waits = [case.waits[task.id] for task in tasks if task.id in case.waits]
        usual = Counter((wait.kind, prose.where(wait.site)) for wait in waits).most_common(1)
        doing = f"; most wait for {usual[0][0][0]} at {usual[0][0][1]}" if usual else ""
        return Finding(
            kind=self.kind,
            severity=WARNING,
            confidence=0.8,
            culprit=case.own_line(site),
            explain=(
                f"{len(tasks)} tasks {tasks[0].coroutine}, started at {prose.where(site)}, are open and "
                f"nobody waits for them: {rate:.1f} more each second for {prose.seconds(span)}, the "
                f"oldest is {prose.seconds(case.since(tasks[0].created))} old{doing}."
            ),
            fix="Give each a time-out of its own, or cancel it when nobody wants its result any more.",
            since=tasks[0].created,
            job=case.job_of(tasks),
            victims=case.names(tasks),
            evidence={
                "open": len(tasks),
                "more_per_second": round(rate, 2),
                "oldest": round(case.since(tasks[0].created), 3),
            },
            cost=sum(case.since(task.created) for task in tasks),
            roots=frozenset(task.id for task in tasks),
        )


rule = TaskLeak()
