"""Task lifecycle: who created a task and where, its steps on the loop, how it ended.

`BaseEventLoop.create_task` is wrapped rather than a task factory set, so that `get_task_factory()` and a user's
own factory stay as they are. Steps are timed in `Handle._run`, which every callback of a Python loop passes
through: no coroutine is wrapped, no done callback is added, and a task's repr, stack and references are its own.
One reading of the clock a step is enough, since the end of one handle is the beginning of the next.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from asyncio import events
from typing import TYPE_CHECKING, Any

from loopscope import awaits, places, private, tracing
from loopscope.clock import now
from loopscope.context import job_var, open_tasks
from loopscope.loop_clock import ATTRIBUTE
from loopscope.recorder import recorder
from loopscope.records import (
    CANCELLED,
    DESTROYED_PENDING,
    ERROR,
    NEVER_STARTED,
    OK,
    Task,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from loopscope.hooks.patching import Patches
    from loopscope.records import RawPlace
    from loopscope.settings import Settings

_Task = asyncio.Task[Any]


def install(patches: Patches, _: Settings) -> None:
    patches.replace(asyncio.BaseEventLoop, "create_task", _creating)
    patches.replace(events.Handle, "_run", _stepping)
    places.stop_codes.add(id(events.Handle._run.__code__))


def _creating(original: Callable[..., _Task]) -> Callable[..., _Task]:
    def create_task(self: Any, coro: Any, **options: Any) -> _Task:
        created = now()
        parent_span = None
        if tracing.enabled:
            parent_span = tracing.enter_task(options)
        task = original(self, coro, **options)
        try:
            record = _adopt(self, task, coro, created, options.get("context"))
            if record is not None:
                record.parent_span = parent_span
        except Exception:
            recorder.fault("create_task")
        return task

    return create_task


def _adopt(loop: Any, task: _Task, coro: Any, created: int, context: Any) -> Task | None:
    key = id(task)
    if key in open_tasks:  # its address was another task's, which was collected before it ended
        collected(open_tasks[key])
    if len(open_tasks) >= recorder.max_open:
        recorder.dropped["task"] += 1
        return None
    parent = asyncio.current_task(loop) if asyncio._get_running_loop() is loop else None
    parent_record = open_tasks.get(id(parent)) if parent is not None else None
    record = open_tasks[key] = Task(
        recorder.new_id(),
        job_var.get() if context is None else context.get(job_var),
        parent_record.id if parent_record is not None else 0,
        getattr(coro, "__qualname__", "") or type(coro).__qualname__,
        places.note_caller(sys._getframe(2)),
        created,
        weakref.ref(task),
    )
    if task.done():  # an eager task that never waited
        record.first_run = created
        record.last_ran = now()
        record.running = record.last_ran - created
        record.steps = 1
        ended(record, task, record.last_ran)
    return record


def _stepping(original: Callable[[Any], None]) -> Callable[[Any], None]:
    find = open_tasks.get

    def _run(self: Any) -> None:
        try:
            clock = getattr(self._loop, ATTRIBUTE)
            task = getattr(self._callback, "__self__", None)
        except AttributeError:
            return original(self)
        record = find(id(task))
        if record is not None:
            clock.running = record
            begun = clock.mark
            if not record.steps:
                record.first_run = begun
            elif begun - record.last_ran > recorder.wait_threshold and record.wait is None:
                awaits.resumed(record, task, self._args, begun)
        original(self)
        begun = clock.mark
        end = now()
        spent = end - begun
        if spent > recorder.slice_threshold:
            clock.slow.append((record, begun, end))
        clock.mark = end
        if record is not None:
            clock.running = None
            record.steps += 1
            record.running += spent
            record.last_ran = end
            if task.done():
                ended(record, task, end)
        return None

    return _run


def ended(record: Task, task: _Task, end: int) -> None:
    """Close the record of a finished task and hand it over."""
    open_tasks.pop(id(task), None)
    record.ended = end
    record.name = task.get_name()
    if task.cancelled():
        record.outcome = CANCELLED
    else:
        error = private.exception_of(task)
        if error is None:
            record.outcome = OK
        else:
            record.outcome = ERROR
            record.exception = type(error).__qualname__
            record.raised_at = _innermost(error.__traceback__)
    recorder.keep(recorder.ended_tasks, record)


def collected(record: Task) -> None:
    """Close the record of a task that was garbage-collected before it ended."""
    record.ended = now()
    record.outcome = DESTROYED_PENDING if record.steps else NEVER_STARTED
    recorder.keep(recorder.ended_tasks, record)


def _innermost(traceback: TracebackType | None) -> RawPlace | None:
    """Where an exception was raised: the innermost frame of the user's code, else the innermost."""
    best: RawPlace | None = None
    innermost: RawPlace | None = None
    while traceback is not None:
        innermost = traceback.tb_frame.f_code, traceback.tb_lasti
        if places.origin_of(traceback.tb_frame) == places.USER:
            best = innermost
        traceback = traceback.tb_next
    return best or innermost
