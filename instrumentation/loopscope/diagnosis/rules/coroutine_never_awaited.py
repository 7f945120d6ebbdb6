"""A coroutine function was called, and what it returned was thrown away: nothing of it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import faulty, prose
from loopscope.diagnosis.words import COROUTINE_NEVER_AWAITED
from loopscope.fault_kinds import NEVER_AWAITED
from loopscope.records import INFO, NOWHERE, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case


class CoroutineNeverAwaited:
    """The interpreter says so when the coroutine dies; the line that made it is the one without `await`."""

    kind = COROUTINE_NEVER_AWAITED

    def applies(self, case: Case) -> bool:
        return faulty.any_of(case, NEVER_AWAITED)

    def examine(self, case: Case) -> Iterator[Finding]:
        found = faulty.grouped(case, NEVER_AWAITED, lambda fault: case.own_line(fault.place))
        for culprit, faults in found.items():
            number, name = faulty.times(faults), prose.these(faulty.subjects(faults))
            yield Finding(
                kind=self.kind,
                severity=INFO if culprit == NOWHERE else WARNING,
                confidence=0.95,
                culprit=culprit,
                explain=(
                    f"{name} was called {prose.counted(number, 'time')} at {prose.where(culprit)} without "
                    "being awaited: the call only makes a coroutine, and nothing of it ran."
                ),
                fix="Await it, or start it as a task that somebody keeps.",
                since=faults[0].at,
                evidence={"never_awaited": number},
                **faulty.harm(case, faults, ())._asdict(),
            )


rule = CoroutineNeverAwaited()
