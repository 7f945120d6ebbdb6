"""Faults as rules look at them: those of one kind, together by the line to blame."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from loopscope.diagnosis.harm import Harm
from loopscope.records import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Fault, Wait


def any_of(case: Case, kind: str) -> bool:
    return any(fault.kind == kind for fault in case.faults)


def grouped(case: Case, kind: str, culprit: Callable[[Fault], Place]) -> dict[Place, list[Fault]]:
    """Faults of a kind by the line to blame, each group in the order in which they happened.

    One that the pump has not put into words yet is left for the next look.
    """
    found: dict[Place, list[Fault]] = defaultdict(list)
    for fault in sorted(case.faults, key=lambda fault: fault.at):
        if fault.kind == kind and isinstance(fault.place, Place):
            found[culprit(fault)].append(fault)
    return dict(found)


def times(faults: Iterable[Fault]) -> int:
    return sum(fault.times for fault in faults)


def tasks_of(faults: Iterable[Fault]) -> frozenset[int]:
    return frozenset(fault.task.id for fault in faults if fault.task is not None)


def subjects(faults: Iterable[Fault]) -> tuple[str, ...]:
    """What it happened to, by name; each once."""
    return tuple(dict.fromkeys(fault.subject for fault in faults if fault.subject))


def bereft(case: Case, tasks: frozenset[int]) -> list[Wait]:
    """Open waits for what these tasks used to signal, fill or release, or for their end."""
    theirs = {
        resource.id
        for resource in case.resources.values()
        for partner in (resource.partners or {}).values()
        if partner.task.id in tasks
    }
    return [
        wait
        for wait in case.snapshot.waits
        if (wait.resource is not None and wait.resource.id in theirs) or tasks.intersection(wait.awaits)
    ]


def harm(case: Case, faults: Sequence[Fault], waits: Iterable[Wait]) -> Harm:
    """Who suffers: those that wait in vain, or else those it happened to."""
    found = Harm.of(case, (wait.task.id for wait in waits))
    named = tuple(dict.fromkeys((*found.victims, *subjects(faults))))
    job = found.job or case.job_of(fault.task for fault in faults)
    return found._replace(victims=named, job=job)
