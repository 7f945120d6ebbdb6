"""Permits are kept by tasks that sleep or have ended; the others wait, with capacity to spare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import prose
from loopscope.diagnosis.graph import PERMITS
from loopscope.diagnosis.words import SEMAPHORE_STARVATION
from loopscope.places import resolve
from loopscope.records import CRITICAL, SLEEP, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Hold, Wait


class PermitsKept:
    """All permits stay where they are for far longer than is usual, while tasks wait for one.

    A holder that has ended will never release. One that sleeps gives its permit to nobody and does nothing
    with it; that is told from slow work by how long the same permit is held otherwise.
    """

    kind = SEMAPHORE_STARVATION
    PATIENCE = 1.0  # s nobody got a permit
    UNUSUAL = 10  # times the mean of the holds that ended
    LEAST_KNOWN = 3  # holds that ended, to speak of a mean
    LONG = 5.0  # s, where there is none

    def applies(self, case: Case) -> bool:
        return any(wait.kind in PERMITS for wait in case.snapshot.waits)

    def examine(self, case: Case) -> Iterator[Finding]:
        for id_, waits in case.waiters.items():
            holds = case.holds.get(id_, [])
            resource = case.resources.get(id_, waits[0].resource)
            if resource is None or resource.kind not in PERMITS or resource.handed:
                continue
            if not 0 < resource.capacity <= len(holds):
                continue
            if min(case.since(waits[0].started), *(case.since(h.acquired) for h in holds)) < self.PATIENCE:
                continue
            dead = [h for h in holds if (t := case.holder(h)) is not None and t.id not in case.tasks]
            asleep = [h for h in holds if self._sleep_of(case, h) is not None]
            if dead:
                yield self._forgotten(case, waits, dead)
            elif len(asleep) == len(holds) and self._is_unusual(case, holds):
                yield self._slept_on(case, waits, asleep)

    @staticmethod
    def _sleep_of(case: Case, hold: Hold) -> Wait | None:
        holder = case.holder(hold)
        wait = case.waits.get(holder.id) if holder is not None else None
        return wait if wait is not None and wait.kind == SLEEP else None

    def _is_unusual(self, case: Case, holds: Sequence[Hold]) -> bool:
        """Against what is known of this permit; else long in itself, and not a limiter's own pacing."""
        known = [tally for key, tally in case.history.holds.items() if key.resource == holds[0].resource.id]
        count, total = sum(tally.count for tally in known), sum(tally.total for tally in known)
        youngest = min(case.since(hold.acquired) for hold in holds)
        if count >= self.LEAST_KNOWN:
            return youngest > self.UNUSUAL * total / count / SECOND
        paces = any(
            resolve(wait.site).function == resolve(hold.site).function
            for hold in holds
            if (wait := self._sleep_of(case, hold)) is not None
        )
        return youngest > self.LONG and not paces

    def _slept_on(self, case: Case, waits: Sequence[Wait], holds: Sequence[Hold]) -> Finding:
        sleeps = [wait for hold in holds if (wait := self._sleep_of(case, hold)) is not None]
        resource = holds[0].resource
        return self._finding(
            case,
            waits,
            holds,
            severity=WARNING,
            confidence=0.85,
            culprit=case.own_line(*(wait.site for wait in sleeps)),
            why=(
                f"all {len(holds)} of {prose.resource(resource)} are held by tasks that sleep at "
                f"{prose.where(sleeps[0].site)}, for {prose.seconds(case.since(sleeps[0].started))} so far"
            ),
            fix="Release the permit before sleeping and take it again afterwards.",
        )

    def _forgotten(self, case: Case, waits: Sequence[Wait], dead: Sequence[Hold]) -> Finding:
        resource = dead[0].resource
        return self._finding(
            case,
            waits,
            dead,
            severity=CRITICAL,
            confidence=0.85,
            culprit=case.own_line(*(hold.site for hold in dead)),
            why=(
                f"{len(dead)} of {max(1, resource.capacity)} of {prose.resource(resource)}, taken at "
                f"{prose.where(dead[0].site)}, {prose.verb(len(dead), 'was', 'were')} not released before "
                f"{prose.verb(len(dead), 'its holder', 'their holders')} ended"
            ),
            fix="Take it with `async with`, so that it is released on every way out.",
        )

    def _finding(
        self,
        case: Case,
        waits: Sequence[Wait],
        holds: Sequence[Hold],
        *,
        severity: str,
        confidence: float,
        culprit: object,
        why: str,
        fix: str,
    ) -> Finding:
        longest = case.since(waits[0].started)
        holders = [holder for hold in holds if (holder := case.holder(hold)) is not None]
        return Finding(
            kind=self.kind,
            severity=severity,
            confidence=confidence,
            culprit=case.own_line(culprit, *(hold.site for hold in holds)),
            explain=(
                f"{prose.counted(len(waits), 'task')} {prose.verb(len(waits), 'waits', 'wait')} for a permit "
                f"at {prose.where(waits[0].site)}, the first for {prose.seconds(longest)}: {why}."
            ),
            fix=fix,
            since=min(hold.acquired for hold in holds),
            job=case.job_of(wait.task for wait in waits),
            victims=case.names(wait.task for wait in waits),
            resource=holds[0].resource.name,
            evidence={
                "waiting": len(waits),
                "longest_wait": round(longest, 3),
                "permits": max(1, holds[0].resource.capacity),
                "kept": len(holds),
            },
            cost=sum(case.since(wait.started) for wait in waits),
            hit=frozenset(wait.task.id for wait in waits),
            roots=frozenset(task.id for task in holders),
        )


rule = PermitsKept()
