"""The document of the first page: processes and jobs, ready for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope_dashboard.explorer.documents import versioned
from loopscope_dashboard.explorer.headline import longest_wait
from loopscope_dashboard.explorer.lanes import OPEN_JOBS
from loopscope_dashboard.words import clock, counted, span

if TYPE_CHECKING:
    from loopscope_dashboard.explorer.reading import Overview
    from loopscope_exporters.journal.model import JobSummary, ProcessInfo

URGENCY = ("hung", "died", "running", "ended")
MOST_PROCESSES = 12


def listing(overview: Overview) -> dict[str, Any]:
    processes = sorted(overview.processes, key=lambda process: URGENCY.index(process.state))
    return versioned(
        {
            "jobs": [_job(job) for job in overview.jobs],
            "processes": [_process(process, overview) for process in processes[:MOST_PROCESSES]],
            "more_processes": max(len(processes) - MOST_PROCESSES, 0),
            "problems": list(overview.problems),
        }
    )


def _job(job: JobSummary) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "name": job.name,
        "key": job.key,
        "kind": job.kind,
        "state": job.state,
        "service": job.service,
        "pid": job.pid,
        "process": str(job.process),
        "started": job.started / 1_000_000,
        "seconds": job.seconds,
        "tasks": job.tasks,
        "parallelism": job.parallelism,
        "blocked": job.blocked,
        "wait": job.longest_wait,
        "wait_text": longest_wait(job),
    }


def _process(process: ProcessInfo, overview: Overview) -> dict[str, Any]:
    own = [job for job in overview.jobs if job.process == process.id]
    return {
        "id": str(process.id),
        "service": process.service,
        "pid": process.pid,
        "host": process.host,
        "state": process.state,
        "sentence": _sentence(process, own),
        "dropped": process.dropped,
    }


def _sentence(process: ProcessInfo, jobs: list[JobSummary]) -> str:
    if process.state == "running":
        busy = sum(job.state in OPEN_JOBS for job in jobs)
        return f"up {span(process.now - process.started)}, {counted(busy, 'job')} open"
    if process.state == "hung":
        return f"silent for {span(process.now - process.heartbeat)}, but alive"
    lost = sum(job.state == "lost" for job in jobs)
    left = f", {counted(lost, 'job')} lost" if lost else ""
    return f"at {clock(process.ended or process.heartbeat)}{left}"
