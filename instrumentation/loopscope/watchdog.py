"""The watchdog: a thread that sees that a loop is blocked while it lasts, and names the line."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loopscope import causes, places, reach, sync_waits
from loopscope.causes import BLOCKING_CALL, CPU, GC, GIL, HOST_PAUSED, IMPORT, OWN_LOOP
from loopscope.clock import SECOND, now
from loopscope.hooks import garbage
from loopscope.hotspots import Hotspots, lines_of
from loopscope.lateness import Turns
from loopscope.lookout import Lookout, Standing, stack_of
from loopscope.recorder import recorder
from loopscope.records import Block, Job, Place, Slice, Task
from loopscope.sampling import NO_TIME, ThreadTime, other_frames, thread_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from loopscope.lookout import Glimpse
    from loopscope.loop_clock import LoopClock

SHORTEST = 0.005  # s between two looks
LOOKS = 2  # per block threshold: one of them falls into the second half of the shortest block
MOST_STACKS = 40  # taken of one block
BUSY_SHARE = 0.5  # of a block's time on a processor: more is computing, less is waiting
TURNS = 60  # a second, from which on a thread that hardly runs fights for something
THINK_AFTER = SECOND // 4  # a block this old is asked who could end it; then again at twice its age

Key = tuple[int, int]  # a loop's thread and the moment its handle began


@dataclass(slots=True)
class Sighting:
    """What was seen of a handle that does not end: stacks by culprit, and processor time at both ends."""

    clock: LoopClock
    task: Task | None
    job: Job | None
    looks: Counter[Place] = field(default_factory=Counter)
    stacks: dict[Place, tuple[Place, ...]] = field(default_factory=dict)
    first_look: tuple[int, ThreadTime] = (0, NO_TIME)
    last_look: tuple[int, ThreadTime] = (0, NO_TIME)
    block: Block | None = None
    think_at: int = THINK_AFTER
    waits_for: str = ""
    own_loop: bool = False
    holder: str = ""

    @property
    def elapsed(self) -> int:
        return self.last_look[0] - self.first_look[0]

    @property
    def spent(self) -> ThreadTime:
        """What the loop's thread did between the first look and the last."""
        return self.last_look[1].since(self.first_look[1])

    @property
    def fights(self) -> bool:
        """Does its thread wait for the GIL? It asks again every few milliseconds, and computes little."""
        quick = self.spent.turns * SECOND > self.elapsed * TURNS
        return quick and self.spent.wanted < self.elapsed * BUSY_SHARE


