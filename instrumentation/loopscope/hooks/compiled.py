"""Compiled fronts of the hottest hooks, where they could be built: see `_fast.c`.

Each stands before the hook in Python and calls it for whatever is to be recorded or is unusual. They make a
callback or a thin task's step cheaper than asyncio's own; nothing else depends on them.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from typing import TYPE_CHECKING

from loopscope import private
from loopscope.clock import SECOND
from loopscope.context import job_var, open_tasks, thin_tasks
from loopscope.hooks import steps, tasks
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
    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings


def install(patches: Patches, settings: Settings) -> None:
    if not (there and settings.compiled):
        return
    long_step = int(settings.slice_threshold * SECOND)
    long_steps = functools.partial(steps.look_for_long_step, long_step=long_step)
    _fast.configure(
        (asyncio.Handle, asyncio.Future, asyncio.Task, deque),
        (LoopClock, Job),
        (thin_tasks, open_tasks, clocks),
        job_var,
        recorder,
        (private.say_unhandled, long_steps, steps.thin_ended, tasks.address_reused),
    )
    patches.put_before(asyncio.Handle, "_run", _fast.before_step)
    patches.put_before(asyncio.BaseEventLoop, "create_task", _fast.before_create_task)
    patches.put_before(asyncio.BaseEventLoop, "_call_soon", _fast.before_call_soon)
    patches.put_before(asyncio.Semaphore, "release", _fast.before_release)
    patches.put_before(asyncio.Lock, "release", _fast.before_release)
