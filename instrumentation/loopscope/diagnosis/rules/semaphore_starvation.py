"""Permits are held by tasks that wait for further permits of the same semaphore: nobody gets one again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.words import SEMAPHORE_STARVATION
from loopscope.records import CRITICAL, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.deadlock import Deadlock


class SemaphoreStarvation:
    """The circle that a semaphore of several permits closes when its holders take it again inside."""

    kind = SEMAPHORE_STARVATION

    def applies(self, case: Case) -> bool:
        return bool(case.graph.stuck)

    def examine(self, case: Case) -> Iterator[Finding]:
        for deadlock in case.deadlocks:
            if deadlock.counts_permits:
                yield self._finding(case, deadlock)

    def _finding(self, case: Case, deadlock: Deadlock) -> Finding:
        wait = next(wait for wait in deadlock.permits if wait.resource and wait.resource.capacity > 1)
        assert wait.resource is not None
        everyone = (*deadlock.tasks, *deadlock.behind)
        holds = case.holds.get(wait.resource.id, [])
        waiting = len(case.waiters.get(wait.resource.id, ()))
        return Finding(
            kind=self.kind,
            severity=CRITICAL,
            confidence=0.95,
            culprit=case.own_line(wait.site, *(hold.site for hold in holds)),
            explain=(
                f"{prose.counted(waiting, 'task')} {prose.verb(waiting, 'waits', 'wait')} for "
                f"{prose.resource(wait.resource)} (0 of {wait.resource.capacity} free) at "
                f"{prose.where(wait.site)} for {prose.seconds(case.since(wait.started))}; its permits, "
                f"taken at {prose.where(holds[0].site)}, are held by tasks that wait for these."
            ),
            fix="Do not take the same semaphore in a task and again in what it awaits.",
            since=deadlock.since,
            job=case.job_of(everyone),
            victims=case.names(everyone),
            resource=wait.resource.name,
            evidence={
                "permits": wait.resource.capacity,
                "held": len(holds),
                "waiting": waiting,
                "stuck_for": round(case.since(wait.started), 3),
            },
            cost=deadlock.lost(case),
            hit=frozenset(task.id for task in everyone),
            roots=frozenset(task.id for task in deadlock.tasks),
        )


rule = SemaphoreStarvation()
