"""A task was told to stop, caught the cancellation, and goes on; somebody waits for its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import faulty, prose
from loopscope.diagnosis.words import CANCEL_SWALLOWED
from loopscope.fault_kinds import CAUGHT, SHUTDOWN, SWALLOWED
from loopscope.records import CRITICAL, INFO, NOWHERE, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Fault, Place, Task


class CancelSwallowed:
    """Where somebody waits for its end, that wait has none. Where nobody does, a single cancellation that was
    caught is suspicious all the same; one that is cancelled again and again is woken that way on purpose.
    """

    kind = CANCEL_SWALLOWED

    def applies(self, case: Case) -> bool:
        return faulty.any_of(case, SWALLOWED)

    def examine(self, case: Case) -> Iterator[Finding]:
        ending = any(fault.kind == SHUTDOWN and not fault.ended for fault in case.faults)
        found = faulty.grouped(case, SWALLOWED, lambda fault: case.own_line(fault.place, fault.site))
        for culprit, faults in found.items():
            yield self._finding(case, culprit, faults, ending=ending)

    def _finding(self, case: Case, culprit: Place, faults: Sequence[Fault], *, ending: bool) -> Finding:
        deaf = faulty.tasks_of(fault for fault in faults if not fault.ended)
        waits = [wait for wait in case.snapshot.waits if deaf.intersection(wait.awaits)]
        severity = INFO
        if deaf and culprit != NOWHERE:
            once = all(fault.detail == CAUGHT for fault in faults)
            severity = CRITICAL if waits or ending else WARNING if once else INFO
        lasts = case.since(faults[0].at)
        who = f"{prose.counted(len(waits), 'task')} and what is behind wait for it" if waits else "it goes on"
        return Finding(
            kind=self.kind,
            severity=severity,
            confidence=0.95 if any(fault.detail for fault in faults) else 0.6,
            culprit=culprit,
            explain=(
                f"{prose.these(faulty.subjects(faults))} was cancelled {prose.seconds(lasts)} ago"
                f"{_by_whom(case, faults[0].task)} and has not stopped: the cancellation is swallowed at "
                f"{prose.where(culprit)}, and {who}."
            ),
            fix="Let CancelledError through: catch Exception instead, or raise again after cleaning up.",
            since=faults[0].at,
            evidence={"deaf": len(deaf), "waiting": len(waits), "seconds": round(lasts, 3)},
            roots=deaf,
            **faulty.harm(case, faults, waits)._asdict(),
        )


def _by_whom(case: Case, task: Task | None) -> str:
    """Task and line, where they were seen."""
    if task is None or task.cancelled is None:
        return ""
    canceller = case.task(task.cancelled[0])
    who = f" by {canceller.coroutine}" if canceller is not None else ""
    return f"{who} at {prose.where(task.cancelled[1])}"


rule = CancelSwallowed()
