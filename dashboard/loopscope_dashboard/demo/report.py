"""What the demo says: where to look, and at the end what the journal tells."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from loopscope.clock import SECOND
from loopscope.records import DESTROYED_PENDING
from loopscope_exporters.journal.reader import Journal

if TYPE_CHECKING:
    from loopscope_exporters.journal.model import BlockInfo, JobSummary

PODCAST = "podcast"
SICK = "sick-"


class Addresses(NamedTuple):
    """Where to look. An empty address is not served."""

    service: str
    metrics: str
    journal: Path
    explorer: str = ""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say_addresses(addresses: Addresses) -> None:
    say("")
    say(f"  explorer   {addresses.explorer or f'loopscope dashboard {addresses.journal}'}")
    say(f"  metrics    {addresses.metrics or 'not served'}")
    say(f"  service    {addresses.service}")
    say(f"  journal    {addresses.journal}")
    say("")


def say_summary(journal: Path, pid: int) -> None:
    """What became of the jobs of the service with that pid, as its journal tells while it still runs."""
    for line in summary(Journal(journal), pid):
        say(line)


def summary(journal: Journal, pid: int) -> list[str]:
    process = next((process for process in journal.processes() if process.pid == pid), None)
    if process is None:
        return [f"  the journal {journal.path} has nothing of the service; its reason stands above"]
    jobs = [
        job
        for job in journal.jobs(limit=10_000)
        if job.process == process.id and (job.name == PODCAST or job.name.startswith(SICK))
    ]
    podcasts = [job for job in jobs if job.name == PODCAST]
    sick = sorted((job for job in jobs if job.name != PODCAST), key=lambda job: job.name)
    return [
        "",
        f"  podcasts   {_count(podcasts)}",
        f"  slowest    {_slowest(podcasts)}",
        f"  stuck      {_stuck(jobs)}",
        f"  loop       {_blocked(journal, jobs)}",
        *(f"  {job.name:<24} {_told(journal, job)}" for job in sick),
    ]


def _count(jobs: list[JobSummary]) -> str:
    states = [job.state for job in jobs]
    finished = sum(state in {"ok", "error", "cancelled"} for state in states)
    failed = sum(state in {"error", "cancelled"} for state in states)
    return f"{len(states)} started, {finished} finished ({failed} failed), {states.count('running')} running"


def _slowest(podcasts: list[JobSummary]) -> str:
    if not podcasts:
        return "none yet"
    slowest = max(podcasts, key=lambda job: job.seconds)
    return f"{slowest.key}: {_numbers(slowest)}"


def _numbers(job: JobSummary) -> str:
    return f"{job.seconds:.1f} s, {job.tasks} tasks, parallelism {job.parallelism:.1f}"


def _stuck(jobs: list[JobSummary]) -> str:
    return ", ".join(job.name for job in jobs if job.state == "stuck") or "nothing"


def _blocked(journal: Journal, jobs: list[JobSummary]) -> str:
    """Over all blocks that fell into one of the jobs; a block that hit several counts once."""
    blocks: dict[int, BlockInfo] = {
        block.id: block for job in jobs if job.blocked for block in journal.job(job.id).blocks
    }
    if not blocks:
        return "never blocked for long"
    longest = max(blocks.values(), key=_seconds)
    total = sum(map(_seconds, blocks.values()))
    where = f"{Path(longest.culprit.file).name}:{longest.culprit.line} in {longest.culprit.function}"
    return f"blocked for {total:.1f} s, longest {_seconds(longest):.1f} s at {where}"


def _seconds(block: BlockInfo) -> float:
    return (block.ended - block.started) / SECOND


def _told(journal: Journal, job: JobSummary) -> str:
    told = f"{job.state}, {_numbers(job)}"
    if job.blocked:
        told += f", loop blocked {job.blocked:.1f} s"
    if job.longest_wait:
        waited = f"{job.longest_wait_kind} {job.longest_wait_resource}".strip()
        told += f", longest wait {job.longest_wait:.1f} s for {waited}"
    if destroyed := [task for task in journal.job(job.id).tasks if task.outcome == DESTROYED_PENDING]:
        told += f", {destroyed[0].coroutine} destroyed while it waited"
    return told
