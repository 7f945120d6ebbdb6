"""The program was told to stop, or is done, and something that it waits for at the end never finishes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loopscope.diagnosis import faulty, prose
from loopscope.diagnosis.case import ENDED, RUNNING
from loopscope.diagnosis.words import SHUTDOWN_STALLED
from loopscope.fault_kinds import (
    AFTER_SIGNAL,
    AT_EXIT,
    END_OF_EXECUTOR,
    END_OF_SERVER,
    END_OF_TASKS,
    END_OF_THREADS,
    SHUTDOWN,
)
from loopscope.records import CRITICAL, NOWHERE, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Fault, Place, Task

STORIES = {
    END_OF_TASKS: "the main coroutine has returned, and the tasks that were cancelled then do not end",
    END_OF_SERVER: "the server has stopped listening and waits for what it still serves",
    AFTER_SIGNAL: "the signal to stop has been handled, and the program goes on",
    END_OF_EXECUTOR: "the main coroutine has returned, and a worker of the default executor is still at work",
    END_OF_THREADS: "the main thread is through, and another thread keeps the process alive",
    AT_EXIT: "the program is through, and an exit handler does not return",
}
THREADS = frozenset({END_OF_EXECUTOR, END_OF_THREADS, AT_EXIT})
SERVED = frozenset({"http", "background"})  # kinds of job


class ShutdownStalled:
    """An end that takes long is named by what it waits for: a thread's line, or the line where the tasks that
    do not end spend their time. A process that runs is given longer than one that had to be killed.
    """

    kind = SHUTDOWN_STALLED
    PATIENCE, PATIENCE_ALIVE = 1.0, 10.0  # s

    def applies(self, case: Case) -> bool:
        return case.state != ENDED and faulty.any_of(case, SHUTDOWN)

    def examine(self, case: Case) -> Iterator[Finding]:
        patience = self.PATIENCE_ALIVE if case.state == RUNNING else self.PATIENCE
        stands = [
            fault
            for fault in case.snapshot.faults
            if fault.kind == SHUTDOWN and case.since(fault.at) >= patience
        ]
        if stands:
            stands.sort(key=lambda fault: fault.at)
            yield self._finding(case, stands[-1], stands[0].at)

    def _finding(self, case: Case, fault: Fault, since: int) -> Finding:
        tasks = [] if fault.subject in THREADS else self._in_the_way(case, fault)
        lasts, line = case.since(since), self._line(case, fault, tasks)
        names = case.names(tasks) or ((fault.detail,) if fault.detail else ())
        who = f" ({prose.these(names)})" if names else ""
        return Finding(
            kind=self.kind,
            severity=CRITICAL,
            confidence=0.75,
            culprit=line,
            explain=(
                f"For {prose.seconds(lasts)} {STORIES[fault.subject]}{who}: it stands at {prose.where(line)}."
            ),
            fix="Give what is waited for at the end a deadline, or a way to be told to stop.",
            since=since,
            job=case.job_of(tasks),
            victims=names,
            resource=fault.subject,
            evidence={"seconds": round(lasts, 3), "tasks": len(tasks)},
            cost=lasts,
            hit=frozenset({fault.by} if fault.by else ()),
            roots=frozenset(task.id for task in tasks),
        )

    def _in_the_way(self, case: Case, fault: Fault) -> list[Task]:
        """The tasks that have to end first, as far as they stand on a line of the program."""
        tasks = [task for task in case.tasks.values() if task.id != fault.by]
        if fault.subject != END_OF_SERVER:
            leaves = [task for task in tasks if task.id not in case.graph.needs] or tasks
            return self._on_own_lines(case, leaves) or leaves
        serving = [task for task in tasks if task.job is not None and task.job.kind in SERVED]
        of_library = [task for task in tasks if case.own_line(task.site) == NOWHERE]
        set_going = [task for task in tasks if self._waits_since(case, fault, task)]
        found = (self._on_own_lines(case, some) for some in (serving, of_library, set_going))
        return next(filter(None, found), [])

    def _on_own_lines(self, case: Case, tasks: Sequence[Task]) -> list[Task]:
        return [task for task in tasks if self._spends_time_at(case, task) != NOWHERE]

    @staticmethod
    def _waits_since(case: Case, fault: Fault, task: Task) -> bool:
        """Has it been set going by the beginning of the end, and waited ever since?"""
        wait = case.waits.get(task.id)
        return wait is not None and fault.at <= wait.started < (fault.at + case.at) // 2

    @staticmethod
    def _spends_time_at(case: Case, task: Task) -> Place:
        """The user's line where the task has waited longest in all."""
        waits = [wait for wait in case.history.last_waits if wait.task.id == task.id]
        if task.id in case.waits:
            waits.append(case.waits[task.id])
        spent: Counter[Place] = Counter()
        for wait in waits:
            spent[case.own_line(wait.site)] += (wait.ended or case.at) - wait.started
        del spent[NOWHERE]
        return spent.most_common(1)[0][0] if spent else NOWHERE

    def _line(self, case: Case, fault: Fault, tasks: Sequence[Task]) -> Place:
        if fault.subject in THREADS:
            items = [item.site for item in case.snapshot.items if item.started]
            return case.own_line(fault.site, *items, fault.place)
        for task in tasks:
            line = case.own_line(self._spends_time_at(case, task), task.job and task.job.site, task.site)
            if line != NOWHERE:
                return line
        return case.own_line(fault.place)


rule = ShutdownStalled()
