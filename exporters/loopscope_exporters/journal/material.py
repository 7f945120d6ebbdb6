"""What the numbers of jobs are made of: the rows of all segments, sorted by the job they count for."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from loopscope.records import GATHER, OUTSIDE, TASK
from loopscope_exporters.journal.intervals import Coverage
from loopscope_exporters.journal.parallelism import Span, TaskSpan

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence

    from loopscope_exporters.journal.intervals import Interval
    from loopscope_exporters.journal.listing import JobRow
    from loopscope_exporters.journal.model import ProcessInfo
    from loopscope_exporters.journal.segment_file import Reading
    from loopscope_exporters.journal.source import Part

OWN_TASKS = frozenset({GATHER, TASK})  # waits for the job's own tasks: they never explain a job


class LongestWait(NamedTuple):
    """Comparable by its length, which comes first."""

    length: int
    kind: str
    resource: str
    detail: str


NO_WAIT = LongestWait(0, "", "", "")


@dataclass(slots=True)
class Material:
    """What one job's numbers are made of; by id where an open row may follow a finished one."""

    tasks: dict[int, TaskSpan] = field(default_factory=dict)
    items: dict[int, Span] = field(default_factory=dict)
    outside: dict[Span, None] = field(default_factory=dict)
    longest: LongestWait = NO_WAIT

    def consider(self, wait: LongestWait) -> None:
        self.longest = max(self.longest, wait)


class Owners:
    """Which jobs a row counts for: the one it names, and each one that its task had open at the time.

    Of a job's root task only the time counts: its rows name the job it was in when they were written.
    """

    def __init__(self, jobs: Sequence[JobRow]) -> None:
        self._root_of = {job.id: job.root_task for job in jobs}
        self._by_root: dict[int, list[JobRow]] = defaultdict(list)
        for job in sorted(jobs, key=lambda job: job.started):
            if job.root_task:
                self._by_root[job.root_task].append(job)
        self._latest_end = {
            root: list(accumulate((job.ended for job in own), max)) for root, own in self._by_root.items()
        }

    def of(self, job: int, task: int, started: int, ended: int) -> Sequence[int]:
        named = (job,) if job in self._root_of else ()
        own = self._by_root.get(task)
        if own is None:
            return named
        owners = [job] if named and self._root_of[job] != task else []
        latest_end = self._latest_end[task]
        for index in range(bisect_left(own, ended, key=lambda job: job.started) - 1, -1, -1):
            if latest_end[index] <= started:
                break
            if own[index].ended > started:
                owners.append(own[index].id)
        return owners

    @property
    def roots(self) -> Collection[int]:
        return self._by_root


class Rows(NamedTuple):
    """What one segment has to say about the jobs."""

    tasks: list[sqlite3.Row]
    items: list[sqlite3.Row]
    waits: list[sqlite3.Row]
    longest: list[sqlite3.Row]
    steps: list[sqlite3.Row]
    slices: list[sqlite3.Row]
    blocks: list[sqlite3.Row]
    names: dict[int, str]


class Loops(NamedTuple):
    """What kept the loops, and who was away from them.

    A block that lasts is no slice yet, and one that no task caused never is.
    """

    steps: Mapping[int, Coverage]  # by task: its long steps
    asleep: Mapping[int, Coverage]  # by root task: its waits in which no step of it can lie
    blocked: Mapping[int, Coverage]  # by process: when any of its loops was blocked
    occupied: Mapping[int, Coverage]  # by process: the same, or in a long step of any task