class Watchdog(threading.Thread):
    """Looks at every loop's clock a few times per block threshold.

    A handle that has run for half the threshold is looked at (`other_frames`), so that a block which
    ends soon after has a stack all the same. At the threshold its Block is opened and stands in `blocks`
    until the loop itself reports the exact end, which the pump collects with `settle`. The lock is shared by
    watchdog and pump only. Own lateness tells the cause: when this thread could not run either, then C code
    held the GIL (the process used its processor) or the host stood still (it did not).
    """

    def __init__(
        self, blocks: dict[Key, Block], seen_block: Callable[[Block], None], *, lookout: bool = False
    ) -> None:
        super().__init__(name="loopscope-watchdog", daemon=True)
        self.cpu = 0
        self._blocks = blocks
        self._seen_block = seen_block
        self._lock = threading.Lock()
        self._halt = threading.Event()
        self._seen: dict[Key, Sighting] = {}
        self.hotspots = Hotspots()
        self._turns = Turns(self.hotspots)
        self._lookout = Lookout(wanted=lookout)

    def run(self) -> None:
        self._lookout.start()
        self._plan(now())
        while not self._halt.wait(max(SHORTEST, recorder.block_threshold / SECOND / LOOKS)):
            self._round(now())
            self.cpu = time.thread_time_ns()
        self._lookout.stop()

    def _round(self, moment: int) -> None:
        """Lateness first: whatever gives the GIL away, such as reading a file, lets threads move on."""
        try:
            seen = self._lookout.take()
            if self._turns.is_late(moment):
                self._turns.note(moment, seen.lines if seen is not None else None)
            self._plan(moment)
            if seen is not None:
                self._learn(seen)
            self.look(moment)
        except Exception:
            recorder.fault("watchdog")

    def _plan(self, moment: int) -> None:
        self._turns.plan(moment + recorder.block_threshold // LOOKS)
        self._lookout.expect(self._turns.late_from)

    def _learn(self, seen: Glimpse) -> None:
        """What the main thread saw counts as a look."""
        for standing in seen.standing:
            thread = standing.clock.thread
            self.hotspots.count(thread, seen.lines[thread])
            if seen.at - standing.began >= recorder.block_threshold // 2:
                self._see(standing, seen.at)

    def help(self, moment: int) -> None:
        """The pump looks in its stead if it comes first after a time in which neither could run.

        The stack says what kept the GIL only until its thread moves on.
        """
        if self._turns.is_late(moment):
            self._round(moment)

    def stop(self) -> None:
        self._halt.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(timeout=2)

    def look(self, moment: int) -> None:
        """Look once at every loop that is awake, and at the threads that compute."""
        awake = [(clock, clock.mark) for clock in list(recorder.loops) if clock.woke]
        if not awake and not self.hotspots.computing:
            return
        frames = other_frames()
        for clock, began in awake:
            frame = frames.get(clock.thread)
            if clock.woke and frame is not None:
                self.hotspots.look(clock.thread, frame)
                if moment - began >= recorder.block_threshold // 2:
                    self._look_at(clock, began, moment, frames)
        self.hotspots.look_at_computing(frames)

    def _look_at(self, clock: LoopClock, began: int, moment: int, frames: Mapping[int, FrameType]) -> None:
        frame = frames[clock.thread]
        standing, lines = Standing(clock, began, clock.running, stack_of(frame)), lines_of(frames)
        if clock.mark != began or not clock.woke:
            return
        sighting = self._see(standing, moment)
        if sighting is None:
            return
        if sighting.fights and not sighting.holder:
            sighting.holder = self.hotspots.suspect(lines, sighting.elapsed)
        if moment - began >= sighting.think_at and clock.mark == began:
            sighting.think_at = 2 * (moment - began)
            _think(sighting, clock, frame)

    def _see(self, standing: Standing, moment: int) -> Sighting | None:
        """None if the handle has ended and been settled meanwhile."""
        clock, began, task, stack = standing
        key, processor = (clock.thread, began), thread_time(clock.native_thread)
        with self._lock:
            if not _is_news(clock, began):
                return None
            sighting = self._seen.get(key)
            if sighting is None:
                sighting = self._seen[key] = Sighting(clock, task, task.job if task else None)
                sighting.first_look = moment, processor
            sighting.last_look = moment, processor
            if sighting.looks.total() < MOST_STACKS:
                culprit = places.culprit(stack)
                sighting.looks[culprit] += 1
                sighting.stacks.setdefault(culprit, stack[::-1])
            if moment - began >= recorder.block_threshold:
                self._open(key, sighting)
        return sighting

    def _open(self, key: Key, sighting: Sighting) -> None:
        block = sighting.block or Block(
            recorder.new_id(), sighting.clock.thread_name, sighting.task, key[1], job=sighting.job
        )
        _describe(block, sighting)
        block.cause = self._cause(block, sighting, sighting.last_look[0], key[0])
        sighting.block = self._blocks[key] = block
        self._seen_block(block)

    def settle(self, clock: LoopClock) -> tuple[list[Slice], list[Block]]:
        """Slices and ended blocks of a loop since the last call; for the pump."""
        slices: list[Slice] = []
        ended: list[Block] = []
        with self._lock:
            for _ in range(len(clock.slow)):
                task, began, end = clock.slow.popleft()
                sighting = self._seen.pop((clock.thread, began), None)
                self._blocks.pop((clock.thread, began), None)
                if task is not None:
                    slices.append(Slice(task, began, end))
                if end - began >= recorder.block_threshold:
                    ended.append(self._end(clock, task, began, end, sighting))
            self._forget(clock)
        return slices, ended

    def _end(
        self,
        clock: LoopClock,
        task: Task | None,
        began: int,
        end: int,
        sighting: Sighting | None,
    ) -> Block:
        block = sighting.block if sighting is not None else None
        if block is None:
            block = Block(recorder.new_id(), clock.thread_name, task, began, job=task.job if task else None)
        block.ended = end
        if sighting is not None:
            _describe(block, sighting)
        block.cause = self._cause(block, sighting, end, clock.thread)
        return block

    def _forget(self, clock: LoopClock) -> None:
        """Drop sightings of handles that ended under the threshold or whose loop stopped."""
        gone = [
            key
            for key, sighting in self._seen.items()
            if sighting.clock is clock and (key[1] != clock.mark or not clock.woke)
        ]
        for key in gone:
            del self._seen[key]
            self._blocks.pop(key, None)

    def _cause(self, block: Block, sighting: Sighting | None, end: int, thread: int) -> str:
        lasted, block.holder = (block.started, end), ""
        if ran := causes.collecting(*lasted, garbage.pauses()):
            block.queued = max(block.queued, end - block.started - ran)
            return GC
        late = causes.kept_late(*lasted, list(self._turns.late))
        if late is not None:
            block.holder = late.holder
            block.queued = max(block.queued, late.queued(thread, end - block.started))
            return GIL if late.computed else HOST_PAUSED
        return _seen_cause(block, sighting) if sighting is not None else BLOCKING_CALL


def _is_news(clock: LoopClock, began: int) -> bool:
    """Has what began then not ended, or not been settled yet?"""
    return clock.mark == began or any(began == start for _, start, _ in list(clock.slow))


def _seen_cause(block: Block, sighting: Sighting) -> str:
    """What several looks at a block tell."""
    if sighting.own_loop:
        return OWN_LOOP
    if causes.importing(block.stack):
        return IMPORT
    if sighting.holder and sighting.fights:
        block.holder = sighting.holder
        return GIL
    return CPU if sighting.spent.wanted > sighting.elapsed * BUSY_SHARE else BLOCKING_CALL


def _think(sighting: Sighting, clock: LoopClock, frame: FrameType) -> None:
    """What does the loop's thread wait for, and could anybody but its own loop end that?"""
    wait, loop = sync_waits.of(frame), clock.loop()
    if wait is not None and loop is not None:
        sighting.waits_for = wait.function
        sighting.own_loop = reach.only_own_loop(wait, loop, clock.thread)


def _describe(block: Block, sighting: Sighting) -> None:
    """The culprit is the one seen most often; its first stack stands for all."""
    block.cpu, block.queued, _ = sighting.spent
    block.waits_for = sighting.waits_for
    culprit = sighting.looks.most_common(1)[0][0]
    if culprit != block.culprit:
        block.culprit = culprit
        block.call = places.source(culprit)
        block.stack = sighting.stacks[culprit]
