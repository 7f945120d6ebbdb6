"""Marks of open work: OpenTelemetry exports a span when it ends, which hides exactly the ones that hang."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.records import Job
from loopscope_exporters.spans import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from loopscope.records import Task, Wait
    from loopscope.state import LiveState
    from loopscope_exporters.spans.builder import SpanBuilder

LOOK_EVERY = 1 * SECOND
MOST_TASKS = 100  # marked per job


class StillOpen:
    """One mark for each job open longer than ``stuck_after``, and for each task of it that is.

    A mark is a child span from the beginning of the work to the moment of the look: it says since when the
    work is open and what it waits for. The span of the work itself follows if it ever ends.
    """

    def __init__(self, state: LiveState, builder: SpanBuilder, stuck_after: int) -> None:
        self._state = state
        self._builder = builder
        self._stuck_after = stuck_after
        self._looked = 0
        self._marked: dict[int, set[int]] = {}  # ids of marked tasks, by marked job

    def forget(self, job: Job) -> None:
        """The job has ended."""
        self._marked.pop(job.id, None)

    def marks(self, now: int) -> Iterator[ReadableSpan]:
        """The marks that are due; looks once a second."""
        if now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        latest = now - self._stuck_after
        overdue = [
            job
            for job in list(self._state.jobs.values())
            if job.started < latest and job.trace_id and job.sampled
        ]
        tasks = self._open_tasks() if overdue else {}
        for job in overdue:
            yield from self._of_job(job, tasks.get(job.id, []), now)

    def _open_tasks(self) -> dict[int, list[Task]]:
        tasks = defaultdict(list)
        for task in list(self._state.tasks.values()):
            if task.job is not None:
                tasks[task.job.id].append(task)
        return tasks

    def _of_job(self, job: Job, tasks: list[Task], now: int) -> Iterator[ReadableSpan]:
        if job.id not in self._marked:
            self._marked[job.id] = set()
            root = next((task for task in tasks if task.id == job.root_task), None)
            yield self._mark(job, job, root, now)
        marked = self._marked[job.id]
        for task in tasks:
            if len(marked) >= MOST_TASKS:
                return
            due = task.created < now - self._stuck_after and task.id not in marked
            if due and task.id != job.root_task:
                marked.add(task.id)
                yield self._mark(job, task, task, now)

    def _mark(self, job: Job, work: Job | Task, waiting: Task | None, now: int) -> ReadableSpan:
        name, since = _name_and_start(work)
        wait = self._wait_of(waiting) if waiting is not None else None
        started = datetime.fromtimestamp(self._state.anchor.to_wall(since) / SECOND, UTC)
        described = {
            "loopscope.open.since": started.isoformat(),
            "loopscope.open.seconds": (now - since) / SECOND,
            **(attributes.of_wait(wait) if wait is not None else {}),
        }
        return self._builder.part(job, work.id, f"{name} (still open)", (since, now), described)

    def _wait_of(self, task: Task) -> Wait | None:
        """The wait that the program's own line is in, not the one inside a library that is a part of it."""
        wait = task.wait or self._state.waits.get(task.id)
        while wait is not None and wait.outer is not None:
            wait = wait.outer
        return wait


def _name_and_start(work: Job | Task) -> tuple[str, int]:
    return (work.name, work.started) if isinstance(work, Job) else (work.coroutine, work.created)
