"""Which jobs there are: the newest ones of a whole journal, or the one with a given id."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopscope.records import Place

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from loopscope_exporters.journal.model import ProcessInfo
    from loopscope_exporters.journal.segment_file import Reading
    from loopscope_exporters.journal.source import Part, Source


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row of jobs or open_jobs. An open job ends, so far, where the records of its process end."""

    id: int
    name: str
    key: str
    kind: str
    parent: int
    root_task: int
    place: Place
    started: int
    ended: int
    outcome: str
    exception: str
    progress: int
    thinned: int
    stuck: bool
    open: bool
    process: ProcessInfo


def newest_jobs(source: Source, limit: int) -> list[JobRow]:
    """The open jobs and those that started last, `limit` in all, newest first.

    Segments come in order of how far they reach, so the first one that ends before the oldest of enough jobs
    began is the last one looked at.
    """

    def read(part: Part, reading: Reading) -> list[sqlite3.Row]:
        return reading.rows("newest_jobs", newest=part.newest, limit=limit)

    found: dict[int, JobRow] = {}
    for part, rows in source.each(read):
        _merge(found, (_job_row(row, part.process) for row in rows))
        newest = heapq.nlargest(limit, found.values(), key=_open_first)
        if len(newest) == limit and part.until < newest[-1].started:
            break
    listed = heapq.nlargest(limit, found.values(), key=_open_first)
    return sorted(listed, key=lambda job: job.started, reverse=True)


def _open_first(job: JobRow) -> tuple[bool, int]:
    return job.open, job.started


def find_job(source: Source, job_id: int) -> JobRow | None:
    """The job with this id, its finished row where there is one."""

    def read(part: Part, reading: Reading) -> list[sqlite3.Row]:
        return reading.rows("one_job", newest=part.newest, job=job_id)

    found: dict[int, JobRow] = {}
    for part, rows in source.each(read):
        _merge(found, (_job_row(row, part.process) for row in rows))
    return found.get(job_id)


def _merge(found: dict[int, JobRow], jobs: Iterable[JobRow]) -> None:
    """Add `jobs`; of two rows of one job the finished one stays."""
    for job in jobs:
        known = found.get(job.id)
        if known is None or known.open:
            found[job.id] = job


def _job_row(row: sqlite3.Row, process: ProcessInfo) -> JobRow:
    return JobRow(
        id=row["id"],
        name=row["name"],
        key=row["key"],
        kind=row["kind"],
        parent=row["parent"],
        root_task=row["root_task"],
        place=Place(row["file"], row["line"], row["function"]),
        started=row["started"],
        ended=max(row["started"], row["ended"] or process.now),
        outcome=row["outcome"],
        exception=row["exception"],
        progress=row["progress"],
        thinned=row["thinned"],
        stuck=bool(row["stuck"]),
        open=bool(row["open"]),
        process=process,
    )
