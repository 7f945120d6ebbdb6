"""What the journal's reader gives: frozen rows with places and resources resolved, times in wall ns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loopscope.records import Place


class JournalError(ValueError):
    """A journal that cannot be read; the text says what was found, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """One instrumented process. ``state`` is running, hung (no heartbeat for 5 s), ended or died."""

    id: int
    service: str
    host: str
    pid: int
    parent_pid: int
    started: int
    python: str
    version: str  # of loopscope
    heartbeat: int
    ended: int
    dropped: int
    state: str
    now: int  # up to when its records reach: its end, its last heartbeat, or the present when it hangs
    stuck_after: int  # ns

    @property
    def gone(self) -> bool:
        return self.state in {"ended", "died"}


@dataclass(frozen=True, slots=True)
class JobSummary:
    """One job in numbers. ``state`` is running, stuck, ok, error, cancelled or lost (its process is gone).

    ``ended`` of an open job is how far its records reach; ``seconds``, ``blocked`` and ``longest_wait`` are
    seconds. ``thinned`` of the ``tasks`` were counted and left no record. The longest wait leaves out waits
    for the job's own tasks: those explain nothing.
    """

    id: int
    name: str
    key: str
    kind: str
    state: str
    process: int
    service: str
    pid: int
    parent: int
    root_task: int
    place: Place
    exception: str
    started: int
    ended: int
    progress: int
    seconds: float
    tasks: int
    thinned: int
    parallelism: float
    blocked: float
    longest_wait: float
    longest_wait_kind: str
    longest_wait_resource: str
    longest_wait_detail: str


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    id: int
    kind: str
    name: str
    capacity: int  # 0: unbounded or unknown
    place: Place
    workers: str  # of an executor: threads, processes, inherited


@dataclass(frozen=True, slots=True)
class TaskInfo:
    id: int
    process: int
    job: int
    parent: int
    name: str
    coroutine: str
    place: Place
    created: int
    first_run: int
    ended: int
    last_ran: int
    running: int  # ns on the loop
    steps: int
    outcome: str
    exception: str
    raised_at: Place
    cancelled_by: int  # id of the task that cancelled it last, 0 if that is not known or was none
    cancelled_at: Place
    open: bool


@dataclass(frozen=True, slots=True)
class WaitInfo:
    task: int
    job: int
    kind: str
    resource: ResourceInfo | None
    place: Place
    detail: str
    started: int
    ended: int
    outcome: str
    held_by: tuple[int, ...]  # ids of tasks
    awaits: tuple[int, ...]  # ids of the tasks whose end it waits for
    open: bool
    until: int = -1  # when a time-out ends it; 0 none was set, -1 nobody looked


@dataclass(frozen=True, slots=True)
class HoldInfo:
    id: int
    task: int
    job: int
    resource: ResourceInfo | None
    place: Place
    acquired: int
    released: int
    open: bool


@dataclass(frozen=True, slots=True)
class ItemInfo:
    """A work item; ``started`` 0 means that it is, or was to its end, queued."""

    id: int
    task: int
    job: int
    executor: ResourceInfo | None
    function: str
    place: Place
    submitted: int
    started: int
    ended: int
    outcome: str
    exception: str
    worker: str
    depth: int
    outer: int  # the item in which it was submitted
    open: bool


@dataclass(frozen=True, slots=True)
class SliceInfo:
    task: int
    job: int
    started: int
    ended: int


@dataclass(frozen=True, slots=True)
class BlockInfo:
    id: int
    process: int
    thread: str
    task: int
    job: int
    started: int
    ended: int
    cause: str
    cpu: int
    culprit: Place
    call: str
    stack: tuple[Place, ...]  # outermost first
    open: bool


@dataclass(frozen=True, slots=True)
class FaultInfo:
    """A fault; ``site`` is where its subject was created, ``place`` the line that did it."""

    id: int
    process: int
    kind: str
    at: int
    ended: int
    task: int
    job: int
    resource: ResourceInfo | None
    subject: str
    site: Place
    place: Place
    by: int  # task
    exception: str
    detail: str
    times: int
    open: bool


@dataclass(frozen=True, slots=True)
class SampleInfo:
    process: int
    at: int
    cpu: int
    memory: int
    threads: int
    files: int
    own_cpu: int
    lag: int


@dataclass(frozen=True, slots=True)
class JobHistory:
    """All that is known of a job. ``now`` is how far the records of its process reach.

    Rows that were still open carry ``open`` and end at that moment; if their process is gone, their outcome
    is lost. Waits and items of the root task are clipped to the job. Blocks, faults and samples are those of
    the processes that worked for it, as far as they overlap it.
    """

    job: JobSummary
    process: ProcessInfo
    now: int
    tasks: tuple[TaskInfo, ...]
    waits: tuple[WaitInfo, ...]
    holds: tuple[HoldInfo, ...]
    items: tuple[ItemInfo, ...]
    slices: tuple[SliceInfo, ...]
    blocks: tuple[BlockInfo, ...]
    faults: tuple[FaultInfo, ...]
    samples: tuple[SampleInfo, ...]
