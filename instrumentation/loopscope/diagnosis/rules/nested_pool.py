"""A worker process of a pool uses a pool and never gets a result from it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import pools, prose
from loopscope.diagnosis.words import NESTED_POOL
from loopscope.records import CRITICAL, INHERITED, PROCESSES, Finding
from loopscope.sync_waits import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.records import Resource, WorkItem


class NestedPool:
    """A copy of a pool that came with a fork has no threads that would serve it, and maybe a lock that the
    parent held; a pool of processes inside a pool's process waits for processors, memory and locks of its
    own. Either is believed when nothing of it has begun for a while, or all that has begun waits for a lock
    between processes.
    """

    kind = NESTED_POOL
    INHERITED_PATIENCE = 1.5  # s that an item of an inherited pool is queued; one not yet used works
    PATIENCE = 2.5  # s that one of a pool inside a pool is, whose processes are there
    START = 15.0  # s that its processes may take to start: each may import a whole program

    def applies(self, case: Case) -> bool:
        return any(not item.started for item in case.snapshot.items)

    def examine(self, case: Case) -> Iterator[Finding]:
        above = pools.hosted(case)
        waiting: dict[int, list[WorkItem]] = defaultdict(list)
        for item in case.snapshot.items:
            if not item.started and item.process != case.process.pid:
                waiting[item.executor.id].append(item)
        for items in waiting.values():
            pool = items[0].executor
            nested = pool.workers == PROCESSES and bool(above)
            if not nested and pool.workers != INHERITED:
                continue
            patience = self._patience(case, pool)
            moves = any(item.started and not self._stands(case, item) for item in case.items[pool.id])
            if not moves and case.at - items[0].submitted >= patience * SECOND:
                yield self._finding(case, pool, items, above)

    def _stands(self, case: Case, item: WorkItem) -> bool:
        """Does the process that runs it say that it waits for a lock which lies between processes?"""
        for other in case.others:
            seen = other.open_items.get(item.id) if other.process.pid == item.process else None
            if seen is not None and other.since(seen.started) > self.PATIENCE:
                return seen.waits_for.startswith(SHARED)
        return False

    def _patience(self, case: Case, pool: Resource) -> float:
        if pool.workers == INHERITED:
            return self.INHERITED_PATIENCE
        has_children = any(other.process.parent_pid == case.process.pid for other in case.others)
        return self.PATIENCE if has_children else self.START

    def _finding(self, case: Case, pool: Resource, items: list[WorkItem], above: list[WorkItem]) -> Finding:
        since = min(item.submitted for item in items)
        parent, behind = self._behind(case, above)
        return Finding(
            kind=self.kind,
            severity=CRITICAL,
            confidence=0.95 if pool.workers == INHERITED else 0.8,
            culprit=case.own_line(items[0].site, *(item.standing for item in above)),
            explain=f"{self._what(case, pool, items, above)} {self._mechanism(pool)}",
            fix=(
                "Give the worker all of its work at once and let the parent split it, or run the inner work "
                "in the worker itself; never use a pool that was made before the fork."
            ),
            since=since,
            job=parent.job_of(parent.task(item.task) for item in behind),
            victims=pools.asked_for(parent, behind or items),
            resource=pool.name,
            evidence={
                "queued_inside": len(items),
                "workers_of_outer_pool": above[0].executor.capacity if above else 0,
                "waiting_outside": len(behind),
                "stuck_for": round(case.since(since), 3),
            },
            cost=sum(parent.since(item.submitted) for item in behind) or case.since(since),
            hit=frozenset(item.task for item in (*behind, *items)) - {0},
            roots=frozenset(item.task for item in above) - {0},
        )

    @staticmethod
    def _behind(case: Case, above: list[WorkItem]) -> tuple[Case, list[WorkItem]]:
        """The parent's case, and what is open there in the pool that this process works for."""
        for other in case.others:
            for item in above:
                if item.id in other.open_items and other.process.pid != case.process.pid:
                    return other, list(other.items[item.executor.id])
        return case, above

    @staticmethod
    def _what(case: Case, pool: Resource, items: list[WorkItem], above: list[WorkItem]) -> str:
        who = f"{above[0].function}, in a worker process of another pool," if above else "A forked process"
        stood = prose.seconds(case.since(min(item.submitted for item in items)))
        started = any(item.started for item in case.items[pool.id])
        begun = "what has begun waits for a lock between processes" if started else "none of it has begun"
        return (
            f"{who} gave {items[0].function} to {prose.resource(pool)} at {prose.where(items[0].site)} "
            f"{stood} ago, and {begun}."
        )

    @staticmethod
    def _mechanism(pool: Resource) -> str:
        if pool.workers == INHERITED:
            return (
                "The pool was made before the fork: this process has a copy of it, whose threads stayed in "
                "the parent and whose locks may be locked for ever."
            )
        return "Its processes compete with those of the outer pool, whose workers all wait for inner ones."


rule = NestedPool()
