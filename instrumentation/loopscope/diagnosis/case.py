"""The case: everything rules look at, frozen, with the look-ups they share."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from loopscope import places
from loopscope.clock import SECOND
from loopscope.diagnosis.deadlock import deadlocks
from loopscope.diagnosis.graph import Graph
from loopscope.records import NOWHERE, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopscope.diagnosis.deadlock import Deadlock
    from loopscope.diagnosis.history import History
    from loopscope.records import Fault, Hold, Job, Process, Resource, Snapshot, Task, Wait, WorkItem

RUNNING, HUNG, ENDED, DIED = "running", "hung", "ended", "died"


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    """One process at one moment. Times are ns on the case's own clock, `wall` turns them into wall time.

    Built from the live state (`loopscope.diagnosis.live`) or from a journal (`loopscope_exporters.journal`);
    a rule cannot tell which. Of a process that is gone, ``snapshot`` is its last moment. ``others`` are the
    processes of the same family in the same journal: parent, children, siblings; a live case has none.
    """

    snapshot: Snapshot
    history: History
    began: int  # when observation began
    shift: int = 0  # ns between the case's clock and wall time
    state: str = RUNNING  # or hung, ended, died
    others: tuple[Case, ...] = ()

    def __repr__(self) -> str:
        process = self.process
        return f"<Case of {process.service}, pid {process.pid}: {len(self.tasks)} tasks open, {self.state}>"

    @property
    def at(self) -> int:
        return self.snapshot.at

    @property
    def process(self) -> Process:
        return self.snapshot.process

    @property
    def seen(self) -> float:
        """Seconds that the process was observed."""
        return (self.at - self.began) / SECOND

    def wall(self, moment: int) -> int:
        return moment + self.shift if moment else 0

    def since(self, moment: int) -> float:
        """Seconds from a moment to the case's own."""
        return max(0, self.at - moment) / SECOND

    @cached_property
    def tasks(self) -> dict[int, Task]:
        """Open tasks by id."""
        return {task.id: task for task in self.snapshot.tasks}

    @cached_property
    def ended_tasks(self) -> dict[int, Task]:
        """The tasks that ended last, by id."""
        return {task.id: task for task in self.history.last_tasks}

    def task(self, id_: int) -> Task | None:
        """A task by id, open or ended not too long ago."""
        return self.tasks.get(id_) or self.ended_tasks.get(id_)

    @cached_property
    def waits(self) -> dict[int, Wait]:
        """The wait that each open task is in, by the task's id; a task that runs has none."""
        return {wait.task.id: wait for wait in self.snapshot.waits}

    @cached_property
    def waiters(self) -> dict[int, list[Wait]]:
        """Open waits by the id of the resource that is waited for, longest first."""
        found: dict[int, list[Wait]] = defaultdict(list)
        for wait in sorted(self.snapshot.waits, key=lambda wait: wait.started):
            if wait.resource is not None:
                found[wait.resource.id].append(wait)
        return dict(found)

    @cached_property
    def holds(self) -> dict[int, list[Hold]]:
        """Open holds by the id of the resource that is held, oldest first."""
        found: dict[int, list[Hold]] = defaultdict(list)
        for hold in sorted(self.snapshot.holds, key=lambda hold: hold.acquired):
            found[hold.resource.id].append(hold)
        return dict(found)

    @cached_property
    def held_by(self) -> dict[int, list[Hold]]:
        """Open holds by the id of the task that holds."""
        found: dict[int, list[Hold]] = defaultdict(list)
        for hold in self.snapshot.holds:
            holder = self.holder(hold)
            if holder is not None:
                found[holder.id].append(hold)
        return dict(found)

    def holder(self, hold: Hold) -> Task | None:
        """Who has the permit: where a task was made for the acquire alone, the one that made it."""
        task = hold.task
        if task is not None and task.id not in self.tasks and task.coroutine.endswith(".acquire"):
            return self.task(task.parent)
        return task

    @cached_property
    def items(self) -> dict[int, list[WorkItem]]:
        """Open work items by the id of their executor, the one submitted first in front."""
        found: dict[int, list[WorkItem]] = defaultdict(list)
        for item in sorted(self.snapshot.items, key=lambda item: item.submitted):
            found[item.executor.id].append(item)
        return dict(found)

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """What went wrong in the lives of tasks: what has been, and what lasts."""
        return (*self.history.last_faults, *self.snapshot.faults)

    @cached_property
    def open_items(self) -> dict[int, WorkItem]:
        """Open work items by id."""
        return {item.id: item for item in self.snapshot.items}

    @cached_property
    def inner_items(self) -> dict[int, list[WorkItem]]:
        """Open work items by the id of the item in which they were submitted."""
        found: dict[int, list[WorkItem]] = defaultdict(list)
        for item in self.snapshot.items:
            if item.outer:
                found[item.outer].append(item)
        return dict(found)

    @cached_property
    def resources(self) -> dict[int, Resource]:
        return {resource.id: resource for resource in self.snapshot.resources}

    @cached_property
    def children(self) -> dict[int, list[Task]]:
        """Open tasks by the id of the task that created them."""
        found: dict[int, list[Task]] = defaultdict(list)
        for task in self.snapshot.tasks:
            if task.parent:
                found[task.parent].append(task)
        return dict(found)

    @cached_property
    def graph(self) -> Graph:
        """Who waits for whom."""
        return Graph(self)

    @cached_property
    def deadlocks(self) -> list[Deadlock]:
        """Circles of waits, which several rules tell apart."""
        return deadlocks(self)

    @staticmethod
    def own_line(*candidates: Place | object) -> Place:
        """The first of the places that is the user's own code, else NOWHERE."""
        for place in candidates:
            if isinstance(place, Place) and place.line and places.origin(place.file) == places.USER:
                return place
        return NOWHERE

    @staticmethod
    def names(tasks: Iterable[Task]) -> tuple[str, ...]:
        """What people call these tasks: the name they were given, else the coroutine; each once."""
        return tuple(dict.fromkeys(label(task) for task in tasks))

    def job_of(self, tasks: Iterable[Task | None]) -> str:
        """The job most of these tasks work for, as name and key; empty when they work for none."""
        return self.job_among(task.job for task in tasks if task is not None)

    @staticmethod
    def job_among(jobs: Iterable[Job | None]) -> str:
        """The one named most often, for records that keep the job of their time."""
        counts: dict[str, int] = defaultdict(int)
        for job in jobs:
            if job is not None:
                counts[job_label(job)] += 1
        return max(counts, key=lambda name: counts[name]) if counts else ""


def label(task: Task) -> str:
    """A task's own name; the coroutine where asyncio made up the name."""
    made_up = not task.name or task.name.startswith(("Task-", "starlette.", "anyio."))
    return task.coroutine if made_up else task.name


def job_label(job: Job) -> str:
    return f"{job.name} {job.key}".strip()
