"""Task lifecycle: who created a task and where, its steps on the loop, how it ended.

`BaseEventLoop.create_task` is wrapped rather than a task factory set, so that `get_task_factory()` and a
user's own factory stay as they are. No coroutine is wrapped and, on a loop whose steps are seen, no done
callback is added, so that a task's repr, stack and references are its own.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from loopscope import faults, places, private, tracing
from loopscope.clock import now
from loopscope.context import current_task, job_var, open_tasks, thin_tasks
from loopscope.recorder import gone, recorder
from loopscope.records import (
    CANCELLED,
    DESTROYED_PENDING,
    ERROR,
    NEVER_STARTED,
    NOWHERE,
    OK,
    Task,
)
from loopscope.tracebacks import made_by_caller, step_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from loopscope.hooks.patching import Patches
    from loopscope.records import Job, RawPlace
    from loopscope.settings import Settings

_Task = asyncio.Task[Any]


def install(patches: Patches, _: Settings) -> None:
    patches.replace(asyncio.BaseEventLoop, "create_task", _creating_thin)
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


def _creating_thin(original: Callable[..., _Task]) -> Callable[..., _Task]:
    """Wrap the `create_task` of loops whose steps we see: there a thin task can be found when it ends."""
    create_recorded_task = creating(original, frames=2)

    def create_task(self: Any, coro: Any, **options: Any) -> _Task:
        job = job_var.get()
        is_thin = job.thin if job is not None else recorder.detail.left <= 0
        try:
            if not is_thin or self._task_factory is not None or (options and [*options] != ["name"]):
                return create_recorded_task(self, coro, **options)
            task = original(self, coro, **options) if options else original(self, coro)
        except BaseException as error:
            step_out(error)
            raise
        try:
            made_by_caller(task)
            _note_thin(id(task), job)
        except Exception:
            recorder.fault("create_task")
        return task

    return create_task


def _note_thin(key: int, job: Job | None) -> None:
    if key in thin_tasks or key in open_tasks:
        address_reused(key)
    thin_tasks[key] = monotonic_ns()
    if job is not None:
        job.thinned += 1


def creating(original: Callable[..., _Task], frames: int = 1) -> Callable[..., _Task]:
    """Wrap a loop's `create_task`; every task gets a record. So many frames of ours are between."""

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
                if self.get_task_factory() is None:  # else the innermost frame is the factory's
                    made_by_caller(task, frames)
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
            gone,
        )
    except Exception:
        recorder.fault("create_task")
        return None


def _adopt(loop: Any, task: _Task, coro: Any, created: int, context: Any) -> Task | None:
    key = id(task)
    if key in open_tasks or key in thin_tasks:
        address_reused(key)
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
    if key in open_tasks or key in thin_tasks:
        address_reused(key)
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
        record.ref = gone  # a weak reference less for the garbage collector to look at
        record.name = task.get_name()
        recorder.keep(recorder.ended_tasks, record)
    except Exception:  # a task of another make
        recorder.fault("task")


def address_reused(key: int) -> None:
    """A task was collected before it ended, and another one has its address."""
    try:
        created = thin_tasks.pop(key, 0)
        if created:
            thin_collected(created)
        elif key in open_tasks:
            collected(open_tasks.pop(key))
    except Exception:
        recorder.fault("create_task")


def thin_collected(created: int) -> None:
    """Close a thin task that was garbage-collected before it ended; what it was is not known any more."""
    recorder.keep(
        recorder.ended_tasks,
        Task(
            recorder.new_id(),
            None,
            0,
            "",
            NOWHERE,
            created,
            gone,
            ended=now(),
            outcome=DESTROYED_PENDING,
        ),
    )


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
