"""A coroutine gives the loop back after each portion of its work, but leaves no room between them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import loops, prose
from loopscope.diagnosis.words import LOOP_BLOCKED
from loopscope.records import INFO, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.records import Slice


class LoopHogged:
    """Steps too short to be blocks, of one coroutine, that take most of a loop's time.

    Whoever shares the loop with it waits a portion for each of its own steps. Work in slices that leaves the
    loop as much time as it takes is as it should be, and so are short slices.
    """

    kind = LOOP_BLOCKED
    LOOKED_AT = 600.0  # s before now
    PORTION = 0.025  # s on average
    TOGETHER = 1.0  # s
    SHARE = 0.7  # of the time from the first to the last

    def applies(self, case: Case) -> bool:
        return bool(case.history.last_slices)

    def examine(self, case: Case) -> Iterator[Finding]:
        since, longest = case.at - int(self.LOOKED_AT * SECOND), self._longest(case)
        found: dict[str, list[Slice]] = defaultdict(list)
        for step in case.history.last_slices:
            if step.started > since and step.ended - step.started < longest:
                found[step.task.coroutine].append(step)
        ran = loops.had_a_processor(case)
        for coroutine, steps in found.items():
            total = sum(step.ended - step.started for step in steps) / SECOND
            span = (max(s.ended for s in steps) - min(s.started for s in steps)) / SECOND
            long = total > len(steps) * self.PORTION and total * ran > self.TOGETHER
            if long and total > span * self.SHARE:
                yield self._finding(case, coroutine, steps, total, span)

    @staticmethod
    def _longest(case: Case) -> int:
        """Longer ones are blocks, which have a rule of their own."""
        known = [block.ended - block.started for block in case.history.last_blocks if block.ended]
        return min(known, default=SECOND)

    def _finding(self, case: Case, coroutine: str, steps: list[Slice], total: float, span: float) -> Finding:
        started, ended = min(s.started for s in steps), max(s.ended for s in steps)
        tasks = {step.task.id: step.task for step in steps}
        line, _ = loops.hottest(loops.on_loops(case, started, ended))
        victims = loops.present(case, started, ended, frozenset(tasks))
        return Finding(
            kind=self.kind,
            severity=WARNING if victims or len(tasks) > 1 else INFO,
            confidence=0.75,
            culprit=line,
            explain=(
                f"{coroutine} took {prose.counted(len(steps), 'step')} of "
                f"{prose.seconds(total / len(steps))}, {prose.seconds(total)} of the loop's "
                f"{prose.seconds(span)}, mostly at {prose.where(line)}. Whoever shares the loop waits that "
                "long for each step of its own."
            ),
            fix="Do it in a thread or a process pool, or in shorter portions with pauses between them.",
            since=started,
            job=case.job_of(tasks.values()),
            victims=case.names(victims or tasks.values()),
            resource="event loop",
            evidence={
                "steps": len(steps),
                "mean": round(total / len(steps), 4),
                "share": round(total / span, 3),
            },
            cost=total,
            roots=frozenset(tasks),
        )


rule = LoopHogged()
