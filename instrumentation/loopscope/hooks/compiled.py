"""Compiled fronts of the hottest hooks, where they could be built: see `_fast.c`.

Each stands before the hook in Python and calls it for whatever is to be recorded or is unusual. They make a
callback or a thin task's step cheaper than asyncio's own; nothing else depends on them.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, TypeVar

from loopscope import loop_clock, places, private
from loopscope.clock import nanoseconds
from loopscope.context import job_var, open_tasks, thin_tasks, worker, worker_name
from loopscope.detail import Detail
from loopscope.hooks import holding, partners, steps, tasks, thin, work_items
from loopscope.loop_clock import LoopClock, clocks
from loopscope.recorder import recorder
from loopscope.records import Job, Task, WorkItem

try:
    from loopscope.hooks import _fast
except ImportError:  # no compiler where it was installed
    there = False
else:
    there = True

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings


_F = TypeVar("_F", bound="Callable[..., Any]")


def install(patches: Patches, settings: Settings) -> None:
    if not (there and settings.compiled):
        return
    long_wait, long_step = nanoseconds(settings.suspension_threshold), nanoseconds(settings.slice_threshold)
    long_steps = functools.partial(steps.look_for_long_step, long_step=long_step)
    _fast.configure(
        (asyncio.Handle, asyncio.Future, asyncio.Task),
        (asyncio.Semaphore, asyncio.BoundedSemaphore, asyncio.Lock, _permits_are_plain()),
        (LoopClock, Job, Detail, Task, WorkItem),
        (thin_tasks, open_tasks, clocks),
        (job_var, worker),
        recorder,
        (
            private.say_unhandled,
            long_steps,
            steps.thin_ended,
            tasks.address_reused,
            thin.took,
            steps.resumed,
            tasks.ended,
            worker_name,
            work_items.end,
            places.note_creation,
            asyncio.current_task,
        ),
        (*private.questions_to_loops(), private.making_of_handles(), private.making_of_tasks()),
        (long_wait, long_step),
    )
    patches.put_before(asyncio.Handle, "_run", _fast.before_step)
    patches.put_before(asyncio.BaseEventLoop, "create_task", _fast.before_create_task)
    patches.put_before(asyncio.BaseEventLoop, "_call_soon", _fast.before_put_soon)
    if private.call_soon_is_known():  # no hook in Python stands there: what is unusual is left to asyncio
        patches.replace(asyncio.BaseEventLoop, "call_soon", lambda own: _fast.before_call_soon(own, own))
    patches.put_before(asyncio.BaseEventLoop, "call_at", _fast.before_call_at)
    patches.put_before(asyncio.Semaphore, "release", _fast.before_release)
    patches.put_before(asyncio.Lock, "release", _fast.before_release)
    for primitive in holding.PRIMITIVES:
        patches.put_before(primitive, "__init__", _fast.before_init_primitive)
    for owner, act in partners.ACTS:
        patches.put_before(owner, act, _fast.before_act)


def permits(settings: Settings) -> tuple[Callable[..., Any], Callable[..., None]]:
    """How a thin task takes a free permit, and how it is noted that it was given one."""
    return (_fast.take, _fast.took) if there and settings.compiled else (thin.clock_here, thin.took)


def timed(settings: Settings) -> Callable[[LoopClock, Callable[..., Any], int], Callable[..., Any]]:
    """How a loop's sleep is timed."""
    return _fast.timed if _can_serve(settings) else loop_clock.timed


def errands(settings: Settings) -> Callable[[WorkItem, Callable[..., Any]], Callable[..., Any]] | None:
    """What makes an executor's call of a work item that has a context of its own; None if nothing does."""
    return _fast.errand if _can_serve(settings) else None


def requests(
    settings: Settings, needs: tuple[Job, str, Callable[..., None], Callable[..., Any], int]
) -> Callable[[Any, Any], AbstractContextManager[Any] | None]:
    """What opens the thin job of a request from its ASGI scope and `send`; None: it is left to the hook."""
    if not _can_serve(settings):
        return lambda _scope, _send: None
    private.mark_coroutine_function(_fast.Request)
    return _fast.opener(*needs)


def naming(settings: Settings, key: str, name: Callable[..., None]) -> Callable[..., None]:
    """What names a request's job, which stands in the scope under the key, after a route: once only."""
    return _fast.namer(key, name) if _can_serve(settings) else name


def leading(settings: Settings, note: Callable[..., None], original: _F) -> _F | None:
    """A method before each call of which `note` is called with the same; None if it cannot be had.

    It gives the coroutine of the original, so that there is no second one around it. To `inspect` it looks
    like the original.
    """
    code = getattr(original, "__code__", None)
    if code is None or not _can_serve(settings):
        return None
    front = _fast.before_lead(note, original)
    for name in ("__code__", "__defaults__", "__kwdefaults__"):
        setattr(front, name, getattr(original, name))
    return front


def _can_serve(settings: Settings) -> bool:
    return there and settings.compiled and _fast.is_configured()


def _permits_are_plain() -> bool:
    try:
        return private.permits_are_plain(asyncio.Semaphore(2), asyncio.Lock())
    except Exception:
        recorder.fault("permits")
        return False
