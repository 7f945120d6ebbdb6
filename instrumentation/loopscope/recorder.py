"""The recorder: where hooks leave records, bounded, without locks, for the pump to fetch."""

from __future__ import annotations

import logging
import math
import sys
import weakref
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, cast

from loopscope import context, peers, places, repeats
from loopscope.clock import SECOND, ids, now
from loopscope.detail import Detail
from loopscope.loop_clock import LoopClock, clocks
from loopscope.records import (
    OK,
    Batch,
    Fault,
    Hold,
    Job,
    Resource,
    Task,
    Wait,
    WorkItem,
)
from loopscope.settings import Settings
from loopscope.untracked import untrack

if TYPE_CHECKING:
    from loopscope.faults import Failed
    from loopscope.usage import Sample


class OwnerRef(weakref.ref[Any]):
    """A reference to what a resource's record is about; the record is forgotten together with it."""

    __slots__ = ("resource",)

    resource: int


def _owner_died(reference: weakref.ref[Any]) -> None:
    record = recorder.resources.pop(cast("OwnerRef", reference).resource, None)
    if record is not None and not record.holders and not record.partners:  # these lead back to it
        record.ref = gone
        untrack(record)


def gone() -> None:
    """The reference of a record that what it is about has left."""


class Recorder:
    """Ended records in one queue a kind, and what is open by id.

    A queue is a deque: `append` and `popleft` are atomic, so hooks on any thread fill it while the pump
    empties it. A full queue drops the newest record and counts it in `dropped`, which should stay 0.
    """

    def __init__(self) -> None:
        self.clear()
        self.configure(Settings())

    def clear(self) -> None:
        """Forget everything; also what a forked child does first."""
        ids.renew()
        self.new_id = ids.new
        self.jobs: dict[int, Job] = {}
        self.items: dict[int, WorkItem] = {}
        self.resources: dict[int, Resource] = {}
        self.loops: list[LoopClock] = []
        self.dropped: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.ended_tasks: deque[Task] = deque()
        self.ended_jobs: deque[Job] = deque()
        self.ended_waits: deque[Wait] = deque()
        self.ended_holds: deque[Hold] = deque()
        self.ended_items: deque[WorkItem] = deque()
        self.ended_faults: deque[Fault] = deque()
        self.open_faults: dict[int, Fault] = {}
        self.failed: dict[int, Failed] = {}  # by address of the task
        self.collected: dict[int, tuple[Task, Any]] = {}  # and where it was last seen, by address of the task
        self.alike_faults: dict[object, tuple[int, Fault]] = {}  # since the last drain, see `faults.note`
        self.new_resources: deque[Resource] = deque()
        self.samples: deque[Sample] = deque()
        peers.clear()
        context.open_tasks.clear()
        context.hosted.clear()
        context.thin_tasks.clear()
        clocks.clear()
        LoopClock.forget()

    def configure(self, settings: Settings) -> None:
        self.settings = settings
        self.max_pending = settings.max_pending
        self.max_open = settings.max_open
        self.wait_threshold = int(settings.wait_threshold * SECOND)
        self.hold_threshold = int(settings.hold_threshold * SECOND)
        self.block_threshold = int(settings.block_threshold * SECOND)
        self.detail = Detail(settings)
        self.detail.serve()

    def rest(self) -> None:
        """Keep nothing from now on: a hook that somebody wrapped outlives `uninstrument()`.

        Nothing is thin either, for nobody sees how thin tasks end.
        """
        self.max_pending = self.max_open = 0
        self.detail.left = math.inf
        for job in list(self.jobs.values()):
            job.thin = False

    def open(self, table: dict[int, Any], record: Any) -> None:
        """Have a job or a work item among what is open, unless there is too much of it; that is counted."""
        if len(table) < self.max_open:
            table[record.id] = record
        else:
            self.dropped[type(record).__name__.lower()] += 1

    def keep(self, queue: deque[Any], record: Any) -> None:
        if len(queue) < self.max_pending:
            queue.append(record)
            self.detail.left -= 1
        else:
            self.dropped[type(record).__name__.lower()] += 1

    def fault(self, place: str) -> None:
        """Count an error of our own; the first at a place is logged with its traceback."""
        self.faults[place] += 1
        if self.faults[place] == 1:
            logging.getLogger("loopscope").warning(
                "loopscope: the hook %r failed and was passed over; the service is not affected",
                place,
                exc_info=sys.exc_info(),
            )

    def resource(self, kind: str, owner: Any, site: Any, capacity: int = 0) -> Resource:
        """A record for something one can wait for; `owner` keeps it alive, not the other way round."""
        record = Resource(self.new_id(), kind, site, capacity)
        self.resources[record.id] = record
        record.ref = reference = OwnerRef(owner, _owner_died)
        reference.resource = record.id
        if not self.detail.is_thin(context.current_job()):
            self.keep(self.new_resources, record)
        return record

    def wait_started(
        self, kind: str, resource: Resource | None, detail: str = "", held_by: tuple[int, ...] = ()
    ) -> Wait | None:
        """Open a wait of the running task; None when no task of ours runs. Pair with `wait_ended`."""
        task = context.current_task()
        if task is None:
            return None
        site = places.note_caller(sys._getframe(1))
        wait = self.begin_wait(task, kind, resource, site, detail=detail, held_by=held_by)
        wait.repeated = repeats.callers(sys._getframe(1))
        return wait

    def begin_wait(
        self,
        task: Task,
        kind: str,
        resource: Resource | None,
        site: Any,
        *,
        detail: str = "",
        held_by: tuple[int, ...] = (),
    ) -> Wait:
        """The same for a hook that knows the task and the place already."""
        wait = Wait(task, kind, resource, site, now(), 0, "", held_by, detail, task.wait, task.job)
        task.wait = wait
        return wait

    def wait_ended(self, wait: Wait, outcome: str) -> None:
        """Close a wait. Never raises: it is what hooks do in `finally`, on a program's way out."""
        try:
            self._close_wait(wait, outcome)
        except Exception:
            self.fault("wait")

    def _close_wait(self, wait: Wait, outcome: str) -> None:
        wait.ended = now()
        wait.outcome = outcome
        wait.task.wait = wait.outer
        lasted, resource = wait.ended - wait.started, wait.resource
        if resource is None or outcome != OK or lasted > self.detail.over:
            self.keep(self.ended_waits, wait)
        elif lasted < self.wait_threshold:
            resource.short_waits += 1
            resource.short_waited += lasted
        elif self.detail.is_thin(wait.job):
            if resource.name:
                self.detail.count_wait(wait.kind, resource.name, lasted)
            else:
                self.detail.count_wait_at(wait.kind, places.noted(resource.site), lasted)
        else:
            self.keep(self.ended_waits, wait)

    def take(self) -> Batch:
        """Everything that ended since the last call, places not yet resolved."""
        self.alike_faults = {}
        batch = Batch(
            now=now(),
            jobs=_empty(self.ended_jobs),
            tasks=_empty(self.ended_tasks),
            waits=_empty(self.ended_waits),
            holds=_empty(self.ended_holds),
            items=_empty(self.ended_items),
            faults=_empty(self.ended_faults),
            resources=_empty(self.new_resources),
            samples=_empty(self.samples),
            counted=self.detail.take(),
        )
        untrack(*batch.waits, *batch.holds, *batch.items)
        untrack(*(job for job in batch.jobs if job.kind == "http"))  # a program holds the others, too
        untrack(*(task for task in batch.tasks if task.wait is None))  # a wait leads back to its task
        return batch


def _empty(queue: deque[Any]) -> list[Any]:
    """Take what is there now; what hooks append meanwhile waits for the next turn."""
    return [queue.popleft() for _ in range(len(queue))]


recorder = Recorder()
