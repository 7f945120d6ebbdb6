"""A semaphore is released more often than acquired, so that its limit no longer limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import faulty, prose
from loopscope.diagnosis.words import OVER_RELEASED as OVER_RELEASED_KIND
from loopscope.fault_kinds import OVER_RELEASED
from loopscope.records import INFO, NOWHERE, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case


class OverReleased:
    """Each fault is a permit more than there should be; the line to blame is the release."""

    kind = OVER_RELEASED_KIND

    def applies(self, case: Case) -> bool:
        return faulty.any_of(case, OVER_RELEASED)

    def examine(self, case: Case) -> Iterator[Finding]:
        found = faulty.grouped(case, OVER_RELEASED, lambda fault: case.own_line(fault.place))
        for culprit, faults in found.items():
            number, resource = faulty.times(faults), faults[0].resource
            capacity = resource.capacity if resource is not None else 0
            yield Finding(
                kind=self.kind,
                severity=INFO if culprit == NOWHERE else WARNING,
                confidence=0.9,
                culprit=culprit,
                explain=(
                    f"{prose.resource(resource)} of {prose.counted(capacity, 'permit')} was released "
                    f"{prose.counted(number, 'time')} too often at {prose.where(culprit)} "
                    f"({faults[0].detail}): it lets {capacity + number} in at a time."
                ),
                fix="Release only what was acquired: use `async with`, or acquire before the `try`.",
                since=faults[0].at,
                resource=resource.name if resource is not None else "",
                evidence={"too_many": number, "capacity": capacity},
                **faulty.harm(case, faults, ())._asdict(),
            )


rule = OverReleased()
