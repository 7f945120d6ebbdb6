"""Stuck jobs: nothing of them moves for longer than is usual for their name, and not because they listen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis.silence import asks_first
from loopscope.records import GATHER, IO, QUEUE, SLEEP, TASK, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from loopscope.records import Job, Wait
    from loopscope.state import LiveState

TAKING = frozenset({"get", "receive"})  # from a queue
LISTENING = frozenset({
    "serve_forever", "accept", "sock_accept", "sock_recv", "sock_recv_into", "recv", "receive", "read",
    "readline", "readexactly", "readuntil", "_wait_for_data",
})  # fmt: skip
POWERS = 64


class Stillness:
    """How long jobs of each name are still while all is well, as counts by powers of two nanoseconds.

    A job's stillness is the longest time in which nothing of it moved. Jobs that failed or were cancelled
    teach nothing: many of them were stuck. The caller bounds the names.
    """

    LEAST_KNOWN = 20  # jobs of a name, to speak of what is usual
    MOST_KNOWN = 2_000  # then the old ones count half
    HIGH = 0.99  # quantile
    TIMES = 3  # as long as usual
    LEAST = 10 * SECOND  # ns; and no shorter, unless the fixed time is

    def __init__(self, fixed: int) -> None:
        self._fixed = fixed
        self._seen: dict[str, list[int]] = {}

    def __repr__(self) -> str:
        return f"<Stillness of {len(self._seen)} names>"

    def learn(self, name: str, stillnesses: Iterable[int]) -> None:
        """Jobs have ended well."""
        counts = self._seen.setdefault(name, [0] * POWERS)
        for power, times in Counter(map(int.bit_length, stillnesses)).items():
            counts[min(power, POWERS - 1)] += times
        if sum(counts) > self.MOST_KNOWN:
            counts[:] = [count // 2 for count in counts]

    def usual(self, name: str) -> int:
        """The high quantile, rounded up to a power of two, ns; 0 when not enough was seen yet."""
        counts = self._seen.get(name, ())
        known, seen = sum(counts), 0
        for power, count in enumerate(counts):
            seen += count
            if seen >= max(self.LEAST_KNOWN, self.HIGH * known):
                return 1 << power
        return 0

    @property
    def least(self) -> int:
        """No job that is still for less counts as stuck, ns."""
        return min(self.LEAST, self._fixed)

    def limit(self, name: str, own: int = 0) -> int:
        """From how long on, ns, a job counts as stuck; ``own`` is how long it was still and moved again.

        That counts once it was an alarm, which then was a false one.
        """
        usual = self.usual(name)
        learned = max(self.TIMES * usual, self.least) if usual else self._fixed
        return self.TIMES * own if own > learned else learned


def stuck_jobs(state: LiveState, now: int) -> list[Job]:
    """Those that are still for too long; what waits by design is not, unless a finding is about it."""
    open_jobs, least = dict(state.jobs), state.stillness.least
    late = [
        job
        for job in open_jobs.values()
        if (still := now - job.progress) > least
        and still > state.stillness.limit(state.job_name(job), job.stillest)
    ]
    if not late:
        return []
    idle = _idle(state, open_jobs, {job.id for job in late})
    return [job for job in late if job.id in state.accused or job.id not in idle]


def _idle(state: LiveState, jobs: Mapping[int, Job], late: set[int]) -> set[int]:
    """Of the late jobs those of which every task, inner jobs' too, waits by design or for other tasks."""
    waits = {wait.task.id: wait for wait in state.open_waits()}
    works = {job.id for item in list(state.items.values()) for job in lineage(item.job, jobs)}
    listens = set()
    for task in list(state.tasks.values()):
        around = {job.id for job in lineage(task.job, jobs)} & late
        wait = waits.get(task.id) if around else None
        if wait is not None and waits_by_design(wait):
            listens |= around
        elif wait is None or wait.kind not in {GATHER, TASK}:
            works |= around
    return listens - works


def lineage(job: Job | None, jobs: Mapping[int, Job]) -> Iterator[Job]:
    """A job and the open ones around it, innermost first."""
    while job is not None:
        yield job
        job = jobs.get(job.parent)


def waits_by_design(wait: Wait) -> bool:
    """For a clock, a queue's next message, or whatever comes from a peer that was asked for nothing."""
    function = wait.detail.rpartition(".")[2]
    if wait.kind == QUEUE:
        return function in TAKING
    listens = wait.kind == IO and function in LISTENING and isinstance(wait.site, Place)
    return wait.kind == SLEEP or (listens and not asks_first(wait.site))


def note_progress(latest: Mapping[Job, int], jobs: Mapping[int, Job]) -> None:
    """When something of these jobs moved last: the jobs around them did so too."""
    for job, moment in latest.items():
        for moved in lineage(job, jobs):
            moved.stillest = max(moved.stillest, moment - moved.progress)
            moved.progress = max(moved.progress, moment)
