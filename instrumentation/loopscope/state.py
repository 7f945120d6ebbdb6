"""The live state: what is open now and totals of what has ended; hooks and pump write, exporters read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from loopscope import peers, stuck
from loopscope.clock import SECOND
from loopscope.context import hosted, open_tasks
from loopscope.records import OK, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopscope.clock import Anchor
    from loopscope.records import (
        Batch,
        Block,
        Counted,
        Fault,
        Job,
        Process,
        Resource,
        Wait,
        WorkItem,
    )
    from loopscope.settings import Settings
    from loopscope.usage import Sample

LAG_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
JOB_BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
WAIT_BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
FEW = 8  # values that are quicker sorted in one by one
MAX_NAMES = 100  # distinct job or resource names a metric carries; the rest counts as OTHER
OTHER = "other"


class Histogram:
    """Cumulative counts under fixed bounds in seconds; values come in nanoseconds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0

    def __repr__(self) -> str:
        return f"<Histogram of {self.count}, {self.total / SECOND:.3f} s>"

    @property
    def count(self) -> int:
        return sum(self.counts)

    def observe(self, nanoseconds: int) -> None:
        self.counts[bisect_left(self.bounds, nanoseconds / SECOND)] += 1
        self.total += nanoseconds

    def observe_all(self, lengths: Iterable[int]) -> None:
        """The same for many values, ns."""
        ordered, before = sorted(lengths), 0
        if len(ordered) < FEW:
            for length in ordered:
                self.observe(length)
            return
        for place, bound in enumerate(self.bounds):
            below = bisect_right(ordered, bound * SECOND)
            self.counts[place] += below - before
            before = below
        self.counts[-1] += len(ordered) - before
        self.total += sum(ordered)

    def add_small(self, count: int, nanoseconds: int) -> None:
        """Add many values that are known to lie under the first bound."""
        self.counts[0] += count
        self.total += nanoseconds

    def buckets(self) -> list[tuple[str, int]]:
        """Pairs of upper bound and cumulative count, as Prometheus wants them; the last bound is +Inf."""
        seen, pairs = 0, []
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            seen += count
            pairs.append((bound, seen))
        return pairs


