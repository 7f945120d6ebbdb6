"""uvloop: its steps run in C where no hook can see them; tasks are seen at both ends, blocks by a heartbeat.

What is lost against a loop of asyncio's own: running time and first run of a task, its slices, and the exact
length of blocks, which is known to a heartbeat. The heartbeat is the one timer loopscope ever adds to a loop.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope.clock import SECOND, now
from loopscope.hooks import lifecycle, tasks
from loopscope.hooks.loops import clock_of
from loopscope.loop_clock import LAG_FLOOR
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.loop_clock import LoopClock
    from loopscope.settings import Settings

BEATS = 4  # per block threshold


def install(patches: Patches, _: Settings) -> None:
    loop = sys.modules["uvloop"].Loop
    patches.replace(loop, "create_task", tasks.creating)
    patches.replace(loop, "run_forever", _running)
    patches.replace(loop, "call_exception_handler", lifecycle.hearing)


class Heartbeat:
    """Calls itself through the loop's timer; how late it is called is how long the loop was busy."""

    def __init__(self, loop: Any, clock: LoopClock) -> None:
        self._loop = loop
        self._clock = clock
        self._pause = recorder.block_threshold // BEATS
        self._due = 0
        self._timer: Any = None
        self._wait()

    def stop(self) -> None:
        self._timer.cancel()

    def _wait(self) -> None:
        self._clock.mark = self._clock.woke = now()
        self._due = self._clock.mark + self._pause
        self._timer = self._loop.call_later(self._pause / SECOND, self._beat)

    def _beat(self) -> None:
        clock, moment = self._clock, now()
        late = max(0, moment - self._due)
        clock.iterations += 1
        clock.busy += late
        if late > LAG_FLOOR:
            clock.long.append((self._due, moment))
        if late > recorder.block_threshold:
            clock.slow.append((None, clock.mark, moment))
        self._wait()


def _running(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def run_forever(self: Any) -> None:
        heartbeat: Heartbeat | None = None
        try:
            clock = clock_of(self)
            clock.bind()
            heartbeat = Heartbeat(self, clock)
        except Exception:
            recorder.fault("run_forever")
        try:
            return original(self)
        except BaseException as error:
            step_out(error)
            raise
        finally:
            if heartbeat is not None:
                heartbeat.stop()
                clock.rest()

    return run_forever
