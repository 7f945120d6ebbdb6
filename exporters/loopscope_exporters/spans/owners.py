"""Whose span something is part of: a task's, or that of the job which the task had opened at the time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loopscope.records import Batch, Job, Task
    from loopscope.state import LiveState


class Owners:
    """Answers for one drain.

    A task that opens a job inside itself is that job's root: while the job lasts, the job's span stands for
    what the task does. The task's record names only the job it has now, so the time decides.
    """

    def __init__(self, state: LiveState, batch: Batch) -> None:
        self._opened_by: dict[int, list[Job]] = defaultdict(list)
        if batch.waits or batch.blocks:
            for job in (*list(state.jobs.values()), *batch.jobs):
                if job.root_task:
                    self._opened_by[job.root_task].append(job)

    def of(self, task: Task, moment: int) -> tuple[Job, int] | None:
        """The job and the id of the span at that moment; None when no span of ours covers it."""
        opened = [job for job in self._opened_by.get(task.id, ()) if _covers(job, moment)]
        if opened:
            job = max(opened, key=lambda job: job.started)  # jobs inside jobs: the innermost
            span_id = job.id
        elif task.job is not None and task.id != task.job.root_task:
            job, span_id = task.job, task.id
        else:
            return None
        return (job, span_id) if job.trace_id and job.sampled else None


def _covers(job: Job, moment: int) -> bool:
    return job.started <= moment and (not job.ended or moment <= job.ended)
