"""Contention: what went on at one lock or semaphore while tasks queued for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis.graph import PERMITS
from loopscope.places import resolve
from loopscope.records import SLEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.records import Hold, Resource, Wait

Interval = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Contention:
    """The waits for one resource and the holds of it, ended and open, in the order in which they began."""

    case: Case
    resource: Resource
    waits: tuple[Wait, ...]
    holds: tuple[Hold, ...]

    @property
    def since(self) -> int:
        return self.waits[0].started

    @cached_property
    def lasted(self) -> int:
        """From the first wait to the end of the last one, ns."""
        return max(self.end_of(wait) for wait in self.waits) - self.since

    def end_of(self, interval: Wait | Hold) -> int:
        ended = interval.ended if hasattr(interval, "ended") else interval.released
        return ended or self.case.at

    @cached_property
    def waited(self) -> float:
        """Seconds over all waiters."""
        return sum(self.end_of(wait) - wait.started for wait in self.waits) / SECOND

    @cached_property
    def waiters(self) -> int:
        """Different tasks that waited."""
        return len({wait.task.id for wait in self.waits})

    @cached_property
    def peak(self) -> int:
        """Most tasks that waited at one moment."""
        edges = sorted(edge for wait in self.waits for edge in ((wait.started, 1), (self.end_of(wait), -1)))
        most = now = 0
        for _, step in edges:
            now += step
            most = max(most, now)
        return most

    @cached_property
    def taken(self) -> float:
        """Share of the permits' time, while there was contention, in which they were held."""
        until = self.since + self.lasted
        held = sum(max(0, min(until, self.end_of(h)) - max(self.since, h.acquired)) for h in self.holds)
        return held / max(1, self.lasted * max(1, self.resource.capacity))

    @cached_property
    def mean_hold(self) -> float:
        """Seconds."""
        return sum(self.end_of(h) - h.acquired for h in self.holds) / max(1, len(self.holds)) / SECOND

    def suspended(self) -> dict[str, float]:
        """Seconds that holders spent waiting while they held, by kind of wait; ``pacing`` is what they slept
        in the very function that took the permit, as a rate limiter does.
        """
        of_task = _waits_by_task(self.case)
        found: dict[str, float] = {}
        for hold in self.holds:
            for wait in of_task.get(hold.task.id, ()) if hold.task is not None else ():
                both = min(self.end_of(hold), self.end_of(wait)) - max(hold.acquired, wait.started)
                if both > 0 and wait.resource is not self.resource:
                    paces = wait.kind == SLEEP and resolve(wait.site).function == resolve(hold.site).function
                    kind = "pacing" if paces else wait.kind
                    found[kind] = found.get(kind, 0.0) + both / SECOND
        return found


def contentions(case: Case) -> Iterator[Contention]:
    """One for each lock and semaphore that tasks have waited for lately."""
    waits: dict[int, list[Wait]] = {}
    holds: dict[int, list[Hold]] = {}
    resources: dict[int, Resource] = {}
    for wait in (*case.history.last_waits, *case.snapshot.waits):
        if wait.kind in PERMITS and wait.resource is not None:
            waits.setdefault(wait.resource.id, []).append(wait)
            resources[wait.resource.id] = wait.resource
    for hold in (*case.history.last_holds, *case.snapshot.holds):
        holds.setdefault(hold.resource.id, []).append(hold)
    for id_, found in waits.items():
        yield Contention(
            case,
            resources[id_],
            tuple(sorted(found, key=lambda wait: wait.started)),
            tuple(sorted(holds.get(id_, ()), key=lambda hold: hold.acquired)),
        )


def _waits_by_task(case: Case) -> dict[int, list[Wait]]:
    found: dict[int, list[Wait]] = {}
    for wait in (*case.history.last_waits, *case.snapshot.waits):
        found.setdefault(wait.task.id, []).append(wait)
    return found
