"""Jobs in numbers: for many jobs at once, with a handful of queries a segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope_exporters.journal.liveness import HUNG
from loopscope_exporters.journal.material import Collector, Loops, Material
from loopscope_exporters.journal.model import JobSummary
from loopscope_exporters.journal.parallelism import effective_parallelism

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loopscope_exporters.journal.listing import JobRow
    from loopscope_exporters.journal.source import Source

RUNNING, STUCK, LOST = "running", "stuck", "lost"  # states of open jobs; the others are outcomes


def summarize(jobs: Sequence[JobRow], source: Source) -> list[JobSummary]:
    """The jobs in numbers, in the order given."""
    remembered = ((job.id, _settled.get(_key(job))) for job in jobs)
    known = {id_: summary for id_, summary in remembered if summary is not None}
    fresh = [job for job in jobs if job.id not in known]
    for job, summary in zip(fresh, _compute(fresh, source), strict=True):
        known[job.id] = summary
        if source.whole and _is_settled(job):
            _remember(job, summary)
    return [known[job.id] for job in jobs]


# Summaries that no later record changes, so that a reader who looks each second computes a finished job once.
_settled: dict[tuple[int, int, int], JobSummary] = {}
_SETTLED_AFTER = 5 * SECOND  # its last records are drained, those of child processes too
_REMEMBERED = 50_000


def _key(job: JobRow) -> tuple[int, int, int]:
    return job.id, job.started, job.ended


def _is_settled(job: JobRow) -> bool:
    return not job.open and (job.process.gone or job.process.now - job.ended > _SETTLED_AFTER)


def _remember(job: JobRow, summary: JobSummary) -> None:
    if len(_settled) >= _REMEMBERED:
        _settled.clear()
    _settled[_key(job)] = summary


def _compute(jobs: Sequence[JobRow], source: Source) -> list[JobSummary]:
    if not jobs:
        return []
    collector = Collector(jobs)
    for part, rows in source.each(collector.read, since=min(job.started for job in jobs)):
        collector.add(part, rows)
    loops = collector.loops()
    return [_summary(job, collector.material[job.id], loops) for job in jobs]


def state_of(job: JobRow) -> str:
    """The outcome of a finished job; of an open one: running, stuck, or lost with its process.

    Its process says whether it is stuck; one that hangs cannot, and then the fixed time counts.
    """
    if not job.open:
        return job.outcome
    if job.process.gone:
        return LOST
    idle = job.process.now - max(job.progress, job.started)
    overdue = job.process.state == HUNG and idle > job.process.stuck_after
    return STUCK if job.stuck or overdue else RUNNING


def _summary(job: JobRow, material: Material, loops: Loops) -> JobSummary:
    parallelism = effective_parallelism(
        job.started,
        job.ended,
        tasks=material.tasks.values(),
        items=material.items.values(),
        outside=material.outside,
        steps=loops.steps,
        asleep=loops.asleep,
        occupied=loops.occupied,
    )
    blocked = loops.blocked.get(job.process.id)
    longest = material.longest
    return JobSummary(
        id=job.id,
        name=job.name,
        key=job.key,
        kind=job.kind,
        state=state_of(job),
        process=job.process.id,
        service=job.process.service,
        pid=job.process.pid,
        parent=job.parent,
        root_task=job.root_task,
        place=job.place,
        exception=job.exception,
        started=job.started,
        ended=job.ended,
        progress=job.progress,
        seconds=(job.ended - job.started) / SECOND,
        tasks=len(material.tasks.keys() | ({job.root_task} - {0})) + job.thinned,
        thinned=job.thinned,
        parallelism=parallelism,
        blocked=blocked.within(job.started, job.ended) / SECOND if blocked else 0.0,
        longest_wait=longest.length / SECOND,
        longest_wait_kind=longest.kind,
        longest_wait_resource=longest.resource,
        longest_wait_detail=longest.detail,
    )
