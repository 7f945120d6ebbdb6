"""A task died of an exception that nobody looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import faulty, prose
from loopscope.diagnosis.words import EXCEPTION_NEVER_RETRIEVED
from loopscope.fault_kinds import UNRETRIEVED
from loopscope.records import CRITICAL, INFO, NOWHERE, TASK, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Fault, Place

DISCONNECTS = frozenset({"BrokenPipeError", "ConnectionAbortedError", "ConnectionResetError"})


class ExceptionUnretrieved:
    """Certain once the task is gone; of one that is kept, somebody may still ask.

    Who started several tasks and awaits them one after the other comes to each of them in time: while the
    function that started the failed one waits for a task, the exception is not overlooked yet. A peer that
    hangs up while a library serves it is everyday life. It is worst where others wait for what the dead task
    used to signal or to bring.
    """

    kind = EXCEPTION_NEVER_RETRIEVED

    def applies(self, case: Case) -> bool:
        return faulty.any_of(case, UNRETRIEVED)

    def examine(self, case: Case) -> Iterator[Finding]:
        found = faulty.grouped(case, UNRETRIEVED, lambda fault: case.own_line(fault.place, fault.site))
        for culprit, faults in found.items():
            yield self._finding(case, culprit, faults)

    @staticmethod
    def _may_be_asked(case: Case, fault: Fault) -> bool:
        wait = case.waits.get(fault.task.parent) if fault.task is not None and not fault.ended else None
        return (
            wait is not None
            and wait.kind == TASK
            and (wait.site.file, wait.site.function) == (fault.site.file, fault.site.function)  # type: ignore[union-attr]
        )

    def _severity(self, case: Case, culprit: Place, faults: Sequence[Fault]) -> str:
        by_library = all(case.own_line(fault.site) == NOWHERE for fault in faults)
        hung_up = by_library and all(fault.exception in DISCONNECTS for fault in faults)
        if culprit == NOWHERE or hung_up or all(self._may_be_asked(case, fault) for fault in faults):
            return INFO
        return WARNING

    def _finding(self, case: Case, culprit: Place, faults: Sequence[Fault]) -> Finding:
        number, name = faulty.times(faults), prose.these(faulty.subjects(faults))
        severity = self._severity(case, culprit, faults)
        waits = faulty.bereft(case, faulty.tasks_of(faults)) if severity != INFO else []
        behind = f" {prose.counted(len(waits), 'task')} wait in vain for what it did." if waits else ""
        return Finding(
            kind=self.kind,
            severity=CRITICAL if waits else severity,
            confidence=0.95,
            culprit=culprit,
            explain=(
                f"{prose.counted(number, 'task')} of {name} died of {faults[0].exception} raised at "
                f"{prose.where(faults[0].place)}, and nobody looked at the exception.{behind}"
            ),
            fix="Await the task, or give it a done callback that reports its exception.",
            since=faults[0].at,
            evidence={"failed": number, "waiting": len(waits)},
            roots=faulty.tasks_of(faults),
            **faulty.harm(case, faults, waits)._asdict(),
        )


rule = ExceptionUnretrieved()
