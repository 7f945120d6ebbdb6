"""A synchronous call on a loop's thread takes so long that everything on the loop stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.causes import BLOCKING_CALL, CPU, GC, GIL, IMPORT, overlap
from loopscope.clock import SECOND
from loopscope.diagnosis import loops, prose
from loopscope.diagnosis.words import LOOP_BLOCKED
from loopscope.records import CRITICAL, INFO, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.loops import Culprits
    from loopscope.records import Block

SAYS = {
    BLOCKING_CALL: "it waits there for something outside the loop",
    CPU: "it computes there",
    GIL: "it calls C code there, which keeps the interpreter's lock",
    GC: "the garbage collector ran",
    IMPORT: "it imports a module there",
}
FIX = {
    BLOCKING_CALL: "Await an asynchronous call, or hand this one to a thread with `asyncio.to_thread`.",
    CPU: "Compute in a process pool, or in slices with an `await` between them.",
    GIL: "Hand it to a process pool; in a thread it would keep the interpreter's lock all the same.",
    GC: "Make less garbage in cycles, or call `gc.freeze()` once the service has started.",
    IMPORT: "Import it before the loop starts.",
}


class LoopBlocked:
    """One long block, or several of the same function that add up, while others live on the loop.

    Starting up is allowed to take its time: an import, and whatever runs while there is nobody else to wait.
    A collection that the interpreter decided on is no line's fault, unless it is always the same one's: those
    that strike here and there are not worth a word if they are short.
    """

    kind = LOOP_BLOCKED
    LONG = 0.5  # s of one block
    TOGETHER = 0.3  # s of several
    WORTH_SAYING = 0.2  # s
    SHARE = 0.01  # of the time looked at
    LOOKED_AT = 600.0  # s before now
    STARTING = 1.0  # s of imports
    MOST = 3  # functions
    FROZEN = 0.3  # of the time looked at: everything else suffers from it

    def applies(self, case: Case) -> bool:
        return bool(loops.blocks(case))

    def examine(self, case: Case) -> Iterator[Finding]:
        since = case.at - int(self.LOOKED_AT * SECOND)
        among = [b for b in loops.blocks(case) if b.cause in SAYS and loops.end(case, b) > since]
        strikes = len({block.culprit.function for block in among if block.cause == GC}) > 1
        mine = [
            block
            for block in among
            if not (block.holder or self._is_crowded_out(case, block) or self._is_starting(case, block))
            and not (strikes and block.cause == GC and loops.lasted(case, block) < self.LONG * SECOND)
        ]
        for culprits in loops.by_function(case, mine)[: self.MOST]:
            longest = max(loops.lasted(case, block) for block in culprits.blocks) / SECOND
            add_up = culprits.total > self.TOGETHER and self._share(case, culprits) > self.SHARE
            if longest > self.WORTH_SAYING or add_up:
                yield self._finding(case, culprits, longest)

    def _is_crowded_out(self, case: Case, block: Block) -> bool:
        """A short one in a time when other threads fight for the interpreter's lock."""
        spans = ((use.at - use.span, use.at) for use in loops.crowded(case))
        crowded = any(overlap(block.started, loops.end(case, block), *span) for span in spans)
        return crowded and loops.lasted(case, block) < self.LONG * SECOND

    def _finding(self, case: Case, culprits: Culprits, longest: float) -> Finding:
        worst = max(culprits.blocks, key=lambda block: loops.lasted(case, block))
        started = min(block.started for block in culprits.blocks)
        ended = max(loops.end(case, block) for block in culprits.blocks)
        at_fault = frozenset(task.id for task in culprits.tasks)
        victims = loops.present(case, started, ended, at_fault)
        others = len(culprits.tasks) > 1 or bool(victims)
        share = self._share(case, culprits)
        frozen = share > self.FROZEN or any(not b.ended for b in culprits.blocks)
        return Finding(
            kind=self.kind,
            severity=self._severity(case, culprits, longest, share) if others else INFO,
            confidence=0.95 if longest > 2 * self.LONG or len(culprits.blocks) > 2 else 0.85,
            culprit=culprits.line,
            explain=self._explain(culprits, worst, longest, len(victims)),
            fix=FIX[worst.cause],
            since=started,
            job=case.job_among(block.job for block in culprits.blocks),
            victims=case.names(victims or culprits.tasks),
            resource=f"event loop of {worst.thread}",
            evidence={
                "blocks": len(culprits.blocks),
                "blocked_for": round(culprits.total, 3),
                "longest": round(longest, 3),
                "share": round(share, 3),
            },
            cost=culprits.total * (1 + len(victims)),
            hit=frozenset(task.id for task in victims) if frozen else frozenset(),
            roots=at_fault,
        )

    def _share(self, case: Case, culprits: Culprits) -> float:
        return culprits.total / max(1.0, min(case.seen, self.LOOKED_AT))

    def _severity(self, case: Case, culprits: Culprits, longest: float, share: float) -> str:
        worst = max(culprits.blocks, key=lambda block: loops.lasted(case, block))
        if worst.cause == GC and not self._makes_the_garbage(case, culprits):
            return INFO
        if any(not b.ended and loops.lasted(case, b) > 2 * self.LONG * SECOND for b in culprits.blocks):
            return CRITICAL
        serious = longest > self.LONG or (len(culprits.blocks) > 1 and culprits.total > self.TOGETHER)
        return WARNING if serious and share > self.SHARE else INFO

    @staticmethod
    def _makes_the_garbage(case: Case, culprits: Culprits) -> bool:
        """Does the collector run in this function again and again, and in no other?"""
        elsewhere = {block.culprit.function for block in loops.blocks(case) if block.cause == GC}
        return len(culprits.blocks) > 1 and elsewhere == {culprits.line.function}

    def _is_starting(self, case: Case, block: Block) -> bool:
        return block.cause == IMPORT and block.started - case.began < self.STARTING * SECOND

    @staticmethod
    def _explain(culprits: Culprits, worst: Block, longest: float, victims: int) -> str:
        number, line = len(culprits.blocks), culprits.line
        call = f" in `{worst.call}`" if worst.call else ""
        often = "" if number == 1 else f"{number} times, "
        most = "" if number == 1 else f", at most {prose.seconds(longest)} at a time"
        waited = f"; {prose.counted(victims, 'other task')} could not run" if victims else ""
        return (
            f"The event loop stood still {often}{prose.seconds(culprits.total)} in all{most}, because "
            f"{line.function or 'a callback'} at {prose.where(line)} runs on its thread{call}: "
            f"{SAYS[worst.cause]}{waited}."
        )


rule = LoopBlocked()
