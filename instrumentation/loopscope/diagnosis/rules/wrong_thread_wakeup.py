"""A loop was given work by another thread without being woken, and slept on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import faulty, prose
from loopscope.diagnosis.words import WRONG_THREAD_WAKEUP
from loopscope.fault_kinds import WRONG_THREAD
from loopscope.records import CRITICAL, INFO, NOWHERE, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Fault, Place


class WrongThreadWakeup:
    """How long the loop slept on is the harm: on a busy loop next to none, on an idle one for ever."""

    kind = WRONG_THREAD_WAKEUP
    FELT = 0.1  # s
    FOR_GOOD = 1.0  # s, and no end

    def applies(self, case: Case) -> bool:
        return faulty.any_of(case, WRONG_THREAD)

    def examine(self, case: Case) -> Iterator[Finding]:
        found = faulty.grouped(case, WRONG_THREAD, lambda fault: case.own_line(fault.place, fault.site))
        for culprit, faults in found.items():
            yield self._finding(case, culprit, faults)

    def _finding(self, case: Case, culprit: Place, faults: Sequence[Fault]) -> Finding:
        number, resource = faulty.times(faults), faults[0].resource
        slept = [((fault.ended or case.at) - fault.at) / SECOND for fault in faults]
        asleep = [fault for fault in faults if not fault.ended]
        felt = max(slept) >= self.FELT and culprit != NOWHERE
        severity = CRITICAL if felt and asleep and max(slept) >= self.FOR_GOOD else WARNING if felt else INFO
        what = prose.resource(resource) if resource is not None else "a future"
        end = "is asleep still" if asleep else f"slept on for up to {prose.seconds(max(slept))}"
        found = faulty.harm(case, faults, ())
        return Finding(
            kind=self.kind,
            severity=severity,
            confidence=0.95,
            culprit=culprit,
            explain=(
                f"Thread {faults[0].detail} signalled {what} at {prose.where(culprit)} "
                f"{prose.counted(number, 'time')} without waking the loop, which {end}: asyncio's objects "
                "are not for other threads."
            ),
            fix="Signal through loop.call_soon_threadsafe(), or asyncio.run_coroutine_threadsafe().",
            since=faults[0].at,
            resource=resource.name if resource is not None else "",
            evidence={"signals": number, "longest_sleep": round(max(slept), 3)},
            roots=faulty.tasks_of(asleep),
            **found._replace(cost=sum(slept), hit=faulty.tasks_of(asleep))._asdict(),
        )


rule = WrongThreadWakeup()
