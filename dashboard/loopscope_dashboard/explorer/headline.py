"""What stands above a timeline: the job in numbers, how its process fares, and the work still open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope.records import ERROR, LOST
from loopscope_dashboard.explorer.details import holders, place, short, what_for
from loopscope_dashboard.explorer.lanes import OPEN_JOBS
from loopscope_dashboard.explorer.names import task_names
from loopscope_dashboard.words import clock, counted, duration, span

if TYPE_CHECKING:
    from loopscope_exporters.journal.model import JobHistory, JobSummary, TaskInfo, WaitInfo

MOST_OPEN = 200
UNFINISHED = OPEN_JOBS | {LOST}


def headline(history: JobHistory) -> dict[str, Any]:
    """Title, figures and the sentence about the process."""
    job = history.job
    figures = [
        ("duration", duration(job.seconds)),
        ("tasks, most counted only" if job.thinned * 2 > job.tasks else "tasks", str(job.tasks)),
        ("parallelism", f"{job.parallelism:.2f}"),
        ("loop blocked", duration(job.blocked)),
        ("longest wait", longest_wait(job)),
        ("started", clock(job.started)),
    ]
    return {
        "name": job.name,
        "key": job.key,
        "kind": job.kind,
        "state": job.state,
        "exception": job.exception if job.state == ERROR else "",
        "site": place(job.place),
        "figures": figures,
        "alarm": job.state in UNFINISHED and history.process.state in {"died", "hung"},
        "sentence": process_sentence(history),
    }


def longest_wait(job: JobSummary) -> str:
    """In words: "1.2 s semaphore speech", or "none" for a job that never waited."""
    if job.longest_wait <= 0:
        return "none"
    kind, what = job.longest_wait_kind, job.longest_wait_resource or job.longest_wait_detail
    return f"{duration(job.longest_wait)} {kind} {what if what != kind else ''}".strip()


def process_sentence(history: JobHistory) -> str:
    """How the process fares: "process 1234 (podcast) died at 14:03:11 with 7 tasks open"."""
    process = history.process
    who = f"process {process.pid} ({process.service})"
    still = len(open_tasks(history))
    left = f" with {counted(still, 'task')} of this job open" if still else ""
    if process.state == "died":
        return f"{who} died at {clock(process.heartbeat)}{left}"
    if process.state == "ended":
        return f"{who} ended at {clock(process.ended)}{left}"
    if process.state == "hung":
        silent = span(process.now - process.heartbeat)
        return f"{who} hangs: alive, but silent for {silent}{left}"
    return f"{who} is running{left}"


def open_tasks(history: JobHistory) -> list[TaskInfo]:
    """The root task of a job that is over goes on with something else, so it does not count."""
    over = history.job.root_task if history.job.state not in UNFINISHED else 0
    return [task for task in history.tasks if task.open and task.id != over]


def open_work(history: JobHistory) -> dict[str, Any]:
    """Each task that has not ended: what it waits for, since when, who has it. Longest wait first.

    A task that waits for its children explains nothing, so those stand last.
    """
    waits = {wait.task: wait for wait in history.waits if wait.open}
    names = task_names(history)
    still = open_tasks(history)
    still.sort(key=lambda task: _urgency(task, waits.get(task.id)))
    rows = [_row(history, task, waits.get(task.id), names) for task in still[:MOST_OPEN]]
    return {"title": _open_title(history, len(still)), "rows": rows}


def _open_title(history: JobHistory, number: int) -> str:
    process = history.process.state
    if process in {"died", "ended"}:
        when = f"Open when the process {process}"
    else:
        when = "Open now" if history.job.state in OPEN_JOBS else "Still open after the job ended"
    return f"{when}: first {MOST_OPEN} of {number}" if number > MOST_OPEN else when


def _urgency(task: TaskInfo, wait: WaitInfo | None) -> tuple[bool, int]:
    is_parent = wait is not None and wait.kind in {"gather", "task"}
    return is_parent, wait.started if wait else task.last_ran


def _row(history: JobHistory, task: TaskInfo, wait: WaitInfo | None, names: dict[int, str]) -> dict[str, Any]:
    blocks = [block for block in history.blocks if block.open and block.task == task.id]
    items = [item for item in history.items if item.open and item.task == task.id]
    row = {"id": str(task.id), "task": names[task.id], "kind": "active", "holders": ""}
    if blocks:
        block = blocks[0]
        what, since, where = f"blocks the loop: {block.call}", block.started, block.culprit
        row["kind"] = "blocked"
    elif items:
        item = items[0]
        verb, since = ("in a worker", item.started) if item.started else ("queued", item.submitted)
        what, where = f"{verb}: {item.function}", item.place
        row["kind"] = "worker" if item.started else "queued"
    elif wait:
        what, since, where = what_for(wait), wait.started, wait.place
        row |= {"kind": wait.kind, "holders": holders(history, wait, names)}
    else:
        what, since, where = "runs, or is about to", task.last_ran or task.created, task.place
        if not task.first_run:
            what = row["kind"] = "ready"
    return row | {"what": what, "since": span(max(history.now - since, 0)), "where": short(where)}
