"""Tasks await one another in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.words import AWAIT_CYCLE
from loopscope.records import CRITICAL, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.deadlock import Deadlock


class AwaitCycle:
    """A circle of awaited tasks without a lock in it. asyncio itself notices only a task awaiting itself."""

    kind = AWAIT_CYCLE

    def applies(self, case: Case) -> bool:
        return bool(case.graph.stuck)

    def examine(self, case: Case) -> Iterator[Finding]:
        for deadlock in case.deadlocks:
            if not deadlock.permits:
                yield self._finding(case, deadlock)

    def _finding(self, case: Case, deadlock: Deadlock) -> Finding:
        everyone = (*deadlock.tasks, *deadlock.behind)
        steps = [
            f"{case.names([wait.task])[0]} awaits another of them at {prose.where(wait.site)}"
            for wait in deadlock.waits
        ]
        return Finding(
            kind=self.kind,
            severity=CRITICAL,
            confidence=0.95,
            culprit=case.own_line(*(wait.site for wait in deadlock.waits)),
            explain=(
                f"{prose.these(steps)}: {prose.counted(len(steps), 'task')} in a circle, "
                f"for {prose.seconds(case.since(deadlock.waits[0].started))}. None of them can ever end."
            ),
            fix="Let one of them go on without the other's result, or cancel it and start over.",
            since=deadlock.since,
            job=case.job_of(everyone),
            victims=case.names(everyone),
            evidence={
                "tasks_in_circle": len(deadlock.tasks),
                "tasks_behind": len(deadlock.behind),
                "stuck_for": round(case.since(deadlock.waits[0].started), 3),
            },
            cost=deadlock.lost(case),
            hit=frozenset(task.id for task in everyone),
            roots=frozenset(task.id for task in deadlock.tasks),
        )


rule = AwaitCycle()
