"""A loop's thread waits for something that only the loop itself could bring about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.causes import OWN_LOOP
from loopscope.clock import SECOND
from loopscope.diagnosis import loops, prose
from loopscope.diagnosis.words import SYNC_WAIT_ON_LOOP
from loopscope.records import CRITICAL, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.loops import Culprits


class SyncWaitOnLoop:
    """The watchdog found nobody but a task or callback of the same loop who could end the wait."""

    kind = SYNC_WAIT_ON_LOOP
    PATIENCE = 0.3  # s

    def applies(self, case: Case) -> bool:
        return any(block.cause == OWN_LOOP for block in loops.blocks(case))

    def examine(self, case: Case) -> Iterator[Finding]:
        waits = [block for block in loops.blocks(case) if block.cause == OWN_LOOP]
        for culprits in loops.by_function(case, waits):
            if culprits.total > self.PATIENCE:
                yield self._finding(case, culprits)

    def _finding(self, case: Case, culprits: Culprits) -> Finding:
        last = culprits.blocks[-1]
        at_fault = frozenset(task.id for task in culprits.tasks)
        victims = loops.present(case, last.started, loops.end(case, last), at_fault)
        stood = "has stood" if not last.ended else "stood"
        return Finding(
            kind=self.kind,
            severity=WARNING if last.ended else CRITICAL,
            confidence=0.95,
            culprit=culprits.line,
            explain=(
                f"{culprits.line.function} waits in {last.waits_for} at {prose.where(culprits.line)} on the "
                f"event loop's own thread, for what only a task or callback of that loop could bring about: "
                f"the loop {stood} still for {prose.seconds(loops.lasted(case, last) / SECOND)}."
            ),
            fix="Await it (`asyncio.wrap_future`, an asyncio primitive), or wait for it in another thread.",
            since=culprits.blocks[0].started,
            job=case.job_among(block.job for block in culprits.blocks),
            victims=case.names((*culprits.tasks, *victims)),
            resource=f"event loop of {last.thread}",
            evidence={"waits": len(culprits.blocks), "stuck_for": round(culprits.total, 3)},
            cost=culprits.total * (1 + len(victims)),
            hit=frozenset(task.id for task in victims),
            roots=at_fault,
        )


rule = SyncWaitOnLoop()
