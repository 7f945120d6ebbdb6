"""Tasks hold locks and wait for each other's, or one waits for a lock that it holds itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.words import LOCK_CYCLE
from loopscope.records import CRITICAL, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.deadlock import Deadlock


class LockCycle:
    """A circle through locks or single permits can never open by itself."""

    kind = LOCK_CYCLE

    def applies(self, case: Case) -> bool:
        return bool(case.graph.stuck)

    def examine(self, case: Case) -> Iterator[Finding]:
        for deadlock in case.deadlocks:
            if deadlock.permits and not deadlock.counts_permits:
                yield self._finding(case, deadlock)

    def _finding(self, case: Case, deadlock: Deadlock) -> Finding:
        wait = deadlock.permits[0]
        everyone = (*deadlock.tasks, *deadlock.behind)
        return Finding(
            kind=self.kind,
            severity=CRITICAL,
            confidence=0.95,
            culprit=case.own_line(*(wait.site for wait in deadlock.permits)),
            explain=f"{self._circle(case, deadlock)}. {self._behind(deadlock)}",
            fix="Take the locks in one order everywhere, or never take one while you hold another.",
            since=deadlock.since,
            job=case.job_of(everyone),
            victims=case.names(everyone),
            resource=", ".join(resource.name for resource in deadlock.resources),
            evidence={
                "tasks_in_circle": len(deadlock.tasks),
                "tasks_behind": len(deadlock.behind),
                "locks": len(deadlock.resources),
                "stuck_for": round(case.since(wait.started), 3),
            },
            cost=deadlock.lost(case),
            hit=frozenset(task.id for task in everyone),
            roots=frozenset(task.id for task in deadlock.tasks),
        )

    @staticmethod
    def _circle(case: Case, deadlock: Deadlock) -> str:
        steps = []
        for wait in deadlock.waits:
            (name,) = case.names([wait.task])
            held = [
                hold for hold in case.held_by.get(wait.task.id, ()) if hold.resource in deadlock.resources
            ]
            owns = (
                f"holds {prose.resource(held[0].resource)} since {prose.where(held[0].site)} and "
                if held
                else ""
            )
            steps.append(
                f"{name} {owns}waits for {prose.resource(wait.resource)} at {prose.where(wait.site)}"
            )
        stood = prose.seconds(case.since(deadlock.waits[0].started))
        return f"{prose.these(steps)}: a circle that has stood for {stood}"

    @staticmethod
    def _behind(deadlock: Deadlock) -> str:
        number = len(deadlock.behind)
        if not number:
            return "Nobody alive can open it."
        more = f"{prose.counted(number, 'more task')} {prose.verb(number, 'waits', 'wait')} behind it"
        return f"Nobody alive can open it; {more}."


rule = LockCycle()
