"""The lookout: when the watchdog cannot run, the main thread looks in its stead; see `_lookout.c`."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from loopscope import places
from loopscope.hotspots import lines_of
from loopscope.recorder import recorder

try:
    from loopscope import _lookout
except ImportError:  # no compiler where it was installed
    there = False
else:
    there = True

if TYPE_CHECKING:
    from types import CodeType

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
    """Of one watchdog; what the main thread saw is kept until that takes it."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted and there

    def __repr__(self) -> str:
        return f"<Lookout, {'on' if self._wanted else 'off'}>"

    def start(self) -> None:
        try:
            if self._wanted:
                _lookout.start(self, recorder.loops, sys._current_frames)
        except Exception:  # no thread to be had
            self._wanted = False
            recorder.fault("lookout")

    def stop(self) -> None:
        if self._wanted:
            _lookout.stop(self)

    def expect(self, moment: int) -> None:
        """The watchdog is to come until then."""
        if self._wanted:
            _lookout.expect(moment)

    def take(self) -> Glimpse | None:
        seen = _lookout.take() if self._wanted else None
        if seen is None:
            return None
        moment, stacks, handles = seen
        frames: dict[int, Any] = {thread: _linked(stack) for thread, stack in stacks.items()}
        standing = [
            Standing(clock, began, task, stack_of(frames[clock.thread]))
            for clock, woke, began, task in handles
            if woke and clock.thread in frames
        ]
        return Glimpse(moment, lines_of(frames), standing)


class _Frame:
    """What is known of a frame after it has gone."""

    __slots__ = ("f_back", "f_code", "f_lasti")

    def __init__(self, code: CodeType, offset: int, back: _Frame | None) -> None:
        self.f_code = code
        self.f_lasti = offset
        self.f_back = back

    @property
    def f_lineno(self) -> int:
        return places.resolve((self.f_code, self.f_lasti)).line


def _linked(stack: list[tuple[CodeType, int]]) -> _Frame | None:
    """The innermost frame of a stack that comes innermost first."""
    frame = None
    for code, offset in reversed(stack):
        frame = _Frame(code, offset, frame)
    return frame


def stack_of(frame: Any) -> tuple[Place, ...]:
    return tuple(islice(places.stack(frame), DEPTH))
