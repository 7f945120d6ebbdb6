"""Every worker of a pool blocks on the result of an item that is queued in the same pool."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import pools, prose
from loopscope.diagnosis.words import EXECUTOR_SELF_WAIT
from loopscope.records import CRITICAL, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.records import WorkItem


class ExecutorSelfWait:
    """Or of pools that wait for each other: no worker will ever be free for what all of them wait for."""

    kind = EXECUTOR_SELF_WAIT
    PATIENCE = 0.5  # s the last of the workers has been waiting

    def applies(self, case: Case) -> bool:
        return any(item.waits_for for item in case.snapshot.items)

    def examine(self, case: Case) -> Iterator[Finding]:
        stuck: dict[int, list[WorkItem]] = defaultdict(list)
        for item in pools.for_ever(case):
            stuck[item.executor.id].append(item)
        for items in stuck.values():
            blocked = [item for item in items if item.started]
            since = max((pools.waits_since(case, item) for item in blocked), default=case.at)
            if case.at - since >= self.PATIENCE * SECOND:
                yield self._finding(case, items, blocked, since)

    def _finding(self, case: Case, items: list[WorkItem], blocked: list[WorkItem], since: int) -> Finding:
        pool, queued = blocked[0].executor, len(items) - len(blocked)
        inner = [other for item in blocked for other in case.inner_items.get(item.id, ())]
        functions = prose.these(list(dict.fromkeys(item.function for item in blocked)))
        wanted = prose.these(list(dict.fromkeys(item.function for item in inner))) or "more work"
        stands = case.own_line(*(item.standing for item in blocked), *(item.site for item in inner))
        return Finding(
            kind=self.kind,
            severity=CRITICAL,
            confidence=0.95,
            culprit=stands,
            explain=(
                f"All {prose.counted(len(blocked), 'worker')} of {prose.resource(pool)} have run {functions} "
                f"for {prose.seconds(case.since(since))} and block in {blocked[0].waits_for} at "
                f"{prose.where(stands)}, for the result of {wanted}, which needs a worker of the same pool: "
                f"{prose.counted(queued, 'item')} {prose.verb(queued, 'is', 'are')} queued, and nobody can "
                "take one."
            ),
            fix=(
                "Do not wait in a pool's worker for work that the same pool has to do: give the inner work a "
                "pool of its own, call it directly, or wait for it outside."
            ),
            since=since,
            job=case.job_of(case.task(item.task) for item in items),
            victims=pools.asked_for(case, items),
            resource=pool.name,
            evidence={
                "workers": pool.capacity,
                "blocked": len(blocked),
                "queued": queued,
                "stuck_for": round(case.since(since), 3),
            },
            cost=sum(case.since(item.submitted) for item in items),
            hit=frozenset(item.task for item in items) - {0},
            roots=frozenset(item.task for item in blocked) - {0},
        )


rule = ExecutorSelfWait()
