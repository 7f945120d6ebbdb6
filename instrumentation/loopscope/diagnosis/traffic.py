"""Traffic: who puts into a queue, who takes from it, who waits at it, and which of them are still alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopscope.places import resolve
from loopscope.records import NOWHERE, PUT, QUEUE, REPORT, TAKE, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.records import Resource, Task, Wait

GET_WAIT, PUT_WAIT, JOIN_WAIT = "get", "put", "join"


@dataclass(frozen=True, eq=False)
class Traffic:
    """One queue that somebody waits at."""

    case: Case
    queue: Resource
    waits: tuple[Wait, ...]

    def waiting(self, detail: str) -> list[Wait]:
        """Open waits of one kind, the longest first."""
        return [wait for wait in self.waits if wait.detail == detail]

    def acting(self, *roles: str) -> dict[int, Task]:
        """Tasks that did any of this, by id, the ones that have ended too."""
        partners = (self.queue.partners or {}).values()
        return {p.task.id: self.known(p.task) for p in partners if p.role in roles}

    def known(self, task: Task) -> Task:
        """What is known of a task that may have ended."""
        return self.case.task(task.id) or task

    @property
    def consumers(self) -> dict[int, Task]:
        waited = {wait.task.id: wait.task for wait in self._all_waits() if wait.detail == GET_WAIT}
        return {**waited, **self.acting(TAKE, REPORT)}

    @property
    def producers(self) -> dict[int, Task]:
        waited = {wait.task.id: wait.task for wait in self._all_waits() if wait.detail == PUT_WAIT}
        return {**waited, **self.acting(PUT)}

    def _all_waits(self) -> Iterator[Wait]:
        for wait in (*self.case.history.last_waits, *self.waits):
            if wait.resource is not None and wait.resource.id == self.queue.id:
                yield wait

    def count(self, role: str) -> int:
        """How often partners did this."""
        return sum(p.count for p in (self.queue.partners or {}).values() if p.role == role)

    def is_alive(self, task: Task) -> bool:
        return task.id in self.case.tasks

    def line_of(self, task: Task, role: str, detail: str) -> Place:
        """Where a task puts or takes: as it did it, or as it waited for it."""
        partner = (self.queue.partners or {}).get((task.id, role))
        if partner is not None:
            return resolve(partner.site)
        sites = (resolve(w.site) for w in self._all_waits() if w.task.id == task.id and w.detail == detail)
        return next(sites, NOWHERE)


def traffic(case: Case) -> Iterator[Traffic]:
    """One for each queue at which a task waits."""
    for waits in case.waiters.values():
        queue = waits[0].resource
        if queue is not None and queue.kind == QUEUE:
            yield Traffic(case, case.resources.get(queue.id, queue), tuple(waits))
