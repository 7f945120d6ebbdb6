"""The words of loopscope: what hooks fill in, what exporters and the explorer read.

This module imports nothing of ours. Times are integer nanoseconds of ``time.monotonic_ns``; 0 means "not
yet". Ids are 64-bit positive integers whose high bits name the process; a record's id is its span's id too.
Hooks store a place as ``(code, instruction offset)``, two pointers; the pump replaces it by a `Place` before
anyone reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Mapping
    from types import CodeType

    from loopscope.usage import Hotspot, Lag, LoopUse, Sample, Spin


class Place(NamedTuple):
    """A line of source. ``function`` is the qualified name; ``line`` counts from 1, 0 is unknown."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


RawPlace = tuple["CodeType", int]
NOWHERE = Place("", 0, "")


class LeftBehind:
    """Noted by hooks on a program's own objects: None takes its place when these are pickled or copied."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


# Outcomes of tasks, jobs, waits and work items.
OK, ERROR, CANCELLED = "ok", "error", "cancelled"
TIMED_OUT = "timed_out"  # of a request
LOST = "lost"  # the process died while it was open
NEVER_STARTED = "never_started"
DESTROYED_PENDING = "destroyed_pending"

# Kinds of wait: what a suspended task is waiting for.
LOCK, SEMAPHORE, CONDITION, EVENT = "lock", "semaphore", "condition", "event"
QUEUE, BARRIER, EXECUTOR, LIMITER, POOL = "queue", "barrier", "executor", "limiter", "connection_pool"
HTTP, IO, SLEEP, GATHER, TASK, FUTURE = "http", "io", "sleep", "gather", "task", "future"
TAKE, PUT, REPORT, SIGNAL = "take", "put", "report", "signal"  # what partners of a resource do
WRITE, CHILD = "write", "child"  # a full buffer that somebody should read from; a child process
# What an executor's workers are.
THREADS, PROCESSES = "threads", "processes"
INHERITED = "inherited"  # a copy that came with a fork: its threads have stayed in the parent
NOT_LOOKED, NOT_SEEN = -1, -2  # of a time-out: nobody has looked yet, or the loop does not show its timers
OUTSIDE = frozenset({HTTP, IO, WRITE, CHILD})  # waits for something outside the process

# Severities of findings.
INFO, WARNING, CRITICAL = "info", "warning", "critical"


@dataclass(slots=True)
class Process:
    """One instrumented process. ``started`` and ``ended`` are wall time, ns since the epoch."""

    id: int
    service: str
    host: str
    pid: int
    parent_pid: int
    started: int
    python: str
    version: str
    ended: int = 0


@dataclass(slots=True, eq=False)
class Job:
    """A unit of work a person asks about. ``kind`` is job, http or background."""

    id: int
    name: str
    key: str
    kind: str
    parent: int
    root_task: int
    site: Place | RawPlace
    started: int
    ended: int = 0
    outcome: str = ""
    exception: str = ""
    progress: int = 0  # when anything of it last moved
    stillest: int = 0  # the longest that nothing of it moved before it did again, ns
    trace_id: int = 0  # 0: no spans wanted; a record's own id is the id of its span
    parent_span: Any = None  # OpenTelemetry SpanContext it was opened under, if any
    sampled: bool = True
    thin: bool = False  # opened while there was more work than is kept in full, see `loopscope.detail`
    thinned: int = 0  # its tasks that were counted, not kept


@dataclass(slots=True, eq=False)
class Task:
    """An asyncio task. ``running`` sums its time on the loop; ``last_ran`` is when its last step ended.

    ``steps`` stays 0 for a task that runs on a loop whose steps cannot be seen.
    """

    id: int
    job: Job | None
    parent: int
    coroutine: str
    site: Place | RawPlace
    created: int
    ref: Callable[[], Any]  # a weak reference; nothing keeps a task alive
    name: str = ""
    first_run: int = 0
    last_ran: int = 0
    running: int = 0
    steps: int = 0
    ended: int = 0
    outcome: str = ""
    exception: str = ""
    raised_at: Place | RawPlace | None = None
    wait: Wait | None = None  # the hooked wait it is in
    cancelled: tuple[int, Place | RawPlace] | None = None  # by which task, 0 for none, and at which line
    parent_span: Any = None  # OpenTelemetry SpanContext of the user's span it was created under, if any


@dataclass(slots=True, eq=False)
class Partner:
    """A task that acts on a queue, an event or a condition; ``role`` is take, put, report or signal.

    ``site`` is where it did so first, ``count`` how often, ``last`` when last. ``caller`` is the line that
    called the function of ``site``, where that is the user's own too.
    """

    task: Task
    role: str
    site: Place | RawPlace
    count: int = 0
    last: int = 0
    caller: Place | RawPlace = NOWHERE


@dataclass(slots=True, eq=False)
class Resource(LeftBehind):
    """Something one can wait for. ``capacity`` 0 is unknown or unbounded.

    ``in_use`` counts permits, busy workers or queued messages; ``waiting`` counts waiters, or queued items of
    an executor. ``holders`` has the open holds, a task's first one under the task's id.
    """

    id: int
    kind: str
    site: Place | RawPlace
    capacity: int = 0
    name: str = ""
    in_use: int = 0
    waiting: int = 0
    holders: dict[int, Hold] = field(default_factory=dict)
    ref: Callable[[], Any] | None = None
    unfinished: int = 0  # of a queue: messages put in and not reported done
    handed: int = 0  # permits released by others than their holders, which means that it counts something
    turned_away: set[int] | None = None  # of a semaphore: tasks whose last `acquire` has failed
    partners: dict[tuple[int, str], Partner] | None = None  # by task and role; the first ones
    workers: str = ""  # of an executor: THREADS, PROCESSES, or INHERITED
    short_waits: int = 0  # waits that were too short for a record of their own: their number
    short_waited: int = 0  # and their sum, ns
    short_folded: tuple[int, int] = (0, 0)  # what of both the pump has added to its totals


@dataclass(slots=True, eq=False)
class Wait:
    """An interval in which a task is suspended.

    ``held_by`` has the ids of the tasks that held the resource when it began.
    """

    task: Task
    kind: str
    resource: Resource | None
    site: Any  # hooks leave (code, offset) pairs of the await chain, outermost first; then a Place
    started: int
    ended: int = 0
    outcome: str = ""
    held_by: tuple[int, ...] = ()
    detail: str = ""  # the library function that waits, or the remote host
    outer: Wait | None = None  # the hooked wait that this one is a part of
    job: Job | None = None  # the task's job when it began
    awaits: tuple[int, ...] = ()  # ids of the tasks whose end it waits for
    until: int = NOT_LOOKED  # when a time-out will end it; 0 none is set
    repeated: Any = NOWHERE  # the line of a `for` loop of the user's that leads to it; hooks leave the chain


@dataclass(slots=True, eq=False)
class Hold:
    """An interval in which a task holds one permit of a resource."""

    id: int
    task: Task | None
    resource: Resource
    site: Place | RawPlace
    acquired: int
    released: int = 0


@dataclass(slots=True, eq=False)
class WorkItem:
    """A callable given to an executor. ``depth`` is the number of items queued before it.

    In a process pool the child says when it began and ended; `worker` then has the child's pid.
    """

    id: int
    task: int
    job: Job | None
    executor: Resource
    function: str
    site: Place | RawPlace
    submitted: int
    depth: int
    started: int = 0
    ended: int = 0
    outcome: str = ""
    exception: str = ""
    worker: str = ""
    parent_span: Any = None  # the user's span it was submitted under, if any
    future: Callable[[], Any] | None = None  # tells of a work item that is cancelled before it starts
    outer: int = 0  # the work item in which it was submitted
    asker: int = 0  # address of the thin task that submitted it; `task` is 0 until that has a record
    thread: int = 0  # identity of the thread that runs it
    standing: Place = NOWHERE  # innermost line of the user's own code in its thread, once it runs long
    waits_for: str = ""  # the library function that its thread waits in, such as Future.result
    awaits: int = 0  # the work item, or the task, whose result that is
    process: int = 0  # pid of the pool's process that runs it, once it began


@dataclass(slots=True, eq=False)
class Slice:
    """A step of a task on its loop that took longer than the slice threshold."""

    task: Task
    started: int
    ended: int


@dataclass(slots=True, eq=False)
class Block:
    """An interval in which a loop's thread did not come back to its loop.

    ``cause`` is a word of `loopscope.causes`. ``culprit`` is the innermost frame of the user's own
    code, ``call`` the text of its line; ``stack`` is outermost first; ``cpu`` is ns of the loop's thread.
    ``waits_for`` names the library function it stands in when that waits for another thread, or for the loop
    itself; ``holder`` the other thread whose C code kept the GIL meanwhile.
    """

    id: int
    thread: str
    task: Task | None
    started: int
    ended: int = 0
    cause: str = ""
    culprit: Place = NOWHERE
    call: str = ""
    stack: tuple[Place, ...] = ()
    cpu: int = 0
    job: Job | None = None  # the task's job when it was seen
    waits_for: str = ""
    holder: str = ""
    queued: int = 0  # ns its thread queued for a processor


@dataclass(slots=True, eq=False)
class Fault:
    """Something that went wrong in the life of a task, a coroutine, a primitive or a loop.

    Most happen at once and end as they begin; others last, such as an exception that nobody has looked at
    yet. ``kind`` says what, ``subject`` to what, by name. ``site`` is where that was created, ``place`` the
    line that did it, of the task ``by`` if that is known.
    """

    id: int
    kind: str
    at: int
    subject: str
    site: Place | RawPlace
    place: Any  # hooks may leave the code and offset pairs of an await chain, outermost first; then a Place
    task: Task | None = None  # to whose life it belongs
    job: Job | None = None
    resource: Resource | None = None
    by: int = 0
    exception: str = ""
    detail: str = ""
    ended: int = 0
    times: int = 1  # how often, where many alike came at once


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnosis. A rule gives ``since`` on its case's clock; the engine turns it into wall time, ns.

    ``culprit`` is a line of the user's own code, ``code`` its text, which the engine looks up where the rule
    did not know it. ``victims`` are names of tasks, coroutines or remote parties. ``evidence`` has numbers,
    seconds where it is time. ``cost`` is the time lost to it, in seconds, over all victims: it ranks.
    ``hit`` has the ids of the tasks that suffer and ``roots`` of those at fault: a finding whose roots
    suffer from a more important finding is its symptom and folded into it. ``jobs`` are open jobs of both.
    """

    kind: str
    severity: str
    confidence: float  # 0 to 1
    culprit: Place
    explain: str
    fix: str
    since: int
    job: str = ""
    victims: tuple[str, ...] = ()
    resource: str = ""
    evidence: Mapping[str, float] = field(default_factory=dict)
    code: str = ""
    cost: float = 0.0
    hit: frozenset[int] = frozenset()
    roots: frozenset[int] = frozenset()
    jobs: frozenset[int] = frozenset()

    @property
    def identity(self) -> tuple[str, Place, str]:
        """The same finding, seen again later, has the same identity."""
        return self.kind, self.culprit, self.resource if self.culprit == NOWHERE else ""

    @property
    def is_serious(self) -> bool:
        return self.severity != INFO


