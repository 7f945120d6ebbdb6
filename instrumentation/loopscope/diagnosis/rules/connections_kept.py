"""Connections were taken from a pool and not given back, and others wait for one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from loopscope.diagnosis import prose
from loopscope.diagnosis.harm import Harm
from loopscope.diagnosis.words import CONNECTION_POOL_EXHAUSTED
from loopscope.places import resolve
from loopscope.records import CRITICAL, HTTP, IO, OK, POOL, WARNING, WRITE, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Hold, Place, Resource, Wait


class ConnectionsKept:
    """For a while nobody got a connection, and those who have one make no use of it.

    Use is a request, a read or a write that is under way. A pool that is merely busy hands its connections
    on, and one whose connections all wait for a slow server has another illness. Waiters that give up by a
    time-out count as well: they leave failed waits behind.
    """

    kind = CONNECTION_POOL_EXHAUSTED
    PATIENCE = 1.0  # s nobody got a connection
    RECENT = 30.0  # s a failed wait tells of the present
    LONG = 3.0  # s, for a pool that does not tell who has its connections
    IN_USE = frozenset({HTTP, IO, WRITE})

    def applies(self, case: Case) -> bool:
        return bool(self._pools(case))

    def examine(self, case: Case) -> Iterator[Finding]:
        for pool in self._pools(case).values():
            waits = self._victims(case, pool)
            if not waits:
                continue
            holds = case.holds.get(pool.id, [])
            waited = max(case.since(wait.started) for wait in waits)
            if not holds:
                if waited >= self.LONG and self._stands(case, pool, waited):
                    yield self._by_whom_is_unknown(case, pool, waits)
                continue
            kept = [hold for hold in holds if not self._is_used(case, hold)]
            if kept and min(waited, case.since(holds[-1].acquired)) >= self.PATIENCE:
                yield self._kept(case, pool, waits, kept)

    @staticmethod
    def _pools(case: Case) -> dict[int, Resource]:
        """Some libraries build theirs from a queue, which is the resource then."""
        known = {resource.id: resource for resource in case.snapshot.resources if resource.kind == POOL}
        waits = [wait for wait in case.snapshot.waits if wait.kind == POOL]
        return known | {wait.resource.id: wait.resource for wait in waits if wait.resource is not None}

    @staticmethod
    def _stands(case: Case, pool: Resource, seconds: float) -> bool:
        """Did nobody who waited get a connection for so long?"""
        ended = [tally.last for key, tally in case.history.waits.items() if key.resource == pool.id]
        return all(case.since(last) >= seconds for last in ended)

    def _victims(self, case: Case, pool: Resource) -> list[Wait]:
        failed = [
            wait
            for wait in case.history.last_waits
            if wait.kind == POOL
            and wait.resource is not None
            and wait.resource.id == pool.id
            and wait.outcome != OK
            and case.since(wait.ended) < self.RECENT
        ]
        return [*case.waiters.get(pool.id, ()), *failed]

    def _is_used(self, case: Case, hold: Hold) -> bool:
        task = hold.task
        if task is None or task.id not in case.tasks:
            return False
        wait = case.waits.get(task.id)
        return wait is None or wait.kind in self.IN_USE

    def _kept(self, case: Case, pool: Resource, waits: Sequence[Wait], kept: Sequence[Hold]) -> Finding:
        lines: Counter[Place] = Counter(case.own_line(resolve(hold.site)) for hold in kept)
        culprit, most = lines.most_common(1)[0]
        ended = sum(hold.task is None or hold.task.id not in case.tasks for hold in kept)
        limit = pool.capacity or len(case.holds[pool.id])
        return self._finding(
            case,
            pool,
            waits,
            severity=CRITICAL if len(kept) >= limit else WARNING,
            confidence=0.9,
            culprit=culprit,
            why=(
                f"{len(kept)} of its {limit} connections are kept without being used for up to "
                f"{prose.seconds(case.since(kept[0].acquired))}, {most} of them taken at "
                f"{prose.where(culprit)}"
                + (f"; the tasks that took {ended} of them have ended" if ended else "")
            ),
            roots=frozenset(hold.task.id for hold in kept if hold.task is not None),
            evidence={"connections": limit, "kept": len(kept), "kept_by_ended_tasks": ended},
        )

    def _by_whom_is_unknown(self, case: Case, pool: Resource, waits: Sequence[Wait]) -> Finding:
        return self._finding(
            case,
            pool,
            waits,
            severity=WARNING,
            confidence=0.5,
            culprit=case.own_line(*(resolve(wait.site) for wait in waits)),
            why="none was given back meanwhile; who has them is not on record",
            roots=frozenset(),
            evidence={"connections": pool.capacity},
        )

    def _finding(
        self, case: Case, pool: Resource, waits: Sequence[Wait], why: str, **verdict: Any
    ) -> Finding:
        longest = max(case.since(wait.started) for wait in waits)
        harm = Harm.of(case, (wait.task.id for wait in waits))
        number = len(waits)
        return Finding(
            kind=self.kind,
            explain=(
                f"{prose.counted(number, 'request')} {prose.verb(number, 'waits', 'wait')} for a connection "
                f"of {prose.resource(pool)} at {prose.where(waits[0].site)}, the first for "
                f"{prose.seconds(longest)}: {why}."
            ),
            fix="Read each response to its end or close it on every way out, best with `async with`; a "
            "connection that is needed for long does not belong in a pool that others wait for.",
            since=min(wait.started for wait in waits),
            job=harm.job,
            victims=harm.victims,
            resource=pool.name,
            evidence={"waiting": number, "longest_wait": round(longest, 3), **verdict.pop("evidence")},
            cost=harm.cost,
            hit=harm.hit,
            **verdict,
        )


rule = ConnectionsKept()
