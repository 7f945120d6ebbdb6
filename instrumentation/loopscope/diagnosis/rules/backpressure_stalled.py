"""A stream or pipe is full because nobody reads it, and its writer is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.harm import Harm
from loopscope.diagnosis.silence import silences
from loopscope.diagnosis.words import BACKPRESSURE_STALLED
from loopscope.records import CHILD, CRITICAL, WARNING, WRITE, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.silence import Silence


class BackpressureStalled:
    """A write waits for its reader far longer than writes did, or a child process for its output to be read.

    Writing waits only while the buffers on the way are full; a reader that is slow, but reads, ends such
    waits again and again.
    """

    kind = BACKPRESSURE_STALLED
    PATIENCE = 2.0  # s
    UNUSUAL = 5  # times the longest wait to write so far

    def applies(self, case: Case) -> bool:
        return any(wait.kind in {WRITE, CHILD} for wait in case.snapshot.waits)

    def examine(self, case: Case) -> Iterator[Finding]:
        for silence in silences(case, (WRITE, CHILD)):
            lasts = silence.lasts(case)
            if lasts < max(self.PATIENCE, self.UNUSUAL * silence.usual):
                continue
            if silence.waits[0].kind == WRITE:
                yield self._finding(case, silence, "the buffers are full, and the other side does not read")
            elif unread := self._unread(case, silence):
                why = f"the child has written {unread} bytes that nobody reads, so it cannot go on and end"
                yield self._finding(case, silence, why)

    @staticmethod
    def _unread(case: Case, silence: Silence) -> int:
        """Bytes of a child's output that stand in the reader's buffer, if that is full; else 0."""
        pipe = silence.waits[0].resource
        known = case.resources.get(pipe.id, pipe) if pipe is not None else None
        return known.in_use if known is not None and 0 < known.capacity < known.in_use else 0

    def _finding(self, case: Case, silence: Silence, why: str) -> Finding:
        waits, lasts = silence.waits, silence.lasts(case)
        harm = Harm.of(case, (wait.task.id for wait in waits))
        number = len(waits)
        behind = len(harm.hit) - number
        return Finding(
            kind=self.kind,
            severity=CRITICAL if behind else WARNING,
            confidence=0.85,
            culprit=silence.place,
            explain=(
                f"{prose.counted(number, 'task')} {prose.verb(number, 'waits', 'wait')} at "
                f"{prose.where(silence.place)} ({waits[0].detail}), the first for {prose.seconds(lasts)}, "
                f"and no time-out will end that: {why}."
            ),
            fix="Read what is written, concurrently with whatever waits for the writer, or limit the wait "
            "with a time-out and drop who does not read.",
            since=waits[0].started,
            job=harm.job,
            victims=harm.victims,
            evidence={"waiting": number, "longest_wait": round(lasts, 3), "behind": behind},
            cost=harm.cost,
            hit=harm.hit,
            roots=frozenset(wait.task.id for wait in waits),
        )


rule = BackpressureStalled()
