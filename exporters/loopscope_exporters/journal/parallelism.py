"""Effective parallelism: how many things a job really got done at once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, Protocol

from loopscope_exporters.journal.intervals import Coverage, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loopscope_exporters.journal.intervals import Interval


class Lived(Protocol):
    """A task: where and when it lived, and between which moments it ran on its loop, for how long in all."""

    @property
    def id(self) -> int: ...
    @property
    def process(self) -> int: ...
    @property
    def created(self) -> int: ...
    @property
    def ended(self) -> int: ...
    @property
    def first_run(self) -> int: ...
    @property
    def last_ran(self) -> int: ...
    @property
    def running(self) -> int: ...


class Spent(Protocol):
    """A wait or a work item: an interval that a task spent."""

    @property
    def task(self) -> int: ...
    @property
    def started(self) -> int: ...
    @property
    def ended(self) -> int: ...


class TaskSpan(NamedTuple):
    id: int
    process: int
    created: int
    ended: int
    first_run: int
    last_ran: int
    running: int


class Span(NamedTuple):
    task: int
    started: int
    ended: int


def effective_parallelism(
    start: int,
    end: int,
    *,
    tasks: Iterable[Lived],
    items: Iterable[Spent],
    outside: Iterable[Spent],
    steps: Mapping[int, Coverage],
    asleep: Mapping[int, Coverage],
    occupied: Mapping[int, Coverage],
) -> float:
    r"""Busy time of a job's tasks ÷ its wall time; all is clipped to the job, ``start`` to ``end``.

    busy = Σ over work items of their time in a worker
         + Σ over tasks of min(life, running + |outside waits \ loop occupied \ work items in a worker|)

    ``outside`` are the waits whose kind is in `records.OUTSIDE`; ``steps`` and ``asleep`` have, by task, the
    slices and the other waits of each task that may have lived longer than the job, also those outside it.
    A task that awaits its own work item counts once, as its item; two items of one task in workers at once
    count as two, whatever they do there: a worker that waits for another one is not told from one that
    computes. Waits that lie inside one another count once. The steps of a task inside an outside wait, such
    as those that parse a response, cannot make its share longer than its life.

    ``occupied`` has, by process, when a step kept a loop busy for long: its slices and blocks. Until such a
    step ends no request goes out and no answer comes in, so that meanwhile only the task whose step it is
    gets something done: gathered tasks that decode one after another on the loop count as one, though the
    requests of the first are said to wait since long. A process with several loops is taken as if it had
    one, since a slice does not tell its loop.
    """
    if end <= start:
        return 0.0
    in_worker = _by_task((item for item in items if item.started), start, end)
    waiting = _by_task(outside, start, end)
    busy: float = sum(stop - begin for spans in in_worker.values() for begin, stop in spans)
    for task in tasks:
        begin, stop = max(start, task.created), min(end, task.ended)
        if stop <= begin:
            continue
        known = steps.get(task.id, _NOTHING), asleep.get(task.id, _NOTHING)
        running = _running_within(task, begin, stop, *known)
        away = _away(
            waiting.get(task.id, ()), in_worker.get(task.id, ()), occupied.get(task.process, _NOTHING)
        )
        busy += min(stop - begin, running + away)
    return busy / (end - start)


_NOTHING = Coverage(())


def _by_task(spent: Iterable[Spent], start: int, end: int) -> dict[int, list[Interval]]:
    found: dict[int, list[Interval]] = defaultdict(list)
    for one in spent:
        begin, stop = max(start, one.started), min(end, one.ended)
        if stop > begin:
            found[one.task].append((begin, stop))
    return found


def _away(waits: Sequence[Interval], items: Sequence[Interval], occupied: Coverage) -> int:
    """Time covered by `waits` and by none of `items`, while the loop was not `occupied`."""
    if not waits:
        return 0
    if not items and len(waits) == 1:  # nearly every task; the jobs table asks for very many
        return _left(waits, occupied)
    return _left(merged([*waits, *items]), occupied) - _left(merged(items), occupied)


def _left(disjoint: Iterable[Interval], occupied: Coverage) -> int:
    return sum(stop - begin - occupied.within(begin, stop) for begin, stop in disjoint)


def _running_within(task: Lived, begin: int, stop: int, steps: Coverage, asleep: Coverage) -> float:
    """Time on the loop between `begin` and `stop`. Exact for a task that ran only in between.

    Of one that ran before or after as well, a worker loop that serves job after job, the long steps are known
    to the nanosecond. Of the short ones only the sum is known; it is spread evenly from its first step to its
    last, leaving out when the task was asleep or in a long step. What it did before `begin` is not asked, for
    that may stand in any number of older segments.
    """
    if task.last_ran <= task.first_run or (begin <= task.first_run and task.last_ran <= stop):
        return task.running
    start, end = max(begin, task.first_run), min(stop, task.last_ran)
    if end <= start:
        return 0

    def awake(since: int, until: int) -> int:
        return max(0, until - since - steps.within(since, until) - asleep.within(since, until))

    inside = awake(start, end)
    ever = start - task.first_run + inside + awake(end, task.last_ran)
    short = max(0, task.running - steps.total)
    return steps.within(start, end) + (short * inside / ever if inside else 0)
