"""A worker process died in the middle of its work, and with it the pool or the result."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from loopscope.diagnosis import pools, prose
from loopscope.diagnosis.words import BROKEN_POOL
from loopscope.fault_kinds import WORKER_DIED
from loopscope.records import CRITICAL, INFO, LOST, OK, Fault, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.records import WorkItem

BROKEN = frozenset({"BrokenProcessPool", "BrokenThreadPool", "BrokenExecutor", "TerminatedWorkerError"})


class BrokenPool:
    """`concurrent.futures` fails all that is queued and all that comes after; `multiprocessing.Pool` lets
    the caller wait for ever. That a program makes a new pool and goes on is worth a note.
    """

    kind = BROKEN_POOL

    def applies(self, case: Case) -> bool:
        return bool(case.history.last_items) or bool(case.history.last_faults)

    def examine(self, case: Case) -> Iterator[Finding]:
        failed: dict[int, list[WorkItem]] = defaultdict(list)
        for item in case.history.last_items:
            if item.exception in BROKEN or item.outcome == LOST:
                failed[item.executor.id].append(item)
        deaths = [fault for fault in case.history.last_faults if fault.kind == WORKER_DIED]
        for id_, items in failed.items():
            killed = next((fault for fault in deaths if fault.resource and fault.resource.id == id_), None)
            yield self._finding(case, items, killed)
        for items in case.items.values():
            if not any(item.started for item in items):
                yield from self._never_ready(case, items, deaths)

    def _finding(self, case: Case, items: list[WorkItem], death: Fault | None) -> Finding:
        pool, since = items[0].executor, min(item.ended or item.submitted for item in items)
        late = [item for item in items if item.ended and item.submitted > since]
        renewed = self._renewed(case, items, since)
        begun = [item for item in items if item.started]
        places = [death.place] if death is not None else [item.site for item in begun]
        return Finding(
            kind=self.kind,
            severity=INFO if renewed else CRITICAL,
            confidence=0.95 if death is not None else 0.85,
            culprit=case.own_line(*places, pool.site, items[0].site),
            explain=f"{self._how(death, pool.name)} {self._lost(items, late)}",
            fix=(
                "Find out what ends the worker: memory, a crash in C code, an exit. Catch the error, make a "
                "new pool and hand the lost work in again."
            ),
            since=since,
            job=case.job_of(case.task(item.task) for item in items),
            victims=pools.asked_for(case, items),
            resource=pool.name,
            evidence={"failed": len(items), "refused_later": len(late), "renewed": int(renewed)},
            cost=case.since(since) * len(items),
            hit=frozenset(item.task for item in items) - {0},
            roots=frozenset(item.task for item in begun) - {0},
        )

    def _never_ready(self, case: Case, items: list[WorkItem], deaths: list[Fault]) -> Iterator[Finding]:
        """`multiprocessing.Pool` replaces a worker that dies in its initializer, for ever."""
        pool = items[0].executor
        mine = [death for death in deaths if death.resource is None and death.site == pool.site]
        if mine and not any(item.executor.id == pool.id for item in case.history.last_items):
            finding = self._finding(case, items, mine[0])
            yield replace(finding, culprit=case.own_line(pool.site), since=mine[0].at)

    @staticmethod
    def _renewed(case: Case, items: list[WorkItem], since: int) -> bool:
        """Did another pool do the same work well afterwards?"""
        functions, broken = {item.function for item in items}, items[0].executor.id
        return any(
            item.outcome == OK and item.started > since and item.executor.id != broken
            for item in case.history.last_items
            if item.function in functions
        )

    @staticmethod
    def _how(death: Fault | None, pool: str) -> str:
        if death is not None:
            return f'{death.subject} of the pool "{pool}" {death.detail};'
        return f'Workers of the pool "{pool}" ended before they did any work, maybe in its initializer;'

    @staticmethod
    def _lost(items: list[WorkItem], late: list[WorkItem]) -> str:
        said = f"{prose.counted(len(items), 'item')} failed, got lost or wait in vain"
        return (
            f"{said}, {len(late)} of which were handed to the broken pool afterwards." if late else f"{said}."
        )


rule = BrokenPool()
