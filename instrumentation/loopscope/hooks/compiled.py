"""Compiled fronts of the hottest hooks, where they could be built: see `_fast.c`.

Each stands before the hook in Python and calls it for whatever is to be recorded or is unusual. They make a
callback or a thin task's step cheaper than asyncio's own; nothing else depends on them.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from typing import TYPE_CHECKING, Any

from loopscope import private
from loopscope.clock import nanoseconds
from loopscope.context import job_var, open_tasks, thin_tasks
from loopscope.detail import Detail
from loopscope.hooks import steps, tasks, thin
from loopscope.loop_clock import LoopClock, clocks
from loopscope.recorder import recorder
from loopscope.records import Job

try:
    from loopscope.hooks import _fast
except ImportError:  # no compiler where it was installed
    there = False
else:
    there = True

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings


def install(patches: Patches, settings: Settings) -> None:
    if not (there and settings.compiled):
        return
    long_step = nanoseconds(settings.slice_threshold)
    long_steps = functools.partial(steps.look_for_long_step, long_step=long_step)
    _fast.configure(
        (asyncio.Handle, asyncio.Future, asyncio.Task, deque),
        (asyncio.Semaphore, asyncio.BoundedSemaphore, asyncio.Lock, _permits_are_plain()),
        (LoopClock, Job, Detail),
        (thin_tasks, open_tasks, clocks),
        job_var,
        recorder,
        (private.say_unhandled, long_steps, steps.thin_ended, tasks.address_reused, thin.took),
    )
    patches.put_before(asyncio.Handle, "_run", _fast.before_step)
    patches.put_before(asyncio.BaseEventLoop, "create_task", _fast.before_create_task)
    patches.put_before(asyncio.BaseEventLoop, "_call_soon", _fast.before_call_soon)
    patches.put_before(asyncio.Semaphore, "release", _fast.before_release)
    patches.put_before(asyncio.Lock, "release", _fast.before_release)


def permits(settings: Settings) -> tuple[Callable[..., Any], Callable[..., None]]:
    """How a thin task takes a free permit, and how it is noted that it was given one."""
    return (_fast.take, _fast.took) if there and settings.compiled else (thin.clock_here, thin.took)


def _permits_are_plain() -> bool:
    try:
        return private.permits_are_plain(asyncio.Semaphore(2), asyncio.Lock())
    except Exception:
        recorder.fault("permits")
        return False
