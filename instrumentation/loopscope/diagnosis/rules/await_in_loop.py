"""A `for` loop awaits one item after the other, while nothing else goes on."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import prose
from loopscope.diagnosis.words import SERIALISED
from loopscope.places import resolve
from loopscope.records import CHILD, EXECUTOR, HTTP, IO, SLEEP, WARNING, Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Task, Wait


class AwaitInLoop:
    """The items of a `for` loop are known before it begins, so their waits could overlap.

    They cannot in a `while`, which waits for the last result, and they do already where several tasks go
    through the same loop. A loop that itself sleeps is a schedule, and one that thinks or computes between
    its waits would gain little.
    """

    kind = SERIALISED
    LEAST = 6  # waits that ended
    LEAST_SPAN = 2.0  # s
    LEAST_WAIT = 0.02  # s on average
    FILLED = 0.8  # share of the span that is waiting inside the loop's calls
    WORK = frozenset({HTTP, IO, SLEEP, EXECUTOR, CHILD})

    def applies(self, case: Case) -> bool:
        return len(case.history.last_waits) >= self.LEAST

    def examine(self, case: Case) -> Iterator[Finding]:
        loops: dict[Place, dict[int, list[Wait]]] = defaultdict(lambda: defaultdict(list))
        for wait in (*case.history.last_waits, *case.snapshot.waits):
            if wait.kind in self.WORK and isinstance(wait.repeated, Place) and wait.repeated.line:
                loops[wait.repeated][wait.task.id].append(wait)
        for line, by_task in loops.items():
            if len(by_task) == 1 and case.own_line(line).line:
                (waits,) = by_task.values()
                if self._is_serial(case, line, waits):
                    yield self._finding(case, line, waits)

    def _is_serial(self, case: Case, line: Place, waits: Sequence[Wait]) -> bool:
        ended = sum(bool(wait.ended) for wait in waits)
        first = min(wait.started for wait in waits)
        span = max(wait.ended or case.at for wait in waits) - first
        inside = sum((w.ended or case.at) - w.started for w in waits if not self._is_a_pause(line, w))
        return (
            ended >= self.LEAST
            and span >= self.LEAST_SPAN * SECOND
            and inside >= self.FILLED * span
            and inside >= self.LEAST_WAIT * SECOND * len(waits)
        )

    @staticmethod
    def _is_a_pause(line: Place, wait: Wait) -> bool:
        """Does the loop itself sleep?"""
        return wait.kind == SLEEP and resolve(wait.site) == line

    def _finding(self, case: Case, line: Place, waits: Sequence[Wait]) -> Finding:
        first, task = min(wait.started for wait in waits), waits[0].task
        span = (max(wait.ended or case.at for wait in waits) - first) / SECOND
        known: Task = case.task(task.id) or task
        inside = sorted({prose.where(wait.site) for wait in waits})
        behind = case.graph.behind({task.id})
        return Finding(
            kind=self.kind,
            severity=WARNING,
            confidence=0.65,
            culprit=case.own_line(line),
            explain=(
                f"The loop at {prose.where(line)} awaits its items one by one: {len(waits)} waits at "
                f"{prose.these(inside)}, {prose.seconds(span / len(waits))} each and {prose.seconds(span)} "
                f"in all, and never two at a time, while the event loop is idle."
            ),
            fix="If the items do not depend on each other, await them together: gather, or a TaskGroup.",
            since=first,
            job=case.job_of([known]),
            victims=case.names([known]),
            evidence={"waits": len(waits), "in_all": round(span, 3), "each": round(span / len(waits), 3)},
            cost=span,
            hit=frozenset({task.id, *behind}),
        )


rule = AwaitInLoop()
