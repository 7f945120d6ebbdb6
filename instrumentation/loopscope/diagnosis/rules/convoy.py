"""A lock is held across slow awaits, and everybody queues for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.contention import contentions
from loopscope.diagnosis.words import CONVOY, SERIALISED
from loopscope.places import resolve
from loopscope.records import INFO, LOCK, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.contention import Contention


class Convoy:
    """One permit, taken nearly all the time, by holders that mostly wait: all go at the speed of one.

    Of a lock that is a convoy, of a semaphore of one permit work that was made serial. A lock held while
    its holder computes is none, and neither is one whose holder sleeps in the function that took it: so
    rate limiters space their calls.
    """

    kind = CONVOY
    LEAST_WAITERS = 3  # at one moment
    LEAST_TURNS = 4
    LEAST_WAITED = 1.0  # s, over all waiters
    LEAST_HOLD = 0.02  # s on average
    TAKEN = 0.7  # share of the time
    SUSPENDED = 0.6  # share of the holds' time

    def applies(self, case: Case) -> bool:
        return bool(case.history.holds or case.snapshot.holds)

    def examine(self, case: Case) -> Iterator[Finding]:
        for contention in contentions(case):
            if contention.resource.capacity == 1 and self._is_convoy(contention):
                yield self._finding(case, contention)

    def _is_convoy(self, contention: Contention) -> bool:
        if len(contention.holds) < self.LEAST_TURNS or contention.peak < self.LEAST_WAITERS:
            return False
        return (
            contention.waited >= self.LEAST_WAITED
            and contention.mean_hold >= self.LEAST_HOLD
            and contention.taken >= self.TAKEN
        )

    def _finding(self, case: Case, contention: Contention) -> Finding:
        resource, suspended = contention.resource, contention.suspended()
        held = contention.mean_hold * len(contention.holds)
        idle = sum(suspended.values()) - suspended.get("pacing", 0.0)
        by_design = idle < self.SUSPENDED * held
        site = resolve(contention.holds[-1].site)
        serial = resource.kind != LOCK
        tasks = {wait.task.id: wait.task for wait in contention.waits}
        return Finding(
            kind=SERIALISED if serial else self.kind,
            severity=INFO if by_design else WARNING,
            confidence=0.4 if by_design else 0.85,
            culprit=case.own_line(site),
            explain=(
                f"{prose.resource(resource)} lets one task through at a time and is taken "
                f"{contention.taken:.0%} of the time: up to {prose.counted(contention.peak, 'task')} queued "
                f"at {prose.where(contention.waits[-1].site)}, {prose.seconds(contention.waited)} in all, "
                f"while the holder, for {prose.seconds(contention.mean_hold)} each, itself waited for "
                f"{prose.these(sorted(suspended, key=lambda kind: -suspended[kind])) or 'nothing'}."
            ),
            fix=(
                "Give the semaphore as many permits as the far side can serve."
                if serial
                else "Hold the lock for the shared state only and do the slow await outside of it."
            ),
            since=contention.since,
            job=case.job_of(tasks.values()),
            victims=case.names(tasks.values()),
            resource=resource.name,
            evidence={
                "waiters_at_once": contention.peak,
                "turns": len(contention.holds),
                "mean_hold": round(contention.mean_hold, 3),
                "waited": round(contention.waited, 3),
                "taken": round(contention.taken, 2),
            },
            cost=contention.waited,
            hit=frozenset(tasks),
        )


rule = Convoy()