class Names:
    """The first `MAX_NAMES` names keep theirs, later ones share OTHER: a metric's labels stay bounded."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def bounded(self, name: str) -> str:
        if name in self._known:
            return name
        if len(self._known) < MAX_NAMES:
            self._known.add(name)
            return name
        return OTHER


class LiveState:
    """Open work, and totals. The open dictionaries change under the reader: copy them first, in one step.

    One step are ``list(d)``, ``list(d.values())``, ``[*d.values()]`` and ``d.copy()``. Not so
    ``list(d.items())`` and ``tuple(d.values())``: they make objects that may set off a collection, and in a
    collection's callbacks other threads get their turn.
    """

    def __init__(self, process: Process, anchor: Anchor, settings: Settings) -> None:
        self.process = process
        self.anchor = anchor
        self.settings = settings
        self.jobs: dict[int, Job] = {}
        self.tasks = open_tasks
        self.items: dict[int, WorkItem] = {}
        self.hosted = hosted  # items of another process's pool that this process runs
        self.blocks: dict[tuple[int, int], Block] = {}  # by thread and beginning
        self.waits: dict[int, Wait] = {}  # by task id, of unhooked kinds, found by looking at suspended tasks
        self.looked: dict[int, int] = {}  # by task id: when it had last run when its chain was read
        self.resources: dict[int, Resource] = {}
        self.open_faults: dict[int, Fault] = {}  # of tasks; errors of our own are `faults`

        self.tasks_finished: Counter[str] = Counter()  # by outcome
        self.jobs_finished: Counter[tuple[str, str]] = Counter()  # by name and outcome
        self.job_durations: dict[str, Histogram] = defaultdict(lambda: Histogram(JOB_BOUNDS))
        self.wait_durations: dict[tuple[str, str], Histogram] = defaultdict(
            lambda: Histogram(WAIT_BOUNDS)
        )  # by kind and resource name
        self.items_finished: Counter[tuple[str, str]] = Counter()  # by executor name and outcome
        self.queue_durations: dict[str, Histogram] = defaultdict(lambda: Histogram(WAIT_BOUNDS))
        self.run_durations: dict[str, Histogram] = defaultdict(lambda: Histogram(WAIT_BOUNDS))
        self.blocks_seen: Counter[str] = Counter()  # by cause
        self.blocked_time: Counter[str] = Counter()  # ns, by cause
        self.faults_seen: Counter[str] = Counter()  # by kind
        self.findings_seen: Counter[str] = Counter()  # by kind
        self.accused: frozenset[int] = frozenset()  # ids of jobs that the last diagnosis was about
        self.stillness = stuck.Stillness(int(settings.stuck_after * SECOND))
        self.requests: Counter[tuple[str, str]] = Counter()  # by host and outcome
        self.retries: Counter[str] = Counter()  # by host
        self.request_phases: dict[tuple[str, str], Histogram] = defaultdict(
            lambda: Histogram(WAIT_BOUNDS)
        )  # by host and phase
        self.lag = Histogram(LAG_BOUNDS)
        self.sample: Sample | None = None

        self.thinned: Counter[str] = Counter()  # counted and not kept, by kind; see `loopscope.detail`
        self.dropped: Counter[str] = Counter()  # records, by kind; should be 0
        self.faults: Counter[str] = Counter()  # errors inside loopscope, by place; should be 0
        self._job_names, self._resource_names = Names(), Names()

    def __repr__(self) -> str:
        return f"<LiveState of {self.process.service}: {len(self.jobs)} jobs, {len(self.tasks)} tasks open>"

    def job_name(self, job: Job) -> str:
        return self._job_names.bounded(job.name)

    def resource_name(self, resource: Resource | None) -> str:
        return self._resource_names.bounded(resource.name) if resource and resource.name else ""

    def fold(self, batch: Batch) -> None:
        """Add a batch of ended records to the totals."""
        self._fold_short_waits(batch.resources)
        self._fold_counted(batch.counted)
        self._fold_requests()
        self.tasks_finished.update(task.outcome for task in batch.tasks)
        for job in batch.jobs:
            still = max(job.stillest, job.ended - max(job.progress, job.started))
            self._fold_job(job, still)
        self._fold_waits(batch.waits)
        self._fold_items(batch.items)
        for block in batch.blocks:
            self.blocks_seen[block.cause] += 1
            self.blocked_time[block.cause] += block.ended - block.started
        for fault in batch.faults:
            self.faults_seen[fault.kind] += fault.times
        if batch.samples:
            self.sample = batch.samples[-1]

    def _fold_counted(self, counted: Counted) -> None:
        for job_name, lengths in counted.jobs:
            name = self._job_names.bounded(job_name)
            self.stillness.learn(name, lengths)
            self.jobs_finished[name, OK] += len(lengths)
            self.job_durations[name].observe_all(lengths)
            self.thinned["job"] += len(lengths)
        for executor, lengths in counted.queued:
            self.queue_durations[self._resource_names.bounded(executor)].observe_all(lengths)
        for executor, lengths in counted.ran:
            name = self._resource_names.bounded(executor)
            self.run_durations[name].observe_all(lengths)
            self.items_finished[name, OK] += len(lengths)
            self.thinned["item"] += len(lengths)
        for (kind, resource), lengths in counted.waits:
            self.wait_durations[kind, self._resource_names.bounded(resource)].observe_all(lengths)
            self.thinned["wait"] += len(lengths)
        self.tasks_finished[OK] += counted.tasks
        self.thinned["task"] += counted.tasks

    def _fold_requests(self) -> None:
        for _ in range(len(peers.ended)):
            host, outcome = peers.ended.popleft()
            self.requests[self._resource_names.bounded(host), outcome] += 1
        for _ in range(len(peers.retried)):
            self.retries[self._resource_names.bounded(peers.retried.popleft())] += 1
        for _ in range(len(peers.phases)):
            host, phase, lasted = peers.phases.popleft()
            self.request_phases[self._resource_names.bounded(host), phase].observe(lasted)

    def _fold_job(self, job: Job, still: int) -> None:
        name = self.job_name(job)
        if job.outcome == OK:
            self.stillness.learn(name, (still,))
        self.jobs_finished[name, job.outcome] += 1
        self.job_durations[name].observe(job.ended - job.started)

    def _fold_short_waits(self, new: Iterable[Resource]) -> None:
        """Waits without a record of their own lie under the first bound; a new resource may be gone again."""
        for resource in (*self.resources.values(), *new):
            seen = resource.short_waits, resource.short_waited
            if seen != resource.short_folded:
                count, total = (new - old for new, old in zip(seen, resource.short_folded, strict=True))
                resource.short_folded = seen
                key = resource.kind, self.resource_name(resource)
                self.wait_durations[key].add_small(count, total)

    def _fold_waits(self, waits: Iterable[Wait]) -> None:
        lengths: dict[tuple[str, str], list[int]] = defaultdict(list)
        for wait in waits:
            lengths[wait.kind, self.resource_name(wait.resource)].append(wait.ended - wait.started)
        for key, of_key in lengths.items():
            self.wait_durations[key].observe_all(of_key)

    def _fold_items(self, items: Iterable[WorkItem]) -> None:
        of_executor: dict[Resource, list[WorkItem]] = defaultdict(list)
        for item in items:
            of_executor[item.executor].append(item)
        for executor, ended in of_executor.items():
            name = self.resource_name(executor)
            began = [item for item in ended if item.started]
            if began:
                self.queue_durations[name].observe_all([item.started - item.submitted for item in began])
                self.run_durations[name].observe_all([item.ended - item.started for item in began])
            for outcome, number in Counter(item.outcome for item in ended).items():
                self.items_finished[name, outcome] += number

    def open_waits(self) -> list[Wait]:
        """Every wait that has not ended, one a task: hooked ones stand on their tasks.

        Of the others, and of what lies behind a hooked one, the last look tells, in `waits`.
        """
        found = []
        for task in list(self.tasks.values()):
            hooked, seen = task.wait, self.waits.get(task.id)
            wait = seen if seen is not None and seen.outer is hooked else hooked
            if wait is not None:
                found.append(wait)
        return found

    def stuck_jobs(self, now: int) -> list[Job]:
        """Open jobs of which nothing has moved for too long, see `loopscope.stuck`."""
        return stuck.stuck_jobs(self, now)

    def refresh_progress(self) -> None:
        """Bring each open job's `progress` up to date from its tasks and work items, and of inner jobs."""
        latest: dict[Job, int] = {}
        for task in list(self.tasks.values()):
            if task.job is not None:
                latest[task.job] = max(latest.get(task.job, 0), task.last_ran, task.created)
        for item in list(self.items.values()):
            if item.job is not None:
                latest[item.job] = max(latest.get(item.job, 0), item.started, item.submitted)
        stuck.note_progress(latest, dict(self.jobs))

    def snapshot(self, now: int) -> Snapshot:
        """What is open at this moment, frozen."""
        resources = list(self.resources.values())
        return Snapshot(
            at=now,
            process=self.process,
            jobs=(*self.jobs.values(),),
            tasks=(*self.tasks.values(),),
            waits=tuple(self.open_waits()),
            holds=tuple(hold for r in resources for hold in list(r.holders.values())),
            items=(*list(self.items.values()), *list(self.hosted.values())),
            blocks=(*self.blocks.values(),),
            resources=tuple(resources),
            faults=(*self.open_faults.values(),),
        )
