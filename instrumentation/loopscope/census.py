"""The census: once a sample, what each loop and each computing thread did since the last one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopscope import awaits, places, private, sampling
from loopscope.clock import SECOND
from loopscope.context import open_tasks
from loopscope.usage import LOOP, THREAD, Hotspot, LoopUse, Spin

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from loopscope.hotspots import Hotspots
    from loopscope.loop_clock import LoopClock
    from loopscope.records import Batch, Place, RawPlace, Task, WorkItem

COMPUTING = 0.05  # of a span on a processor: a thread that is looked at
MOST_LINES = 5  # told of one thread and span
QUICK = 1_000  # iterations a second, from which on some task may spin
SPINNING = 500  # steps a second of one task
MOST_SPINS = 5  # told at once


@dataclass(slots=True)
class _Seen:
    """Where a loop's counters stood at the last sample."""

    busy: int = 0
    iterations: int = 0
    overslept: float = 0.0
    queued: int = 0


class Census:
    """Compares counters of two moments, on the pump, once a sample; spinning tasks take a second look."""

    def __init__(self, hotspots: Hotspots) -> None:
        self._hotspots = hotspots
        self._at = 0
        self._loops: dict[LoopClock, _Seen] = {}
        self._steps: dict[int, tuple[int, int]] = {}  # steps and running time by task, of the first look
        self._steps_at = 0

    def start(self, moment: int) -> None:
        """Take stock: what is told later happened since then."""
        self._at = moment
        self._hotspots.used()

    def meet(self, clocks: Iterable[LoopClock]) -> None:
        """What the thread of a new loop had queued for a processor before is not counted."""
        for clock in clocks:
            if clock not in self._loops:
                self._loops[clock] = _Seen(queued=sampling.thread_time(clock.native_thread).queued)

    def take(self, batch: Batch, clocks: Iterable[LoopClock], items: Iterable[WorkItem]) -> None:
        """Add to the batch what happened since the last call. Threads first, while nobody can move on."""
        span, self._at = batch.now - self._at, batch.now
        clocks = list(clocks)
        loops = frozenset(clock.thread for clock in clocks)
        batch.hotspots += self._spots(span, loops, items)
        batch.loop_uses += [self._use(clock, batch.now, span) for clock in clocks]
        self._loops = {clock: seen for clock, seen in self._loops.items() if clock in clocks}
        if any(use.iterations * SECOND > QUICK * span for use in batch.loop_uses):
            self._steps = {task.id: (task.steps, task.running) for task in list(open_tasks.values())}
            self._steps_at = batch.now

    def _use(self, clock: LoopClock, moment: int, span: int) -> LoopUse:
        now = _Seen(clock.busy, clock.iterations, clock.overslept)
        if clock.woke:  # the iteration that lasts has not been added up yet
            now.busy += max(0, moment - clock.woke)
        now.queued = sampling.thread_time(clock.native_thread).queued
        before, self._loops[clock] = self._loops.get(clock, _Seen()), now
        return LoopUse(
            moment,
            span,
            clock.thread_name,
            max(0, now.busy - before.busy),
            now.iterations - before.iterations,
            int(now.overslept - before.overslept),
            max(0, now.queued - before.queued),
        )

    def _spots(self, span: int, loops: frozenset[int], items: Iterable[WorkItem]) -> list[Hotspot]:
        names, used = self._hotspots.names, self._hotspots.used()
        computing = frozenset(t for t, cpu in used.items() if cpu > span * COMPUTING and t not in loops)
        self._hotspots.look_at(computing)
        names = names | self._hotspots.names
        working = {item.thread: item.id for item in items if item.thread}
        spots = []
        for thread, looks in self._hotspots.take().items():
            lines, of = _by_line(looks), looks.total()
            spots += [
                Hotspot(
                    self._at,
                    span,
                    names.get(thread, ""),
                    LOOP if thread in loops else THREAD,
                    place,
                    count,
                    of,
                    used.get(thread, 0),
                    working.get(thread, 0),
                )
                for place, count in lines.most_common(MOST_LINES)
                if place.line
            ]
        return spots

    def look_for_spins(self, batch: Batch) -> None:
        """The second look, a drain after the first: who has taken very many steps, and where it gives way."""
        before, span = self._steps, batch.now - self._steps_at
        if not before or not span:
            return
        self._steps = {}
        spinning: list[tuple[int, Task]] = []
        for record in list(open_tasks.values()):
            steps = record.steps - before.get(record.id, (record.steps, 0))[0]
            if steps * SECOND > SPINNING * span:
                spinning.append((steps, record))
        spinning.sort(key=lambda found: -found[0])
        for steps, record in spinning[:MOST_SPINS]:
            place = _gives_way_at(record)
            if place is not None:
                running = record.running - before[record.id][1]
                batch.spins.append(Spin(batch.now, span, record, place, steps, running))


def _by_line(looks: Counter[RawPlace | Place]) -> Counter[Place]:
    """Offsets of the same line together."""
    lines: Counter[Place] = type(looks)()  # type: ignore[assignment]
    for raw, count in looks.items():
        lines[places.resolve(raw)] += count
    return lines


def _gives_way_at(record: Task) -> Place | None:
    """The line of a bare yield, such as `sleep(0)`; None for a task that runs or waits for something."""
    task = record.ref()
    if task is None or private.waiting_for(task) is not None:
        return None
    chain = awaits.walk(task.get_coro())
    return places.culprit(tuple(places.resolve(raw) for raw in reversed(chain))) if chain else None
