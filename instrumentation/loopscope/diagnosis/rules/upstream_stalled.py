"""A remote party never answers, and no time-out ends the wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.harm import Harm
from loopscope.diagnosis.silence import asks_first, is_listening, silences
from loopscope.diagnosis.words import UPSTREAM_STALLED
from loopscope.records import CRITICAL, HTTP, INFO, IO, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.silence import Silence


class UpstreamStalled:
    """A request without an answer for far longer than any answer took.

    Listening is no illness: long polls, subscriptions and servers wait for long by design. What tells a stall
    from them is that the party has fallen silent to everybody, that the code has asked something before it
    waits, and that somebody waits for the result: a job, or another task. Where that is not known, the
    finding is for information.
    """

    kind = UPSTREAM_STALLED
    PATIENCE = 2.0  # s
    ANYWAY = 60.0  # s
    UNUSUAL = 5  # times the longest answer so far
    HALF = 0.5  # of the wait, in which nobody else was answered either

    def applies(self, case: Case) -> bool:
        return any(wait.kind in {HTTP, IO} and wait.until == 0 for wait in case.snapshot.waits)

    def examine(self, case: Case) -> Iterator[Finding]:
        for silence in silences(case, (HTTP, IO)):
            if self._is_due(case, silence):
                yield self._finding(case, silence)

    def _is_due(self, case: Case, silence: Silence) -> bool:
        """Longer than answers took; of a party that never answered, most of what was seen of the process."""
        if silence.answered:
            least = max(self.PATIENCE, self.UNUSUAL * silence.usual)
        else:
            least = max(self.PATIENCE, min(self.ANYWAY, self.HALF * case.seen))
        lasts = silence.lasts(case)
        return lasts >= least and silence.quiet >= self.HALF * lasts

    @staticmethod
    def _severity(silence: Silence, harm: Harm) -> str:
        direct = {wait.task.id for wait in silence.waits}
        is_answer = silence.waits[0].kind == HTTP and not is_listening(silence.place)
        if not (is_answer or asks_first(silence.place)) or not (harm.hit - direct or harm.job):
            return INFO
        return CRITICAL if silence.answered else WARNING

    def _finding(self, case: Case, silence: Silence) -> Finding:
        waits, lasts = silence.waits, silence.lasts(case)
        harm = Harm.of(case, (wait.task.id for wait in waits))
        party = waits[0].resource.name if waits[0].resource is not None else "the other side"
        before = (
            f"it took at most {prose.seconds(silence.usual)} for each of {silence.answered} answers before"
            if silence.answered
            else "it has not answered once"
        )
        number = len(waits)
        return Finding(
            kind=self.kind,
            severity=self._severity(silence, harm),
            confidence=0.8 if silence.answered else 0.6,
            culprit=silence.place,
            explain=(
                f"{prose.counted(number, 'task')} {prose.verb(number, 'waits', 'wait')} for {party} at "
                f"{prose.where(silence.place)} ({waits[0].detail}), the first for {prose.seconds(lasts)}, "
                f"and no time-out will end that; {before}."
            ),
            fix="Give the call a time-out, and say what is to happen when it runs out.",
            since=waits[0].started,
            job=harm.job,
            victims=harm.victims,
            resource=waits[0].resource.name if waits[0].resource is not None else "",
            evidence={
                "waiting": number,
                "longest_wait": round(lasts, 3),
                "answers_before": silence.answered,
                "longest_answer": round(silence.usual, 3),
            },
            cost=harm.cost,
            hit=harm.hit,
            roots=frozenset(wait.task.id for wait in waits),
        )


rule = UpstreamStalled()
