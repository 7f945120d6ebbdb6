"""Many short steps together keep a loop busy for so long that everything on it comes late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopscope.causes import overlap
from loopscope.clock import SECOND
from loopscope.diagnosis import loops, prose
from loopscope.diagnosis.words import LOOP_BLOCKED, LOOP_SATURATED
from loopscope.records import WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.usage import Lag


@dataclass(frozen=True)
class _Round:
    """A long iteration, and how much of it was spent in steps that are slow by themselves; ns."""

    lag: Lag
    time: int
    slow: int


class LoopSaturated:
    """Iterations in which no single step blocks, and which are long all the same.

    Steps of tens of milliseconds that make up most of them are blocks in small portions, and have a line;
    else it is the number of steps that counts.
    """

    kind = LOOP_SATURATED
    LOOKED_AT = 600.0  # s before now
    EXPLAINED = 0.5  # of an iteration in blocks
    TOGETHER = 0.8  # s of such iterations
    OFTEN = 3  # iterations
    LONG = 1.0  # s of one
    SHARE = 0.1  # of the time looked at
    STEPS_ARE_SLOW = 0.5  # of the time

    def applies(self, case: Case) -> bool:
        return bool(case.history.last_lags)

    def examine(self, case: Case) -> Iterator[Finding]:
        rounds = list(self._rounds(case))
        total = sum(one.time for one in rounds) * loops.had_a_processor(case) / SECOND
        longest = max((one.time for one in rounds), default=0) / SECOND
        share = total / max(1.0, min(case.seen, self.LOOKED_AT))
        often = len(rounds) >= self.OFTEN or longest > self.LONG
        if often and total > self.TOGETHER and share > self.SHARE:
            yield self._finding(case, rounds, total, longest)

    def _rounds(self, case: Case) -> Iterator[_Round]:
        """Iterations that blocks do not explain, in times when no other threads fight for the lock."""
        since = case.at - int(self.LOOKED_AT * SECOND)
        crowded = [(use.at - use.span, use.at) for use in loops.crowded(case)]
        blocks = [(block.started, loops.end(case, block)) for block in loops.blocks(case)]
        slices = [(step.started, step.ended) for step in case.history.last_slices]
        for lag in case.history.last_lags:
            if lag.ended < since or any(overlap(lag.started, lag.ended, *span) for span in crowded):
                continue
            lasted = lag.ended - lag.started
            blocked = sum(overlap(lag.started, lag.ended, *block) for block in blocks)
            if blocked < lasted * self.EXPLAINED:
                slow = sum(overlap(lag.started, lag.ended, *step) for step in slices)
                yield _Round(lag, lasted - blocked, max(0, slow - blocked))

    def _finding(self, case: Case, rounds: list[_Round], total: float, longest: float) -> Finding:
        started, ended = min(r.lag.started for r in rounds), max(r.lag.ended for r in rounds)
        slow = sum(one.slow for one in rounds) / max(1, sum(one.time for one in rounds))
        line, share = loops.hottest(loops.on_loops(case, started, ended))
        in_portions = slow > self.STEPS_ARE_SLOW
        victims = loops.present(case, started, ended, frozenset())
        at = f"most of it at {prose.where(line)} in {line.function}" if line.line else "at lines not seen"
        return Finding(
            kind=LOOP_BLOCKED if in_portions else self.kind,
            severity=WARNING,
            confidence=0.8 if share > self.STEPS_ARE_SLOW else 0.7,
            culprit=line,
            explain=(
                f"{prose.counted(len(rounds), 'time')} the loop ran for {prose.seconds(longest)} or less "
                f"without a pause, {prose.seconds(total)} in all, {at}. "
                + (
                    "It is many blocks in small portions, one after the other."
                    if in_portions
                    else "No single step is long; there are too many of them at a time."
                )
            ),
            fix="Start fewer at a time, share what they compute, or compute it in a process pool.",
            since=started,
            job=case.job_of(victims),
            victims=case.names(victims),
            resource="event loop",
            evidence={
                "iterations": len(rounds),
                "busy_for": round(total, 3),
                "longest": round(longest, 3),
                "in_slow_steps": round(slow, 3),
            },
            cost=total,
        )


rule = LoopSaturated()
