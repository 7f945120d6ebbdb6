"""The lookout: when the watchdog cannot run, the main thread looks in its stead; see `_lookout.c`."""

from __future__ import annotations

import sys
from itertools import islice
from threading import get_ident
from typing import TYPE_CHECKING, NamedTuple

from loopscope import places
from loopscope.clock import now
from loopscope.hotspots import lines_of
from loopscope.recorder import recorder
from loopscope.sampling import other_frames

try:
    from loopscope import _lookout
except ImportError:  # no compiler where it was installed
    there = False
else:
    there = True

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from loopscope.loop_clock import LoopClock
    from loopscope.records import Place, RawPlace, Task

DEPTH = 60  # frames kept of a stack


class Standing(NamedTuple):
    """Where a loop's thread stands in a handle that began at a moment."""

    clock: LoopClock
    began: int
    task: Task | None
    stack: tuple[Place, ...]


class Glimpse(NamedTuple):
    """What the main thread saw at a moment: on which line each thread stood, and the stacks of loops."""

    at: int
    lines: dict[int, RawPlace | Place]
    standing: list[Standing]


class Lookout:
    """Keeps what the main thread saw, until the watchdog takes it."""

    def __init__(self, is_late: Callable[[int], bool], *, wanted: bool) -> None:
        self._is_late = is_late
        self._wanted = wanted and there
        self._seen: Glimpse | None = None

    def __repr__(self) -> str:
        return f"<Lookout, {'on' if self._wanted else 'off'}, seen: {self._seen}>"

    def start(self) -> None:
        if self._wanted:
            _lookout.start(self._look)

    def stop(self) -> None:
        if self._wanted:
            _lookout.stop()

    def expect(self, moment: int) -> None:
        """The watchdog is to come until then."""
        if self._wanted:
            _lookout.expect(moment)

    def take(self) -> Glimpse | None:
        seen, self._seen = self._seen, None
        return seen

    def _look(self) -> None:
        """Between two instructions of the program's: nothing here waits, logs or takes a lock."""
        try:
            moment = now()
            if self._seen is None and self._is_late(moment):
                self._seen = glimpse(moment, sys._getframe(1))
        except Exception:
            recorder.fault("lookout")


def glimpse(moment: int, here: FrameType) -> Glimpse:
    """What stands where, the calling thread at the frame `here`."""
    frames = other_frames() | {get_ident(): here}
    standing = [
        Standing(clock, clock.mark, clock.running, stack_of(frames[clock.thread]))
        for clock in list(recorder.loops)
        if clock.woke and clock.thread in frames
    ]
    return Glimpse(moment, lines_of(frames), standing)


def stack_of(frame: FrameType) -> tuple[Place, ...]:
    return tuple(islice(places.stack(frame), DEPTH))