class Collector:
    """Sorts the rows of all segments by job, and blocks by process."""

    def __init__(self, jobs: Sequence[JobRow]) -> None:
        self._jobs = {job.id: job for job in jobs}
        self._owners = Owners(jobs)
        self._ids = json.dumps(list(self._jobs))
        self._roots = json.dumps(list(self._owners.roots))
        self._since = min(job.started for job in jobs)
        self._until = max(job.ended for job in jobs)
        self.material: dict[int, Material] = defaultdict(Material)
        self._steps: dict[int, list[Interval]] = defaultdict(list)
        self._asleep: dict[int, list[Interval]] = defaultdict(list)
        self._slices: dict[int, list[Interval]] = defaultdict(list)
        self._blocks: dict[int, dict[int, Interval]] = defaultdict(dict)

    def read(self, part: Part, reading: Reading) -> Rows:
        both = {"jobs": self._ids, "roots": self._roots}
        tail = reading.tail(self._since)
        waits = reading.rows("brief_waits", newest=part.newest, **both, **tail)
        longest = reading.rows("longest_waits", **both, **tail)
        resources = {row["resource"] for row in (*waits, *longest)}
        named = reading.rows("resources", ids=json.dumps(list(resources)))
        return Rows(
            tasks=reading.rows("brief_tasks", newest=part.newest, **both, **tail),
            items=reading.rows("brief_items", newest=part.newest, **both, **tail),
            waits=waits,
            longest=longest,
            steps=reading.rows("steps", **both),
            slices=reading.rows("slices", since=self._since, until=self._until),
            blocks=reading.rows("blocked", newest=part.newest, since=self._since),
            names={row["id"]: row["name"] for row in named},
        )

    def add(self, part: Part, rows: Rows) -> None:
        now = part.process.now
        self._add_tasks(rows.tasks, part.process)
        self._add_items(rows.items, now)
        self._add_waits(rows, now)
        for row in rows.steps:
            self._steps[row["task"]].append((row["started"], row["ended"]))
        self._slices[part.process.id] += ((started, ended) for started, ended in rows.slices)
        blocks = self._blocks[part.process.id]
        for id_, started, ended, is_open in rows.blocks:
            if not is_open or id_ not in blocks:
                blocks[id_] = started, ended or now

    def _add_tasks(self, rows: list[sqlite3.Row], process: ProcessInfo) -> None:
        for id_, job, created, ended, first_run, last_ran, running, is_open in rows:
            until = ended or max(created, process.now)
            span = TaskSpan(id_, process.id, created, until, first_run, last_ran, running)
            for owner in self._owners.of(job, id_, created, span.ended):
                tasks = self.material[owner].tasks
                if not is_open or id_ not in tasks:
                    tasks[id_] = span

    def _add_items(self, rows: list[sqlite3.Row], now: int) -> None:
        for id_, task, job, started, ended, is_open in rows:
            span = Span(task, started, ended or max(started, now))
            for owner in self._owners.of(job, task, started, span.ended):
                items = self.material[owner].items
                if not is_open or id_ not in items:
                    items[id_] = span

    def _add_waits(self, rows: Rows, now: int) -> None:
        for task, job, kind, resource, detail, started, ended, _ in rows.waits:
            span = Span(task, started, ended or max(started, now))
            if kind not in OUTSIDE and task in self._owners.roots:
                self._asleep[task].append((started, span.ended))
            for owner in self._owners.of(job, task, started, span.ended):
                material = self.material[owner]
                if kind in OUTSIDE:
                    material.outside[span] = None
                if kind not in OWN_TASKS:
                    length = _clipped(self._jobs[owner], span)
                    material.consider(LongestWait(length, kind, rows.names.get(resource, ""), detail))
        for job, kind, resource, detail, length in rows.longest:
            self.material[job].consider(LongestWait(length, kind, rows.names.get(resource, ""), detail))

    def loops(self) -> Loops:
        return Loops(
            steps={task: Coverage(spans) for task, spans in self._steps.items()},
            asleep={task: Coverage(spans) for task, spans in self._asleep.items()},
            blocked={process: Coverage(blocks.values()) for process, blocks in self._blocks.items()},
            occupied={
                process: Coverage([*self._slices[process], *blocks.values()])
                for process, blocks in self._blocks.items()
            },
        )


def _clipped(job: JobRow, span: Span) -> int:
    return max(0, min(job.ended, span.ended) - max(job.started, span.started))
