"""Task lifecycle: who created a task and where, its steps on the loop, how it ended.

`BaseEventLoop.create_task` is wrapped rather than a task factory set, so that `get_task_factory()` and a
user's own factory stay as they are. Steps are timed in `Handle._run`, which every callback of a Python loop
passes through: no coroutine is wrapped, no done callback is added, and a task's repr, stack and references
are its own. One reading of the clock a step is enough: the end of one handle is the beginning of the next.
"""

from __future__ import annotations

import asyncio
import functools
import sys
import weakref
from asyncio import events
from typing import TYPE_CHECKING, Any

from loopscope import awaits, faults, places, private, tracing
from loopscope.clock import now
from loopscope.context import current_task, job_var, open_tasks
from loopscope.loop_clock import LoopClock
from loopscope.recorder import SECOND, recorder
from loopscope.records import (
    CANCELLED,
    DESTROYED_PENDING,
    ERROR,
    NEVER_STARTED,
    NOWHERE,
    OK,
    Task,
)
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from loopscope.hooks.patching import Patches
    from loopscope.records import RawPlace
    from loopscope.settings import Settings

_Task = asyncio.Task[Any]


def install(patches: Patches, settings: Settings) -> None:
    patches.replace(asyncio.BaseEventLoop, "create_task", creating)
    patches.replace(events.Handle, "_run", _stepping(settings))
    places.stop_codes.add(id(events.Handle._run.__code__))
    running = asyncio._get_running_loop()
    if running is not None:
        for task in asyncio.all_tasks(running):
            adopt(task, now())


def adopt(task: _Task, moment: int) -> None:
    """Take on a task that was made without us: where is not known, and its life begins now."""
    open_tasks[id(task)] = Task(
        recorder.new_id(),
        task.get_context().get(job_var) if hasattr(task, "get_context") else None,
        0,
        getattr(task.get_coro(), "__qualname__", ""),
        NOWHERE,
        moment,
        weakref.ref(task),
        first_run=moment,
        last_ran=moment,
        steps=1,
    )


