"""Tasks and jobs: how many are open, how they ended, how long they took."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loopscope.diagnosis.words import KINDS
from loopscope.fault_kinds import (
    CLOSED_UNDER,
    COLLECTED,
    NEVER_AWAITED,
    OUTLIVED,
    OVER_RELEASED,
    SWALLOWED,
    UNRETRIEVED,
    WRONG_THREAD,
)
from loopscope.recorder import recorder
from loopscope.records import CANCELLED, DESTROYED_PENDING, ERROR, NEVER_STARTED, OK
from loopscope.state import JOB_BOUNDS, Histogram
from loopscope_exporters.prometheus.families import counter, gauge, histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from loopscope.records import Task
    from loopscope.state import LiveState
    from loopscope_exporters.prometheus.families import Labels

RUNNING, WAITING, PENDING = "running", "waiting", "pending"
TASK_OUTCOMES = (OK, ERROR, CANCELLED, NEVER_STARTED, DESTROYED_PENDING)
JOB_OUTCOMES = (OK, ERROR, CANCELLED)
FAULTS = (
    NEVER_AWAITED,
    COLLECTED,
    UNRETRIEVED,
    OVER_RELEASED,
    WRONG_THREAD,
    SWALLOWED,
    OUTLIVED,
    CLOSED_UNDER,
)


def tasks(state: LiveState, _: int) -> Iterator[Metric]:
    on_loop = {clock.running for clock in list(recorder.loops)}
    states: Counter[Labels] = Counter({(RUNNING,): 0, (WAITING,): 0, (PENDING,): 0})
    for task in list(state.tasks.values()):
        states[(_state_of(task, on_loop),)] += 1
    yield gauge(
        "loopscope_tasks",
        "Open asyncio tasks: running on a loop, waiting, or pending before their first step. Steady under "
        "steady load; growth without end is a leak.",
        ("state",),
        states,
    )
    finished = dict.fromkeys(TASK_OUTCOMES, 0) | dict(state.tasks_finished)
    yield counter(
        "loopscope_tasks_finished_total",
        "Tasks that ended. never_started and destroyed_pending, tasks collected before they ended, should "
        "stay 0.",
        ("outcome",),
        {(outcome,): count for outcome, count in finished.items()},
    )


def faults(state: LiveState, _: int) -> Iterator[Metric]:
    seen = dict.fromkeys(FAULTS, 0) | dict(state.faults_seen)
    yield counter(
        "loopscope_lifecycle_faults_total",
        "What went wrong in the life of a task without anybody being told: coroutines never awaited, pending "
        "tasks collected, exceptions never retrieved. Should be 0.",
        ("kind",),
        {(kind,): count for kind, count in seen.items()},
    )


def findings(state: LiveState, _: int) -> Iterator[Metric]:
    seen = dict.fromkeys(KINDS, 0) | dict(state.findings_seen)
    yield counter(
        "loopscope_findings_total",
        "Diagnoses, each counted once, by what is wrong; `loopscope doctor` says the rest. Should be 0.",
        ("kind",),
        {(kind,): count for kind, count in seen.items()},
    )


def _state_of(task: Task, on_loop: set[Task | None]) -> str:
    if task in on_loop:
        return RUNNING
    return WAITING if task.steps else PENDING


def jobs(state: LiveState, now: int) -> Iterator[Metric]:
    durations = dict(state.job_durations)
    running = Counter(state.job_name(job) for job in list(state.jobs.values()))
    stuck = Counter(state.job_name(job) for job in state.stuck_jobs(now))
    names = sorted(durations.keys() | running.keys() | stuck.keys())
    yield gauge(
        "loopscope_jobs_running",
        "Open jobs. Returns to its usual level after each burst of work.",
        ("job_name",),
        {(name,): running[name] for name in names},
    )
    yield gauge(
        "loopscope_jobs_stuck",
        "Open jobs that do not wait by design and of which nothing has moved for longer than is usual for "
        f"their name; for {state.settings.stuck_after:g} s while little is known of it. Should be 0.",
        ("job_name",),
        {(name,): stuck[name] for name in names},
    )
    yield counter(
        "loopscope_jobs_finished_total",
        "Jobs that ended. The share of outcome error should be near 0.",
        ("job_name", "outcome"),
        {(name, outcome): 0 for name in names for outcome in JOB_OUTCOMES} | dict(state.jobs_finished),
    )
    yield histogram(
        "loopscope_job_duration_seconds",
        "Time from a job's beginning to its end; open jobs are not in it. Stable is healthy.",
        ("job_name",),
        {(name,): durations.get(name) or Histogram(JOB_BOUNDS) for name in names},
    )