@dataclass(slots=True)
class Counted:
    """What ended well and without a record of its own: durations in ns, by name, by kind and name."""

    jobs: list[tuple[str, array[int]]] = field(default_factory=list)
    tasks: int = 0
    queued: list[tuple[str, array[int]]] = field(default_factory=list)  # work items, by executor
    ran: list[tuple[str, array[int]]] = field(default_factory=list)
    waits: list[tuple[tuple[str, str], array[int]]] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """What happened since the last drain: ended records, and resources seen for the first time."""

    now: int
    jobs: list[Job] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    items: list[WorkItem] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    over: list[Finding] = field(default_factory=list)  # found before, and no longer
    is_last: bool = False  # the process is about to end: what is open is said once more
    resources: list[Resource] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    lags: list[Lag] = field(default_factory=list)
    loop_uses: list[LoopUse] = field(default_factory=list)
    hotspots: list[Hotspot] = field(default_factory=list)
    spins: list[Spin] = field(default_factory=list)
    counted: Counted = field(default_factory=Counted)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is open at one moment, ``at``."""

    at: int
    process: Process
    jobs: tuple[Job, ...]
    tasks: tuple[Task, ...]
    waits: tuple[Wait, ...]
    holds: tuple[Hold, ...]
    items: tuple[WorkItem, ...]
    blocks: tuple[Block, ...]
    resources: tuple[Resource, ...]
    faults: tuple[Fault, ...] = ()