def creating(original: Callable[..., _Task]) -> Callable[..., _Task]:
    """Wrap a loop's `create_task`."""

    def create_task(self: Any, coro: Any, **options: Any) -> _Task:
        created = now()
        parent_span = None
        if tracing.enabled and not recorder.detail.is_thin(job_var.get()):
            parent_span = tracing.enter_task(options)
        early = None
        if getattr(self, "_task_factory", None) is not None:
            early = _early_record(self, coro, created, options.get("context"))
        try:
            if early is None:
                task = original(self, coro, **options)
            else:
                task = _made_by_factory(original, self, coro, early, options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            if early is None:
                record = _adopt(self, task, coro, created, options.get("context"))
            else:
                record = _adopt_early(early, task)
            if record is not None:
                record.parent_span = parent_span
        except Exception:
            recorder.fault("create_task")
        try:
            return task
        finally:
            del task  # the traceback of an eager task that failed leads to this frame

    return create_task


def _made_by_factory(
    original: Callable[..., _Task], loop: Any, coro: Any, record: Task, options: dict[str, Any]
) -> _Task:
    """An eager factory runs the first step at once: what that does is the new task's, not its creator's."""
    clock = loop._loopscope_clock
    creator, clock.running = clock.running, record
    try:
        return original(loop, coro, **options)
    except BaseException as error:
        step_out(error)
        raise
    finally:
        clock.running = creator
        if getattr(coro, "cr_suspended", False):
            record.first_run = record.created
            record.last_ran = now()
            record.running = record.last_ran - record.created
            record.steps = 1


def _early_record(loop: Any, coro: Any, created: int, context: Any) -> Task | None:
    try:
        clock = getattr(loop, "_loopscope_clock", None)
        if clock is None or not isinstance(loop, asyncio.BaseEventLoop):
            return None
        return Task(
            recorder.new_id(),
            job_var.get() if context is None else context.get(job_var),
            clock.running.id if clock.running is not None else 0,
            getattr(coro, "__qualname__", "") or type(coro).__qualname__,
            places.note_caller(sys._getframe(2)),
            created,
            _gone,
        )
    except Exception:
        recorder.fault("create_task")
        return None


def _adopt(loop: Any, task: _Task, coro: Any, created: int, context: Any) -> Task | None:
    key = id(task)
    if key in open_tasks:  # its address was another task's, which was collected before it ended
        collected(open_tasks[key])
    if len(open_tasks) >= recorder.max_open:
        recorder.dropped["task"] += 1
        return None
    job = job_var.get() if context is None else context.get(job_var)
    steps_are_seen = isinstance(loop, asyncio.BaseEventLoop)
    clock = getattr(loop, "_loopscope_clock", None)  # None before its first run
    parent = clock.running if clock is not None and steps_are_seen else current_task()
    record = open_tasks[key] = Task(
        recorder.new_id(),
        job,
        parent.id if parent is not None else 0,
        getattr(coro, "__qualname__", "") or type(coro).__qualname__,
        places.note_caller(sys._getframe(2)) if job is None or not job.thin else NOWHERE,
        created,
        weakref.ref(task),
    )
    if not steps_are_seen:
        record.first_run = record.last_ran = created
        task.add_done_callback(_finished)
    elif task.done():
        _ended_at_once(record, task)
    return record


def _adopt_early(record: Task, task: _Task) -> Task | None:
    key = id(task)
    if key in open_tasks:
        collected(open_tasks[key])
    if len(open_tasks) >= recorder.max_open:
        recorder.dropped["task"] += 1
        return None
    record.ref = weakref.ref(task)
    open_tasks[key] = record
    if task.done():
        _ended_at_once(record, task)
    return record


def _ended_at_once(record: Task, task: _Task) -> None:
    """An eager task that never waited has ended when it is made."""
    record.first_run = record.created
    record.last_ran = now()
    record.running = record.last_ran - record.created
    record.steps = 1
    ended(record, task, record.last_ran)


def _run_callback(original: Callable[[Any], None], handle: Any, clock: Any, long_step: int) -> None:
    """A handle that is no step of a task of ours."""
    try:
        original(handle)
    except BaseException as error:  # what ends the loop
        step_out(error)
        raise
    finally:
        del handle  # a callback's traceback leads to this frame
    if type(clock) is not LoopClock:  # a loop that ran before we came, or a test's double of one
        return
    began, clock.mark = clock.mark, now()
    if clock.mark - began > long_step:
        clock.slow.append((None, began, clock.mark))


def _stepping(settings: Settings) -> Callable[..., Callable[[Any], None]]:
    return functools.partial(
        _timed,
        long_wait=int(settings.suspension_threshold * SECOND),
        long_step=int(settings.slice_threshold * SECOND),
    )


def _timed(original: Callable[[Any], None], long_wait: int, long_step: int) -> Callable[[Any], None]:
    """Locals and literal names throughout: this runs once a step of every task."""
    find = open_tasks.get

    def _run(self: Any) -> None:
        try:
            clock = self._loop._loopscope_clock
            task: Any = getattr(self._callback, "__self__", None)
        except Exception:  # a loop that was running before we came, or an attribute of somebody's making
            clock = task = None
        record = find(id(task))
        try:
            if record is None:
                return _run_callback(original, self, clock, long_step)
            began = clock.mark
            clock.running = record
            if began - record.last_ran > long_wait:  # also at the first step, before which it never ran
                _resumed(record, task, self._args, began)
            # What `original` does, without a frame of its own; a `try` that nothing is raised in is free.
            self._context.run(self._callback, *self._args)
        except (SystemExit, KeyboardInterrupt) as error:
            step_out(error)
            raise
        except BaseException as error:  # a method of the task that was given to `call_soon`
            private.say_unhandled(self, error)
        finally:
            if record is not None:
                clock.running = None
                record.last_ran = end = now()
                spent = end - began
                if spent > long_step:
                    clock.slow.append((record, began, end))
                clock.mark = end
                record.steps += 1
                record.running += spent
                if task.done():
                    ended(record, task, end)
            self = task = None  # as `original` does: a traceback leads to this frame, and must keep nothing
        return None

    return _run


def _resumed(record: Task, task: _Task, arguments: tuple[Any, ...] | None, began: int) -> None:
    """The first step of a task, or the end of a long wait."""
    if not record.steps:
        record.first_run = record.first_run or began
        return
    if record.wait is not None:
        return
    try:
        awaits.resumed(record, task, arguments, began)
    except Exception:
        recorder.fault("step")


def _finished(task: _Task) -> None:
    """The end of a task whose steps are not seen."""
    record = open_tasks.get(id(task))
    if record is not None:
        record.last_ran = now()
        ended(record, task, record.last_ran)


def ended(record: Task, task: _Task, end: int) -> None:
    """Close the record of a finished task and hand it over."""
    open_tasks.pop(id(task), None)
    try:
        if task.cancelled():
            record.outcome = CANCELLED
        else:
            error = private.exception_of(task)
            if error is None:
                detail = recorder.detail
                if end - record.created < detail.over and detail.is_thin(record.job):
                    detail.count_task(record.job)
                    return
                record.outcome = OK
            else:
                record.outcome = ERROR
                record.exception = type(error).__qualname__
                record.raised_at = innermost(error.__traceback__)
                faults.failed(record, task)
        record.ended = end
        record.ref = _gone  # a weak reference less for the garbage collector to look at
        record.name = task.get_name()
        recorder.keep(recorder.ended_tasks, record)
    except Exception:  # a task of another make
        recorder.fault("task")


def _gone() -> None:
    """The reference of a task that ended."""


def collected(record: Task) -> None:
    """Close the record of a task that was garbage-collected before it ended."""
    record.ended = now()
    record.outcome = DESTROYED_PENDING if record.first_run else NEVER_STARTED
    recorder.keep(recorder.ended_tasks, record)


def innermost(traceback: TracebackType | None) -> RawPlace | None:
    """Where an exception was raised: the innermost frame of the user's code, else the innermost."""
    best: RawPlace | None = None
    innermost: RawPlace | None = None
    while traceback is not None:
        innermost = traceback.tb_frame.f_code, traceback.tb_lasti
        if places.origin_of(traceback.tb_frame) == places.USER:
            best = innermost
        traceback = traceback.tb_next
    return best or innermost
