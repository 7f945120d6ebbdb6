"""Loops: give each a clock when it starts to run, without waking it."""

from __future__ import annotations

import asyncio
from asyncio import events
from threading import get_ident
from typing import TYPE_CHECKING, Any

from loopscope.clock import nanoseconds
from loopscope.hooks import compiled
from loopscope.loop_clock import ATTRIBUTE, LoopClock, clocks
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings


def install(patches: Patches, _: Settings) -> None:
    patches.replace(events, "_set_running_loop", _starting)
    patches.on_restore(LoopClock.forget)
    patches.on_restore(_forget_all)
    running = asyncio._get_running_loop()
    if running is not None:
        clock_of(running).bind()


def _starting(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """`run_forever` calls this with the loop when it starts and with None when it stops."""

    def _set_running_loop(loop: Any) -> None:
        try:
            if loop is not None:
                clock_of(loop).bind()
            elif (clock := clocks.get(get_ident())) is not None:
                clock.rest()
        except Exception:
            recorder.fault("_set_running_loop")
        try:
            original(loop)
        except BaseException as error:
            step_out(error)
            raise

    return _set_running_loop


def clock_of(loop: asyncio.AbstractEventLoop) -> LoopClock:
    """A loop's clock, made when first seen. Raises AttributeError for loops that take no attributes."""
    clock: LoopClock | None = getattr(loop, ATTRIBUTE, None)
    if clock is None:
        clock = LoopClock(loop)
        setattr(loop, ATTRIBUTE, clock)
        settings = recorder.settings
        clock.watch_selector(compiled.timed(settings), nanoseconds(settings.slice_threshold))
        recorder.loops.append(clock)
    return clock


def _forget_all() -> None:
    for clock in recorder.loops:
        clock.forget_selector()
        clock.rest()
        loop = clock.loop()
        if loop is not None and hasattr(loop, ATTRIBUTE):
            delattr(loop, ATTRIBUTE)
    recorder.loops.clear()
