"""A task was started, nobody kept it, and the garbage collector took it while it waited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import faulty, prose
from loopscope.diagnosis.words import TASK_GARBAGE_COLLECTED
from loopscope.fault_kinds import COLLECTED
from loopscope.records import INFO, NOWHERE, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Fault, Place


class TaskCollected:
    """The loop refers to its tasks weakly: one that only its own wait refers to goes with the next sweep.

    The line to blame is the one that started it without keeping it.
    """

    kind = TASK_GARBAGE_COLLECTED

    def applies(self, case: Case) -> bool:
        return faulty.any_of(case, COLLECTED)

    def examine(self, case: Case) -> Iterator[Finding]:
        found = faulty.grouped(case, COLLECTED, lambda fault: case.own_line(fault.site, fault.place))
        for culprit, faults in found.items():
            yield self._finding(case, culprit, faults)

    def _finding(self, case: Case, culprit: Place, faults: Sequence[Fault]) -> Finding:
        number, name = faulty.times(faults), prose.these(faulty.subjects(faults))
        stood = next((fault.place for fault in faults if case.own_line(fault.place)), NOWHERE)
        waited = f" while it waited at {prose.where(stood)}" if stood else ""
        return Finding(
            kind=self.kind,
            severity=INFO if culprit == NOWHERE else WARNING,
            confidence=0.95,
            culprit=culprit,
            explain=(
                f"{prose.counted(number, 'task')} of {name} {prose.verb(number, 'was', 'were')} "
                f"garbage-collected{waited}: started at {prose.where(culprit)}, kept by nobody, and what it "
                "would have done is lost."
            ),
            fix="Keep the task, in a set that it leaves when done, or start it in a TaskGroup.",
            since=faults[0].at,
            evidence={"collected": number},
            roots=faulty.tasks_of(faults),
            **faulty.harm(case, faults, faulty.bereft(case, faulty.tasks_of(faults)))._asdict(),
        )


rule = TaskCollected()
