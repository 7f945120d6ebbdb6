"""Lanes of a timeline: a job's tasks as a tree, and the work items that no task of it submitted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopscope.records import OK
from loopscope_dashboard.explorer.names import task_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.records import Place
    from loopscope_exporters.journal.model import ItemInfo, JobHistory, JobSummary, TaskInfo

OPEN = "open"
OPEN_JOBS = frozenset({"running", "stuck"})


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of the timeline. ``parent`` is a lane's index, -1 for none; times are wall ns."""

    id: int
    parent: int
    depth: int
    name: str
    what: str
    site: Place
    start: int
    first_run: int
    last_ran: int
    end: int
    outcome: str


def lanes_of(history: JobHistory) -> list[Lane]:
    """Parents before children, children in the order they were created."""
    known = {task.id for task in history.tasks}
    children: dict[int, list[TaskInfo]] = defaultdict(list)
    for task in sorted(history.tasks, key=lambda task: (task.created, task.id)):
        children[task.parent if task.parent in known and task.parent != task.id else 0].append(task)
    names = task_names(history)
    lanes: list[Lane] = []
    index: dict[int, int] = {}
    for task, depth in _depth_first(children):
        index[task.id] = len(lanes)
        parent = index.get(task.parent, -1)
        lanes.append(_task_lane(history.job, task, names[task.id], parent, depth))
    return lanes + [_item_lane(item) for item in orphans(history)]


def orphans(history: JobHistory) -> list[ItemInfo]:
    """Work items that another thread or process submitted: they get lanes of their own."""
    known = {task.id for task in history.tasks}
    return [item for item in history.items if item.task not in known]


def _depth_first(children: dict[int, list[TaskInfo]]) -> Iterator[tuple[TaskInfo, int]]:
    pending = [(task, 0) for task in reversed(children[0])]
    while pending:
        task, depth = pending.pop()
        yield task, depth
        pending += [(child, depth + 1) for child in reversed(children.get(task.id, ()))]


def _task_lane(job: JobSummary, task: TaskInfo, name: str, parent: int, depth: int) -> Lane:
    """The root task may have lived before the job and go on after it: its lane is the job's."""
    is_root = task.id == job.root_task
    outlives = is_root and job.state not in OPEN_JOBS and job.state != "lost"
    return Lane(
        id=task.id,
        parent=parent,
        depth=depth,
        name=name,
        what=task.coroutine,
        site=task.place,
        start=max(task.created, job.started),
        first_run=task.first_run,
        last_ran=task.last_ran,
        end=min(task.ended, job.ended) if outlives else task.ended,
        outcome=job.state if outlives else task.outcome or (OPEN if task.open else OK),
    )


def _item_lane(item: ItemInfo) -> Lane:
    return Lane(
        id=item.id,
        parent=-1,
        depth=0,
        name=item.function,
        what=f"work item in {item.worker}" if item.worker else "work item",
        site=item.place,
        start=item.submitted,
        first_run=item.started,
        last_ran=item.ended,
        end=item.ended,
        outcome=item.outcome or (OPEN if item.open else OK),
    )
