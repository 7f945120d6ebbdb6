"""All workers of a pool are taken by long calls, and other work queues behind them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import pools, prose
from loopscope.diagnosis.words import EXECUTOR_SATURATED
from loopscope.places import resolve
from loopscope.records import CRITICAL, NOWHERE, WARNING, Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.records import Resource, WorkItem


@dataclass
class _Sort:
    """Work of one sort: what it took of the workers and how long it queued, ns.

    Of one function handed over at one line; where a framework hands over its own, of one request or job.
    """

    name: str
    site: Place
    running: list[WorkItem] = field(default_factory=list)
    queued: list[WorkItem] = field(default_factory=list)
    ended: list[WorkItem] = field(default_factory=list)
    ran: int = 0
    longest: int = 0

    def add(self, item: WorkItem, now: int) -> None:
        (self.ended if item.ended else self.running if item.started else self.queued).append(item)
        self.longest = max(self.longest, (item.started or item.ended or now) - item.submitted)
        self.ran += (item.ended or now) - item.started if item.started else 0


class ExecutorSaturated:
    """The pool is full of one sort of work while another, which needs little, waits for a worker.

    A batch that is larger than its pool is no fault: what queues there is more of the same, and it moves.
    If nothing moves for far longer than such work took before, it is.
    """

    kind = EXECUTOR_SATURATED
    PATIENCE = 1.0  # s in the queue
    LITTLE = 0.25  # of the workers' time: more of it, and one is a part of the crowd
    UNUSUAL = 5  # times the mean of the same pool's work
    LEAST_KNOWN = 3  # items, to speak of a mean
    LONG = 5.0  # s a worker is kept, where there is no mean
    FOR_GOOD = 10.0  # s

    def applies(self, case: Case) -> bool:
        return bool(case.items or case.history.last_items)

    def examine(self, case: Case) -> Iterator[Finding]:
        for_ever = {item.executor.id for item in pools.for_ever(case)}  # that has a rule of its own
        for executor, items in self._executors(case):
            sorts = self._sorts(case, items)
            total = sum(sort.ran for sort in sorts)
            if not total or executor.id in for_ever:
                continue
            crowd = max(sorts, key=lambda sort: sort.ran)
            others = [s for s in sorts if s is not crowd and s.ran < total * self.LITTLE]
            late = [s for s in others if s.longest > self.PATIENCE * SECOND]
            if late or self._stands_still(case, executor, sorts):
                yield self._finding(case, executor, crowd, late or [crowd], sure=bool(late))

    @staticmethod
    def _executors(case: Case) -> list[tuple[Resource, list[WorkItem]]]:
        found: dict[int, list[WorkItem]] = defaultdict(list)
        for item in (*case.history.last_items, *case.snapshot.items):
            found[item.executor.id].append(item)
        return [(items[-1].executor, items) for items in found.values() if items[-1].executor.capacity]

    @staticmethod
    def _sorts(case: Case, items: list[WorkItem]) -> list[_Sort]:
        sorts: dict[tuple[str, Place], _Sort] = {}
        for item in items:
            task = case.task(item.task)
            site = case.own_line(resolve(item.site), resolve(task.site) if task is not None else NOWHERE)
            name = item.function if site.line or item.job is None else item.job.name
            sorts.setdefault((name, site), _Sort(name, site)).add(item, case.at)
        return list(sorts.values())

    def _stands_still(self, case: Case, executor: Resource, sorts: list[_Sort]) -> bool:
        running = [case.at - item.started for sort in sorts for item in sort.running]
        if len(running) < executor.capacity or not any(sort.queued for sort in sorts):
            return False
        ended = [item.ended - item.started for sort in sorts for item in sort.ended if item.started]
        usual = (
            sum(ended) / len(ended) if len(ended) >= self.LEAST_KNOWN else self.LONG * SECOND / self.UNUSUAL
        )
        return min(running) > max(self.UNUSUAL * usual, 2 * self.PATIENCE * SECOND)

    def _finding(
        self, case: Case, executor: Resource, crowd: _Sort, late: list[_Sort], *, sure: bool
    ) -> Finding:
        queued = [item for sort in late for item in sort.queued]
        longest = max(sort.longest for sort in late) / SECOND
        waiting = [task for item in queued if (task := case.task(item.task)) is not None]
        stands = case.own_line(*(item.standing for item in (*crowd.running, *crowd.ended)))
        names = tuple(dict.fromkeys(sort.name for sort in late))
        return Finding(
            kind=self.kind,
            severity=CRITICAL if longest > self.FOR_GOOD else WARNING,
            confidence=0.9 if sure else 0.7,
            culprit=crowd.site if crowd.site.line else stands,
            explain=self._explain(executor, crowd, stands, f"{prose.these(names)} queued", longest),
            fix="Give the long calls a pool of their own, or let fewer of them start at a time.",
            since=min((item.submitted for item in queued), default=case.at - int(longest * SECOND)),
            job=case.job_of(case.task(item.task) for item in crowd.running),
            victims=case.names(waiting) or names,
            resource=executor.name,
            evidence={
                "workers": executor.capacity,
                "busy_with_it": len(crowd.running),
                "queued": len(queued),
                "waited_for": round(longest, 3),
            },
            cost=sum(case.since(item.submitted) for item in queued) or longest,
            hit=frozenset(task.id for task in waiting),
            roots=frozenset(item.task for item in crowd.running) - {0},
        )

    @staticmethod
    def _explain(executor: Resource, crowd: _Sort, stands: Place, queued: str, longest: float) -> str:
        given = f", handed over at {prose.where(crowd.site)}" if crowd.site.line else ""
        standing = f"; it stands at {prose.where(stands)}" if stands.line else ""
        number = len(crowd.running)
        calls = f"{prose.counted(number, 'call')} of {crowd.name}" if number else f"Calls of {crowd.name}"
        return (
            f"{calls}{given} {prose.verb(number, 'keeps', 'keep')} the {executor.capacity} workers of "
            f"{prose.resource(executor)} busy{standing}. {queued} behind for up to {prose.seconds(longest)}."
        )


rule = ExecutorSaturated()
