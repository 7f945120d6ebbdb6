"""What kept a job: how much concurrency it asked for and got, what capped it, and its critical path."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis.case import job_label
from loopscope.diagnosis.critical_path import CriticalPath, Step, heaviest
from loopscope.records import GATHER, LIMITER, LOCK, POOL, QUEUE, SEMAPHORE, TASK

if TYPE_CHECKING:
    from loopscope.diagnosis.case import Case
    from loopscope.records import Job, Resource, Task, Wait

MOST_JOBS = 20  # open ones first
LEAST = 0.5  # s that a finished job took to be worth a report
MOST_STEPS = 5
CAPS = frozenset({LOCK, SEMAPHORE, LIMITER, POOL, QUEUE})  # waits for a turn rather than for work
RUNNING = "running"
FOR_TASKS = frozenset({GATHER, TASK})


@dataclass(frozen=True)
class JobReport:
    """One job. ``requested`` is how many of its tasks wanted to work at one time, at most; ``effective`` how
    many did on average, not counting those that waited for a turn. Times in seconds.
    """

    job: str
    state: str  # running, or the outcome
    seconds: float
    still: float  # since anything of it last moved
    requested: int
    effective: float
    capped_by: Resource | None
    waited: float  # for what capped it, over all tasks
    path: tuple[tuple[Step, float], ...]  # the heaviest steps of the critical path and their seconds


def job_reports(case: Case) -> list[JobReport]:
    """Open jobs, the longest first, then those that ended last."""
    tasks: dict[int, list[Task]] = defaultdict(list)
    waits: dict[int, list[Wait]] = defaultdict(list)
    for task in (*case.history.last_tasks, *case.snapshot.tasks):
        if task.job is not None:
            tasks[task.job.id].append(task)
    for wait in (*case.history.last_waits, *case.snapshot.waits):
        if wait.job is not None:
            waits[wait.job.id].append(wait)
    ended = [job for job in reversed(case.history.last_jobs) if job.ended - job.started >= LEAST * SECOND]
    jobs = [*sorted(case.snapshot.jobs, key=lambda job: job.started), *ended]
    return [_report(case, job, tasks[job.id], waits[job.id]) for job in jobs[:MOST_JOBS]]


def _report(case: Case, job: Job, tasks: list[Task], waits: list[Wait]) -> JobReport:
    until = job.ended or case.at
    span = max(1, until - job.started)
    for_tasks = {wait.task.id for wait in waits if wait.kind in FOR_TASKS}
    workers = [task for task in tasks if task.id not in for_tasks] or tasks
    lives = sum(min(until, t.ended or until) - max(job.started, t.created) for t in workers)
    turns: Counter[int] = Counter()
    resources: dict[int, Resource] = {}
    for wait in waits:
        if wait.kind in CAPS and wait.resource is not None:
            turns[wait.resource.id] += (wait.ended or until) - wait.started
            resources[wait.resource.id] = wait.resource
    cap, waited = turns.most_common(1)[0] if turns else (0, 0)
    root = case.task(job.root_task)
    path = CriticalPath(tasks, waits, until).of(root, job.started) if root is not None else []
    return JobReport(
        job=job_label(job),
        state=job.outcome or RUNNING,
        seconds=span / SECOND,
        still=0.0 if job.ended else case.since(job.progress),
        requested=_peak(workers, until),
        effective=max(0, lives - turns.total()) / span,
        capped_by=resources.get(cap),
        waited=waited / SECOND,
        path=tuple((step, length / SECOND) for step, length in heaviest(path, MOST_STEPS)),
    )


def _peak(tasks: list[Task], until: int) -> int:
    edges = [(task.created, 1) for task in tasks] + [(task.ended or until + 1, -1) for task in tasks]
    most = now = 0
    for _, step in sorted(edges):
        now += step
        most = max(most, now)
    return most
